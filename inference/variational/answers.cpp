// Reading q.
//
// Marginals: a forward pass along the family where its frontier stays small; else q is itself a
// factor graph of conditionals, and the ordinary contraction engine answers. Cost: as planned.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/answers.hpp>
#include <credo/inference/variational/forward.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <fmt/format.h>

#include <utility>

namespace credo::variational {

FactorGraph graph_of(const Problem& problem, std::span<const Table> tables) {
  FactorGraph q;
  for (const Variable& variable : problem.graph->variables()) {
    q.add_variable(variable.name, variable.cardinality);
  }
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    q.add_conditional(Problem::scope_of(problem.nodes[n]), problem.nodes[n].variable, tables[n],
                      kInfinity);
  }
  return q;
}

namespace {

std::vector<std::vector<double>> contracted_marginals(const Problem& problem,
                                                      std::span<const Table> tables,
                                                      InferOptions options,
                                                      contraction::Monitor& monitor) {
  const FactorGraph q = graph_of(problem, tables);
  std::vector<VariableId> targets;
  for (const Node& node : problem.nodes) targets.push_back(node.variable);
  options.time_spent_seconds += monitor.elapsed_seconds();
  if (options.time_spent_seconds > options.time_limit_seconds) {
    throw contraction::Stopped{Status::deadline};
  }
  Result result = infer_exactly(q, {}, Query::marginals(targets), options);
  if (result.status == Status::deadline || result.status == Status::cancelled) {
    throw contraction::Stopped{result.status};
  }
  if (result.ok()) return std::move(result.marginals);
  return std::vector<std::vector<double>>(q.variable_count());
}

}  // namespace

std::vector<std::vector<double>> marginals_of(const Problem& problem, const Evidence& evidence,
                                              std::span<const Table> tables,
                                              const InferOptions& options,
                                              contraction::Monitor& monitor) {
  // A frontier of this size is not worth looking for a better order.
  constexpr double kCheapOperations = 1e7;
  const ForwardPlan plan = plan_forward(problem, tables, parents_first(problem));
  double stored = kCheapOperations;
  for (const Table& table : tables) stored += 8.0 * static_cast<double>(table.stored());
  const bool forward = plan.operations <= stored && plan.peak_bytes <= options.memory_limit_bytes;
  std::vector<std::vector<double>> marginals =
      forward ? run_forward(problem, tables, plan, monitor)
              : contracted_marginals(problem, tables, options, monitor);
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind != FindingKind::hard) continue;
    marginals[v].assign(problem.graph->cardinality(v), 0.0);
    marginals[v][finding.state] = 1.0;
  }
  return marginals;
}

bool is_lower_bound(const Problem& problem) {
  for (const Node& node : problem.nodes) {
    if (node.kind == ConditionalKind::charged && node.weight < 1.0) return false;
    if (node.kind != ConditionalKind::free) continue;
    if (node.weight > 1.0) return false;
    if (node.table && node.table->log_largest() > 0.0) return false;
  }
  return true;
}

Blame find_blame(const Problem& problem, const std::function<bool(std::size_t)>& feasible) {
  if (!feasible(0)) {
    return {std::nullopt, "a kernel without any state for a parent state that q must reach"};
  }
  std::size_t good = 0;
  std::size_t bad = problem.scores.size();
  while (bad - good > 1) {
    const std::size_t middle = good + (bad - good) / 2;
    (feasible(middle) ? good : bad) = middle;
  }
  const Score& score = problem.scores[bad - 1];
  if (score.factor) {
    return {score.factor, fmt::format("the factor {} is zero where every q must put probability",
                                      problem.graph->describe(*score.factor))};
  }
  if (!score.found) return {std::nullopt, "a base measure excludes every state"};
  Blame blame{std::nullopt, fmt::format("the finding about {} excludes what every q must reach",
                                        problem.graph->variable(*score.found).name)};
  for (const FactorId f : problem.graph->factors_of(*score.found)) {
    if (problem.graph->factor(f).child == *score.found) blame.factor = f;
  }
  return blame;
}

}  // namespace credo::variational
