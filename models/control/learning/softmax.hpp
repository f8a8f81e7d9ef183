#pragma once
// Log-linear choices among discrete actions: pi(a given s) = p(a given s) exp(l_a - log sum_b p(b
// given s) exp l_b), with the logits l linear in features.

#include <credo/models/control/learning/features.hpp>
#include <credo/models/control/trajectory.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control::learning {

/// How fast a parameter moves at its n-th update (0-based): initial (1 + n / hold)^-power.
struct StepSize {
  /// Positive.
  double initial = 0.1;
  /// Positive, infinite for a constant.
  double hold = kInfinity;
  /// At least 0; convergence to the exact answer needs one in (1/2, 1] (Robbins and Monro 1951).
  double power = 1.0;

  [[nodiscard]] double at(double n) const noexcept;
  [[nodiscard]] std::string description() const;
  /// Throws OptionError naming the option `name`, value and bound.
  void validate(const std::string& name) const;
};

/// Where a decision is made.
struct Situation {
  std::vector<double> observation;
  std::vector<Feature> features;
  /// log p(a given s): uniform or counting over the available actions; -infinity elsewhere.
  std::vector<double> log_prior;
};
[[nodiscard]] Situation situation_of(const Environment& environment, const FeatureMap& features,
                                     std::span<const double> observation, ActionPrior prior);

/// f_a(s) = sum_i phi_i(s) w_{i, a}.
struct LinearScores {
  std::size_t actions = 0;
  /// features x actions.
  std::vector<double> weights;

  LinearScores() = default;
  LinearScores(std::size_t features, std::size_t action_count)
      : actions(action_count), weights(features * action_count, 0.0) {}

  [[nodiscard]] std::vector<double> at(std::span<const Feature> features) const;
  /// w_{i, a} += amount phi_i for one action.
  void add(std::span<const Feature> features, std::size_t action, double amount);
  [[nodiscard]] bool is_finite() const;
};

/// log sum_a p(a) exp(x_a); -infinity when nothing is available.
[[nodiscard]] double log_mean_exp(std::span<const double> log_prior, std::span<const double> x);
/// log(pi(a) / p(a)) = x_a - log_mean_exp; -infinity where p(a) = 0.
[[nodiscard]] std::vector<double> log_ratios(std::span<const double> log_prior,
                                             std::span<const double> x);
/// pi(a) = p(a) exp(log ratio).
[[nodiscard]] std::vector<double> choice_of(std::span<const double> log_prior,
                                            std::span<const double> x);

/// pi(a given s) of every state, states x actions: logits are the scores times `scale`. Uniform in
/// terminal states.
[[nodiscard]] std::vector<double> policy_table(const Mdp& mdp, const LinearScores& scores,
                                               double scale);

/// Throws OptionError when actions are not discrete, naming the method.
void require_discrete_actions(const Environment& environment, std::string_view method);

/// What the discounted, entropy-regularised learners have in common.
struct Objective {
  /// gamma in (0, 1].
  double discount = 0.99;
  /// alpha > 0, in units of reward.
  double temperature = 1.0;
  /// uniform or counting.
  ActionPrior prior = ActionPrior::uniform;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
  [[nodiscard]] std::string description() const;
};

}  // namespace credo::control::learning
