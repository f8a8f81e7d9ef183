#pragma once
// One slice of a state space model, run again and again. Internal.

#include <credo/models/state_space/state_space.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

namespace credo {

/// A Gaussian belief about one state.
struct StateBelief {
  std::vector<double> mean;
  std::vector<double> covariance;
};

/// The components of an observation that are there.
[[nodiscard]] std::vector<std::size_t> present(const std::vector<double>& observation);

/// p(y, the given components | x) as a kernel table.
[[nodiscard]] GaussianTable observation_table(const StateSpaceModel& model,
                                              const StateSpaceStep& step,
                                              const std::vector<std::size_t>& components);
[[nodiscard]] GaussianTable transition_table(const StateSpaceModel& model,
                                             const StateSpaceStep& step);
[[nodiscard]] GaussianTable belief_table(const StateBelief& belief);
[[nodiscard]] StateBelief initial_belief(const StateSpaceModel& model);

/// Belief of x_t+1 from that of x_t.
[[nodiscard]] StateBelief predicted(const StateSpaceModel& model, const StateSpaceStep& step,
                                    const StateBelief& belief);

/// What an observation makes of a belief.
struct Updated {
  Status status = Status::not_run;
  std::string message;
  double log_evidence = kNaN;
  StateBelief belief;
};
[[nodiscard]] Updated updated(const StateSpaceModel& model, const StateSpaceStep& step,
                              const StateBelief& belief, const std::vector<double>& observation);

}  // namespace credo
