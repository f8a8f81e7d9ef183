#pragma once
// Path consistency learning. At the maximum-entropy optimum every path that can happen satisfies
//
//   C = -V(s_0) + gamma^d V(s_d) + sum_{j < d} gamma^j (r_j - alpha log(pi(a_j given s_j) / p(a_j
//   given s_j))) = 0
//
// when the dynamics are deterministic, and E[C given a_0 .. a_{d-1}] = 0 otherwise, for any
// actions. The learner descends C^2 / 2 in V and in the logits of pi, from any behaviour. Where
// outcomes vary, the square's mean also holds the variance of C, and the descent comes to rest
// beside the optimum: there it is biased. Nachum, Norouzi, Xu, Schuurmans 2017, arXiv:1702.08892.

#include <credo/models/control/learning/episode.hpp>
#include <credo/models/control/learning/run.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace credo::control::learning {

/// C of a path, in units of reward: value_first = V(s_0), value_last = V(s_d) (0 after the end);
/// rewards and log ratios log(pi / p) of its d decisions.
[[nodiscard]] double path_inconsistency(double value_first, double value_last,
                                        std::span<const double> rewards,
                                        std::span<const double> log_ratios,
                                        const Objective& objective);

struct PathConsistencyOptions {
  RunOptions run = {};
  Objective objective = {};
  /// Nothing: FeatureMap::usual.
  std::optional<FeatureMap> features = std::nullopt;
  /// d, decisions per path; paths at the end of an episode are shorter. At least 1.
  std::size_t path_length = 5;
  /// Of V, and of alpha times the logits; n counts paths.
  StepSize value_step_size = {0.2, kInfinity, 1.0};
  StepSize policy_step_size = {0.2, kInfinity, 1.0};
  /// Probability in [0, 1] that an action is drawn from the prior, not from pi.
  double exploration = 0.1;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed. CurvePoint::loss is the mean of C^2 / 2.
struct PathConsistencyResult {
  LearningRun run;
  /// Tables over a process: V(s) in units of reward, 0 in terminal states. Else empty.
  std::vector<double> value;
  /// pi(a given s), states x actions, likewise.
  std::vector<double> policy;
};

/// Throws as learn_soft_q. Cost per step: path_length x features x actions.
[[nodiscard]] PathConsistencyResult learn_path_consistency(
    Environment& environment, const PathConsistencyOptions& options = {});

}  // namespace credo::control::learning
