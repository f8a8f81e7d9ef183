// What must not change when a model is written differently, on models too large to enumerate.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

using namespace credo;
using namespace credo::testing;

namespace {

/// The same model in other words: variable v is renamed[v], log Z moved by log_shift.
struct Rewritten {
  FactorGraph graph;
  Evidence evidence;
  std::vector<VariableId> renamed;
  double log_shift = 0.0;
};

using Rewrite = Rewritten (*)(const FactorGraph&, const Evidence&, Random&);

std::vector<VariableId> identity(const FactorGraph& graph) {
  std::vector<VariableId> same(graph.variable_count());
  std::iota(same.begin(), same.end(), VariableId{0});
  return same;
}

FactorGraph variables_of(const FactorGraph& graph) {
  FactorGraph copy;
  for (const Variable& v : graph.variables()) copy.add_variable(v);
  return copy;
}

/// Calls visit(states of the scope) in row-major order.
void for_each_state(const FactorGraph& graph, const Scope& scope,
                    const std::function<void(const std::vector<std::size_t>&)>& visit) {
  std::vector<std::size_t> states(scope.size(), 0);
  for (bool done = false; !done;) {
    visit(states);
    done = true;
    for (std::size_t d = scope.size(); d-- > 0 && done;) {
      if (++states[d] < graph.cardinality(scope[d])) {
        done = false;
      } else {
        states[d] = 0;
      }
    }
  }
}

/// Logarithms of the product of factors over a scope that contains theirs.
std::vector<double> log_product(const FactorGraph& graph, const std::vector<FactorId>& factors,
                                const Scope& scope) {
  std::vector<double> logs;
  for_each_state(graph, scope, [&](const std::vector<std::size_t>& states) {
    double sum = 0.0;
    for (const FactorId f : factors) {
      std::vector<std::size_t> of_factor;
      for (const VariableId v : graph.factor(f).scope) {
        const auto at = std::ranges::find(scope, v) - scope.begin();
        of_factor.push_back(states[static_cast<std::size_t>(at)]);
      }
      const Table& table = graph.factor(f).table;
      sum += table.log_at(table.index_of(of_factor));
    }
    logs.push_back(sum);
  });
  return logs;
}

void copy_factor(FactorGraph& into, const Factor& factor) {
  if (factor.child) {
    into.add_conditional(factor.scope, *factor.child, factor.table);
  } else {
    into.add_factor(factor.scope, factor.table);
  }
}

Rewritten relabelled(const FactorGraph& graph, const Evidence& evidence, Random& random) {
  Rewritten r;
  r.renamed = identity(graph);
  random.shuffle(r.renamed);
  std::vector<VariableId> original(r.renamed.size());
  for (VariableId v = 0; v < original.size(); ++v) original[r.renamed[v]] = v;
  for (const VariableId v : original) r.graph.add_variable(graph.variable(v));
  std::vector<FactorId> order(graph.factor_count());
  std::iota(order.begin(), order.end(), FactorId{0});
  random.shuffle(order);
  for (const FactorId f : order) {
    Factor factor = graph.factor(f);
    for (VariableId& v : factor.scope) v = r.renamed[v];
    if (factor.child) factor.child = r.renamed[*factor.child];
    copy_factor(r.graph, factor);
  }
  for (const auto& [v, finding] : evidence.findings()) {
    const VariableId u = r.renamed[v];
    if (finding.kind == FindingKind::hard) r.evidence.observe(u, finding.state);
    if (finding.kind == FindingKind::likelihood) {
      r.evidence.observe_likelihood(u, finding.likelihood);
    }
    if (finding.kind == FindingKind::allowed) r.evidence.allow(u, finding.allowed);
  }
  return r;
}

Rewritten transposed(const FactorGraph& graph, const Evidence& evidence, Random& random) {
  Rewritten r{variables_of(graph), evidence, identity(graph)};
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    Scope scope = graph.factor(f).scope;
    random.shuffle(scope);
    r.graph.add_factor(
        scope, Table::dense(graph.shape_of(scope), log_product(graph, {f}, scope), Domain::log));
  }
  return r;
}

Rewritten merged_pairs(const FactorGraph& graph, const Evidence& evidence, Random&) {
  Rewritten r{variables_of(graph), evidence, identity(graph)};
  for (FactorId f = 0; f < graph.factor_count(); f += 2) {
    std::vector<FactorId> pair{f};
    if (f + 1 < graph.factor_count()) pair.push_back(f + 1);
    Scope scope;
    for (const FactorId g : pair) {
      for (const VariableId v : graph.factor(g).scope) {
        if (std::ranges::find(scope, v) == scope.end()) scope.push_back(v);
      }
    }
    r.graph.add_factor(
        scope, Table::dense(graph.shape_of(scope), log_product(graph, pair, scope), Domain::log));
  }
  return r;
}

/// f = g * (f / g) for a random positive g.
Rewritten split_factors(const FactorGraph& graph, const Evidence& evidence, Random& random) {
  Rewritten r{variables_of(graph), evidence, identity(graph)};
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const Scope& scope = graph.factor(f).scope;
    std::vector<double> rest = log_product(graph, {f}, scope);
    std::vector<double> part(rest.size());
    for (std::size_t i = 0; i < rest.size(); ++i) {
      part[i] = random.uniform(-2.0, 2.0);
      rest[i] -= part[i];
    }
    r.graph.add_factor(scope, Table::dense(graph.shape_of(scope), part, Domain::log));
    r.graph.add_factor(scope, Table::dense(graph.shape_of(scope), rest, Domain::log));
  }
  return r;
}

/// Every factor times its own constant between 1e-150 and 1e150.
Rewritten rescaled(const FactorGraph& graph, const Evidence& evidence, Random& random) {
  Rewritten r{variables_of(graph), evidence, identity(graph)};
  CompensatedSum shift;
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const double log_constant = random.uniform(-345.0, 345.0);
    shift.add(log_constant);
    const Scope& scope = graph.factor(f).scope;
    std::vector<double> logs = log_product(graph, {f}, scope);
    for (double& log_value : logs) log_value = std::exp(log_value + log_constant);
    r.graph.add_factor(scope, logs);
  }
  r.log_shift = shift.value();
  return r;
}

/// Findings as factors, and a unit factor over every variable.
Rewritten evidence_as_factors(const FactorGraph& graph, const Evidence& evidence, Random&) {
  Rewritten r{variables_of(graph), {}, identity(graph)};
  for (const Factor& factor : graph.factors()) copy_factor(r.graph, factor);
  for (const auto& [v, finding] : evidence.findings()) {
    std::vector<double> values = finding.likelihood;
    values.resize(graph.cardinality(v), 0.0);
    if (finding.kind == FindingKind::hard) values[finding.state] = 1.0;
    for (const std::size_t state : finding.allowed) values[state] = 1.0;
    r.graph.add_factor({v}, values);
  }
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    r.graph.add_factor({v}, std::vector<double>(graph.cardinality(v), 1.0));
  }
  return r;
}

std::vector<ModelClass> larger_classes() {
  ModelClass pairwise{.name = "pairwise", .variables = 30, .factors = 40, .largest_scope = 2};
  ModelClass zeros{.name = "zeros",
                   .variables = 30,
                   .factors = 30,
                   .zero_fraction = 0.1,
                   .sparse_fraction = 0.3};
  ModelClass network{.name = "network", .variables = 30, .bayesian_network = true};
  ModelClass small{.name = "small", .zero_fraction = 0.1};
  return {pairwise, zeros, network, small};
}

void check_rewrite(Rewrite rewrite) {
  for (const ModelClass& of : larger_classes()) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      CAPTURE(of.name);
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = random_graph(random, of);
      const Evidence evidence = random_evidence(random, graph, 0.15);
      const Rewritten other = rewrite(graph, evidence, random);
      const Result a = infer(graph, evidence, Query::marginals());
      const Result b = infer(other.graph, other.evidence, Query::marginals());
      REQUIRE_MESSAGE(a.status != Status::refused, a.message);
      REQUIRE(status_name(a.status) == status_name(b.status));
      const Result best_a = infer(graph, evidence, Query::map(3));
      const Result best_b = infer(other.graph, other.evidence, Query::map(3));
      REQUIRE(status_name(best_a.status) == status_name(a.status));
      REQUIRE(best_a.assignments.size() == best_b.assignments.size());
      if (!a.ok()) continue;
      CHECK(std::fabs(b.log_z - other.log_shift - a.log_z) < 1e-9);
      for (VariableId v = 0; v < graph.variable_count(); ++v) {
        for (std::size_t x = 0; x < graph.cardinality(v); ++x) {
          CHECK(std::fabs(b.marginal(other.renamed[v])[x] - a.marginal(v)[x]) < 1e-10);
        }
      }
      for (std::size_t i = 0; i < best_a.assignments.size(); ++i) {
        CHECK(std::fabs(best_b.assignments[i].log_value - other.log_shift -
                        best_a.assignments[i].log_value) < 1e-9);
      }
    }
  }
}

}  // namespace

TEST_CASE("metamorphic: variables renumbered, factors shuffled") { check_rewrite(relabelled); }
TEST_CASE("metamorphic: scopes permuted, tables as logarithms") { check_rewrite(transposed); }
TEST_CASE("metamorphic: factors merged in pairs") { check_rewrite(merged_pairs); }
TEST_CASE("metamorphic: factors split in two") { check_rewrite(split_factors); }
TEST_CASE("metamorphic: factors scaled by up to 1e150") { check_rewrite(rescaled); }
TEST_CASE("metamorphic: evidence as factors, unit factors added") {
  check_rewrite(evidence_as_factors);
}

TEST_CASE("metamorphic: the chain rule, log Z(e) = log sum over states of Z(e, x)") {
  for (const ModelClass& of : larger_classes()) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(of.name);
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = random_graph(random, of);
      const auto v = static_cast<VariableId>(random.below(graph.variable_count()));
      const Result whole = infer(graph, Query::marginals({v}));
      if (!whole.ok()) continue;
      for (std::size_t x = 0; x < graph.cardinality(v); ++x) {
        Evidence evidence;
        evidence.observe(v, x);
        const Result part = infer(graph, evidence, Query::log_partition());
        CHECK(std::fabs(std::exp(part.log_z - whole.log_z) - whole.marginal(v)[x]) < 1e-11);
      }
    }
  }
}

TEST_CASE("metamorphic: same seed, same bits") {
  for (const ModelClass& of : larger_classes()) {
    Random random(3);
    const FactorGraph graph = random_graph(random, of);
    for (const Query& query : every_task(random, graph)) {
      CAPTURE(of.name);
      CHECK(bit_equal(infer(graph, query), infer(graph, query)));
    }
  }
}
