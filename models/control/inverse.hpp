#pragma once
// Maximum-entropy inverse reinforcement learning: which reward, linear in given features, explains
// what an expert does.

#include <credo/models/control/posterior.hpp>
#include <credo/models/minimize.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::control {

/// phi(s, a, s') for every outcome of a process.
struct Features {
  /// d, at least 1.
  std::size_t count = 0;
  /// Outcomes in the order of the process (by s, a, then Mdp::outcomes) x count, row-major; 0 in
  /// terminal states, where the episode is over.
  std::vector<double> values;
};

/// Writes phi(state, action, next), as many entries as there are features.
using FeatureFunction = std::function<void(std::size_t state, std::size_t action, std::size_t next,
                                           std::span<double> phi)>;

/// Calls the function for every outcome that is not in a terminal state. Throws OptionError, naming
/// state and action, on count 0 and on features that are not finite.
[[nodiscard]] Features make_features(const Mdp& mdp, std::size_t count,
                                     const FeatureFunction& function);
/// phi(s, a): values are states x actions x count, row-major. Throws OptionError.
[[nodiscard]] Features make_pair_features(const Mdp& mdp, std::size_t count,
                                          std::span<const double> values);

/// The same process with reward sum_i theta_i phi_i(s, a, s') and no final reward. Throws
/// OptionError on lengths that do not fit and parameters that are not finite.
[[nodiscard]] Mdp with_feature_reward(const Mdp& mdp, const Features& features,
                                      std::span<const double> theta);

/// What an expert was seen to do: s_1, a_1, s_2, ..., a_n, s_{n+1}.
struct Demonstration {
  std::vector<std::size_t> states;   ///< n + 1
  std::vector<std::size_t> actions;  ///< n
};

/// Mean over demonstrations of sum_t gamma^(t-1) phi(s_t, a_t, s_{t+1}). Throws OptionError, naming
/// demonstration and step (0-based), on what cannot happen: lengths that do not fit, states and
/// actions out of range, unavailable actions, a start or a transition of probability 0.
[[nodiscard]] std::vector<double> feature_expectations(
    const Mdp& mdp, const Features& features, std::span<const Demonstration> demonstrations,
    double discount = 1.0);

/// E[sum_t gamma^(t-1) phi] of a policy in the true world: policies[t], states x actions, is what
/// is done at step t. Cost: steps x outcomes. Throws OptionError on lengths.
[[nodiscard]] std::vector<double> feature_expectations(
    const Mdp& mdp, const Features& features, std::span<const std::vector<double>> policies,
    double discount = 1.0);

/// The same of a stationary policy for ever, by a sparse linear solve. Empty when there is none
/// (the policy never ends and nothing discounts it).
[[nodiscard]] std::vector<double> stationary_feature_expectations(const Mdp& mdp,
                                                                  const Features& features,
                                                                  std::span<const double> policy,
                                                                  double discount);

/// Which distributions over trajectories may explain the expert.
enum class InverseModel : std::uint8_t {
  /// The dynamics are clamped to the true ones: maximum causal entropy (Ziebart 2010). The expert
  /// acts in the world as it is.
  causal,
  /// Everything is free: p(trajectory) proportional to p0(trajectory) exp(theta . phi / alpha)
  /// (Ziebart et al. 2008, its equation 4). An expert who could also be lucky on purpose; the same
  /// as causal when the dynamics are deterministic.
  noncausal,
};

struct InverseOptions {
  InverseModel model = InverseModel::causal;
  /// alpha > 0: of how the expert acts. theta and alpha are only known up to their quotient.
  double temperature = 1.0;
  ActionPrior prior = ActionPrior::uniform;
  std::vector<double> action_prior = {};
  /// T decisions; nothing: infinite.
  std::optional<std::size_t> horizon = std::nullopt;
  /// gamma in (0, 1]; nothing: the process' own.
  std::optional<double> discount = std::nullopt;
  /// lambda >= 0 of lambda / 2 |theta|^2. Above 0 there is always a finite answer.
  double regularisation = 0.0;
  /// Where the search begins; empty: 0. An infinite horizon must be solvable there.
  std::vector<double> start = {};
  /// Its gradient_tolerance is in units of max(1, max_i |f_E,i|).
  MinimizeOptions minimize = {};
  InferOptions infer = {};

  /// Throws OptionError naming option, value and bound.
  void validate(const Mdp& mdp, const Features& features) const;
};

/// L*(theta) = max over q of the model of E_q[theta . sum phi / alpha] - KL(q, p0), which is log Z
/// for noncausal, and the features of the q that attains it. Poisoned until computed.
struct FeatureBound {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// L*(theta), nats.
  double value = kNaN;
  /// E_q[sum_t gamma^(t-1) phi] = alpha times the gradient of L*, by the envelope theorem.
  std::vector<double> expectations;
  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// One solution of the forward problem for the reward theta . phi. Throws OptionError.
[[nodiscard]] FeatureBound feature_bound(const Mdp& mdp, const Features& features,
                                         std::span<const double> theta,
                                         const InverseOptions& options = {});

/// Poisoned until computed.
struct InverseSolution {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// fixed_point: the gradient is below the tolerance, which for a convex objective is the global
  /// minimum; unconverged otherwise.
  Guarantee guarantee = Guarantee::none;
  std::vector<double> theta;
  /// alpha L*(theta) - theta . f_E + lambda / 2 |theta|^2 at theta; for noncausal, minus alpha
  /// times the mean log likelihood of the demonstrations, but for a constant.
  double objective = kNaN;
  /// E_q[sum phi] at theta: equal to the expert's without regularisation.
  std::vector<double> expectations;
  /// max_i |E_q[phi_i] - f_E,i + lambda theta_i|.
  double gradient_norm = kNaN;
  std::size_t iterations = 0;
  std::size_t evaluations = 0;
  /// The objective after every iteration.
  std::vector<double> trace;
  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Minimises the convex alpha L*(theta) - theta . f_E + lambda / 2 |theta|^2, whose gradient is the
/// expected features minus the expert's f_E, plus lambda theta. The rewards of the process are not
/// looked at. Expectations that no policy (in its interior) attains have no finite theta: then the
/// search ends unconverged with a large theta; regularise. The limits of options.infer are those of
/// the whole search; stopped after an iteration, it is answered with the best theta so far,
/// unconverged. Throws OptionError. Danskin 1967;
/// Ziebart, Bagnell and Dey 2010.
[[nodiscard]] InverseSolution solve_inverse(const Mdp& mdp, const Features& features,
                                            std::span<const double> expert,
                                            const InverseOptions& options = {});

/// The same from demonstrations: f_E is their mean. With a horizon T each must have T steps, or
/// fewer and end in a terminal state.
[[nodiscard]] InverseSolution solve_inverse(const Mdp& mdp, const Features& features,
                                            std::span<const Demonstration> demonstrations,
                                            const InverseOptions& options = {});

}  // namespace credo::control
