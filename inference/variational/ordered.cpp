// Single updating in the order of a soluble family.
//
// For v in the order, A(v, pa) = E_q[ scores and costs below v | v, pa ] does not depend on the
// conditionals that are still unsolved, whatever full-support ones stand for them; so one block
// update is globally optimal, and the solved conditional stays (Lauritzen and Nilsson 2001, single
// updating in an exact solution ordering). Scores that are not below v do not depend on
// it, and are left out. Cost: one collection of messages per optimised conditional.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/evaluation.hpp>
#include <credo/inference/variational/ordered.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <algorithm>
#include <utility>

namespace credo::variational {

namespace {

/// Marks a variable's node and all above it.
void mark_above(const Problem& problem, VariableId v, std::vector<char>& marked) {
  std::vector<std::size_t> open{problem.node_of[v]};
  while (!open.empty()) {
    const std::size_t n = open.back();
    open.pop_back();
    if (std::exchange(marked[n], 1) != 0) continue;
    for (const VariableId u : problem.nodes[n].parents) open.push_back(problem.node_of[u]);
  }
}

BlockScope scope_below(const Problem& problem, std::size_t node) {
  BlockScope scope = everything(problem);
  std::ranges::fill(scope.nodes, 0);
  const std::vector<char> below = descendants(problem, node);
  for (std::size_t s = 0; s < problem.scores.size(); ++s) {
    const Scope& variables = problem.scores[s].scope;
    scope.scores[s] = std::ranges::any_of(variables, [&](VariableId v) { return below[v] != 0; });
    if (!scope.scores[s]) continue;
    for (const VariableId v : variables) mark_above(problem, v, scope.nodes);
  }
  mark_above(problem, problem.nodes[node].variable, scope.nodes);
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Node& other = problem.nodes[n];
    scope.costs[n] = n != node && other.optimised() && below[other.variable] != 0;
    if (scope.costs[n]) mark_above(problem, other.variable, scope.nodes);
  }
  return scope;
}

/// The averaged scores of a conditional and what they become.
ScoreMessage message_of(const Problem& problem, const Node& node, const DualTable& a) {
  ScoreMessage message;
  message.eliminated = node.variable;
  message.scope = node.parents;
  message.score_scope = Problem::scope_of(node);
  std::vector<double> j = a.mean;
  for (std::size_t i = 0; i < a.violations.size(); ++i) {
    if (a.violations[i] > 0.0) j[i] = -kInfinity;
  }
  message.score = Table::dense(problem.graph->shape_of(message.score_scope), j, Domain::log);
  std::vector<double> u;
  const std::size_t width = problem.graph->cardinality(node.variable);
  for (std::size_t i = 0; i < j.size(); i += width) {
    std::vector<double> log_base;
    for (std::size_t k = i; node.table && k < i + width; ++k) {
      log_base.push_back(node.table->log_at(k));
    }
    u.push_back(solve_row(node.kind, node.weight, log_base, std::span(j).subspan(i, width), {}));
  }
  message.message = Table::dense(problem.graph->shape_of(node.parents), std::move(u), Domain::log);
  return message;
}

}  // namespace

std::vector<Table> tables_of(const Problem& problem, std::vector<Rows> rows) {
  std::vector<Table> tables;
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Node& node = problem.nodes[n];
    tables.push_back(
        node.optimised()
            ? Table::dense(problem.graph->shape_of(Problem::scope_of(node)), std::move(rows[n]))
            : *node.table);
  }
  return tables;
}

OrderedPlan plan_ordered(const Problem& problem, const std::vector<VariableId>& order) {
  OrderedPlan plan;
  for (const VariableId v : order) {
    const std::size_t n = problem.node_of[v];
    plan.nodes.push_back(n);
    plan.solvers.emplace_back(problem, scope_below(problem, n));
    const ForestPlan& trees = plan.solvers.back().plan();
    plan.operations += trees.operations;
    plan.peak_bytes = std::max(plan.peak_bytes, trees.peak_bytes);
  }
  for (const Node& node : problem.nodes) {
    if (!node.optimised()) continue;
    plan.peak_bytes += 4.0 * sizeof(double) * static_cast<double>(entries_of(problem, node));
  }
  return plan;
}

SweepAnswer run_ordered(const Problem& problem, OrderedPlan plan, bool messages,
                        contraction::Monitor& monitor) {
  SweepAnswer answer;
  std::vector<Rows> rows = uniform_start(problem);
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    monitor.check("sweep", static_cast<double>(i) / static_cast<double>(plan.nodes.size()));
    const std::size_t n = plan.nodes[i];
    BlockSolver solver = std::move(plan.solvers[i]);
    solver.start(rows, 1.0);
    if (messages) {
      answer.messages.push_back(message_of(problem, problem.nodes[n], solver.around(n)));
    }
    solver.update(n, false);
    rows[n] = solver.rows(n);
  }
  answer.conditionals = tables_of(problem, std::move(rows));
  answer.value = expected_value(clamped_problem(problem, answer.conditionals), monitor);
  return answer;
}

}  // namespace credo::variational
