#pragma once
// Several outcomes of (s, a) that lead to one state, as one. Internal.

#include <credo/models/control/mdp.hpp>

#include <span>

namespace credo::control {

/// What is left when it is summed out which of them happened.
struct MergedOutcome {
  double probability;
  /// rho log E exp(r / (temperature rho)); see TrajectoryOptions::rho.
  double log_optimality;
  /// E r under the tilt exp(r / (temperature rho)).
  double believed_reward;
};

/// At least one outcome.
[[nodiscard]] MergedOutcome merge_outcomes(std::span<const Outcome> outcomes, double temperature,
                                           double rho);

}  // namespace credo::control
