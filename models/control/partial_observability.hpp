#pragma once
// Control when the state is hidden: a partially observed process over a finite horizon is an
// influence diagram, whose decisions see what the memory holds.

#include <credo/models/control/pomdp.hpp>
#include <credo/models/decision/solve.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace credo::control {

/// What a_t sees.
enum class Memory : std::uint8_t {
  full,    ///< every observation and action so far: soluble; tables exponential in t
  window,  ///< the last few observations: in general not soluble, hence not certified
  state,   ///< s_t itself, as in a Markov decision process: what perfect sensors would be worth
};

struct PartialObservabilityOptions {
  /// T decisions a_1 .. a_T. At least 1.
  std::size_t horizon = 1;
  Memory memory = Memory::full;
  /// Memory::window: how many observations, the present one included; 0 plans blindly.
  std::size_t window = 1;
  /// gamma; nothing: the process' own. Step t counts gamma^(t-1), in rewards and in entropy.
  std::optional<double> discount;
  /// alpha >= 0 in units of reward, restarts, seed, budgets. Actions have the counting measure.
  decision::SolveOptions solve;
  /// Also condition on optimality, naively (alpha > 0).
  bool naive_posterior = false;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// The process unrolled: chance s_1, (o_1), s_2, o_2, ..., decisions a_1, ..., a_T, utilities r_1,
/// ..., r_T (and r_T+1 for a final reward). Cost: T tables, transitions and observations shared.
/// Throws OptionError when its rules would exceed options.solve's memory limit.
[[nodiscard]] decision::InfluenceDiagram unroll(const Pomdp& pomdp,
                                                const PartialObservabilityOptions& options);

struct PartialObservabilityResult {
  decision::InfluenceDiagram diagram;
  /// In units of reward; value includes temperature x entropies, discounted.
  decision::Solution solution;
  /// When asked for: what it believes, and what its actions earn.
  std::optional<decision::NaivePosterior> naive;

  [[nodiscard]] bool ok() const noexcept { return solution.ok(); }
};

/// max over what the actions may depend on of E[sum_t gamma^(t-1) (r_t + alpha H(a_t | seen))].
/// With full memory this is the optimum over histories, which belief-state recursion finds too
/// (Smallwood and Sondik 1973). Throws OptionError; sizes beyond the memory limit are refused in
/// the solution's status before anything is made: histories, (actions x observations)^(t-1) of
/// them, are counted first. Then, and when it was stopped while unrolling, the diagram is empty.
[[nodiscard]] PartialObservabilityResult solve_partially_observed(
    const Pomdp& pomdp, const PartialObservabilityOptions& options);

}  // namespace credo::control
