// The model after its evidence, as a family sees it.
//
// A clamped conditional that is a factor of the model cancels it, so that factor is no score; a
// charged one takes its factor out too and pays for it by itself. Every other factor, sliced at the
// observed variables, is a score log f. A clamped kernel k that is no factor adds the score -log k.
// Cost: the entries of every different table, once.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/problem.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace credo::variational {

Scope Problem::scope_of(const Node& node) {
  Scope scope = node.parents;
  scope.push_back(node.variable);
  return scope;
}

Scope Problem::scope_of_conditional(const Conditional& conditional) {
  Scope scope = conditional.parents;
  scope.push_back(conditional.child);
  return scope;
}

std::vector<std::size_t> observed_states(const FactorGraph& graph, const Evidence& evidence) {
  std::vector<std::size_t> states(graph.variable_count(), kNoState);
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::hard) states[v] = finding.state;
    if (finding.kind == FindingKind::value) states[v] = 0;  // anything but kNoState
  }
  return states;
}

Table TableCache::get(const Table& table, const Scope& scope,
                      const std::vector<std::size_t>& states, Domain domain) {
  std::vector<std::size_t> kept;
  std::vector<FixedExtent> fixed;
  std::vector<std::uint64_t> key{reinterpret_cast<std::uintptr_t>(table.identity()),
                                 static_cast<std::uint64_t>(domain)};
  for (std::size_t d = 0; d < scope.size(); ++d) {
    if (const std::size_t state = states[scope[d]]; state == kNoState) {
      kept.push_back(d);
    } else {
      fixed.push_back({d, state});
      key.push_back(d);
      key.push_back(state);
    }
  }
  if (const auto known = entries_.find(key); known != entries_.end()) return known->second.result;
  const Table result = arranged(table, kept, fixed).in_domain(domain);
  entries_.emplace(std::move(key), Entry{table, result});
  return result;
}

Table TableCache::negated_log(const Table& kernel) {
  std::vector<std::uint64_t> key{reinterpret_cast<std::uintptr_t>(kernel.identity())};
  if (const auto known = entries_.find(key); known != entries_.end()) return known->second.result;
  std::vector<double> values;
  const Table logarithms = kernel.in_domain(Domain::log);
  for (const double k : logarithms.values()) {
    values.push_back(k == -kInfinity ? 0.0 : -k);
  }
  const Table result = with_values(kernel, std::move(values), Domain::log);
  entries_.emplace(std::move(key), Entry{kernel, result});
  return result;
}

namespace {

Scope unobserved_of(const Scope& scope, const std::vector<std::size_t>& states) {
  Scope kept;
  for (const VariableId v : scope) {
    if (states[v] == kNoState) kept.push_back(v);
  }
  return kept;
}

Node make_node(const Family& family, VariableId v, const std::vector<std::size_t>& states,
               TableCache& cache) {
  const Conditional& conditional = *family.find(v);
  Node node;
  node.variable = v;
  node.place = static_cast<std::size_t>(&conditional - family.conditionals().data());
  node.kind = conditional.kind;
  node.weight = conditional.weight;
  node.parents = unobserved_of(conditional.parents, states);
  if (conditional.table) {
    node.table = cache.get(*conditional.table, Problem::scope_of_conditional(conditional), states,
                           node.optimised() ? Domain::log : Domain::linear);
  }
  return node;
}

void add_findings(const FactorGraph& graph, const Evidence& evidence, Problem& problem) {
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::hard || finding.kind == FindingKind::value) continue;
    std::vector<double> values(graph.cardinality(v), -kInfinity);
    for (std::size_t x = 0; x < finding.likelihood.size(); ++x) {
      values[x] = std::log(finding.likelihood[x]);
    }
    for (const std::size_t x : finding.allowed) values[x] = 0.0;
    const std::size_t extent = values.size();
    problem.scores.push_back(
        {{v}, Table::dense({extent}, std::move(values), Domain::log), std::nullopt, v});
  }
}

}  // namespace

Problem make_problem(const FactorGraph& graph, const Evidence& evidence, const Family& family) {
  const std::vector<std::size_t> states = observed_states(graph, evidence);
  TableCache cache;
  Problem problem;
  problem.graph = &graph;
  problem.node_of.assign(graph.variable_count(), kNoNode);
  std::vector<char> taken_out(graph.factor_count(), 0);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (states[v] != kNoState) continue;
    problem.node_of[v] = problem.nodes.size();
    problem.nodes.push_back(make_node(family, v, states, cache));
    if (const auto factor = family.find(v)->factor) taken_out[*factor] = 1;
  }
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    if (taken_out[f]) continue;
    const Factor& factor = graph.factor(f);
    problem.scores.push_back({unobserved_of(factor.scope, states),
                              cache.get(factor.table, factor.scope, states, Domain::log), f,
                              std::nullopt});
  }
  add_findings(graph, evidence, problem);
  for (const Node& node : problem.nodes) {
    // An infinite charge holds the kernel without counting its entropy: the limit of large rho.
    const Conditional& conditional = family.conditionals()[node.place];
    if (node.optimised() || conditional.factor || std::isinf(conditional.weight)) continue;
    if (!node.table) continue;  // continuous
    problem.scores.push_back(
        {Problem::scope_of(node), cache.negated_log(*node.table), std::nullopt, std::nullopt});
  }
  return problem;
}

std::vector<Table> given_tables(const Problem& problem, const Evidence& evidence,
                                const Family& family, std::span<const Table> conditionals) {
  if (conditionals.size() != family.conditionals().size()) {
    throw ModelError(fmt::format("conditionals: expected one table for each of the {}, got {}",
                                 family.conditionals().size(), conditionals.size()));
  }
  const std::vector<std::size_t> states = observed_states(*problem.graph, evidence);
  Family checked(*problem.graph);  // refuses shapes and rows as it does for kernels
  std::vector<Table> tables;
  TableCache cache;
  for (const Node& node : problem.nodes) {
    const Conditional& conditional = family.conditionals()[node.place];
    if (!node.optimised()) {
      tables.push_back(*node.table);
      continue;
    }
    const Table& given = conditionals[node.place];
    checked.clamp(node.variable, conditional.parents, given);
    tables.push_back(
        cache.get(given, Problem::scope_of_conditional(conditional), states, Domain::linear));
  }
  return tables;
}

std::vector<Table> full_tables(const Problem& problem, const Evidence& evidence,
                               const Family& family, std::vector<Table> tables) {
  const std::vector<std::size_t> states = observed_states(*problem.graph, evidence);
  std::vector<Table> result(family.conditionals().size());
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    const Node& node = problem.nodes[n];
    const Conditional& conditional = family.conditionals()[node.place];
    if (!node.optimised()) {
      result[node.place] = *conditional.table;
      continue;
    }
    std::vector<FixedExtent> fixed;
    for (std::size_t d = 0; d < conditional.parents.size(); ++d) {
      const std::size_t state = states[conditional.parents[d]];
      if (state != kNoState) fixed.push_back({d, state});
    }
    result[node.place] = embedded(
        tables[n], problem.graph->shape_of(Problem::scope_of_conditional(conditional)), fixed);
    tables[n] = Table();
  }
  return result;
}

}  // namespace credo::variational
