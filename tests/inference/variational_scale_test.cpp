// Coordinate ascent on models whose own width is out of reach: the cost is that of the family.

#include "ising.hpp"
#include "variational_reference.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

using namespace credo;
using namespace credo::testing;

namespace {

VariationalOptions one_start() {
  VariationalOptions options;
  options.restarts = 1;
  options.tolerance = 1e-13;
  return options;
}

void check_climb(const VariationalResult& result) {
  REQUIRE(result.ok());
  CHECK(result.algorithm_used == "ascent");
  CHECK(result.guarantee == Guarantee::fixed_point);
  for (std::size_t i = 1; i < result.trace.size(); ++i) {
    CHECK(result.trace[i] >= result.trace[i - 1] - 1e-11 * (1.0 + std::fabs(result.trace[i])));
  }
}

/// One row of a grid as a chain of spins in given fields: log Z and the mean spins, by transfer.
double solve_chain(const Ising& ising, std::size_t row, const std::vector<double>& field,
                   std::vector<double>& m) {
  const std::size_t columns = ising.columns;
  const auto spin = [](std::size_t state) { return state == 0 ? -1.0 : 1.0; };
  const auto couple = [&](std::size_t c, std::size_t a, std::size_t b) {
    return std::exp(spin(a) * spin(b) * ising.right[row * columns + c]);
  };
  std::vector<std::array<double, 2>> below(columns, {1.0, 1.0});
  std::vector<std::array<double, 2>> above(columns, {1.0, 1.0});
  double log_scale = 0.0;
  for (std::size_t c = columns - 1; c-- > 0;) {
    for (std::size_t a = 0; a < 2; ++a) {
      double sum = 0.0;
      for (std::size_t b = 0; b < 2; ++b) {
        sum += couple(c, a, b) * std::exp(spin(b) * field[c + 1]) * below[c + 1][b];
      }
      below[c][a] = sum;
    }
    const double scale = below[c][0] + below[c][1];
    for (double& x : below[c]) x /= scale;
    log_scale += std::log(scale);
  }
  for (std::size_t c = 0; c < columns; ++c) {
    std::array<double, 2> p{};
    for (std::size_t a = 0; a < 2; ++a) {
      if (c > 0) {
        above[c][a] = 0.0;
        for (std::size_t b = 0; b < 2; ++b) {
          above[c][a] += couple(c - 1, b, a) * std::exp(spin(b) * field[c - 1]) * above[c - 1][b];
        }
      }
      p[a] = above[c][a] * std::exp(spin(a) * field[c]) * below[c][a];
    }
    const double total = p[0] + p[1];
    if (c == 0) log_scale += std::log(total);
    for (double& x : above[c]) x /= total;
    m[row * columns + c] = (p[1] - p[0]) / total;
  }
  return log_scale;
}

/// A chain per row, iterated: each row in its fields and its neighbours' mean spins.
double chains_fixed_point(const Ising& ising, std::vector<double>& m) {
  const std::size_t columns = ising.columns;
  m.assign(ising.rows * columns, 0.0);
  double value = 0.0;
  for (int sweep = 0; sweep < 200; ++sweep) {
    value = 0.0;
    for (std::size_t row = 0; row < ising.rows; ++row) {
      std::vector<double> field(columns);
      for (std::size_t c = 0; c < columns; ++c) {
        const std::size_t i = row * columns + c;
        field[c] = ising.field[i];
        if (row > 0) field[c] += ising.down[i - columns] * m[i - columns];
        if (row + 1 < ising.rows) field[c] += ising.down[i] * m[i + columns];
      }
      value += solve_chain(ising, row, field, m);
    }
    // The bonds between rows were counted from both sides.
    for (std::size_t i = columns; i < m.size(); ++i) {
      value -= ising.down[i - columns] * m[i - columns] * m[i];
    }
  }
  return value;
}

}  // namespace

TEST_CASE("scale: mean field on a 60 x 60 grid is the fixed point of tanh") {
  Random random(41);
  const Ising ising = random_ising(random, 60, 60, 0.2, 0.5);  // weak: there is only one
  const FactorGraph graph = ising.graph();
  const VariationalResult result = maximize(graph, {}, mean_field(graph, {}), one_start());
  check_climb(result);
  std::vector<double> m;
  CHECK(std::fabs(result.value - fixed_point(ising, m)) < 1e-9);
  CHECK(result.log_z_lower == result.value);
  for (std::size_t i = 0; i < m.size(); ++i) {
    CHECK(std::fabs(result.marginals[i][1] - 0.5 * (1.0 + m[i])) < 1e-6);
  }
  // The prediction is of the family: tables of a few states.
  CHECK(result.predicted_operations < 1e6);
  CHECK(result.predicted_peak_bytes < 1e7);
  VariationalOptions little = one_start();
  little.memory_limit_bytes = 1e5;
  CHECK(maximize(graph, {}, mean_field(graph, {}), little).status == Status::refused);
}

TEST_CASE("scale: a chain per row of a 30 x 30 grid is the fixed point of coupled chains") {
  Random random(42);
  const Ising ising = random_ising(random, 30, 30, 0.3, 0.5);
  const FactorGraph graph = ising.graph();
  Family rows(graph);
  for (VariableId i = 0; i < 900; ++i) rows.free(i, i % 30 > 0 ? Scope{i - 1} : Scope{});
  const VariationalResult naive = maximize(graph, {}, mean_field(graph, {}), one_start());
  for (const auto schedule :
       {AscentSchedule::backward, AscentSchedule::forward, AscentSchedule::random}) {
    VariationalOptions options = one_start();
    options.schedule = schedule;
    const VariationalResult result = maximize(graph, {}, rows, options);
    check_climb(result);
    std::vector<double> m;
    CHECK(std::fabs(result.value - chains_fixed_point(ising, m)) < 1e-9);
    for (std::size_t i = 0; i < m.size(); ++i) {
      CHECK(std::fabs(result.marginals[i][1] - 0.5 * (1.0 + m[i])) < 1e-5);
    }
    CHECK(result.value > naive.value);
    CHECK(std::fabs(evidence_lower_bound(graph, {}, rows, result.conditionals) - result.value) <
          1e-9);
  }
}

TEST_CASE("scale: a chain of 500 steps by ascent is exact, chains heard together are bounded") {
  Random random(43);
  FactorGraph graph;
  FactorGraph heard;
  Family chain(graph);
  Family chains(heard);
  const auto table = [&](std::vector<std::size_t> shape) {
    std::vector<double> values(saturating_product(shape));
    for (double& x : values) x = random.uniform(-1.0, 1.0);
    return Table::dense(std::move(shape), std::move(values), Domain::log);
  };
  for (VariableId t = 0; t < 500; ++t) {
    graph.add_variable(fmt::format("x{}", t), 3);
    graph.add_factor({t}, table({3}));
    if (t > 0) graph.add_factor({t - 1, t}, table({3, 3}));
    chain.free(t, t > 0 ? Scope{t - 1} : Scope{});
    for (VariableId c = 0; c < 3; ++c) {
      const VariableId v = heard.add_variable(fmt::format("y{}_{}", c, t), 2);
      if (t > 0) heard.add_factor({v - 3, v}, table({2, 2}));
      chains.free(v, t > 0 ? Scope{v - 3} : Scope{});
    }
    heard.add_factor({3 * t, 3 * t + 1, 3 * t + 2}, table({2, 2, 2}));
  }
  VariationalOptions options = one_start();
  options.method = VariationalMethod::ascent;
  const VariationalResult exact = maximize(graph, {}, chain, options);
  check_climb(exact);
  const double log_z = infer(graph, Query::log_partition()).log_z;
  CHECK(std::fabs(exact.value - log_z) < 1e-12 * std::fabs(log_z));
  const VariationalResult bound = maximize(heard, {}, chains, one_start());
  check_climb(bound);
  CHECK(bound.value > maximize(heard, {}, mean_field(heard, {}), one_start()).value);
  CHECK(bound.value < infer(heard, Query::log_partition()).log_z);
}

TEST_CASE("scale: the gap of a chain of 5000 variables, term by term") {
  Random random(47);
  FactorGraph graph;
  Family family(graph);
  const VariableId length = 5000;
  for (VariableId t = 0; t < length; ++t) {
    graph.add_variable(fmt::format("x{}", t), 2);
    const double p = random.uniform(0.1, 0.9);
    const double q = random.uniform(0.1, 0.9);
    const FactorId own =
        t == 0
            ? graph.add_conditional({0}, 0, Table::dense({2}, {p, 1.0 - p}))
            : graph.add_conditional({t - 1, t}, t, Table::dense({2, 2}, {p, 1.0 - p, q, 1.0 - q}));
    graph.add_factor({t}, Table::dense({2}, {random.uniform(-1.0, 1.0), 0.0}, Domain::log));
    if (t % 2 == 0) {
      family.clamp(own);
    } else {
      family.free(t, {t - 1});
    }
  }
  VariationalOptions options;
  options.gap = true;
  const VariationalResult result = maximize(graph, {}, family, options);
  REQUIRE(result.ok());
  REQUIRE(result.gap.size() == length);
  double sum = 0.0;
  for (const GapTerm& term : result.gap) {
    CHECK(term.nats > -1e-12);
    sum += term.nats;
  }
  CHECK(sum == doctest::Approx(result.log_z - result.value).epsilon(1e-9));
  CHECK(sum > 1.0);
}

TEST_CASE("scale: the gap is left out where log Z is not affordable, and the bound stays") {
  Random random(45);
  const FactorGraph graph = random_ising(random, 20, 20, 0.3, 0.5).graph();
  VariationalOptions options = one_start();
  const VariationalResult plain = maximize(graph, {}, mean_field(graph, {}), options);
  options.gap = true;
  options.memory_limit_bytes = 1e6;
  const VariationalResult result = maximize(graph, {}, mean_field(graph, {}), options);
  check_climb(result);
  CHECK(result.value == plain.value);
  CHECK(std::isnan(result.log_z));
  CHECK(result.gap.empty());
  CHECK(result.message.find("no gap, contraction: ") != std::string::npos);
}

TEST_CASE("scale: scores over several components, against enumeration") {
  Random random(44);
  for (int repetition = 0; repetition < 30; ++repetition) {
    CAPTURE(repetition);
    ModelClass of;
    of.variables = 7;
    of.factors = 9;
    of.largest_scope = 4;
    of.sparse_fraction = 0.2;
    of.zero_fraction = repetition % 3 == 0 ? 0.1 : 0.0;
    const FactorGraph graph = random_graph(random, of);
    Family family(graph);
    for (VariableId v = 0; v < 7; ++v) {
      Scope parents;
      if (v > 0 && random.chance(0.5)) {
        parents.push_back(static_cast<VariableId>(random.below(v)));
      }
      family.free(v, parents, repetition % 2 == 0 ? 1.0 : 0.7);
    }
    VariationalOptions options = one_start();
    options.restarts = 3;
    options.method = VariationalMethod::ascent;
    const VariationalResult result = maximize(graph, {}, family, options);
    REQUIRE(result.ok());
    const VariationalReference reference(graph, {}, family);
    auto q = VariationalReference::dense(result.conditionals);
    const double value = reference.value(q);
    if (result.value == -kInfinity) {
      CHECK(value == -kInfinity);
      continue;
    }
    CHECK(std::fabs(result.value - value) < 1e-12 * (1.0 + std::fabs(value)));
    CHECK(std::fabs(result.trace.back() - value) < 1e-11 * (1.0 + std::fabs(value)));
    for (const std::size_t which : reference.optimised()) reference.update(q, which);
    CHECK(reference.value(q) < value + 1e-7);
  }
}
