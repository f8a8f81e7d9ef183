// The exact reverse sweep against enumeration and against converged block updates.

#include "variational_reference.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

using namespace credo;
using namespace credo::testing;

namespace {

/// A chain of (x_t, d_t) with kernels p(x' | x, d), priors p(d | x), scores on (x, d) and on
/// (x, d, x'), and a last score; everything random.
struct Chain {
  FactorGraph graph;
  std::vector<VariableId> x;
  std::vector<VariableId> d;
  std::vector<FactorId> kernel;  ///< of x_1, x_2, ...
};

std::vector<double> random_rows(Random& random, std::size_t rows, std::size_t width,
                                double zero_fraction) {
  std::vector<double> values;
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> row(width);
    for (double& p : row) p = random.chance(zero_fraction) ? 0.0 : 0.1 + random.uniform();
    row[random.below(width)] += 0.2;
    normalize(row);
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

Table random_log_table(Random& random, std::vector<std::size_t> shape, double scale,
                       double zero_fraction = 0.0) {
  std::vector<double> values(saturating_product(shape));
  for (double& v : values) {
    v = random.chance(zero_fraction) ? -kInfinity : random.uniform(-scale, scale);
  }
  return Table::dense(std::move(shape), std::move(values), Domain::log);
}

Chain random_chain(Random& random, std::size_t steps, double scale, bool sparse) {
  Chain chain;
  const std::size_t n = 2 + random.below(2);
  const std::size_t m = 2;
  const auto stored = [&](Table table) { return sparse ? table.sparsified() : table; };
  for (std::size_t t = 0; t <= steps; ++t) {
    chain.x.push_back(chain.graph.add_variable(fmt::format("x{}", t), n));
    if (t < steps) chain.d.push_back(chain.graph.add_variable(fmt::format("d{}", t), m));
  }
  chain.kernel.push_back(chain.graph.add_conditional(
      {chain.x[0]}, chain.x[0], Table::dense({n}, random_rows(random, 1, n, 0.0))));
  const Table shared = stored(Table::dense({n, m, n}, random_rows(random, n * m, n, 0.4)));
  const Table prior = Table::dense({n, m}, random_rows(random, n, m, 0.0));
  for (std::size_t t = 0; t < steps; ++t) {
    const Scope scope{chain.x[t], chain.d[t], chain.x[t + 1]};
    chain.kernel.push_back(chain.graph.add_conditional(scope, chain.x[t + 1], shared));
    chain.graph.add_conditional({chain.x[t], chain.d[t]}, chain.d[t], prior);
    chain.graph.add_factor({chain.d[t], chain.x[t]}, random_log_table(random, {m, n}, scale));
    chain.graph.add_factor(scope, random_log_table(random, {n, m, n}, scale));
  }
  chain.graph.add_factor({chain.x[steps]}, random_log_table(random, {n}, scale));
  return chain;
}

Family chain_family(const Chain& chain, ConditionalKind x_kind, double rho, ConditionalKind d_kind,
                    double weight) {
  Family family(chain.graph);
  for (std::size_t t = 0; t < chain.x.size(); ++t) {
    if (x_kind == ConditionalKind::clamped) {
      family.clamp(chain.kernel[t]);
    } else if (x_kind == ConditionalKind::charged) {
      family.charge(chain.kernel[t], rho);
    } else {
      Scope parents;
      if (t > 0) parents = {chain.x[t - 1], chain.d[t - 1]};
      family.free(chain.x[t], parents);
    }
    if (t >= chain.d.size()) continue;
    if (d_kind == ConditionalKind::arg_max) {
      family.arg_max(chain.d[t], {chain.x[t]});
    } else {
      family.free(chain.d[t], {chain.x[t]}, weight);
    }
  }
  return family;
}

void check_sweep(const FactorGraph& graph, const Evidence& evidence, const Family& family,
                 double tolerance = 1e-10) {
  const VariationalResult result = maximize(graph, evidence, family);
  REQUIRE(result.ok());
  CHECK(result.algorithm_used == "sweep");
  CHECK(result.guarantee == Guarantee::exact);
  const VariationalReference reference(graph, evidence, family);
  const auto q = VariationalReference::dense(result.conditionals);
  CHECK(result.value == doctest::Approx(reference.value(q)).epsilon(1e-12));
  auto start = reference.uniform();
  const std::vector<std::size_t> order = reference.optimised();
  CHECK(result.value == doctest::Approx(reference.converge(start, order)).epsilon(tolerance));
  const auto marginals = reference.marginals(q);
  REQUIRE(result.marginals.size() == marginals.size());
  for (std::size_t v = 0; v < marginals.size(); ++v) {
    REQUIRE(result.marginals[v].size() == marginals[v].size());
    for (std::size_t k = 0; k < marginals[v].size(); ++k) {
      CHECK(std::fabs(result.marginals[v][k] - marginals[v][k]) < 1e-12);
    }
  }
}

}  // namespace

TEST_CASE("sweep: chains of every kind equal converged block updates") {
  Random random(11);
  for (int repetition = 0; repetition < 6; ++repetition) {
    CAPTURE(repetition);
    const Chain chain = random_chain(random, 3, 1.5, repetition % 2 == 0);
    Evidence evidence;
    if (repetition % 3 == 1) evidence.observe(chain.x[0], random.below(2));
    if (repetition % 3 == 2) evidence.observe_likelihood(chain.x[2], {0.3, 0.9, 0.5});
    if (repetition % 3 == 2 && chain.graph.cardinality(chain.x[2]) != 3) evidence = {};
    for (const double rho : {0.3, 1.0, 4.0, -3.0}) {
      CAPTURE(rho);
      check_sweep(chain.graph, evidence,
                  chain_family(chain, ConditionalKind::charged, rho, ConditionalKind::free, 1.0));
    }
    for (const double weight : {0.2, 1.0, 3.0}) {
      CAPTURE(weight);
      check_sweep(chain.graph, evidence,
                  chain_family(chain, ConditionalKind::clamped, 0, ConditionalKind::free, weight));
    }
    check_sweep(chain.graph, evidence,
                chain_family(chain, ConditionalKind::clamped, 0, ConditionalKind::arg_max, 0));
    check_sweep(chain.graph, evidence,
                chain_family(chain, ConditionalKind::charged, 0.7, ConditionalKind::arg_max, 0));
  }
}

TEST_CASE("sweep: P5, freeing everything along a covering order gives log Z and the posterior") {
  Random random(12);
  for (const ModelClass& of : model_classes()) {
    if (of.variables > 8) continue;
    CAPTURE(of.name);
    const FactorGraph graph = random_graph(random, of);
    const Evidence evidence = random_evidence(random, graph, 0.2);
    std::vector<VariableId> order;
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      const Finding* finding = evidence.find(v);
      if (finding == nullptr || finding->kind != FindingKind::hard) order.push_back(v);
    }
    random.shuffle(order);
    for (const bool searched : {false, true}) {
      const Family family =
          fully_structured(graph, evidence, searched ? std::vector<VariableId>{} : order);
      const VariationalResult result = maximize(graph, evidence, family);
      REQUIRE(result.ok());
      CHECK(result.solubility.soluble);
      CHECK(result.guarantee == Guarantee::exact);
      const Result exact = infer(graph, evidence, Query::marginals());
      if (exact.status == Status::impossible_evidence) {
        CHECK(result.value == -kInfinity);
        CHECK(result.message != "answered");
        continue;
      }
      REQUIRE(exact.ok());
      CHECK(std::fabs(result.value - exact.log_z) <= 1e-11 * (1.0 + std::fabs(exact.log_z)));
      CHECK(result.log_z_lower == result.value);
      REQUIRE(result.marginals.size() == graph.variable_count());
      for (VariableId v = 0; v < graph.variable_count(); ++v) {
        for (std::size_t k = 0; k < graph.cardinality(v); ++k) {
          CHECK(std::fabs(result.marginals[v][k] - exact.marginals[v][k]) < 1e-10);
        }
      }
    }
  }
}

TEST_CASE("sweep: P19, a hard finding below noise names its factor") {
  // x0 -> x1 by a noisy kernel; x1 is later seen to be 1 by a factor that excludes 0.
  FactorGraph graph;
  graph.add_variable("x0", 2);
  graph.add_variable("d", 2);
  graph.add_variable("x1", 2);
  graph.add_conditional({0}, 0, Table::dense({2}, {0.5, 0.5}));
  graph.add_conditional({0, 1, 2}, 2,
                        Table::dense({2, 2, 2}, {0.9, 0.1, 0.2, 0.8, 0.5, 0.5, 0.1, 0.9}));
  graph.add_factor({0, 1}, {1.0, 2.0, 3.0, 1.0});
  const FactorId goal = graph.add_factor({2}, {0.0, 1.0});
  Family family(graph);
  family.clamp(0);
  family.free(1, {0});
  family.clamp(1);
  const VariationalResult result = maximize(graph, {}, family);
  REQUIRE(result.ok());
  CHECK(result.value == -kInfinity);
  CHECK(result.infeasible_factor == goal);
  CHECK(result.message.find("f3(x1)") != std::string::npos);
  CHECK(std::isfinite(infer(graph, Query::log_partition()).log_z));
  Family lucky(graph);
  lucky.clamp(0);
  lucky.free(1, {0});
  lucky.charge(1, 1.0);
  CHECK(maximize(graph, {}, lucky).value > -kInfinity);
  Evidence allowed;
  allowed.allow(2, {1});
  FactorGraph without = graph;
  Family robust(graph);
  robust.clamp(0);
  robust.free(1, {0});
  robust.charge(1, -1.0);
  CHECK(maximize(graph, {}, robust).value == -kInfinity);
}

TEST_CASE("sweep: scores of -1e4 over 1,000 steps stay exact") {
  FactorGraph graph;
  Family family = [&] {
    const Table kernel =
        Table::sparse({2, 2, 2}, {{0, 1.0}, {3, 1.0}, {5, 1.0}, {6, 0.5}, {7, 0.5}});
    const Table score = Table::dense({2, 2}, {-1e4, -2e4, -3e4, -1e4}, Domain::log);
    graph.add_variable("x0", 2);
    graph.add_conditional({0}, 0, Table::dense({2}, {1.0, 0.0}));
    for (std::size_t t = 0; t < 1000; ++t) {
      const auto d = graph.add_variable(fmt::format("d{}", t), 2);
      const auto next = graph.add_variable(fmt::format("x{}", t + 1), 2);
      graph.add_conditional({d - 1, d, next}, next, kernel);
      graph.add_factor({d - 1, d}, score);
    }
    Family result(graph);
    result.clamp(0);
    for (VariableId v = 1; v < graph.variable_count(); v += 2) {
      result.free(v, {v - 1});
      result.clamp(v);  // factor 2t + 1 is the kernel of x_{t+1}
    }
    return result;
  }();
  const VariationalResult result = maximize(graph, {}, family);
  REQUIRE(result.ok());
  // d = 0 keeps x = 0 at -1e4 a step; everything else costs 1e4 more, beyond any entropy.
  CHECK(result.value == doctest::Approx(-1e7).epsilon(1e-15));
}

TEST_CASE("sweep: an infinite charge is the limit of large ones, a clamped kernel has entropy") {
  FactorGraph graph;
  const VariableId x = graph.add_variable("x", 2);
  graph.add_factor({x}, std::vector<double>{2.0, 8.0});
  const Table kernel = Table::dense({2}, {0.25, 0.75});
  const auto value = [&](auto&& build) {
    Family family(graph);
    build(family);
    return maximize(graph, {}, family).value;
  };
  const double mean = 0.25 * std::log(2.0) + 0.75 * std::log(8.0);
  const double entropy = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  for (const double sign : {1.0, -1.0}) {
    CHECK(value([&](Family& f) { f.charge(x, {}, kernel, sign * kInfinity); }) ==
          doctest::Approx(mean).epsilon(1e-14));
    CHECK(value([&](Family& f) { f.charge(x, {}, kernel, sign * 1e9); }) ==
          doctest::Approx(mean).epsilon(1e-8));
  }
  CHECK(value([&](Family& f) { f.clamp(x, {}, kernel); }) ==
        doctest::Approx(mean + entropy).epsilon(1e-14));
}

TEST_CASE("sweep: the worst case does not depend on how a score is stored") {
  FactorGraph graph;
  const VariableId y = graph.add_variable("y", 2);
  const Table score = Table::dense({2}, {1.0, 0.0});
  for (const Table& table : {score, score.sparsified()}) {
    FactorGraph told = graph;
    told.add_factor({y}, table);
    Family family(told);
    family.charge(y, {}, Table::dense({2}, {0.5, 0.5}), -1.0);
    CHECK(maximize(told, {}, family).value == -kInfinity);
  }
}
