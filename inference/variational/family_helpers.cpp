// Ready-made families.
//
// fully_structured: eliminating v from the interaction graph of the sliced model, its neighbours
// become its parents and one another's neighbours. Every factor then lies inside {v} and pa(v) of
// the first of its variables to go, so that the posterior factorises along the family (Koller and
// Friedman 2009, section 9.4). Cost: the edges of the triangulated graph.

#include <credo/core/error.hpp>
#include <credo/inference/elimination_order.hpp>
#include <credo/inference/variational/family.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace credo {

namespace {

std::vector<VariableId> unobserved(const FactorGraph& graph, const Evidence& evidence) {
  std::vector<VariableId> variables;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (!evidence.is_observed(v)) variables.push_back(v);
  }
  return variables;
}

/// Discrete variables, then continuous ones.
Scope whole_scope(const GaussianFactor& factor) {
  Scope scope = factor.scope;
  scope.insert(scope.end(), factor.continuous.begin(), factor.continuous.end());
  return scope;
}

std::vector<VariableId> min_fill_order(const FactorGraph& graph, const Evidence& evidence) {
  OrderProblem problem;
  for (const Variable& v : graph.variables()) {
    // A continuous variable costs what its dimension says; any increasing measure would do.
    problem.log2_cardinality.push_back(v.is_continuous()
                                           ? static_cast<double>(v.dimension)
                                           : std::log2(static_cast<double>(v.cardinality)));
  }
  problem.variables = unobserved(graph, evidence);
  const auto add_scope = [&](const Scope& whole) {
    Scope scope;
    for (const VariableId v : whole) {
      if (!evidence.is_observed(v)) scope.push_back(v);
    }
    problem.scopes.push_back(std::move(scope));
  };
  for (const Factor& factor : graph.factors()) add_scope(factor.scope);
  for (const GaussianFactor& factor : graph.gaussian_factors()) add_scope(whole_scope(factor));
  problem.group.assign(graph.variable_count(), 0);
  PlanOptions options;
  options.restarts = 8;
  OrderCandidate found = search_order(problem, options, [] { return true; });
  // Where none is found within the limit any order is as good.
  return found.order.size() < problem.variables.size() ? problem.variables : found.order;
}

void check_order(const FactorGraph& graph, const Evidence& evidence,
                 const std::vector<VariableId>& order) {
  std::vector<VariableId> sorted = order;
  std::ranges::sort(sorted);
  if (sorted == unobserved(graph, evidence)) return;
  throw ModelError(fmt::format(
      "fully_structured: expected an order of the {} unobserved variables, each once, got {}",
      unobserved(graph, evidence).size(), order.size()));
}

}  // namespace

Family mean_field(const FactorGraph& graph, const Evidence& evidence) {
  evidence.validate(graph);
  Family family(graph);
  for (const VariableId v : unobserved(graph, evidence)) family.free(v, {});
  return family;
}

Family fully_structured(const FactorGraph& graph, const Evidence& evidence,
                        std::vector<VariableId> order) {
  evidence.validate(graph);
  if (order.empty()) {
    order = min_fill_order(graph, evidence);
  } else {
    check_order(graph, evidence, order);
  }
  std::vector<std::set<VariableId>> neighbours(graph.variable_count());
  const auto connect = [&](const auto& scope) {
    for (const VariableId a : scope) {
      if (evidence.is_observed(a)) continue;
      for (const VariableId b : scope) {
        if (a != b && !evidence.is_observed(b)) neighbours[a].insert(b);
      }
    }
  };
  for (const Factor& factor : graph.factors()) connect(factor.scope);
  for (const GaussianFactor& factor : graph.gaussian_factors()) connect(whole_scope(factor));
  Family family(graph);
  for (const VariableId v : order) {
    const std::set<VariableId> parents = std::move(neighbours[v]);
    for (const VariableId u : parents) neighbours[u].erase(v);
    connect(parents);
    family.free(v, Scope(parents.begin(), parents.end()));
  }
  return family;
}

namespace {

/// Factors that are marked as the conditional of a variable.
struct Owners {
  std::vector<FactorId> factors;
  std::vector<GaussianFactorId> gaussian;
};

std::vector<Owners> owners_of(const FactorGraph& graph) {
  std::vector<Owners> owners(graph.variable_count());
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    if (graph.factor(f).child) owners[*graph.factor(f).child].factors.push_back(f);
  }
  for (GaussianFactorId g = 0; g < graph.gaussian_factors().size(); ++g) {
    const std::optional<VariableId> child = graph.gaussian_factor(g).child;
    if (child) owners[*child].gaussian.push_back(g);
  }
  return owners;
}

}  // namespace

Family model_direction(const FactorGraph& graph, const Evidence& evidence,
                       std::span<const VariableId> free_variables) {
  evidence.validate(graph);
  Family family(graph);
  const std::vector<Owners> owners = owners_of(graph);
  for (const VariableId v : unobserved(graph, evidence)) {
    const Owners& own = owners[v];
    if (own.factors.size() + own.gaussian.size() != 1) {
      throw ModelError(fmt::format(
          "model_direction: expected one factor marked as the conditional of {}, got {}",
          graph.variable(v).name, own.factors.size() + own.gaussian.size()));
    }
    if (std::ranges::find(free_variables, v) == free_variables.end()) {
      own.factors.empty() ? family.clamp_gaussian(own.gaussian.front())
                          : family.clamp(own.factors.front());
      continue;
    }
    Scope parents = own.factors.empty() ? whole_scope(graph.gaussian_factor(own.gaussian.front()))
                                        : graph.factor(own.factors.front()).scope;
    std::erase(parents, v);
    family.free(v, std::move(parents));
  }
  return family;
}

}  // namespace credo
