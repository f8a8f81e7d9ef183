// Random families of every kind on random models, against enumeration.

#include "variational_reference.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace credo;
using namespace credo::testing;

namespace {

Table random_kernel(Random& random, std::vector<std::size_t> shape, double zero_fraction) {
  std::vector<double> values(saturating_product(shape));
  for (std::size_t i = 0; i < values.size(); i += shape.back()) {
    for (std::size_t k = 0; k < shape.back(); ++k) {
      values[i + k] = random.chance(zero_fraction) ? 0.0 : 0.1 + random.uniform();
    }
    values[i + random.below(shape.back())] += 0.3;
    normalize(std::span(values).subspan(i, shape.back()));
  }
  const Table table = Table::dense(std::move(shape), std::move(values));
  return random.chance(0.5) ? table.sparsified() : table;
}

/// Factors are dense and positive, so that every q is feasible; kernels and bases have zeros.
FactorGraph random_positive_graph(Random& random, std::size_t variables, std::size_t factors) {
  ModelClass of;
  of.variables = variables;
  of.factors = factors;
  of.log_scale = 1.0;
  of.log_fraction = 0.5;
  of.smallest_cardinality = random.chance(0.2) ? 1 : 2;
  return random_graph(random, of);
}

/// Each variable after some of those before it, of a random kind.
Family random_family(Random& random, FactorGraph& graph, double edge_chance, bool negative) {
  std::vector<VariableId> order;
  for (VariableId v = 0; v < graph.variable_count(); ++v) order.push_back(v);
  random.shuffle(order);
  struct Draft {
    Scope parents;
    std::size_t kind;
  };
  std::vector<Draft> drafts(order.size());
  std::vector<FactorId> own(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (drafts[i].parents.size() < 3 && random.chance(edge_chance)) {
        drafts[i].parents.push_back(order[j]);
      }
    }
    drafts[i].kind = random.below(7);
    if (drafts[i].kind != 0 && drafts[i].kind != 1) continue;
    Scope scope = drafts[i].parents;
    scope.insert(scope.begin() + static_cast<std::ptrdiff_t>(random.below(scope.size() + 1)),
                 order[i]);
    // The child is anywhere in the scope: normalise by building (parents, child) and moving it.
    Scope last = drafts[i].parents;
    last.push_back(order[i]);
    const Table kernel = random_kernel(random, graph.shape_of(last), 0.2).densified(1 << 20);
    std::vector<double> moved(kernel.size());
    std::vector<std::size_t> shape = graph.shape_of(scope);
    for (std::uint64_t index = 0; index < moved.size(); ++index) {
      std::vector<std::size_t> states(scope.size());
      std::uint64_t rest = index;
      for (std::size_t d = scope.size(); d-- > 0; rest /= shape[d]) states[d] = rest % shape[d];
      std::vector<std::size_t> sorted;
      for (const VariableId v : last) {
        sorted.push_back(
            states[static_cast<std::size_t>(std::ranges::find(scope, v) - scope.begin())]);
      }
      moved[index] = kernel.at(kernel.index_of(sorted));
    }
    const Table table = Table::dense(std::move(shape), std::move(moved));
    own[i] =
        graph.add_conditional(scope, order[i], random.chance(0.5) ? table.sparsified() : table);
  }
  Family family(graph);
  const auto rho = [&] { return negative && random.chance(0.5) ? -1.7 : random.uniform(0.3, 3.0); };
  for (std::size_t i = 0; i < order.size(); ++i) {
    const VariableId v = order[i];
    const Scope& parents = drafts[i].parents;
    Scope scope = parents;
    scope.push_back(v);
    const std::vector<std::size_t> shape = graph.shape_of(scope);
    switch (drafts[i].kind) {
      case 0:
        family.clamp(own[i]);
        break;
      case 1:
        family.charge(own[i], rho());
        break;
      case 2:
        family.clamp(v, parents, random_kernel(random, shape, 0.2));
        break;
      case 3:
        family.charge(v, parents, random_kernel(random, shape, 0.2), rho());
        break;
      case 4:
        family.arg_max(v, parents);
        break;
      case 5:
        family.free(v, parents, random.uniform(0.3, 2.0));
        break;
      default:
        family.free(v, parents, random.uniform(0.3, 2.0), random_kernel(random, shape, 0.3));
    }
  }
  return family;
}

Evidence random_findings(Random& random, const FactorGraph& graph) {
  Evidence evidence;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (!random.chance(0.2)) continue;
    std::vector<double> likelihood(graph.cardinality(v));
    for (double& p : likelihood) p = 0.2 + random.uniform();
    if (random.chance(0.5)) {
      evidence.observe_likelihood(v, likelihood);
    } else if (graph.factors_of(v).size() > 0) {
      bool zero = false;
      for (const FactorId f : graph.factors_of(v)) zero |= graph.factor(f).table.has_zero();
      if (!zero) evidence.observe(v, random.below(graph.cardinality(v)));
    }
  }
  return evidence;
}

}  // namespace

TEST_CASE("random families: the sweep's value is attained and never beaten") {
  Random random(41);
  int soluble = 0;
  int insoluble = 0;
  for (int repetition = 0; repetition < 300; ++repetition) {
    CAPTURE(repetition);
    FactorGraph graph = random_positive_graph(random, 2 + random.below(4), 1 + random.below(4));
    const Family family = random_family(random, graph, repetition % 3 == 0 ? 0.9 : 0.4, false);
    const Evidence evidence = random_findings(random, graph);
    VariationalOptions options;
    options.restarts = 3;
    const VariationalResult result = maximize(graph, evidence, family, options);
    REQUIRE(result.ok());
    const VariationalReference reference(graph, evidence, family);
    const auto q = VariationalReference::dense(result.conditionals);
    if (result.value == -kInfinity) {
      CHECK(reference.value(q) == -kInfinity);
      continue;
    }
    CHECK(std::fabs(result.value - reference.value(q)) < 1e-10);
    if (!std::isnan(result.log_z_lower)) CHECK(result.value < reference.log_z() + 1e-10);
    ++(result.solubility.soluble ? soluble : insoluble);
    CHECK((result.guarantee == Guarantee::exact) == result.solubility.soluble);
    auto climbed = q;
    const std::vector<std::size_t> order = reference.optimised();
    for (const std::size_t which : order) reference.update(climbed, which);
    CHECK(reference.value(climbed) < result.value + 1e-6);
    if (!result.solubility.soluble) continue;
    for (int start = 0; start < 3; ++start) {
      auto other = reference.random(random);
      CHECK(reference.converge(other, order) < result.value + 1e-9);
    }
    // The ascent engine agrees.
    options.method = VariationalMethod::ascent;
    const VariationalResult ascent = maximize(graph, evidence, family, options);
    CHECK(ascent.value < result.value + 1e-9);
  }
  CHECK(soluble > 60);
  CHECK(insoluble > 40);
}

TEST_CASE("random families: minimising conditionals in soluble families are saddle points") {
  Random random(42);
  int checked = 0;
  for (int repetition = 0; repetition < 150; ++repetition) {
    CAPTURE(repetition);
    FactorGraph graph = random_positive_graph(random, 2 + random.below(3), 1 + random.below(3));
    const Family family = random_family(random, graph, 0.7, true);
    VariationalOptions options;
    const VariationalResult result = maximize(graph, {}, family, options);
    if (!result.solubility.soluble) {
      CHECK(result.status != Status::not_run);
      continue;
    }
    REQUIRE(result.ok());
    if (result.value == -kInfinity) continue;
    const VariationalReference reference(graph, {}, family);
    const auto q = VariationalReference::dense(result.conditionals);
    CHECK(std::fabs(result.value - reference.value(q)) < 1e-10);
    for (const std::size_t which : reference.optimised()) {
      auto other = q;
      reference.update(other, which);  // the unique best reply, up to ties
      CHECK(std::fabs(reference.value(other) - result.value) < 1e-9);
    }
    ++checked;
  }
  CHECK(checked > 50);
}

TEST_CASE("random families: P6, more freedom and more information never lower L") {
  Random random(43);
  for (int repetition = 0; repetition < 40; ++repetition) {
    CAPTURE(repetition);
    // x -> y -> z, kernels clamped one after another; d sees nothing, x, or x and y.
    FactorGraph graph;
    for (const char* name : {"x", "y", "z"}) graph.add_variable(name, 3);
    graph.add_variable("d", 2);
    const FactorId x = graph.add_conditional({0}, 0, random_kernel(random, {3}, 0.0));
    const FactorId y = graph.add_conditional({0, 1}, 1, random_kernel(random, {3, 3}, 0.0));
    const FactorId z = graph.add_conditional({1, 3, 2}, 2, random_kernel(random, {3, 2, 3}, 0.0));
    std::vector<double> score(18);
    for (double& s : score) s = random.uniform(-3.0, 3.0);
    graph.add_factor({0, 3, 2}, Table::dense({3, 2, 3}, score, Domain::log));
    const auto value = [&](std::size_t clamped, std::size_t sees) {
      Family family(graph);
      clamped > 0 ? family.clamp(x) : family.free(0, {});
      clamped > 1 ? family.clamp(y) : family.free(1, {0});
      clamped > 2 ? family.clamp(z) : family.free(2, {0, 1, 3});
      family.free(3, sees == 0 ? Scope{} : sees == 1 ? Scope{0} : Scope{0, 1});
      VariationalOptions options;
      options.tolerance = 1e-13;
      const VariationalResult result = maximize(graph, {}, family, options);
      REQUIRE(result.ok());
      return result.value;
    };
    const double log_z = infer(graph, Query::log_partition()).log_z;
    CHECK(std::fabs(value(0, 2) - log_z) < 1e-11);
    for (std::size_t sees = 0; sees < 3; ++sees) {
      for (std::size_t clamped = 0; clamped < 3; ++clamped) {
        CHECK(value(clamped + 1, sees) <= value(clamped, sees) + 1e-9);
        if (sees > 0) CHECK(value(clamped, sees) >= value(clamped, sees - 1) - 1e-9);
      }
    }
  }
}

TEST_CASE("charges: the limits of rho, and arg-max as the limit of small weights") {
  Random random(44);
  for (int repetition = 0; repetition < 20; ++repetition) {
    FactorGraph graph;
    graph.add_variable("d", 3);
    graph.add_variable("x", 4);
    const FactorId kernel = graph.add_conditional({0, 1}, 1, random_kernel(random, {3, 4}, 0.2));
    std::vector<double> score(12);
    for (double& s : score) s = random.uniform(-3.0, 3.0);
    graph.add_factor({0, 1}, Table::dense({3, 4}, score, Domain::log));
    const auto solve = [&](auto&& of_x, double weight) {
      Family family(graph);
      weight > 0.0 ? family.free(0, {}, weight) : family.arg_max(0, {});
      of_x(family);
      return maximize(graph, {}, family).value;
    };
    const auto charged = [&](double rho) {
      return solve([&](Family& f) { f.charge(kernel, rho); }, 1.0);
    };
    const double free = solve([&](Family& f) { f.free(1, {0}); }, 1.0);
    const double clamped = solve([&](Family& f) { f.clamp(kernel); }, 1.0);
    CHECK(std::fabs(charged(1.0) - free) < 1e-13);
    CHECK(std::fabs(charged(1e9) - clamped) < 1e-8);
    CHECK(std::fabs(charged(-1e9) - clamped) < 1e-8);
    CHECK(std::fabs(charged(1e15) - clamped) < 1e-13);
    CHECK(charged(kInfinity) == clamped);
    double last = kInfinity;
    for (const double rho : {1e-3, 0.1, 0.5, 1.0, 2.0, 10.0, -10.0, -2.0, -0.5, -1e-3}) {
      CHECK(charged(rho) <= last + 1e-12);
      last = charged(rho);
    }
    const auto clamp = [&](Family& f) { f.clamp(kernel); };
    const double hard = solve(clamp, 0.0);
    for (const double weight : {0.1, 0.01, 1e-4}) {
      const double soft = solve(clamp, weight);
      CHECK(soft >= hard - 1e-12);
      CHECK(soft <= hard + weight * std::log(3.0) + 1e-12);
    }
  }
}

TEST_CASE("degenerate: nothing to do is done") {
  for (const NamedGraph& named : degenerate_graphs()) {
    CAPTURE(named.name);
    const FactorGraph& graph = named.graph;
    const double log_z = infer(graph, Query::log_partition()).log_z;
    const VariationalResult full = maximize(graph, {}, fully_structured(graph, {}));
    REQUIRE(full.ok());
    CHECK(full.solubility.soluble);
    if (log_z == -kInfinity) {
      CHECK(full.value == -kInfinity);
    } else {
      CHECK(std::fabs(full.value - log_z) <= 1e-12 * (1.0 + std::fabs(log_z)));
    }
    VariationalOptions options;
    options.method = VariationalMethod::ascent;
    options.gap = true;
    const VariationalResult naive = maximize(graph, {}, mean_field(graph, {}), options);
    REQUIRE(naive.ok());
    CHECK(naive.value <= log_z + 1e-10);
    Evidence all;
    for (VariableId v = 0; v < graph.variable_count(); ++v) all.observe(v, 0);
    const VariationalResult seen = maximize(graph, all, mean_field(graph, all), options);
    REQUIRE(seen.ok());
    const std::vector<std::size_t> zeros(graph.variable_count(), 0);
    const double weight = graph.log_weight(zeros);
    if (weight == -kInfinity) {
      CHECK(seen.value == -kInfinity);
    } else {
      CHECK(std::fabs(seen.value - weight) <= 1e-12 * (1.0 + std::fabs(weight)));
    }
  }
}
