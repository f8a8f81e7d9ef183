#pragma once
// Maximum expected utility, and its soft relatives, of an influence diagram.

#include <credo/inference/variational/variational.hpp>
#include <credo/models/decision/strategy.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace credo::decision {

struct SolveOptions {
  /// In units of utility. 0: maximum expected utility. Above 0 choices are soft: the value is
  /// max over strategies of E[sum_i u_i] + temperature sum_d w_d H(d | what d sees).
  double temperature = 0.0;
  /// w_d > 0 in the order of the decisions; empty: all 1.
  std::vector<double> entropy_weights;
  /// Where ascent starts first, instead of uniform choices; empty: uniform.
  Strategy start;
  /// Method, budgets, restarts, seed, observer.
  VariationalOptions variational;

  /// Throws OptionError naming option, value and bound.
  void validate(const InfluenceDiagram& diagram) const;
};

/// Poisoned until computed.
struct Solution {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// exact: no strategy is better. fixed_point: no change of one decision alone is (not certified).
  Guarantee guarantee = Guarantee::none;
  /// Why it is certified or not, with the order of solution or the offending pair of decisions.
  Solubility solubility;
  std::string algorithm_used;

  /// What was maximised: the expected utility plus the weighed entropies of the choices.
  double value = kNaN;
  /// Of the strategy alone: the maximum expected utility at temperature 0.
  double expected_utility = kNaN;
  Strategy strategy;
  /// The strategy's expected utilities one by one, and what its decisions get to see.
  Evaluation evaluation;
  /// Everything the engine said, in nats of utility / temperature.
  VariationalResult variational;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
  [[nodiscard]] bool certified() const noexcept { return guarantee == Guarantee::exact; }
};

/// Decisions become the optimised conditionals of a variational family, chance variables its
/// clamped ones, utilities log-factors: one exact reverse sweep when the diagram is soluble, else
/// coordinate ascent (Lauritzen and Nilsson 2001, single policy updating). Throws OptionError;
/// everything else is a status, tables of strategies beyond the memory limit among it, which are
/// predicted before anything is made. Ascent that the time limit or the observer stops is answered
/// with the best strategy so far, and message says so; what its evaluation did not leave time for
/// stays NaN and empty.
[[nodiscard]] Solution solve(const InfluenceDiagram& diagram, const SolveOptions& options = {});

/// What it is worth to let a decision see one more variable before it chooses.
struct InformationValue {
  Solution without;
  Solution with;
  /// with.value - without.value, at least 0 when both are certified.
  double gain = kNaN;
};
/// options.start is for the diagram without. Throws as InfluenceDiagram::add_information() and
/// solve().
[[nodiscard]] InformationValue value_of_information(const InfluenceDiagram& diagram,
                                                    std::string_view decision,
                                                    std::string_view seen,
                                                    const SolveOptions& options = {});

}  // namespace credo::decision
