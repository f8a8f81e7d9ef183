#pragma once
// Strategies: what to choose on which information, what that is worth, and what conditioning on
// high utility would make of it.

#include <credo/inference/infer.hpp>
#include <credo/models/decision/influence_diagram.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace credo::decision {

/// delta(decision | information), over (information..., decision), linear.
struct DecisionRule {
  VariableId decision = 0;
  Scope information;
  Table table;
};

/// One rule per decision, in the order of InfluenceDiagram::decisions().
using Strategy = std::vector<DecisionRule>;

/// Every choice equally likely.
[[nodiscard]] Strategy uniform_strategy(const InfluenceDiagram& diagram);

/// Expected utilities of a strategy. Poisoned until computed.
struct Evaluation {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// E[u_i] of every utility, in the order of InfluenceDiagram::utilities(), and their sum.
  std::vector<double> utilities;
  double total = kNaN;
  /// p(what a decision sees), per rule, row-major over its information; {1} when it sees nothing.
  std::vector<std::vector<double>> information;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Exact, by marginals of the Bayesian network that the strategy makes of the diagram. A rule may
/// see less than its decision does, or something else, as long as no cycle arises. Rows of zeros
/// (information that never comes) count as uniform. Throws ModelError on rules that do not fit.
[[nodiscard]] Evaluation evaluate(const InfluenceDiagram& diagram, const Strategy& strategy,
                                  const InferOptions& options = {});

/// For people: a line per joint state of what a decision sees, "drill given test = yes, result =
/// open (0.35): yes", with its probability under the strategy, and probabilities where a choice is
/// not certain. What cannot be seen is left out; long tables are cut after `most` lines. An
/// evaluation that is not ok has no probabilities: then every joint state has its line.
[[nodiscard]] std::string describe_strategy(const InfluenceDiagram& diagram,
                                            const Strategy& strategy, const Evaluation& evaluation,
                                            std::size_t most = 64);

/// What p(x) prod_i exp(u_i / temperature) / Z says about decisions when it is merely conditioned
/// on, choices weighed by the counting measure. Its choices and its chance variables are tilted
/// together: it may act on what nobody sees, and it believes in luck. Poisoned until computed.
struct NaivePosterior {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// temperature x log Z: an upper bound of the value of every strategy, entropy included.
  double value = kNaN;
  /// E[sum_i u_i] under the posterior: what it believes it earns.
  double believed_utility = kNaN;
  /// p(decision | information, high utility); rows that cannot come are uniform.
  Strategy strategy;
  /// What that strategy earns.
  Evaluation evaluation;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// temperature > 0. Throws OptionError otherwise.
[[nodiscard]] NaivePosterior naive_posterior(const InfluenceDiagram& diagram, double temperature,
                                             const InferOptions& options = {});

}  // namespace credo::decision
