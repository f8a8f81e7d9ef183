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

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

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
  std::vector<std::vector<double>> g;  ///< by (v_{t+1}, v_t), when there are pair scores

  Chain(Random& random, double scale, bool pairs = false) {
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
      g.emplace_back(kStates * kStates, 0.0);
      if (!pairs) continue;
      for (double& x : g.back()) x = random.uniform(-scale, scale);
      graph.add_factor({v[t + 1], v[t]}, Table::dense({kStates, kStates}, g.back(), Domain::log));
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

  /// U_t(v) = u(v) + log sum_d exp(w(d) + through(U_{t+1} + g_t(., v))), from the end; then p(v_1).
  [[nodiscard]] double recursion(double rho) const {
    std::vector<double> message = u[kSteps];
    for (std::size_t t = kSteps; t-- > 0;) {
      std::vector<double> before = u[t];
      for (std::size_t x = 0; x < kStates; ++x) {
        double total = -kInfinity;
        std::vector<double> scored = message;
        for (std::size_t y = 0; y < kStates; ++y) scored[y] += g[t][y * kStates + x];
        for (std::size_t c = 0; c < kChoices; ++c) {
          const auto k = std::span(next[t]).subspan((x * kChoices + c) * kStates, kStates);
          total = log_add(total, w[t][c] + through(k, scored, rho));
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

TEST_CASE(
    "message passing: a score inside a constrained factor is taken in, and chains stay exact") {
  for (const double rho : {kInfinity, 0.5, 3.0, -2.0}) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      CAPTURE(rho);
      CAPTURE(seed);
      Random random(seed);
      const Chain chain(random, seed % 3 == 0 ? 1e4 : 2.0, true);
      const Family family = chain.family(rho);
      MessagePassingOptions options;
      options.constraints = &family;
      options.factor_beliefs = true;
      const MessagePassingResult result = propagate(chain.graph, {}, options);
      REQUIRE(result.ok());
      CHECK(result.guarantee == Guarantee::exact);
      CHECK(result.value == doctest::Approx(chain.recursion(rho)).epsilon(1e-12));
      const VariationalResult swept = maximize(chain.graph, {}, family);
      CHECK(result.value == doctest::Approx(swept.value).epsilon(1e-12));
      // The belief of a pair score is a marginal of the kernel's around it.
      const Belief& pair = result.factor_beliefs[chain.kernels[1] + 1];
      REQUIRE(pair.scope == Scope{chain.v[1], chain.v[0]});
      for (std::size_t x = 0; x < kStates; ++x) {
        double of_x = 0.0;
        for (std::size_t y = 0; y < kStates; ++y) of_x += pair.table.values()[y * kStates + x];
        CHECK(std::fabs(of_x - swept.marginals[chain.v[0]][x]) < 1e-10);
      }
    }
  }
}

TEST_CASE("message passing: scores are taken in under evidence, too") {
  Random random(3);
  const Chain chain(random, 2.0, true);
  const Family family = chain.family(kInfinity);
  Evidence evidence;
  evidence.observe(chain.d[1], 1);
  MessagePassingOptions options;
  options.constraints = &family;
  const MessagePassingResult result = propagate(chain.graph, evidence, options);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::exact);
  CHECK(result.value ==
        doctest::Approx(maximize(chain.graph, evidence, family).value).epsilon(1e-12));
}

TEST_CASE("message passing: parents of a clamped factor that q keeps apart are only an estimate") {
  // c = a xor b scores (1, 0.1), a and b weigh 1/2. Dependent, a and b reach the logarithm of the
  // mean score; apart, H(a) + H(b) - 2 log 2 + E[log score] at its best, which a grid finds.
  FactorGraph graph;
  for (const char* name : {"a", "b", "c"}) graph.add_variable(name, 2);
  graph.add_factor({0}, {0.5, 0.5});
  graph.add_factor({1}, {0.5, 0.5});
  const FactorId exclusive =
      graph.add_conditional({0, 1, 2}, 2, Table::dense({2, 2, 2}, {1, 0, 0, 1, 0, 1, 1, 0}));
  graph.add_factor({2}, {1.0, 0.1});
  const auto ask = [&](const Scope& parents_of_b) {
    Family family(graph);
    family.free(0, {});
    family.free(1, parents_of_b);
    family.clamp(exclusive);
    MessagePassingOptions options;
    options.constraints = &family;
    return std::pair{propagate(graph, {}, options), maximize(graph, {}, family)};
  };
  const auto [apart, best_apart] = ask({});
  CHECK(apart.guarantee == Guarantee::fixed_point);
  CHECK(contains(apart.message, "the conditional of b does not see a"));
  CHECK(apart.value == doctest::Approx(std::log(0.55)).epsilon(1e-12));
  double best = -kInfinity;
  const auto entropy = [](double p) { return -p * std::log(p) - (1.0 - p) * std::log(1.0 - p); };
  for (double p = 0.001; p < 1.0; p += 0.001) {
    for (double q = 0.001; q < 1.0; q += 0.001) {
      const double differ = p * (1.0 - q) + q * (1.0 - p);
      best = std::max(best, entropy(p) + entropy(q) + std::log(0.25) + differ * std::log(0.1));
    }
  }
  CHECK(best_apart.value == doctest::Approx(best).epsilon(1e-5));
  CHECK(best == doctest::Approx(-1.122303).epsilon(1e-5));
  const auto [joined, best_joined] = ask({0});
  CHECK(joined.guarantee == Guarantee::exact);
  CHECK(joined.value == doctest::Approx(best_joined.value).epsilon(1e-12));
}

TEST_CASE("message passing: what is called exact on a forest is the family's own maximum") {
  std::size_t exact = 0;
  std::size_t estimates = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    // A directed tree of kernels, some with a second parent of their own, random scores and
    // families that see random earlier variables.
    FactorGraph graph;
    Family family(graph);
    for (VariableId v = 0; v < 5; ++v) {
      graph.add_variable(fmt::format("x{}", v), 2);
      if (random.chance(0.6)) graph.add_factor({v}, {random.uniform(0.1, 1.0), 1.0});
      if (v == 0 || random.chance(0.3)) continue;
      Scope scope{static_cast<VariableId>(random.below(v)), v};
      if (random.chance(0.4) && scope[0] + 1 < v) scope.insert(scope.begin() + 1, scope[0] + 1);
      const std::size_t count = scope.size() == 3 ? 4 : 2;
      std::vector<std::size_t> shape(scope.size(), 2);
      graph.add_conditional(scope, v, Table::dense(shape, rows(random, count, 2)));
    }
    for (VariableId v = 0; v < 5; ++v) {
      std::optional<FactorId> kernel;
      for (const FactorId f : graph.factors_of(v)) {
        if (graph.factor(f).child == v) kernel = f;
      }
      if (kernel && random.chance(0.6)) {
        family.charge(*kernel, random.chance(0.5) ? kInfinity : random.uniform(0.5, 4.0));
        continue;
      }
      Scope parents;
      for (VariableId u = 0; u < v; ++u) {
        if (random.chance(0.6)) parents.push_back(u);
      }
      family.free(v, parents);
    }
    MessagePassingOptions options;
    options.constraints = &family;
    const MessagePassingResult result = propagate(graph, {}, options);
    REQUIRE(result.ok());
    const VariationalResult best = maximize(graph, {}, family);
    if (result.guarantee != Guarantee::exact) {
      ++estimates;
      continue;
    }
    ++exact;
    CHECK(result.value == doctest::Approx(best.value).epsilon(1e-8));
  }
  CHECK(exact > 30);
  CHECK(estimates > 30);
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
