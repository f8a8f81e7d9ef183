// L of given conditionals: every conditional clamped, nothing left to optimise.
//
// A sweep carries each score up to a scalar by itself, at the stored entries of the kernels; the
// tree adds all scores up where they meet, which is cheaper when many scores share a wide cluster.
// Both are planned, the cheaper one runs.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/evaluation.hpp>
#include <credo/inference/variational/sweep.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <cmath>
#include <utility>

namespace credo::variational {

namespace {

/// w log(m / q) where q > 0, 0 elsewhere.
Score own_cost(const Node& node, const Table& q) {
  const std::vector<std::uint64_t> indices = q.stored_indices();
  std::vector<double> values;
  values.reserve(q.values().size());
  for (std::size_t i = 0; i < q.values().size(); ++i) {
    const double p = q.values()[i];
    if (p == 0.0) {
      values.push_back(0.0);
      continue;
    }
    const double base = node.table ? node.table->log_at(q.is_sparse() ? indices[i] : i) : 0.0;
    values.push_back(base == -kInfinity ? base : node.weight * (base - std::log(p)));
  }
  return {Problem::scope_of(node), with_values(q, std::move(values), Domain::log), std::nullopt,
          std::nullopt};
}

}  // namespace

Problem clamped_problem(const Problem& problem, std::span<const Table> tables) {
  Problem clamped = problem;
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Node& node = problem.nodes[n];
    if (!node.optimised()) continue;
    if (node.kind != ConditionalKind::arg_max) {
      clamped.scores.push_back(own_cost(node, tables[n]));
    }
    clamped.nodes[n].kind = ConditionalKind::clamped;
    clamped.nodes[n].table = tables[n];
  }
  return clamped;
}

double expected_value(const Problem& clamped, contraction::Monitor& monitor) {
  const auto plan = plan_sweep(clamped, false);  // clamped nodes can always be eliminated
  BlockSolver solver(clamped, everything(clamped));
  if (plan->operations <= solver.plan().operations) {
    SweepSettings settings;
    settings.conditionals = false;
    return run_sweep(clamped, *plan, settings, monitor).value;
  }
  monitor.check("evaluate", 0.0);
  solver.start(std::vector<Rows>(clamped.nodes.size()), 1.0);
  const ExpectationTotal total = solver.total();
  return total.violations > 0.0 ? -kInfinity : total.mean;
}

}  // namespace credo::variational
