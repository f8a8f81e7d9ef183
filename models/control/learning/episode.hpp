#pragma once
// Episodes as remembered by learners that need more than one step at a time.

#include <credo/models/control/learning/checkpoint.hpp>
#include <credo/models/control/learning/softmax.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace credo::control::learning {

/// A decision and what it earned.
struct Decision {
  Situation situation;
  std::size_t action = 0;
  double reward = 0.0;
};
using Episode = std::vector<Decision>;

/// Fields name.observations, name.log_priors, name.actions, name.rewards.
void save_episode(CheckpointWriter& out, const std::string& name,
                  std::span<const Decision> episode);
/// Features are computed again. Throws FileError when sizes or actions do not fit.
[[nodiscard]] Episode load_episode(const CheckpointReader& in, const std::string& name,
                                   const Environment& environment, const FeatureMap& features);

/// Throws OptionError when episodes may never end: no terminal state and no time limit.
void require_episodes(const Environment& environment, std::string_view method);

}  // namespace credo::control::learning
