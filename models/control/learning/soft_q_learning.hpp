#pragma once
// Soft Q-learning from sampled transitions, with a table or linear features.
//
//   Q(s, a) += eta [ r + gamma V(s') - Q(s, a) ],   V(s) = alpha log sum_a p(a given s) exp(Q(s, a)
//   / alpha),   V = 0 after the end
//
// A sampled successor is an unbiased sample of E V(s'): the dynamics are held to the true ones by
// the samples themselves, and the fixed point is that of Method::clamped. (The posterior's log E
// exp V has no unbiased estimator from one successor.) Haarnoja, Tang, Abbeel, Levine 2017,
// arXiv:1702.08165, section 3; Fox, Pakman, Tishby 2016, arXiv:1512.08562.

#include <credo/models/control/learning/run.hpp>
#include <credo/models/control/learning/softmax.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace credo::control::learning {

/// Tables: 1 / (1 + (1 - gamma) n), whose error falls as 1 / sqrt(n) (Wainwright 2019,
/// arXiv:1905.06265), with gamma = 0.99 in place of a larger one. Features: 0.2.
[[nodiscard]] StepSize usual_soft_q_step_size(bool table, double discount);

struct SoftQOptions {
  RunOptions run = {};
  Objective objective = {};
  /// Nothing: FeatureMap::usual.
  std::optional<FeatureMap> features = std::nullopt;
  /// n counts the updates of a weight. Nothing: tables 1 / (1 + (1 - gamma) n), whose error falls
  /// as 1 / sqrt(n) (Wainwright 2019, arXiv:1905.06265), with gamma = 0.99 in place of a larger
  /// one; features 0.2.
  std::optional<StepSize> step_size = std::nullopt;
  /// Probability in [0, 1] that an action is drawn from the prior, not from the policy of the
  /// current Q. Tables converge for any, as long as everything keeps being tried.
  double exploration = 0.1;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed. CurvePoint::loss is the mean of half the squared bracket.
struct SoftQResult {
  LearningRun run;
  /// Q = sum_i phi_i w_{i, a}: features x actions.
  std::vector<double> weights;
  /// Tables over a process: Q(s, a) in units of reward, states x actions, -infinity where
  /// unavailable, 0 in terminal states. Else empty.
  std::vector<double> action_value;
  /// pi(a given s) = p(a given s) exp((Q - V) / alpha), likewise.
  std::vector<double> policy;
};

/// Throws OptionError on wrong options, actions that are not discrete, or checkpoints that do not
/// fit (FileError). Cost per step: features x actions.
[[nodiscard]] SoftQResult learn_soft_q(Environment& environment, const SoftQOptions& options = {});

}  // namespace credo::control::learning
