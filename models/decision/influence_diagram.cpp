// Building influence diagrams. Invariants: parents_ and conditional_ have one entry per variable of
// graph_; a variable without conditional is a decision; the arcs are acyclic at all times; a
// conditional's scope is its parents in order, then the child.

#include <credo/core/error.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/conditional_rows.hpp>
#include <credo/models/decision/influence_diagram.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::decision {

namespace {

std::vector<Arc> arcs_of(const InfluenceDiagram& diagram) {
  std::vector<Arc> arcs;
  for (VariableId v = 0; v < diagram.graph().variable_count(); ++v) {
    for (const VariableId p : diagram.parents(v)) arcs.push_back({p, v});
  }
  return arcs;
}

}  // namespace

void InfluenceDiagram::require_new_name(std::string_view node) const {
  const bool taken =
      graph_.find_variable(node).has_value() ||
      std::ranges::any_of(utilities_, [&](const Utility& u) { return u.name == node; });
  if (node.empty() || taken) {
    throw ModelError(
        fmt::format("influence diagram: expected a new name for every node, got '{}'{}", node,
                    taken ? ", which is taken" : ""));
  }
}

Scope InfluenceDiagram::require_parents(std::string_view node,
                                        const std::vector<std::string>& parents) const {
  require_distinct(parents, node);
  Scope scope;
  for (const std::string& parent : parents) {
    if (const auto v = graph_.find_variable(parent)) {
      scope.push_back(*v);
      continue;
    }
    std::vector<std::string> known;
    for (const Variable& v : graph_.variables()) known.push_back(v.name);
    throw ModelError(fmt::format("{}: parent {} is not a chance or decision node added before{}",
                                 describe_conditional(node, parents), parent,
                                 did_you_mean(parent, known)));
  }
  return scope;
}

VariableId InfluenceDiagram::add_node(Variable variable, Scope parents) {
  const VariableId v = graph_.add_variable(std::move(variable));
  parents_.push_back(std::move(parents));
  conditional_.emplace_back();
  return v;
}

VariableId InfluenceDiagram::add_chance(const std::string& chance, std::vector<std::string> states,
                                        const std::vector<std::string>& parents,
                                        const std::vector<std::vector<double>>& rows) {
  require_new_name(chance);
  const Scope scope = require_parents(chance, parents);
  Variable variable{chance, states.size(), {}};
  Table table = normalised_rows(table_of_rows(graph_, variable, scope, rows));
  variable.states = std::move(states);
  return add_chance(std::move(variable), parents, std::move(table));
}

VariableId InfluenceDiagram::add_chance(Variable variable, const std::vector<std::string>& parents,
                                        Table table) {
  require_new_name(variable.name);
  Scope scope = require_parents(variable.name, parents);
  // Everything that can be refused is refused on a graph of the family alone.
  FactorGraph trial;
  Scope trial_scope;
  for (const VariableId p : scope) trial_scope.push_back(trial.add_variable(graph_.variable(p)));
  trial_scope.push_back(trial.add_variable(variable));
  trial.add_conditional(trial_scope, trial_scope.back(), table);

  const VariableId v = add_node(std::move(variable), scope);
  scope.push_back(v);
  conditional_[v] = graph_.add_conditional(std::move(scope), v, std::move(table), kInfinity);
  return v;
}

VariableId InfluenceDiagram::add_decision(const std::string& decision,
                                          std::vector<std::string> states,
                                          const std::vector<std::string>& information) {
  const std::size_t cardinality = states.size();
  return add_decision(Variable{decision, cardinality, std::move(states)}, information);
}

VariableId InfluenceDiagram::add_decision(Variable variable,
                                          const std::vector<std::string>& information) {
  require_new_name(variable.name);
  Scope seen = require_parents(variable.name, information);
  const VariableId v = add_node(std::move(variable), std::move(seen));
  decisions_.push_back(v);
  return v;
}

void InfluenceDiagram::add_utility(const std::string& utility,
                                   const std::vector<std::string>& parents,
                                   std::vector<double> values) {
  require_new_name(utility);
  Scope scope = require_parents(utility, parents);
  const std::uint64_t expected = saturating_product(graph_.shape_of(scope));
  if (values.size() != expected) {
    throw ModelError(
        fmt::format("utility {}: expected {} values, one per joint state of its parents, got {}",
                    utility, expected, values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i]) || values[i] == kInfinity) {
      throw ModelError(fmt::format(
          "utility {}: expected numbers (or -infinity for what is forbidden), got {} at entry {}",
          utility, values[i], i));
    }
  }
  utilities_.push_back({utility, std::move(scope), std::move(values)});
}

void InfluenceDiagram::add_information(std::string_view decision, std::string_view seen) {
  const VariableId d = id(decision);
  const VariableId s = id(seen);
  if (!is_decision(d)) {
    throw ModelError(
        fmt::format("information for {}: expected a decision, it is a chance node", decision));
  }
  if (std::ranges::find(parents_[d], s) != parents_[d].end()) {
    throw ModelError(fmt::format("decision {}: expected distinct information, it sees {} already",
                                 decision, seen));
  }
  std::vector<Arc> arcs = arcs_of(*this);
  arcs.push_back({s, d});
  if (const auto cycle = find_cycle(graph_.variable_count(), arcs); !cycle.empty()) {
    throw ModelError(fmt::format("decision {}: expected arcs without a directed cycle, got {}",
                                 decision, cycle_text(graph_, cycle)));
  }
  parents_[d].push_back(s);
}

std::vector<std::string> InfluenceDiagram::names(const Scope& variables) const {
  std::vector<std::string> result;
  for (const VariableId v : variables) {
    require_index("InfluenceDiagram", "variable", v, graph_.variable_count());
    result.push_back(graph_.variable(v).name);
  }
  return result;
}

FactorGraph InfluenceDiagram::factor_graph(double temperature) const {
  const double scale = temperature == 0.0 ? 1.0 : temperature;
  FactorGraph result = graph_;
  for (const Utility& utility : utilities_) {
    std::vector<double> logs = utility.values;
    for (double& x : logs) x /= scale;
    result.add_factor(utility.parents,
                      Table::dense(graph_.shape_of(utility.parents), std::move(logs), Domain::log));
  }
  return result;
}

Family InfluenceDiagram::family(const FactorGraph& graph, double temperature,
                                std::span<const double> entropy_weights) const {
  Family result(graph);
  for (VariableId v = 0; v < graph_.variable_count(); ++v) {
    if (conditional_[v]) result.clamp(*conditional_[v]);
  }
  for (std::size_t i = 0; i < decisions_.size(); ++i) {
    const VariableId d = decisions_[i];
    if (temperature == 0.0) {
      result.arg_max(d, parents_[d]);
    } else {
      result.free(d, parents_[d], entropy_weights.empty() ? 1.0 : entropy_weights[i]);
    }
  }
  return result;
}

}  // namespace credo::decision
