// Block updates of conditionals.
//
// With all but q_v fixed, L = sum_pa q(pa) sum_v q_v [A - w log(q_v / m)] + const, where A(v, pa) =
// E_q[ scores + costs of the others | v, pa ]; the best q_v is m exp(A / w), row by row, which
// never lowers L (Saul and Jordan 1996; Wiegerinck 2000). A comes from the tree of dual numbers
// with v's own input left out. Scores of -infinity are counted, not added: a row first keeps to the
// entries with the fewest expected violations, so that an infeasible start walks to feasibility,
// and what cannot be helped does not drown what can.
// A sparse clamped kernel carries the scores within its scope on its stored entries; every other
// score is dense. Cost of an update: the path in the tree of v's component between two changed
// inputs, and the averages of the scores it shares with components that have changed.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/block_inputs.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace credo::variational {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

bool contains_all(const Scope& outer, const Scope& inner) {
  return std::ranges::all_of(
      inner, [&](VariableId v) { return std::ranges::find(outer, v) != outer.end(); });
}

}  // namespace

std::size_t entries_of(const Problem& problem, const Node& node) {
  return saturating_product(problem.graph->shape_of(Problem::scope_of(node)));
}

BlockScope everything(const Problem& problem) {
  return {std::vector<char>(problem.scores.size(), 1), std::vector<char>(problem.nodes.size(), 1),
          std::vector<char>(problem.nodes.size(), 1)};
}

std::vector<Rows> uniform_start(const Problem& problem) {
  std::vector<Rows> start(problem.nodes.size());
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Node& node = problem.nodes[n];
    if (!node.optimised()) continue;
    const std::size_t width = problem.graph->cardinality(node.variable);
    start[n].assign(entries_of(problem, node), 1.0);
    if (node.table) {
      for (std::size_t i = 0; i < start[n].size(); ++i) start[n][i] = node.table->log_at(i);
    }
    for (std::size_t i = 0; i < start[n].size(); i += width) {
      const auto row = std::span(start[n]).subspan(i, width);
      if (node.table) std::ranges::copy(softmax(row), row.begin());
      if (normalize(row) == 0.0) row.front() = 1.0;  // infeasible, but a distribution
    }
  }
  return start;
}

BlockSolver::BlockSolver(const Problem& problem, BlockScope scope)
    : problem_(problem),
      scope_(std::move(scope)),
      input_of_(problem.nodes.size(), kNoBucket),
      own_input_(problem.scores.size(), kNoBucket),
      carrier_(problem.scores.size(), kNoNode),
      rows_(problem.nodes.size()) {
  plan_inputs();
}

void BlockSolver::plan_inputs() {
  std::vector<InputShape> shapes;
  std::vector<VariableId> order;
  for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
    if (!scope_.nodes[n]) continue;
    const Node& node = problem_.nodes[n];
    input_of_[n] = shapes.size();
    const bool sparse = !node.optimised() && node.table->is_sparse();
    shapes.push_back(
        {Problem::scope_of(node),
         static_cast<double>(sparse ? node.table->stored() : entries_of(problem_, node)), sparse,
         true});
  }
  for (std::size_t s = 0; s < problem_.scores.size(); ++s) {
    if (!scope_.scores[s]) continue;
    const Scope& scope = problem_.scores[s].scope;
    for (const VariableId v : scope) {
      const Node& node = problem_.node(v);
      if (!node.optimised() && node.table->is_sparse() &&
          contains_all(Problem::scope_of(node), scope)) {
        carrier_[s] = problem_.node_of[v];
      }
    }
    if (carrier_[s] != kNoNode) continue;
    own_input_[s] = shapes.size();
    shapes.push_back({scope, static_cast<double>(problem_.scores[s].table.size()), false, false});
  }
  std::vector<std::size_t> topological = parents_first(problem_);
  for (std::size_t i = topological.size(); i-- > 0;) {
    if (scope_.nodes[topological[i]]) order.push_back(problem_.nodes[topological[i]].variable);
  }
  plan_ = plan_forest(*problem_.graph, shapes, order);
}

double BlockSolver::cost(std::size_t n, double q, std::size_t entry, double& violations) const {
  const Node& node = problem_.nodes[n];
  if (node.kind == ConditionalKind::arg_max || q == 0.0) return 0.0;
  const double base = log_base_[n].empty() ? 0.0 : log_base_[n][entry];
  if (base == -kInfinity) {
    violations += 1.0;
    return 0.0;
  }
  return multiplier_ * node.weight * (base - std::log(q));
}

DualTable BlockSolver::input_of_node(std::size_t n) const {
  const Node& node = problem_.nodes[n];
  DualTable dual;
  dual.scope = Problem::scope_of(node);
  dual.p = rows_[n];
  if (!scope_.costs[n] || node.kind == ConditionalKind::arg_max) return dual;
  dual.mean.assign(dual.p.size(), 0.0);
  std::vector<double> violations(log_base_[n].size(), 0.0);
  double none = 0.0;
  for (std::size_t i = 0; i < dual.p.size(); ++i) {
    dual.mean[i] = cost(n, dual.p[i], i, violations.empty() ? none : violations[i]);
  }
  if (std::ranges::any_of(violations, [](double v) { return v > 0.0; })) {
    dual.violations = std::move(violations);
  }
  return dual;
}

std::vector<DualTable> BlockSolver::make_inputs() const {
  std::vector<DualTable> inputs;
  for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
    if (!scope_.nodes[n]) continue;
    const Node& node = problem_.nodes[n];
    inputs.push_back(node.optimised() ? input_of_node(n) : dual_of_kernel(*problem_.graph, node));
  }
  for (std::size_t s = 0; s < problem_.scores.size(); ++s) {
    if (own_input_[s] != kNoBucket) inputs.push_back(dual_of(problem_.scores[s]));
    if (carrier_[s] == kNoNode) continue;
    carry(*problem_.graph, problem_.scores[s], inputs[input_of_[carrier_[s]]]);
  }
  return inputs;
}

void BlockSolver::start(std::span<const Rows> rows, double multiplier) {
  multiplier_ = multiplier;
  rows_.assign(rows.begin(), rows.end());
  log_base_.assign(problem_.nodes.size(), {});
  for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
    const Node& node = problem_.nodes[n];
    if (!node.optimised() || !node.table || !scope_.nodes[n]) continue;
    const Table dense = node.table->densified(kNoLimit);
    log_base_[n].assign(dense.values().begin(), dense.values().end());
  }
  forest_.emplace(*problem_.graph, plan_, make_inputs());
}

void BlockSolver::set(std::size_t node, Rows rows) {
  rows_[node] = std::move(rows);
  forest_->set(input_of_[node], input_of_node(node));
}

BlockGain BlockSolver::update(std::size_t n, bool keep_unreached) {
  const Node& node = problem_.nodes[n];
  const DualTable a = around(n);
  const std::size_t width = problem_.graph->cardinality(node.variable);
  const double weight = multiplier_ * node.weight;
  Rows q = rows_[n];
  BlockGain gain;
  double mass = 0.0;
  std::vector<double> j(width);
  for (std::size_t i = 0; i < q.size(); i += width) {
    const auto log_base = log_base_[n].empty() ? std::span<const double>()
                                               : std::span(log_base_[n]).subspan(i, width);
    const auto violations = a.violations.empty() ? std::span<const double>()
                                                 : std::span(a.violations).subspan(i, width);
    const double p = *std::max_element(&a.p[i], &a.p[i] + width);
    if (p == 0.0 && keep_unreached) continue;
    std::copy_n(&a.mean[i], width, j.begin());
    keep_to_feasible(node.kind, weight, violations, log_base, j);
    const auto row = std::span(q).subspan(i, width);
    solve_row(node.kind, weight, log_base, j, row);
    if (std::ranges::all_of(row, [](double x) { return x == 0.0; })) {
      std::copy_n(&rows_[n][i], width, row.begin());
    }
    mass += p;
    const auto add = [&](const Rows& rows, double& value, double& count) {
      for (std::size_t k = i; k < i + width; ++k) {
        if (rows[k] == 0.0 || p == 0.0) continue;
        double violated = violations.empty() ? 0.0 : violations[k - i];
        value += p * rows[k] * (a.mean[k] + cost(n, rows[k], k, violated));
        count += p * rows[k] * violated;
      }
    };
    add(rows_[n], gain.before, gain.violations_before);
    add(q, gain.after, gain.violations_after);
  }
  if (mass > 0.0) {
    for (double* part :
         {&gain.before, &gain.after, &gain.violations_before, &gain.violations_after}) {
      *part /= mass;
    }
  }
  set(n, std::move(q));
  return gain;
}

}  // namespace credo::variational
