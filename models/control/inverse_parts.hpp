#pragma once
// Occupancies of outcomes, for everything that adds up features. Internal.

#include <credo/models/control/inverse.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::control {

/// Calls visit(place, s, a, outcome) for every outcome, in the order of Features::values.
template <typename Visit>
void for_each_outcome(const Mdp& mdp, const Visit& visit) {
  std::size_t place = 0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      for (const Outcome& o : mdp.outcomes(s, a)) visit(place++, s, a, o);
    }
  }
}

/// One step of a distribution over trajectories, per outcome (s, a, s').
struct Flow {
  std::vector<double> taken;      ///< q(a, s' | s)
  std::vector<double> continued;  ///< q(a, s', not ended by the discount | s)
};

/// The policy in the true world.
[[nodiscard]] Flow flow_of_policy(const Mdp& mdp, std::span<const double> policy, double discount);

/// Adds weight(s) q(a, s' | s) to the occupancy of every outcome and hands on the weight of s'.
[[nodiscard]] std::vector<double> follow(const Mdp& mdp, const Flow& flow,
                                         std::span<const double> weight,
                                         std::vector<double>& occupancy);

/// Expected visits to every outcome when the flow is followed for ever from `start`; empty when
/// they are infinite.
[[nodiscard]] std::vector<double> stationary_occupancy(const Mdp& mdp, const Flow& flow,
                                                       std::span<const double> start);

/// sum over outcomes of occupancy x phi.
[[nodiscard]] std::vector<double> expected_features(const Features& features,
                                                    std::span<const double> occupancy);

/// Throws OptionError when the features are not those of a process with as many outcomes, or there
/// are not as many parameters.
void check_features(const Mdp& mdp, const Features& features, std::span<const double> theta,
                    std::string_view what);

/// theta . phi of every outcome.
[[nodiscard]] std::vector<double> feature_rewards(const Features& features,
                                                  std::span<const double> theta);

}  // namespace credo::control
