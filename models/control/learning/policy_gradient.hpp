#pragma once
// Policy gradients from whole episodes (REINFORCE), pi(a given s) = p(a given s) exp(theta_a .
// phi(s)
// - log normaliser), in two versions that are not the same.
//
// Entropy in the return: ascends the (discounted) bound itself, alpha times the ELBO of the family
// with the true dynamics,
//   J = E sum_t gamma^t (r_t - alpha log(pi(a_t given s_t) / p(a_t given s_t))),
//   dJ = E sum_t gamma^t dlog pi_t (G_t - b(s_t)),  G_t = sum_{t' >= t} gamma^(t' - t) (r_t' -
//   alpha log(pi_t' / p_t')).
// A decision is credited with the entropy of all that come after it.
//
// Entropy bonus: follows
//   E sum_t gamma^t [dlog pi_t (R_t - b(s_t)) + alpha dH(pi(. given s_t))],  R_t without entropy,
// H relative to the prior. Where a decision leads to does not count by the entropy there: in
// general this is no gradient of J, and it comes to rest elsewhere.
//
// The sums end with the episode: a time limit is a finite horizon. Williams 1992, Machine Learning
// 8; Levine 2018, arXiv:1805.00909, section 4.1; Mnih et al. 2016, arXiv:1602.01783 (the bonus).

#include <credo/models/control/learning/episode.hpp>
#include <credo/models/control/learning/run.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace credo::control::learning {

enum class EntropyTerm : std::uint8_t {
  in_return,  ///< of this decision and all later ones
  bonus,      ///< of this decision only
};

/// What the gradient is taken at.
struct GradientPoint {
  /// theta, features x actions.
  const LinearScores* scores = nullptr;
  /// b(s) = sum_i baseline_i phi_i(s); null or empty: 0.
  const LinearScores* baseline = nullptr;
  Objective objective = {};
  EntropyTerm entropy = EntropyTerm::in_return;
};

/// One episode's estimate of the gradient, unbiased for any baseline that does not depend on the
/// episode. Theta as features x actions. Cost: steps x features x actions.
[[nodiscard]] std::vector<double> episode_gradient(std::span<const Decision> episode,
                                                   const GradientPoint& point);
/// G_t (or R_t) of every step, in units of reward.
[[nodiscard]] std::vector<double> returns_to_go(std::span<const Decision> episode,
                                                const GradientPoint& point);

struct PolicyGradientOptions {
  RunOptions run = {};
  Objective objective = {};
  /// Nothing: FeatureMap::usual.
  std::optional<FeatureMap> features = std::nullopt;
  /// theta += step x the mean gradient of a batch / the advantage's scale; n counts the batches.
  StepSize step_size = {0.2, kInfinity, 1.0};
  /// Divide by the root mean square of G_t - b(s_t) in all past batches, or by alpha where that is
  /// larger: steps of any units, none of them beyond what the entropy's curvature allows.
  bool scale_free = true;
  /// Learn b by least squares on G_t; no baseline when false.
  bool baseline = true;
  StepSize baseline_step_size = {0.1, kInfinity, 1.0};
  /// Episodes per update. At least 1.
  std::size_t batch_episodes = 8;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed. CurvePoint::loss is the mean of (G_t - b(s_t))^2.
struct PolicyGradientResult {
  LearningRun run;
  /// theta, features x actions, in nats.
  std::vector<double> weights;
  /// pi(a given s), states x actions, for tables over a process; else empty.
  std::vector<double> policy;
};

/// Entropy in the return. Throws as learn_soft_q, and OptionError when episodes may never end.
[[nodiscard]] PolicyGradientResult learn_policy_gradient(Environment& environment,
                                                         const PolicyGradientOptions& options = {});
/// Entropy bonus.
[[nodiscard]] PolicyGradientResult learn_entropy_bonus(Environment& environment,
                                                       const PolicyGradientOptions& options = {});

}  // namespace credo::control::learning
