// The forward pass: q(x_v) for every v, parents before children.
//
// A frontier is a list of independent joint tables over variables that still have children to come.
// At v the tables that hold a parent of v are multiplied, each joint state m is sent along the
// stored entries of q(v | m), and what has no children left is summed away on the spot.
// Invariant: the frontier's tables have disjoint scopes, and their product is the joint marginal.
// Cost: joint states of the merged table x stored entries of a row, per variable; the stored
// entries of q on a chain. Filtering without observations (Russell and Norvig 2020, section 14.2).

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/entry_loop.hpp>
#include <credo/inference/variational/forward.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <algorithm>
#include <utility>

namespace credo::variational {

namespace {

struct FrontierTable {
  Scope scope;
  std::vector<double> p;
};

/// The frontier's scopes, and who still has children to come.
class Frontier {
 public:
  explicit Frontier(const Problem& problem)
      : problem_(problem), left_(problem.graph->variable_count(), 0) {
    for (const Node& node : problem.nodes) {
      for (const VariableId u : node.parents) ++left_[u];
    }
  }

  /// Takes out the tables that hold a parent of node.
  std::vector<FrontierTable> take(const Node& node) {
    std::vector<FrontierTable> taken;
    std::vector<FrontierTable> rest;
    for (FrontierTable& table : tables_) {
      const bool touched = std::ranges::any_of(table.scope, [&](VariableId v) {
        return std::ranges::find(node.parents, v) != node.parents.end();
      });
      (touched ? taken : rest).push_back(std::move(table));
    }
    tables_ = std::move(rest);
    return taken;
  }

  /// What is left of a merged scope after node, which itself comes last.
  Scope scope_after(const Node& node, const Scope& merged) {
    for (const VariableId u : node.parents) --left_[u];
    Scope scope;
    for (const VariableId u : merged) {
      if (left_[u] > 0) scope.push_back(u);
    }
    if (left_[node.variable] > 0) scope.push_back(node.variable);
    return scope;
  }

  void put(FrontierTable table) {
    if (!table.scope.empty()) tables_.push_back(std::move(table));
  }

  [[nodiscard]] double states_of(const Scope& scope) const {
    double states = 1.0;
    for (const VariableId v : scope) {
      states *= static_cast<double>(problem_.graph->cardinality(v));
    }
    return states;
  }

 private:
  const Problem& problem_;
  std::vector<std::size_t> left_;
  std::vector<FrontierTable> tables_;
};

Scope merged_scope(const std::vector<FrontierTable>& tables) {
  Scope merged;
  for (const FrontierTable& table : tables) {
    merged.insert(merged.end(), table.scope.begin(), table.scope.end());
  }
  return merged;
}

/// Outer product in the order of the tables: their scopes are disjoint.
std::vector<double> product(std::vector<FrontierTable> tables) {
  if (tables.size() == 1) return std::move(tables.front().p);
  std::vector<double> result{1.0};
  for (const FrontierTable& table : tables) {
    std::vector<double> longer;
    longer.reserve(result.size() * table.p.size());
    for (const double a : result) {
      for (const double b : table.p) longer.push_back(a * b);
    }
    result = std::move(longer);
  }
  return result;
}

std::vector<std::uint64_t> strides_in(const FactorGraph& graph, const Scope& target,
                                      const Scope& from) {
  const std::vector<std::uint64_t> own = strides_of(graph.shape_of(target));
  std::vector<std::uint64_t> strides;
  for (const VariableId v : from) {
    const auto at = std::ranges::find(target, v);
    strides.push_back(at == target.end() ? 0 : own[static_cast<std::size_t>(at - target.begin())]);
  }
  return strides;
}

/// Sends every joint state of the merged table along q(v | parents).
void send(const FactorGraph& graph, const Node& node, const Table& q, const Scope& merged,
          const std::vector<double>& p, FrontierTable& after, std::vector<double>& marginal) {
  const EntryPattern pattern(graph, Problem::scope_of(node),
                             q.is_sparse() ? std::optional(q) : std::nullopt);
  const std::vector<std::uint64_t> row_strides = strides_in(graph, node.parents, merged);
  const std::vector<std::uint64_t> after_strides = strides_in(graph, after.scope, merged);
  const std::uint64_t own_stride = strides_in(graph, after.scope, {node.variable}).front();
  after.p.assign(saturating_product(graph.shape_of(after.scope)), 0.0);
  std::size_t m = 0;
  for_each_joint_state(graph.shape_of(merged), [&](std::span<const std::size_t> states) {
    const double mass = p[m++];
    if (mass == 0.0) return;
    std::uint64_t row = 0;
    std::uint64_t base = 0;
    for (std::size_t d = 0; d < states.size(); ++d) {
      row += row_strides[d] * states[d];
      base += after_strides[d] * states[d];
    }
    const std::size_t r = pattern.row_of(row);
    if (r == pattern.row_count) return;
    for (std::size_t e = pattern.begin(r); e < pattern.begin(r + 1); ++e) {
      const std::size_t x = pattern.column(r, e);
      const double sent = mass * q.values()[e];
      marginal[x] += sent;
      after.p[base + own_stride * x] += sent;
    }
  });
}

}  // namespace

ForwardPlan plan_forward(const Problem& problem, std::span<const Table> tables,
                         std::vector<std::size_t> order) {
  ForwardPlan plan;
  Frontier frontier(problem);
  for (const std::size_t n : order) {
    const Node& node = problem.nodes[n];
    const Scope merged = merged_scope(frontier.take(node));
    const double states = frontier.states_of(merged);
    const double rows = frontier.states_of(node.parents);
    plan.operations += states / rows * static_cast<double>(tables[n].stored());
    FrontierTable after{frontier.scope_after(node, merged), {}};
    plan.peak_bytes =
        std::max(plan.peak_bytes, (states + frontier.states_of(after.scope)) * sizeof(double));
    frontier.put(std::move(after));
  }
  plan.order = std::move(order);
  return plan;
}

std::vector<std::vector<double>> run_forward(const Problem& problem, std::span<const Table> tables,
                                             const ForwardPlan& plan,
                                             contraction::Monitor& monitor) {
  std::vector<std::vector<double>> marginals(problem.graph->variable_count());
  Frontier frontier(problem);
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    monitor.check("marginals", static_cast<double>(i) / static_cast<double>(plan.order.size()));
    const Node& node = problem.nodes[plan.order[i]];
    std::vector<FrontierTable> taken = frontier.take(node);
    const Scope merged = merged_scope(taken);
    FrontierTable after{frontier.scope_after(node, merged), {}};
    marginals[node.variable].assign(problem.graph->cardinality(node.variable), 0.0);
    send(*problem.graph, node, tables[plan.order[i]], merged, product(std::move(taken)), after,
         marginals[node.variable]);
    frontier.put(std::move(after));
  }
  return marginals;
}

}  // namespace credo::variational
