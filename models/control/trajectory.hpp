#pragma once
// The trajectory factor graph of control as inference: states, actions and
// optimality variables, to be asked by any engine.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/models/control/mdp.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace credo::control {

/// p(a_t given s_t).
enum class ActionPrior : std::uint8_t {
  uniform,   ///< over the available actions
  counting,  ///< 1 for every available action; still uniform in terminal states, where V = 0
  given,     ///< the caller's own
};
/// "uniform", "counting", "given". The second throws OptionError with the nearest names.
[[nodiscard]] std::string_view action_prior_name(ActionPrior prior) noexcept;
[[nodiscard]] ActionPrior require_action_prior(std::string_view name);

struct TrajectoryOptions {
  /// T: decisions a_1 .. a_T, states s_1 .. s_{T+1}. At least 1.
  std::size_t horizon = 1;
  /// alpha > 0, in units of reward.
  double temperature = 1.0;
  ActionPrior prior = ActionPrior::uniform;
  /// given: p(a given s), states x actions, rows sum to 1 in states that are not terminal.
  std::vector<double> action_prior;
  /// counting: 1 for every action in terminal states, too. For those who maximise over actions:
  /// there the value of having ended stays 0.
  bool count_after_end = false;
  /// gamma in (0, 1]. Below 1, every step ends in an absorbing sink
  /// (one more state, the last; message 1) with probability 1 - gamma.
  double discount = 1.0;
  /// Several outcomes of (s, a) that lead to one state for different rewards are summed out as rho
  /// log E exp(r / (alpha rho)), under the price rho of bending the dynamics: 1 is the exact
  /// posterior; infinity, the mean, is for dynamics that are clamped; 0 is the largest; negative
  /// values tend to the smallest.
  double rho = 1.0;
  /// Empty, or log exp(V_{T+1}(s) / alpha), one per state of the graph (the sink included);
  /// -infinity allowed. It takes the place of the process' own final reward.
  std::vector<double> log_final_factor;

  /// Throws OptionError naming option, value and bound.
  void validate(const Mdp& mdp) const;
};

/// A graph p(s_1) prod_t p(a_t | s_t) p(s_{t+1} | s_t, a_t) p(o_t | ...) and the evidence o_t = 1.
/// Variables are named s_1, a_1, o_1, ...; tables are shared across time.
struct Trajectory {
  FactorGraph graph;
  Evidence evidence;
  std::vector<VariableId> states;      ///< s_1 .. s_{T+1}
  std::vector<VariableId> actions;     ///< a_1 .. a_T
  std::vector<VariableId> optimality;  ///< o_1 .. o_T
  /// s_{T+1}, a_T, s_T, ..., a_1, s_1: what eliminates backward in time.
  std::vector<VariableId> backward_order;

  std::size_t state_count = 0;  ///< of the graph: the sink, if any, is the last
  std::size_t action_count = 0;
  double temperature = 1.0;
  double rho = 1.0;
  bool has_sink = false;
  /// Whether o_t depends on (s_t, a_t) only; else on (s_t, a_t, s_{t+1}).
  bool reward_on_pair = false;

  /// p(s' | s, a) over (s, a, s'), sparse, linear.
  Table transition;
  /// log p(a | s), states x actions; -infinity where unavailable.
  std::vector<double> log_prior;
  /// Aligned with the stored entries of transition: log p(o = 1 | s, a, s') = rho log E[exp(r /
  /// (alpha rho)) given s, a, s'] (equal to r / alpha when one outcome leads there).
  std::vector<double> log_optimality;
  /// Aligned too: the mean reward under the outcomes tilted by exp(r / (alpha rho)); with rho = 1,
  /// E[r given s, a, s', o = 1].
  std::vector<double> believed_reward;
  /// log of the factor on s_{T+1}; empty when there is none.
  std::vector<double> log_final_factor;
};

/// Builds the graph. When no reward is positive and depends on (s, a) only, o_t is a true binary
/// variable with p(o_t = 1 | s, a) = exp(r / alpha); otherwise only the entries of o_t = 1 exist.
/// Cost: outcomes + T; tables are stored once. Throws OptionError, among others on a horizon whose
/// graph no process could address. Levine 2018, arXiv:1805.00909.
[[nodiscard]] Trajectory make_trajectory(const Mdp& mdp, const TrajectoryOptions& options);

/// At least what the tables of a process' trajectory and its backward step take, bytes, while they
/// are made.
[[nodiscard]] double predicted_table_bytes(const Mdp& mdp) noexcept;

/// Fewest steps from every state of the graph to an ended one (ended[s] != 0) by actions that the
/// prior allows; kNoState where there is no way. Cost: outcomes.
[[nodiscard]] std::vector<std::size_t> steps_to_end(const Trajectory& trajectory,
                                                    const std::vector<char>& ended);

}  // namespace credo::control
