#pragma once
// Control as inference, the exact posterior: what a trajectory looks like given
// that it was optimal. Read from the messages of the generic engine.

#include <credo/inference/infer.hpp>
#include <credo/models/control/trajectory.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::control {

struct PosteriorOptions {
  /// alpha > 0, in units of reward.
  double temperature = 1.0;
  ActionPrior prior = ActionPrior::uniform;
  /// prior == given: p(a given s), states x actions.
  std::vector<double> action_prior = {};
  /// T decisions; nothing: the infinite-horizon fixed point.
  std::optional<std::size_t> horizon = std::nullopt;
  /// gamma in (0, 1]; nothing: the process' own.
  std::optional<double> discount = std::nullopt;
  /// Empty, or V_{T+1}(s) in units of reward, one per state, in place of the process' own final
  /// reward; -infinity allowed. Finite horizons.
  std::vector<double> final_value = {};
  /// Infinite horizon: largest certified error of any V(s), in units of reward. Nothing: 1e-12, or
  /// what rounding allows when that is more.
  std::optional<double> tolerance = std::nullopt;
  /// Infinite horizon: give up, uncertified, after as many backward steps.
  std::size_t maximum_steps = 1'000'000;
  /// Budgets, threads, observer. Order and zero propagation are set by the solver.
  InferOptions infer = {};

  /// Throws OptionError naming option, value and bound.
  void validate(const Mdp& mdp) const;
};

/// p(s, a, s') or p(s' | s, a) entry.
struct DynamicsEntry {
  std::size_t state = 0;
  std::size_t action = 0;
  std::size_t next = 0;
  double probability = 0.0;
};

/// The posterior p(trajectory given o_1 = ... = o_T = 1). Steps t are 0-based here: step 0 is s_1,
/// a_1. With an infinite horizon there is one (stationary) step 0, and no forward messages or
/// marginals. Vectors over states have graph_states entries: the sink of a discount, if any, is the
/// last. Poisoned until computed. Values are in units of reward: V = temperature x log message.
class Posterior {
 public:
  Status status = Status::not_run;
  std::string message = "not run yet";
  Guarantee guarantee = Guarantee::none;
  std::string algorithm_used;
  /// False when the limits stopped it with part of an answer: message says what is missing.
  bool complete = true;
  /// Infinite horizon: what certifies the fixed point.
  std::string certificate;

  std::size_t states = 0;        ///< of the process
  std::size_t graph_states = 0;  ///< the same, or one more for the sink
  std::size_t actions = 0;
  double temperature = kNaN;
  bool infinite = false;
  /// T, or nothing.
  std::optional<std::size_t> horizon = std::nullopt;

  /// log p(o_{1:T} = 1), natural (unnormalised optimality if rewards are positive). Infinite
  /// horizon: log sum_s p(s_1) beta(s_1).
  double log_z = kNaN;
  /// sum_s p(s_1 = s) V_1(s).
  double initial_value = kNaN;
  /// Expected (discounted) sum of rewards of the policy under the true dynamics.
  double expected_return = kNaN;
  /// Expected sum of rewards under the posterior, lucky dynamics included.
  double believed_return = kNaN;
  /// Every V(s) is within this of the truth, in units of reward: of the fixed point, or what
  /// rounding may do over a finite horizon.
  double error_bound = kNaN;
  /// Backward steps taken.
  std::size_t iterations = 0;
  Timings timings;
  Plan plan;

  /// log beta_t(s, a) = log p(o_{t:T} = 1 given s, a), per step, graph_states x actions;
  /// -infinity where the action is unavailable.
  std::vector<std::vector<double>> log_beta_action;
  /// log beta_t(s), steps 0 .. T.
  std::vector<std::vector<double>> log_beta_state;
  /// f_t(s) = p(s_t = s given o_{1:t-1} = 1), steps 0 .. T-1, each sums to 1.
  std::vector<std::vector<double>> forward;
  /// p(s_t given all o), steps 0 .. T.
  std::vector<std::vector<double>> state_marginals;
  /// p(a_t given all o), steps 0 .. T-1: not a policy (it does not see the state).
  std::vector<std::vector<double>> action_marginals;

  /// Steps with a decision: T, or 1 with an infinite horizon.
  [[nodiscard]] std::size_t steps() const noexcept { return log_beta_action.size(); }
  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }

  /// These throw OptionError on a step out of range and when nothing was solved.
  /// V_t(s), the process' states only. Steps 0 .. T.
  [[nodiscard]] std::vector<double> value(std::size_t t = 0) const;
  /// Q_t(s, a), states x actions; -infinity where unavailable.
  [[nodiscard]] std::vector<double> action_value(std::size_t t = 0) const;
  /// pi_t(a given s) = p(a_t given s_t, o_{t:T} = 1), states x actions, rows sum to 1 (to 0 where
  /// beta is 0).
  [[nodiscard]] std::vector<double> policy(std::size_t t = 0) const;
  /// p(s_{t+1} given s_t, a_t, o = 1): the true dynamics tilted by luck. Includes the sink.
  [[nodiscard]] std::vector<DynamicsEntry> dynamics(std::size_t t = 0) const;
  /// p(s_t, a_t, s_{t+1} given all o). Finite horizons; throws QueryError otherwise.
  [[nodiscard]] std::vector<DynamicsEntry> transition_marginal(std::size_t t) const;

  /// The graph of the last contraction: tables, priors, names.
  Trajectory trajectory;
};

/// Finite horizons by infer() with the backward order and messages. Throws OptionError and
/// ModelError on wrong input. Over budget, cancelled, no certificate (status refused, with the
/// reason): see status.
///
/// Finite horizon: cost 3 T outcomes; memory T states (2 actions + 3) doubles beside the tables,
/// predicted with the graph and its plan, and refused before anything is made. The time limit and
/// the observer are asked at every step of building, reading and evaluating; stopped once the
/// messages are read, it is answered, and message says which returns are missing.
/// Infinite horizon: the fixed point of one eliminated slice (solve_stationary), certified. It
/// needs a terminal state or a discount < 1 within reach of every state, and messages that do not
/// grow without bound: on loops, what exp(r / alpha) adds must be less than what the chance of
/// ending takes away.
[[nodiscard]] Posterior solve_posterior(const Mdp& mdp, const PosteriorOptions& options = {});

}  // namespace credo::control
