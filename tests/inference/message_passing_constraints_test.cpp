// Clamped and charged conditionals as factor rules: exact on chains, against a direct recursion
// and against the sweep over the same family; labelled elsewhere.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/message_passing.hpp>
#include <credo/inference/variational/variational.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace {

constexpr std::size_t kSteps = 4;
constexpr std::size_t kStates = 3;
constexpr std::size_t kChoices = 2;

std::vector<double> rows(Random& random, std::size_t count, std::size_t width) {
  std::vector<double> values;
  for (std::size_t r = 0; r < count; ++r) {
    std::vector<double> row(width);
    for (double& p : row) p = random.chance(0.2) ? 0.0 : random.uniform(0.1, 1.0);
    if (normalize(row) == 0.0) row[r % width] = 1.0;
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

/// v_1 -> (v_t, d_t) -> v_{t+1}, with scores u(v_t) and w(d_t).
struct Chain {
  FactorGraph graph;
  std::vector<VariableId> v;
  std::vector<VariableId> d;
  std::vector<FactorId> kernels;  ///< the first is p(v_1)
  std::vector<double> start;
  std::vector<std::vector<double>> next;
  std::vector<std::vector<double>> u;
  std::vector<std::vector<double>> w;

  Chain(Random& random, double scale) {
    const auto scores = [&](VariableId variable, std::vector<std::vector<double>>& all) {
      std::vector<double> logs(graph.cardinality(variable));
      for (double& x : logs) x = random.uniform(-scale, scale);
      graph.add_factor({variable}, Table::dense({logs.size()}, logs, Domain::log));
      all.push_back(logs);
    };
    v.push_back(graph.add_variable("v0", kStates));
    start = rows(random, 1, kStates);
    kernels.push_back(graph.add_conditional({v[0]}, v[0], Table::dense({kStates}, start)));
    for (std::size_t t = 0; t < kSteps; ++t) {
      scores(v[t], u);
      d.push_back(graph.add_variable(fmt::format("d{}", t), kChoices));
      scores(d[t], w);
      v.push_back(graph.add_variable(fmt::format("v{}", t + 1), kStates));
      next.push_back(rows(random, kStates * kChoices, kStates));
      Table table = Table::dense({kStates, kChoices, kStates}, next.back());
      if (random.chance(0.5)) table = table.sparsified();
      kernels.push_back(graph.add_conditional({v[t], d[t], v[t + 1]}, v[t + 1], table));
    }
    scores(v[kSteps], u);
  }

  [[nodiscard]] Family family(double rho) const {
    Family family(graph);
    for (const FactorId f : kernels) {
      if (std::isinf(rho)) {
        family.clamp(f);
      } else {
        family.charge(f, rho);
      }
    }
    for (std::size_t t = 0; t < kSteps; ++t) family.free(d[t], {v[t]});
    return family;
  }

  /// rho log sum k exp(x / rho), the expectation when rho is infinite.
  static double through(std::span<const double> k, std::span<const double> x, double rho) {
    double mean = 0.0;
    double power = -kInfinity;
    for (std::size_t i = 0; i < k.size(); ++i) {
      if (k[i] == 0.0) continue;
      mean += k[i] * x[i];
      power = log_add(power, std::log(k[i]) + x[i] / rho);
    }
    return std::isinf(rho) ? mean : rho * power;
  }

  /// U_t(v) = u(v) + log sum_d exp(w(d) + through(U_{t+1})), from the end; then p(v_1).
  [[nodiscard]] double recursion(double rho) const {
    std::vector<double> message = u[kSteps];
    for (std::size_t t = kSteps; t-- > 0;) {
      std::vector<double> before = u[t];
      for (std::size_t x = 0; x < kStates; ++x) {
        double total = -kInfinity;
        for (std::size_t c = 0; c < kChoices; ++c) {
          const auto k = std::span(next[t]).subspan((x * kChoices + c) * kStates, kStates);
          total = log_add(total, w[t][c] + through(k, message, rho));
        }
        before[x] += total;
      }
      message = before;
    }
    return through(start, message, rho);
  }
};

}  // namespace

TEST_CASE("message passing: clamped and charged chains are exact in one pass back and one forth") {
  for (const double rho : {kInfinity, 0.5, 1.0, 3.0, 100.0, -2.0}) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(rho);
      CAPTURE(seed);
      Random random(seed);
      const Chain chain(random, seed % 3 == 0 ? 1e4 : 2.0);
      const Family family = chain.family(rho);
      MessagePassingOptions options;
      options.constraints = &family;
      options.factor_beliefs = true;
      const MessagePassingResult result = propagate(chain.graph, {}, options);
      REQUIRE(result.ok());
      CHECK(result.guarantee == Guarantee::exact);
      CHECK(result.schedule_used == "two-sweeps");
      CHECK(result.value == doctest::Approx(chain.recursion(rho)).epsilon(1e-12));
      const VariationalResult swept = maximize(chain.graph, {}, family);
      REQUIRE(swept.ok());
      CHECK(result.value == doctest::Approx(swept.value).epsilon(1e-12));
      for (VariableId v = 0; v < chain.graph.variable_count(); ++v) {
        for (std::size_t x = 0; x < chain.graph.cardinality(v); ++x) {
          CHECK(std::fabs(result.marginals[v][x] - swept.marginals[v][x]) < 1e-10);
        }
      }
    }
  }
}

TEST_CASE("message passing: a charge of 1 is plain belief propagation, a large one is a clamp") {
  Random random(5);
  const Chain chain(random, 1.0);
  const auto value = [&](double rho) {
    const Family family = chain.family(rho);
    MessagePassingOptions options;
    options.constraints = &family;
    return propagate(chain.graph, {}, options).value;
  };
  CHECK(value(1.0) == doctest::Approx(propagate(chain.graph, {}).value).epsilon(1e-14));
  CHECK(value(1.0 + 1e-9) == doctest::Approx(value(1.0)).epsilon(1e-8));
  CHECK(value(1e7) == doctest::Approx(value(kInfinity)).epsilon(1e-6));
  CHECK(value(1.0) >= value(2.0));
  CHECK(value(2.0) >= value(kInfinity));
  CHECK(value(kInfinity) >= value(-2.0));
}

TEST_CASE(
    "message passing: what clamped noise cannot promise has value -infinity, and says where") {
  FactorGraph graph;
  graph.add_variable("before", 2);
  graph.add_variable("after", 2);
  graph.add_conditional({0, 1}, 1, Table::dense({2, 2}, {0.5, 0.5, 0.2, 0.8}));
  graph.add_factor({1}, {0.0, 1.0});
  Family family(graph);
  family.clamp(0);
  family.free(0, {});
  MessagePassingOptions options;
  options.constraints = &family;
  const MessagePassingResult result = propagate(graph, {}, options);
  CHECK(result.status == Status::ok);
  CHECK(result.value == -kInfinity);
  CHECK(result.marginals.empty());
  CHECK(contains(result.message, "before"));
  CHECK(propagate(graph, {}).value == doctest::Approx(std::log(1.3)));
}

TEST_CASE("message passing: clamped factors on a cycle keep their conditionals, without a bound") {
  Random random(11);
  FactorGraph graph;
  for (const char* name : {"a", "b", "c", "e"}) graph.add_variable(name, 2);
  graph.add_conditional({0}, 0, Table::dense({2}, {0.3, 0.7}));
  graph.add_conditional({0, 1}, 1, Table::dense({2, 2}, rows(random, 2, 2)));
  graph.add_conditional({0, 2}, 2, Table::dense({2, 2}, rows(random, 2, 2)));
  graph.add_factor({1, 2, 3}, {1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 1.0, 0.2});
  Family family(graph);
  for (const FactorId f : {0U, 1U, 2U}) family.clamp(f);
  family.free(3, {1, 2});
  MessagePassingOptions options;
  options.constraints = &family;
  options.factor_beliefs = true;
  const MessagePassingResult result = propagate(graph, {}, options);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::fixed_point);
  for (const FactorId f : {1U, 2U}) {
    const auto b = result.factor_beliefs[f].table.values();
    const auto k = graph.factor(f).table.values();
    for (std::size_t i = 0; i < 4; ++i) {
      const double parent = b[i / 2 * 2] + b[i / 2 * 2 + 1];
      CHECK(b[i] == doctest::Approx(k[i] * parent).epsilon(1e-12));
    }
  }
  CHECK(result.marginals[0][0] == doctest::Approx(0.3).epsilon(1e-9));
}

TEST_CASE("message passing: conditionals that no factor's rule can express are refused by name") {
  Random random(1);
  const Chain chain(random, 1.0);
  MessagePassingOptions options;
  Family choosy(chain.graph);
  choosy.arg_max(chain.d[0], {chain.v[0]});
  options.constraints = &choosy;
  CHECK_THROWS_WITH_AS(static_cast<void>(propagate(chain.graph, {}, options)),
                       "message passing, conditional of d0 (arg-max): expected a free, clamped or "
                       "charged conditional",
                       ModelError);
  Family warm(chain.graph);
  warm.free(chain.d[0], {chain.v[0]}, 0.5);
  options.constraints = &warm;
  CHECK_THROWS_AS(static_cast<void>(propagate(chain.graph, {}, options)), ModelError);
  const Family family = chain.family(kInfinity);
  options.constraints = &family;
  options.maximise = true;
  CHECK_THROWS_AS(static_cast<void>(propagate(chain.graph, {}, options)), OptionError);
}
