#pragma once
// Control as inference, one entry for every method: which conditionals of the trajectory are free,
// held to the true dynamics, charged, or arg-max.

#include <credo/inference/infer.hpp>
#include <credo/models/control/posterior.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control {

/// What is done with the dynamics and with the actions. In nats, v = V / alpha, r' = r / alpha, E
/// over p(s' | s, a), one backward step is
enum class Method : std::uint8_t {
  /// q = log E exp(r' + v), v = log sum_a p(a | s) exp q: exact sum-product.
  posterior,
  /// q = E(r' + v), v = log sum_a p(a | s) exp q: maximum entropy with the true dynamics.
  clamped,
  /// q = E(r' + v), v = max_a q: value iteration. The action prior plays no part.
  hard,
  /// q = max over s' of log p + r' + v, v = max_a (log p(a | s) + q): the most likely trajectory.
  map,
  /// max over a_1 .. a_T of the log sum over states: a plan that sees nothing on its way.
  mmap,
  /// q = rho log E exp((r' + v) / rho), v = log sum_a p(a | s) exp q: dynamics charged rho KL.
  risk,
  /// q = log E exp(r' + v), v = max_a q: marginal MAP in causal order. No action prior.
  exponential_utility,
  /// q = max over what can happen of r' + v, v = max_a q: the posterior as alpha tends to 0.
  best_case,
};
/// "posterior", "clamped", "hard", "map", "mmap", "risk", "exponential-utility", "best-case". The
/// second throws OptionError with the nearest names.
[[nodiscard]] std::string_view method_name(Method method) noexcept;
[[nodiscard]] Method require_method(std::string_view name);

struct ControlOptions {
  Method method = Method::clamped;
  /// alpha > 0, in units of reward.
  double temperature = 1.0;
  /// risk only. Not 0. 1: the posterior; below 1 luckier; infinite: clamped; negative: robust, the
  /// worst dynamics at the price |rho| alpha KL.
  double rho = 1.0;
  ActionPrior prior = ActionPrior::uniform;
  /// prior == given: p(a given s), states x actions.
  std::vector<double> action_prior = {};
  /// T decisions; nothing: the infinite-horizon fixed point (not for map and mmap).
  std::optional<std::size_t> horizon = std::nullopt;
  /// gamma in (0, 1]; nothing: the process' own.
  std::optional<double> discount = std::nullopt;
  /// Empty, or V_{T+1}(s) in units of reward, one per state, in place of the process' own final
  /// reward; -infinity forbids ending there. Finite horizons.
  std::vector<double> final_value = {};
  /// Infinite horizon: largest certified error of any V(s), in units of reward. Nothing: 1e-12, or
  /// what rounding allows when that is more.
  std::optional<double> tolerance = std::nullopt;
  /// Infinite horizon: give up after as many backward steps.
  std::size_t maximum_steps = 1'000'000;
  /// Also log Z and the gap, which need the posterior's messages: about twice the time.
  bool gap = true;
  /// Budgets, threads, observer.
  InferOptions infer = {};

  /// Throws OptionError naming option, value and bound.
  void validate(const Mdp& mdp) const;
};

/// log Z - elbo = KL(q, p(trajectory | all o = 1)) in nats, by what q does differently.
struct Gap {
  double initial = kNaN;   ///< KL(q(s_1), p(s_1 | o))
  double policy = kNaN;    ///< sum_t E_q KL(q(a_t | s_t), p(a_t | s_t, o))
  double dynamics = kNaN;  ///< sum_t E_q KL(q(s_{t+1} | s_t, a_t), p(s_{t+1} | s_t, a_t, o))
  [[nodiscard]] double total() const noexcept { return initial + policy + dynamics; }
};

/// map: the most likely trajectory.
struct LikelyTrajectory {
  /// s_1 .. s_{T+1}: states of the process, or their number when the discount has ended the
  /// episode.
  std::vector<std::size_t> states;
  /// a_1 .. a_T.
  std::vector<std::size_t> actions;
  /// log p(trajectory, all o = 1).
  double log_weight = kNaN;
};

/// mmap: actions decided before anything is seen.
struct OpenLoopPlan {
  /// a_1 .. a_T.
  std::vector<std::size_t> actions;
  /// log p(a_1 .. a_T, all o = 1), the action prior included.
  double log_weight = kNaN;
  /// alpha log E[exp(return / alpha) given the plan]: without the prior.
  double exponential_utility = kNaN;
};

struct SolvedStep;

/// Steps t are 0-based: step 0 is s_1, a_1. With an infinite horizon there is one (stationary) step
/// 0. Vectors have one entry per state of the process. Poisoned until computed. Copies are cheap
/// but for the values.
class ControlSolution {
 public:
  Status status = Status::not_run;
  std::string message = "not run yet";
  Guarantee guarantee = Guarantee::none;
  std::string algorithm_used;
  /// False when the limits stopped it with part of an answer: message says what is missing.
  bool complete = true;
  /// Why the answer is the best of its kind, in one sentence: the order that solves the family, the
  /// bounds that enclose the fixed point, or what is not certified.
  std::string certificate;

  Method method = Method::clamped;
  std::size_t states = 0;
  std::size_t actions = 0;
  double temperature = kNaN;
  double rho = kNaN;
  bool infinite = false;
  std::optional<std::size_t> horizon = std::nullopt;

  /// V_t(s), units of reward, steps 0 .. T (infinite horizon: one); -infinity: nothing feasible.
  /// mmap: what the plan is worth from there.
  std::vector<std::vector<double>> values;
  /// sum_s p(s_1 = s) V_1(s), in units of reward.
  double initial_value = kNaN;
  /// log p(o_{1:T} = 1), natural.
  double log_z = kNaN;
  /// E_q[log p(trajectory, o) - log q(trajectory)] <= log Z of the q that was found, in nats.
  /// clamped: initial_value / alpha; posterior: log Z; map, mmap: the log weight.
  double elbo = kNaN;
  /// Adds up to log_z - elbo.
  Gap gap;
  /// Expected (discounted) sum of rewards of the policy under the true dynamics, no entropy.
  double expected_return = kNaN;
  /// The same under q's own dynamics and start: what the method believes.
  double believed_return = kNaN;
  /// Every V_t(s) is within this of the truth, in units of reward: of the fixed point, or what
  /// rounding may do over a finite horizon (0 when every value is).
  double error_bound = kNaN;
  /// Backward steps taken.
  std::size_t iterations = 0;
  /// The factor that every q of the family violates, when elbo is -infinity.
  std::string infeasible_factor;
  /// risk, rho < 0: no finite value exists (the worst dynamics are worth more than their price).
  bool breakdown = false;

  std::optional<LikelyTrajectory> trajectory;  ///< map
  std::optional<OpenLoopPlan> plan;            ///< mmap
  /// Method::posterior: its messages and marginals.
  std::shared_ptr<const Posterior> posterior;
  Timings timings;

  /// Steps with a decision: T, or 1 with an infinite horizon.
  [[nodiscard]] std::size_t steps() const noexcept {
    return values.empty() ? 0 : infinite ? 1 : values.size() - 1;
  }
  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }

  /// These throw OptionError on a step out of range and when nothing was solved.
  /// V_t(s).
  [[nodiscard]] std::vector<double> value(std::size_t t = 0) const;
  /// Q_t(s, a), states x actions, units of reward; -infinity where unavailable. Computed when
  /// asked: one backward step.
  [[nodiscard]] std::vector<double> action_value(std::size_t t = 0) const;
  /// pi_t(a given s), states x actions, rows sum to 1 (to 0 where V is -infinity). Computed when
  /// asked. mmap: the plan's action in every state.
  [[nodiscard]] std::vector<double> policy(std::size_t t = 0) const;
  /// q(s_{t+1} given s_t, a_t): the true dynamics for clamped and hard, tilted ones otherwise. Next
  /// state = states: ended by the discount.
  [[nodiscard]] std::vector<DynamicsEntry> dynamics(std::size_t t = 0) const;

  /// What the above are computed from. Internal.
  std::shared_ptr<const SolvedStep> step;
};

/// Throws OptionError and ModelError on wrong input; the rest is a status.
/// Finite horizon: cost T outcomes; memory T states, predicted and refused before anything is made.
/// Infinite horizon: the fixed point of the eliminated slice, certified, or refused with the reason
/// (no end within reach, values that grow, breakdown). Stopped by the time limit or the observer
/// once every V_t is known: answered, and message says what is missing. Stopped before: an infinite
/// horizon is answered with the last sweep's values, guarantee unconverged; a finite one has none.
[[nodiscard]] ControlSolution solve_control(const Mdp& mdp, const ControlOptions& options = {});

}  // namespace credo::control
