// Building Bayesian networks. Invariants: parents_, children_ and conditional_
// have one entry per variable of graph_; the arcs are acyclic at all times; a
// conditional's scope is its parents in order, then the child.

#include <credo/core/error.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/joint_states.hpp>
#include <credo/models/bayesian_network.hpp>
#include <credo/models/conditional_rows.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace credo {

BayesianNetwork::BayesianNetwork(FactorGraph graph)
    : graph_(std::move(graph)),
      parents_(graph_.variable_count()),
      children_(graph_.variable_count()),
      conditional_(graph_.variable_count(), kNone) {
  std::vector<Arc> arcs;
  for (FactorId f = 0; f < graph_.factor_count(); ++f) {
    const Factor& factor = graph_.factor(f);
    if (!factor.child) {
      throw ModelError(fmt::format(
          "Bayesian network: expected every factor to be a conditional, {} is not marked as one",
          graph_.describe(f)));
    }
    require_no_conditional(*factor.child);
    Scope parents = factor.scope;
    std::erase(parents, *factor.child);
    for (const VariableId p : parents) arcs.push_back({p, *factor.child});
    conditional_[*factor.child] = f;
    adopt_arcs(*factor.child, parents);
  }
  (void)this->graph();
  if (const auto cycle = find_cycle(graph_.variable_count(), arcs); !cycle.empty()) {
    throw ModelError("Bayesian network: expected arcs without a directed cycle, got " +
                     cycle_text(graph_, cycle));
  }
}

VariableId BayesianNetwork::add_variable(std::string name, std::vector<std::string> states) {
  const std::size_t cardinality = states.size();
  const VariableId v = graph_.add_variable(std::move(name), cardinality, std::move(states));
  parents_.emplace_back();
  children_.emplace_back();
  conditional_.push_back(kNone);
  return v;
}

void BayesianNetwork::set_conditional(std::string_view child,
                                      const std::vector<std::string>& parents,
                                      const std::vector<std::vector<double>>& rows) {
  const VariableId v = id(child);
  require_no_conditional(v);
  const Scope scope = ids(parents);
  require_distinct(parents, child);
  add_table(v, scope, table_of_rows(graph_, graph_.variable(v), scope, rows));
}

VariableId BayesianNetwork::add(const std::string& name, std::vector<std::string> states,
                                const std::vector<std::string>& parents,
                                const std::vector<std::vector<double>>& rows) {
  // Everything that can be refused is looked at before the network changes.
  if (std::ranges::find(parents, name) != parents.end()) {
    throw ModelError(fmt::format("{}: expected arcs without a directed cycle, got {} -> {}",
                                 describe_conditional(name, parents), name, name));
  }
  const Scope scope = ids(parents);
  require_distinct(parents, name);
  const std::size_t cardinality = states.size();
  Table table = table_of_rows(graph_, Variable{name, cardinality, {}}, scope, rows);
  const VariableId v = add_variable(name, std::move(states));
  add_table(v, scope, std::move(table));
  return v;
}

void BayesianNetwork::set_noisy_or(std::string_view child, const std::vector<std::string>& parents,
                                   const NoisyOr& parameters, std::uint64_t entry_limit) {
  const VariableId v = id(child);
  const Scope scope = ids(parents);
  const std::string who = describe_conditional(graph_, v, scope);
  if (graph_.cardinality(v) != 2) {
    throw ModelError(fmt::format("{}: expected a noisy-or child of 2 states, got {}", who,
                                 graph_.cardinality(v)));
  }
  if (parameters.inhibitors.size() != scope.size()) {
    throw ModelError(fmt::format("{}: expected one inhibitor per parent, {} in all, got {}", who,
                                 scope.size(), parameters.inhibitors.size()));
  }
  const auto require_probability = [&](std::string_view what, double p) {
    if (!(p >= 0.0 && p <= 1.0)) {
      throw ModelError(fmt::format("{}: expected {} from 0 to 1, got {}", who, what, p));
    }
  };
  require_probability("a leak", parameters.leak);
  for (const double q : parameters.inhibitors) require_probability("inhibitors", q);
  set_rows(
      child, scope,
      [&](std::span<const std::size_t> states) {
        double log_absent = std::log1p(-parameters.leak);
        for (std::size_t i = 0; i < states.size(); ++i) {
          if (states[i] != 0) log_absent += std::log(parameters.inhibitors[i]);
        }
        // expm1 keeps a presence of 1e-20, which 1 - p(absent) would round to 0.
        return std::vector{std::exp(log_absent), -std::expm1(log_absent)};
      },
      entry_limit);
}

void BayesianNetwork::set_noisy_max(std::string_view child, const std::vector<std::string>& parents,
                                    const NoisyMax& parameters, std::uint64_t entry_limit) {
  const VariableId v = id(child);
  const Scope scope = ids(parents);
  const std::size_t levels = graph_.cardinality(v);
  const std::string who = describe_conditional(graph_, v, scope);
  if (parameters.contributions.size() != scope.size()) {
    throw ModelError(fmt::format("{}: expected contributions of {} parents, got {}", who,
                                 scope.size(), parameters.contributions.size()));
  }
  if (!parameters.leak.empty()) {
    require_distribution(parameters.leak, levels, [&] { return who + ", leak"; });
  }
  for (std::size_t i = 0; i < scope.size(); ++i) {
    const Variable& parent = graph_.variable(scope[i]);
    if (parameters.contributions[i].size() != parent.cardinality) {
      throw ModelError(fmt::format("{}: expected {} contributions of parent {}, got {}", who,
                                   parent.cardinality, parent.name,
                                   parameters.contributions[i].size()));
    }
    for (const auto& contribution : parameters.contributions[i]) {
      require_distribution(contribution, levels,
                           [&] { return who + ", contribution of " + parent.name; });
    }
  }
  set_rows(
      child, scope,
      [&](std::span<const std::size_t> states) {
        std::vector<double> at_most(levels, 1.0);
        const auto multiply = [&](std::span<const double> distribution) {
          double cumulative = 0.0;
          for (std::size_t y = 0; y + 1 < levels; ++y) at_most[y] *= cumulative += distribution[y];
        };
        if (!parameters.leak.empty()) multiply(parameters.leak);
        for (std::size_t i = 0; i < states.size(); ++i)
          multiply(parameters.contributions[i][states[i]]);
        for (std::size_t y = levels; y-- > 1;)
          at_most[y] = std::max(0.0, at_most[y] - at_most[y - 1]);
        return at_most;
      },
      entry_limit);
}

void BayesianNetwork::set_function(
    std::string_view child, const std::vector<std::string>& parents,
    const std::function<std::size_t(std::span<const std::size_t>)>& function,
    std::uint64_t entry_limit) {
  const VariableId v = id(child);
  const Scope scope = ids(parents);
  require_no_conditional(v);
  const std::size_t cardinality = graph_.cardinality(v);
  std::vector<SparseEntry> entries;
  std::vector<std::size_t> shape = graph_.shape_of(scope);
  // Stored as one index and one value, and once more while they are sorted.
  require_expandable_conditional(graph_.variable(v), scope, entries_of(shape), entry_limit,
                                 2.0 * sizeof(SparseEntry));
  for_each_joint_state(shape, [&](std::span<const std::size_t> states) {
    const std::size_t value = function(states);
    if (value >= cardinality) {
      throw ModelError(fmt::format("{}: expected a state below {} for {}, got {}",
                                   describe_conditional(graph_, v, scope), cardinality,
                                   describe_states(graph_, scope, states), value));
    }
    entries.push_back({entries.size() * cardinality + value, 1.0});
  });
  shape.push_back(cardinality);
  add_table(v, scope, Table::sparse(std::move(shape), std::move(entries)));
}

void BayesianNetwork::set_rows(std::string_view child, const Scope& parents, const RowOf& row_of,
                               std::uint64_t entry_limit) {
  const VariableId v = id(child);
  require_no_conditional(v);
  add_table(v, parents, table_of_rows(graph_, graph_.variable(v), parents, row_of, entry_limit));
}

void BayesianNetwork::add_table(VariableId child, const Scope& parents, Table table) {
  require_acyclic(child, parents);
  // Rows were checked one by one, with better words.
  Scope scope = parents;
  scope.push_back(child);
  conditional_[child] =
      graph_.add_conditional(std::move(scope), child, std::move(table), kInfinity);
  adopt_arcs(child, parents);
}

void BayesianNetwork::adopt_arcs(VariableId child, const Scope& parents) {
  parents_[child] = parents;
  for (const VariableId p : parents) children_[p].push_back(child);
}

void BayesianNetwork::require_no_conditional(VariableId child) const {
  if (conditional_[child] != kNone) {
    throw ModelError(
        fmt::format("Bayesian network: expected one conditional per variable, {} already has {}",
                    graph_.variable(child).name, graph_.describe(conditional_[child])));
  }
}

void BayesianNetwork::require_acyclic(VariableId child, const Scope& parents) const {
  for (const VariableId p : parents) {
    // The arc p -> child closes a cycle when a directed path leads from child to p.
    std::vector<VariableId> previous(size(), kNone);
    std::vector<VariableId> queue{child};
    for (std::size_t i = 0; i < queue.size() && queue[i] != p; ++i) {
      for (const VariableId next : children_[queue[i]]) {
        if (previous[next] != kNone) continue;
        previous[next] = queue[i];
        queue.push_back(next);
      }
    }
    if (p != child && previous[p] == kNone) continue;
    std::vector<VariableId> cycle{p};
    while (cycle.back() != child) cycle.push_back(previous[cycle.back()]);
    std::ranges::reverse(cycle);
    throw ModelError(fmt::format("{}: expected arcs without a directed cycle, got {}",
                                 describe_conditional(graph_, child, parents),
                                 cycle_text(graph_, cycle)));
  }
}

const FactorGraph& BayesianNetwork::graph() const {
  for (VariableId v = 0; v < size(); ++v) {
    if (conditional_[v] == kNone) {
      throw ModelError(
          fmt::format("Bayesian network: expected a conditional for every variable, "
                      "{} has none; set_conditional() gives it one",
                      graph_.variable(v).name));
    }
  }
  return graph_;
}

}  // namespace credo
