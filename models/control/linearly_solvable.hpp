#pragma once
// Linearly solvable control: no actions; the controller chooses where to go next and pays for
// leaving the passive dynamics. Conditioning is then the right answer.

#include <credo/inference/infer.hpp>
#include <credo/inference/variational/family.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/require_index.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::control {

/// What a LinearlySolvable is made from.
struct LinearlySolvableDescription {
  std::size_t states = 0;
  /// p0(next given state) as weight, in any order; the same pair twice adds up. Terminal states may
  /// have lines, which are dropped.
  std::vector<ChainEntry> passive;
  /// c(s), paid for every step taken from s; one entry per state, ignored in terminal states.
  std::vector<double> state_cost;
  /// The process ends there.
  std::vector<std::size_t> terminal;
  /// c_f(s), paid where the process ends: in terminal states, and wherever a finite horizon runs
  /// out. Empty (0), or one entry per state.
  std::vector<double> final_cost;
  /// p(s_1); empty: uniform over the states that are not terminal.
  std::vector<double> initial;
  /// Empty, or one name each.
  std::vector<std::string> state_names;
};

/// A validated problem: choose q(s' | s), pay c(s) + KL(q(. | s), p0(. | s)) per step. Costs are in
/// nats: divide them by the price of control first. Todorov 2009, PNAS 106(28); Kappen, Gomez and
/// Opper 2012.
class LinearlySolvable {
 public:
  /// Throws ModelError naming the state or the line (0-based place in passive) and what was
  /// expected: no states, wrong lengths, states out of range, negative or NaN probabilities, costs
  /// that are not finite, rows of states that are not terminal that do not sum to 1 within 1e-9.
  explicit LinearlySolvable(LinearlySolvableDescription description);

  /// Accessors by state throw OptionError on what is out of range. One that was moved from has no
  /// states.
  [[nodiscard]] std::size_t state_count() const noexcept { return terminal_.size(); }
  [[nodiscard]] bool is_terminal(std::size_t state) const {
    require_state(state);
    return terminal_[state] != 0;
  }
  /// p0(. | s) by increasing next, probabilities above 0 that sum to 1; a terminal state stays.
  [[nodiscard]] std::span<const ChainEntry> passive(std::size_t state) const {
    require_state(state);
    return std::span(description_.passive)
        .subspan(row_begin_[state], row_begin_[state + 1] - row_begin_[state]);
  }
  [[nodiscard]] std::size_t entry_count() const noexcept { return description_.passive.size(); }
  /// c(s); 0 in terminal states.
  [[nodiscard]] double state_cost(std::size_t state) const {
    require_state(state);
    return description_.state_cost[state];
  }
  [[nodiscard]] double final_cost(std::size_t state) const {
    require_state(state);
    return description_.final_cost[state];
  }
  [[nodiscard]] std::span<const double> initial() const noexcept { return description_.initial; }
  [[nodiscard]] std::string state_name(std::size_t state) const;

 private:
  void require_state(std::size_t state) const {
    require_index("LinearlySolvable", "state", state, state_count());
  }
  void store_rows();

  LinearlySolvableDescription description_;
  std::vector<char> terminal_;
  std::vector<std::size_t> row_begin_;
};

/// A chain s_1 .. s_{T+1} as a factor graph.
struct StateChain {
  FactorGraph graph;
  std::vector<VariableId> states;
};

/// p(s_1) prod_t [p0(s_{t+1} | s_t) exp(-c(s_t))] exp(-c_f(s_{T+1})): its log Z, given s_1, is
/// minus the optimal cost. Throws OptionError on a horizon of 0. Cost: entries + T.
[[nodiscard]] StateChain make_passive_chain(const LinearlySolvable& problem, std::size_t horizon);

/// p(s_1) and the costs alone, prod_t exp(-c(s_t)) exp(-c_f(s_{T+1})), for the family below. Throws
/// the same.
[[nodiscard]] StateChain make_cost_chain(const LinearlySolvable& problem, std::size_t horizon);

/// The controller as a family of conditionals over a cost chain: s_1 is held at p(s_1), every
/// transition is free over the base measure p0. max L is minus the expected optimal cost, and the
/// conditionals that attain it are the controlled dynamics. Borrows the chain's graph.
[[nodiscard]] Family controlled_family(const LinearlySolvable& problem, const StateChain& chain);

/// What is minimised over q, beside the KL of every step.
enum class CostCriterion : std::uint8_t {
  finite_horizon,  ///< sum of T steps and the final cost
  first_exit,      ///< sum until a terminal state is reached
  average,         ///< cost per step, for ever
  discounted,      ///< v(s) = c(s) + min KL + gamma E v(s')
};

struct LinearlySolvableOptions {
  CostCriterion criterion = CostCriterion::first_exit;
  /// T of finite_horizon, at least 1.
  std::size_t horizon = 1;
  /// gamma of discounted, in (0, 1).
  double discount = 0.99;
  /// first_exit, discounted: half-width of the interval around any v(s); average: around the cost
  /// per step. In nats.
  double tolerance = 1e-10;
  std::size_t maximum_steps = 100'000;
  InferOptions infer = {};

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Desirabilities z(s) = exp(-v(s)) and what follows from them. Poisoned until computed. With a
/// finite horizon there are steps 0 .. T (step 0 is s_1), otherwise the only step is 0.
struct LinearlySolvableSolution {
  Status status = Status::not_run;
  std::string message = "not run yet";
  Guarantee guarantee = Guarantee::none;
  /// "sum-product", "stationary" or "principal eigenpair", and by what.
  std::string algorithm_used;
  CostCriterion criterion = CostCriterion::first_exit;
  double discount = 1.0;

  /// log z per step, one entry per state; -infinity where every way costs infinitely much. Of the
  /// average criterion: the eigenvector, its largest entry 0.
  std::vector<std::vector<double>> log_desirability;
  /// Finite horizon: log Z of the passive chain, log sum_s p(s_1 = s) z_1(s).
  double log_z = kNaN;
  /// sum_s p(s_1 = s) v(s). Of the average criterion: NaN.
  double initial_cost = kNaN;
  /// Average criterion: the least cost per step, -log of the principal eigenvalue of diag(exp(-c))
  /// p0.
  double average_cost = kNaN;
  /// Every v(s) (average: the cost per step) is within this of the truth, rounding not included. 0
  /// for finite horizons.
  double error_bound = kNaN;
  std::size_t iterations = 0;
  Timings timings;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
  /// v(s) = -log z(s); +infinity where there is no way.
  [[nodiscard]] std::vector<double> cost_to_go(std::size_t t = 0) const;
};

/// finite_horizon: one contraction of make_passive_chain() by infer(), z read off the messages.
/// first_exit and discounted: the certified fixed point of the repeating slice whose choice, free
/// over the base measure p0, is the next state. average: the principal eigenpair by power steps and
/// Noda's inverse iteration, enclosed by Collatz-Wielandt bounds. Throws OptionError. Refused, with
/// the reason: no way to a terminal state; costs so negative that they pay for staying for ever
/// (spectral radius >= 1); the average of a chain that is not irreducible.
[[nodiscard]] LinearlySolvableSolution solve_linearly_solvable(
    const LinearlySolvable& problem, const LinearlySolvableOptions& options = {});

/// q*(s' | s) = p0(s' | s) z(s')^gamma / sum, of step t (finite horizon: t < T), by increasing
/// state; no entries for states from which every way costs infinitely much.
[[nodiscard]] std::vector<ChainEntry> controlled_dynamics(const LinearlySolvable& problem,
                                                          const LinearlySolvableSolution& solution,
                                                          std::size_t t = 0);

/// Compositionality: the solution for the final cost -log sum_k w_k exp(-c_f,k(s)), from the
/// solutions for the final costs c_f,k of problems that are otherwise the same; z = sum_k w_k z_k.
/// Finite horizon and first exit. Throws OptionError when the counts differ, a weight is negative
/// or the criteria are others or not the same; a solution that is not ok makes the result one.
[[nodiscard]] LinearlySolvableSolution compose(std::span<const LinearlySolvableSolution> solutions,
                                               std::span<const double> weights);

}  // namespace credo::control
