// From conditionals to constrained factors, and when these say all that the family says.
//
// A constraint b(x_c | x_pa) = k speaks of one factor; the family also says what is independent of
// what. On a forest the best beliefs are those of a distribution q* that is Markov along the
// factors. It is in the family when, eliminating children first, the scopes left at v lie inside
// {v} and pa(v): then every x_v depends on what comes before it through pa(v) alone. A constrained
// factor whose child nothing else mentions weighs nothing and is left out. Where the test holds F
// equals max L: on beliefs that meet the constraints and belong to a q of the family the two are
// the same function, and F's maximum is one of them. Cost: the scopes, and one per variable.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/constraints.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::message_passing {

namespace {

bool is_clamped(const Conditional& conditional) {
  return conditional.kind == ConditionalKind::clamped ||
         (conditional.kind == ConditionalKind::charged && std::isinf(conditional.weight));
}

/// Whether it changes the rule of its factor; a charge of 1 is the factor itself.
bool constrains(const Conditional& conditional) {
  return is_clamped(conditional) ||
         (conditional.kind == ConditionalKind::charged && conditional.weight != 1.0);
}

[[noreturn]] void refuse(const FactorGraph& graph, const Conditional& conditional,
                         std::string_view why) {
  throw ModelError(fmt::format("message passing, conditional of {} ({}): {}",
                               graph.variable(conditional.child).name,
                               conditional_kind_name(conditional.kind), why));
}

bool names_a_factor(const FactorGraph& graph, const Conditional& conditional) {
  return conditional.factor && *conditional.factor < graph.factor_count();
}

std::uint32_t edge_of(const EdgeGraph& edges, FactorId f, VariableId v) {
  for (std::uint32_t e = edges.first_edge[f]; e < edges.first_edge[f + 1]; ++e) {
    if (edges.variable[e] == v) return e;
  }
  return kNone;
}

void constrain(const FactorGraph& graph, const EdgeGraph& edges, const Conditional& conditional,
               Constraints& constraints) {
  if (edges.observed(conditional.child)) return;
  if (conditional.kind == ConditionalKind::arg_max) {
    refuse(graph, conditional, "expected a free, clamped or charged conditional");
  }
  if (conditional.kind == ConditionalKind::free) {
    if (conditional.weight == 1.0 && !conditional.table) return;
    refuse(graph, conditional, "expected weight 1 and no base measure");
  }
  if (!names_a_factor(graph, conditional)) {
    refuse(graph, conditional, "expected a kernel that is a factor of the graph");
  }
  if (!constrains(conditional)) return;
  constraints.child_edge[*conditional.factor] =
      edge_of(edges, *conditional.factor, conditional.child);
  constraints.rho[*conditional.factor] = is_clamped(conditional) ? kInfinity : conditional.weight;
}

/// Variables of a family, parents before children; without those on cycles or below one.
std::vector<VariableId> parents_first(const Evidence& evidence, const Family& family,
                                      std::size_t variables) {
  std::vector<std::size_t> waiting(variables, 0);
  std::vector<Scope> children(variables);
  std::vector<VariableId> order;
  for (const Conditional& conditional : family.conditionals()) {
    if (evidence.is_observed(conditional.child)) continue;
    const Scope parents = evidence.unobserved(conditional.parents);
    waiting[conditional.child] = parents.size();
    for (const VariableId u : parents) children[u].push_back(conditional.child);
    if (parents.empty()) order.push_back(conditional.child);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const VariableId v : children[order[i]]) {
      if (--waiting[v] == 0) order.push_back(v);
    }
  }
  return order;
}

/// Scopes kept with the latest of their variables in an order.
class Buckets {
 public:
  Buckets(std::size_t variables, const std::vector<VariableId>& order)
      : place_(variables, 0), scopes_(variables) {
    for (std::size_t i = 0; i < order.size(); ++i) place_[order[i]] = i;
  }
  void add(Scope scope) {
    if (scope.empty()) return;
    const VariableId last = *std::ranges::max_element(
        scope, [this](VariableId a, VariableId b) { return place_[a] < place_[b]; });
    scopes_[last].push_back(std::move(scope));
  }
  [[nodiscard]] bool empty(VariableId v) const { return scopes_[v].empty(); }
  /// The variables beside v in the scopes kept with it, which are dropped.
  Scope take_neighbours(VariableId v) {
    Scope all;
    for (const Scope& scope : scopes_[v]) all.insert(all.end(), scope.begin(), scope.end());
    scopes_[v].clear();
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    std::erase(all, v);
    return all;
  }

 private:
  std::vector<std::size_t> place_;
  std::vector<std::vector<Scope>> scopes_;
};

}  // namespace

std::vector<FactorId> find_hosts(const FactorGraph& graph, const Evidence& evidence,
                                 const Family* family) {
  std::vector<FactorId> host;
  if (family == nullptr) return host;
  std::vector<char> constrained(graph.factor_count(), 0);
  std::vector<FactorId> takers;
  for (const Conditional& conditional : family->conditionals()) {
    if (!constrains(conditional) || !names_a_factor(graph, conditional) ||
        evidence.is_observed(conditional.child)) {
      continue;
    }
    constrained[*conditional.factor] = 1;
    takers.push_back(*conditional.factor);
  }
  std::ranges::sort(takers);
  for (const FactorId taker : takers) {
    const Scope& scope = graph.factor(taker).scope;
    const auto holds = [&](VariableId v) {
      return std::ranges::find(scope, v) != scope.end() || evidence.is_observed(v);
    };
    for (const VariableId v : scope) {
      if (evidence.is_observed(v)) continue;
      for (const FactorId f : graph.factors_of(v)) {
        if (constrained[f] != 0 || (!host.empty() && host[f] != kNone)) continue;
        const Scope& inner = graph.factor(f).scope;
        if (inner.size() < 2 || evidence.unobserved(inner).size() < 2) continue;
        if (!std::ranges::all_of(inner, holds)) continue;
        if (host.empty()) host.assign(graph.factor_count(), kNone);
        host[f] = taker;
      }
    }
  }
  return host;
}

Constraints make_constraints(const FactorGraph& graph, const EdgeGraph& edges,
                             const Family* family) {
  Constraints constraints;
  if (family == nullptr) return constraints;
  constraints.child_edge.assign(graph.factor_count(), kNone);
  constraints.rho.assign(graph.factor_count(), 1.0);
  for (const Conditional& conditional : family->conditionals()) {
    constrain(graph, edges, conditional, constraints);
  }
  return constraints;
}

std::string why_not_contained(const FactorGraph& graph, const Evidence& evidence,
                              const EdgeGraph& edges, const Constraints& constraints,
                              const Family& family) {
  const std::vector<VariableId> order = parents_first(evidence, family, graph.variable_count());
  Buckets buckets(graph.variable_count(), order);
  std::vector<FactorId> own(graph.variable_count(), kNone);
  std::size_t unordered = graph.variable_count() - order.size();
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (edges.observed(v)) {
      --unordered;
    } else if (evidence.find(v) != nullptr) {
      buckets.add({v});
    }
  }
  if (unordered > 0) {
    return fmt::format("the family orders {} of the unobserved variables, {} are left out",
                       order.size(), unordered);
  }
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    if (constraints.on(f)) {
      own[edges.variable[constraints.child_edge[f]]] = f;
    } else {
      buckets.add(evidence.unobserved(graph.factor(f).scope));
    }
  }
  for (std::size_t i = order.size(); i-- > 0;) {
    const VariableId v = order[i];
    if (buckets.empty(v)) continue;
    if (own[v] != kNone) buckets.add(evidence.unobserved(graph.factor(own[v]).scope));
    Scope neighbours = buckets.take_neighbours(v);
    const Scope& parents = family.find(v)->parents;
    for (const VariableId u : neighbours) {
      if (std::ranges::find(parents, u) != parents.end()) continue;
      return fmt::format("the conditional of {} does not see {}", graph.variable(v).name,
                         graph.variable(u).name);
    }
    buckets.add(std::move(neighbours));
  }
  return "";
}

}  // namespace credo::message_passing
