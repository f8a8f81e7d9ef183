// Coordinate ascent: monotone, below log Z, where independent fixed points are.

#include "ising.hpp"
#include "variational_reference.hpp"

#include <credo/core/error.hpp>
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

void check_monotone(const VariationalResult& result) {
  for (std::size_t i = 1; i < result.trace.size(); ++i) {
    CHECK(result.trace[i] >= result.trace[i - 1] - 1e-11 * (1.0 + std::fabs(result.trace[i])));
  }
}

}  // namespace

TEST_CASE("ascent: mean field on Ising grids is the fixed point of tanh") {
  Random random(31);
  for (int repetition = 0; repetition < 4; ++repetition) {
    const Ising ising = random_ising(random, 4, 5, 0.4, 0.5);
    const FactorGraph graph = ising.graph();
    const Family family = mean_field(graph, {});
    VariationalOptions options;
    options.restarts = 1;
    options.tolerance = 1e-14;
    options.gap = true;
    const VariationalResult result = maximize(graph, {}, family, options);
    REQUIRE(result.ok());
    CHECK(result.algorithm_used == "ascent");
    CHECK(result.guarantee == Guarantee::fixed_point);
    CHECK_FALSE(result.solubility.soluble);
    std::vector<double> m;
    const double value = fixed_point(ising, m);
    CHECK(std::fabs(result.value - value) < 1e-10);
    for (std::size_t i = 0; i < m.size(); ++i) {
      CHECK(std::fabs(result.marginals[i][1] - 0.5 * (1.0 + m[i])) < 1e-6);
    }
    check_monotone(result);
    const double log_z = infer(graph, Query::log_partition()).log_z;
    CHECK(result.log_z_lower <= log_z);
    CHECK(std::fabs(result.log_z - log_z) < 1e-11);
    double gap = 0.0;
    for (const GapTerm& term : result.gap) {
      CHECK(term.nats >= -1e-12);
      gap += term.nats;
    }
    CHECK(std::fabs(gap - (log_z - result.value)) < 1e-10);
  }
}

TEST_CASE("ascent: P3, the gap is the divergence and the sum of local ones") {
  Random random(32);
  for (int repetition = 0; repetition < 8; ++repetition) {
    CAPTURE(repetition);
    ModelClass of;
    of.variables = 6;
    of.factors = 7;
    of.sparse_fraction = 0.3;
    const FactorGraph graph = random_graph(random, of);
    Evidence evidence;
    if (repetition % 2 == 1) evidence.observe(0, 0);
    Family family(graph);  // some edges, in a random direction
    std::vector<VariableId> order;
    for (VariableId v = repetition % 2 == 1 ? 1 : 0; v < 6; ++v) order.push_back(v);
    random.shuffle(order);
    for (std::size_t i = 0; i < order.size(); ++i) {
      Scope parents;
      if (i > 0 && random.chance(0.7)) parents.push_back(order[random.below(i)]);
      family.free(order[i], parents);
    }
    VariationalOptions options;
    options.restarts = 3;
    options.gap = true;
    options.method = VariationalMethod::ascent;
    const VariationalResult result = maximize(graph, evidence, family, options);
    REQUIRE(result.ok());
    if (result.value == -kInfinity) continue;
    const VariationalReference reference(graph, evidence, family);
    const auto q = VariationalReference::dense(result.conditionals);
    CHECK(std::fabs(result.value - reference.value(q)) < 1e-12 * (1.0 + std::fabs(result.value)));
    CHECK(std::fabs(result.log_z - reference.log_z()) < 1e-11);
    const double divergence = reference.divergence(q);
    CHECK(std::fabs(result.log_z - result.value - divergence) < 1e-10);
    double gap = 0.0;
    for (const GapTerm& term : result.gap) gap += term.nats;
    CHECK(std::fabs(gap - divergence) < 1e-10);
    check_monotone(result);
    // No single update helps any more.
    auto better = q;
    for (const std::size_t which : reference.optimised()) reference.update(better, which);
    CHECK(reference.value(better) < result.value + 1e-7);
  }
}

TEST_CASE("ascent: P2, on soluble families every start and schedule ends at the sweep's value") {
  Random random(33);
  FactorGraph graph;
  for (int t = 0; t < 4; ++t) {
    graph.add_variable(fmt::format("x{}", t), 3);
    graph.add_variable(fmt::format("d{}", t), 2);
  }
  const auto rows = [&](std::size_t count, std::size_t width) {
    std::vector<double> values(count * width);
    for (double& p : values) p = 0.1 + random.uniform();
    for (std::size_t i = 0; i < values.size(); i += width) {
      normalize(std::span(values).subspan(i, width));
    }
    return values;
  };
  graph.add_conditional({0}, 0, Table::dense({3}, rows(1, 3)));
  const Table kernel = Table::dense({3, 2, 3}, rows(6, 3));
  Family family(graph);
  family.clamp(0);
  family.free(1, {0}, 0.6);
  for (VariableId t = 1; t < 4; ++t) {
    const FactorId f = graph.add_conditional({2 * t - 2, 2 * t - 1, 2 * t}, 2 * t, kernel);
    family.clamp(f);
    family.free(2 * t + 1, {2 * t}, 0.6);
    graph.add_factor({2 * t, 2 * t + 1}, rows(3, 2));
  }
  const VariationalResult exact = maximize(graph, {}, family);
  REQUIRE(exact.guarantee == Guarantee::exact);
  for (const auto schedule :
       {AscentSchedule::backward, AscentSchedule::forward, AscentSchedule::random}) {
    for (std::uint64_t seed = 1; seed <= 7; ++seed) {
      VariationalOptions options;
      options.method = VariationalMethod::ascent;
      options.schedule = schedule;
      options.restarts = 2;
      options.seed = seed;
      options.tolerance = 1e-13;
      const VariationalResult climbed = maximize(graph, {}, family, options);
      REQUIRE(climbed.ok());
      CHECK(std::fabs(climbed.value - exact.value) < 1e-10);
      CHECK(climbed.guarantee == Guarantee::fixed_point);
      check_monotone(climbed);
    }
  }
}

TEST_CASE("ascent: the team game has two fixed points, and annealing or restarts find the better") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 2);
  graph.add_factor({0, 1}, Table::dense({2, 2}, {10, 0, 0, 9}, Domain::log));
  Family family(graph);
  family.free(0, {});
  family.free(1, {});
  VariationalOptions options;
  options.restarts = 1;
  const auto from = [&](double p) {
    options.initial = {Table::dense({2}, {p, 1 - p}), Table::dense({2}, {p, 1 - p})};
    return maximize(graph, {}, family, options);
  };
  CHECK(std::fabs(from(0.9).value - 10.00009) < 5e-6);
  CHECK(std::fabs(from(0.1).value - 9.00025) < 5e-6);
  options.initial.clear();
  options.restarts = 8;
  const VariationalResult best = maximize(graph, {}, family, options);
  CHECK(std::fabs(best.value - 10.00009) < 5e-6);
  options.restarts = 1;
  options.annealing = {20.0, 10.0, 5.0, 2.0};
  const VariationalResult annealed = maximize(graph, {}, family, options);
  CHECK(std::fabs(annealed.value - best.value) < 1e-9);
  options.initial = {Table::dense({2}, {0.5, 0.5})};
  CHECK_THROWS_AS(static_cast<void>(maximize(graph, {}, family, options)), ModelError);
}

TEST_CASE("ascent: structured mean field beats mean field and one chain is exact") {
  // A factorial hidden Markov model: two chains seen through one output.
  Random random(34);
  constexpr std::size_t kSteps = 5;
  FactorGraph graph;
  Evidence evidence;
  const auto rows = [&](std::size_t count, std::size_t width) {
    std::vector<double> values(count * width);
    for (double& p : values) p = 0.05 + random.uniform();
    for (std::size_t i = 0; i < values.size(); i += width) {
      normalize(std::span(values).subspan(i, width));
    }
    return Table::dense({count, width}, std::move(values));
  };
  const Table first = rows(3, 3);
  const Table second = rows(2, 2);
  const std::vector<double> emission = [&] {
    const Table table = rows(6, 4);
    return std::vector<double>(table.values().begin(), table.values().end());
  }();
  for (std::size_t t = 0; t < kSteps; ++t) {
    const VariableId a = graph.add_variable(fmt::format("a{}", t), 3);
    const VariableId b = graph.add_variable(fmt::format("b{}", t), 2);
    const VariableId y = graph.add_variable(fmt::format("y{}", t), 4);
    if (t > 0) {
      graph.add_conditional({a - 3, a}, a, first);
      graph.add_conditional({b - 3, b}, b, second);
    }
    graph.add_conditional({a, b, y}, y, Table::dense({3, 2, 4}, emission));
    evidence.observe(y, random.below(4));
  }
  Family structured(graph);
  for (VariableId a = 0; a < 3 * kSteps; a += 3) {
    structured.free(a, a > 0 ? Scope{a - 3} : Scope{});
    structured.free(a + 1, a > 0 ? Scope{a - 2} : Scope{});
  }
  const double log_z = infer(graph, evidence, Query::log_partition()).log_z;
  const VariationalResult naive = maximize(graph, evidence, mean_field(graph, evidence));
  const VariationalResult better = maximize(graph, evidence, structured);
  REQUIRE(naive.ok());
  REQUIRE(better.ok());
  CHECK(naive.value < better.value);
  CHECK(better.value < log_z);
  CHECK(log_z - better.value < 0.5 * (log_z - naive.value));
  const VariationalReference reference(graph, evidence, structured);
  auto q = reference.uniform();
  CHECK(std::fabs(reference.converge(q, reference.optimised()) - better.value) < 1e-8);
  // With the second chain seen, the first alone is a hidden Markov model: the sweep is exact.
  Evidence seen = evidence;
  for (VariableId b = 1; b < 3 * kSteps; b += 3) seen.observe(b, 0);
  const VariationalResult exact = maximize(graph, seen, structured);
  CHECK(exact.guarantee == Guarantee::exact);
  CHECK(std::fabs(exact.value - infer(graph, seen, Query::log_partition()).log_z) < 1e-12);
}

TEST_CASE("ascent: an infeasible start walks to feasibility, a hopeless model says so") {
  // Only a = b = c is possible, and uniform conditionals put probability elsewhere.
  FactorGraph graph;
  for (const char* name : {"a", "b", "c"}) graph.add_variable(name, 3);
  const Table equal = Table::sparse({3, 3}, {{0, 1.0}, {4, 5.0}, {8, 2.0}});
  graph.add_factor({0, 1}, equal);
  graph.add_factor({1, 2}, equal);
  const VariationalResult found = maximize(graph, {}, mean_field(graph, {}));
  REQUIRE(found.ok());
  CHECK(std::fabs(found.value - std::log(25.0)) < 1e-12);
  const FactorId impossible = graph.add_factor({0, 2}, Table::sparse({3, 3}, {{1, 1.0}}));
  const VariationalResult hopeless = maximize(graph, {}, mean_field(graph, {}));
  REQUIRE(hopeless.ok());
  CHECK(hopeless.value == -kInfinity);
  CHECK(hopeless.infeasible_factor.has_value());
  CHECK(hopeless.message.find("minus infinity") != std::string::npos);
  CHECK(impossible == 2);
}

TEST_CASE("ascent: scores of -1e4 per step stay exact") {
  // x stays at 0 under d = 0 for -1e4 a step; anything else costs at least as much more.
  FactorGraph graph;
  Family family(graph);
  const Table kernel = Table::sparse({2, 2, 2}, {{0, 1.0}, {3, 1.0}, {5, 1.0}, {6, 0.5}, {7, 0.5}});
  const Table score = Table::dense({2, 2}, {-1e4, -2e4, -3e4, -2e4}, Domain::log);
  graph.add_variable("x0", 2);
  family.clamp(graph.add_conditional({0}, 0, Table::dense({2}, {1.0, 0.0})));
  constexpr int kSteps = 200;
  for (int t = 0; t < kSteps; ++t) {
    const VariableId d = graph.add_variable(fmt::format("d{}", t), 2);
    const VariableId next = graph.add_variable(fmt::format("x{}", t + 1), 2);
    family.clamp(graph.add_conditional({d - 1, d, next}, next, kernel));
    graph.add_factor({d - 1, d}, score);
    family.arg_max(d, {});
  }
  VariationalOptions options;
  options.restarts = 2;
  const VariationalResult result = maximize(graph, {}, family, options);
  REQUIRE(result.ok());
  CHECK(result.algorithm_used == "ascent");
  CHECK(result.value == doctest::Approx(-1e4 * kSteps).epsilon(1e-14));
  check_monotone(result);
}

TEST_CASE("ascent: limits, cancelling, repeatability") {
  Random random(35);
  const FactorGraph graph = random_ising(random, 4, 4, 1.0, 1.0).graph();
  const Family family = mean_field(graph, {});
  VariationalOptions options;
  options.time_limit_seconds = 0.0;
  CHECK(maximize(graph, {}, family, options).status == Status::deadline);
  options = {};
  options.observer = [](const Progress&) { return false; };
  const VariationalResult cancelled = maximize(graph, {}, family, options);
  CHECK(cancelled.status == Status::cancelled);
  CHECK(std::isnan(cancelled.value));
  options = {};
  options.memory_limit_bytes = 100.0;
  const VariationalResult refused = maximize(graph, {}, family, options);
  CHECK(refused.status == Status::refused);
  CHECK(refused.message.find("100 bytes") != std::string::npos);
  options = {};
  options.maximum_sweeps = 1;
  options.restarts = 1;
  CHECK(maximize(graph, {}, family, options).guarantee == Guarantee::unconverged);
  options = {};
  options.schedule = AscentSchedule::random;
  const VariationalResult a = maximize(graph, {}, family, options);
  const VariationalResult b = maximize(graph, {}, family, options);
  CHECK(a.value == b.value);
  CHECK(a.trace == b.trace);
  CHECK(a.conditionals == b.conditionals);
  CHECK(a.marginals == b.marginals);
  for (auto spoil : {+[](VariationalOptions& o) { o.restarts = 0; },
                     +[](VariationalOptions& o) { o.maximum_sweeps = 0; },
                     +[](VariationalOptions& o) { o.tolerance = -1.0; },
                     +[](VariationalOptions& o) { o.annealing = {0.0}; },
                     +[](VariationalOptions& o) { o.memory_limit_bytes = kNaN; },
                     +[](VariationalOptions& o) { o.time_limit_seconds = -1.0; }}) {
    VariationalOptions bad;
    spoil(bad);
    CHECK_THROWS_AS(static_cast<void>(maximize(graph, {}, family, bad)), OptionError);
  }
}

TEST_CASE("ascent: what was never asked is decided, and then asked again") {
  FactorGraph graph;
  const VariableId a = graph.add_variable("a", 2);
  const VariableId b = graph.add_variable("b", 2);
  graph.add_factor({a, b}, std::vector<double>{1.0, 0.0, 0.01, 0.01});
  Family family(graph);
  family.free(a, {});
  family.arg_max(b, {a});
  VariationalOptions options;
  options.method = VariationalMethod::ascent;
  for (const AscentSchedule schedule :
       {AscentSchedule::forward, AscentSchedule::backward, AscentSchedule::random}) {
    options.schedule = schedule;
    // log(1 + 0.01): both states of a, each with its best answer.
    CHECK(maximize(graph, {}, family, options).value ==
          doctest::Approx(std::log(1.01)).epsilon(1e-9));
  }
}
