// Message passing on forests: exact, whatever the schedule, the range and the evidence.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/graph_structure.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/message_passing.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace {

/// Every variable but the first of a component hangs on an earlier one: factors of two or three
/// variables, some of one, dense or sparse, linear or log.
FactorGraph random_forest(Random& random, std::size_t variables, double log_scale) {
  FactorGraph graph;
  for (std::size_t v = 0; v < variables; ++v) {
    graph.add_variable(fmt::format("x{}", v), 1 + random.below(4));
  }
  const auto add = [&](const Scope& scope) {
    const std::vector<std::size_t> shape = graph.shape_of(scope);
    std::vector<double> logs(saturating_product(shape));
    for (double& x : logs) {
      x = random.chance(0.15) ? -kInfinity : random.uniform(-log_scale, log_scale);
    }
    Table table = Table::dense(shape, logs, Domain::log);
    if (log_scale < 300.0 && random.chance(0.5)) table = table.in_domain(Domain::linear);
    graph.add_factor(scope, random.chance(0.3) ? table.sparsified() : table);
  };
  for (VariableId v = 1; v < variables;) {
    if (random.chance(0.1)) {
      ++v;  // a new component
      continue;
    }
    Scope scope{static_cast<VariableId>(random.below(v)), v};
    if (++v < variables && random.chance(0.4)) scope.push_back(v++);
    random.shuffle(scope);
    add(scope);
  }
  for (VariableId v = 0; v < variables; ++v) {
    if (random.chance(0.3)) add({v});
  }
  return graph;
}

InferOptions belief_propagation(MessageSchedule schedule = MessageSchedule::automatic) {
  InferOptions options;
  options.algorithm = "belief_propagation";
  options.explain_conflict = false;
  options.iteration.schedule = schedule;
  return options;
}

}  // namespace

TEST_CASE("message passing: random forests with every kind of evidence agree with enumeration") {
  std::size_t possible = 0;
  for (const double log_scale : {1.0, 30.0, 1e4}) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(log_scale);
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = random_forest(random, 8, log_scale);
      REQUIRE(is_forest(graph));
      const Evidence evidence = random_evidence(random, graph, 0.3);
      Query everything = Query::marginals();
      for (VariableId v = 0; v < graph.variable_count(); ++v) everything.targets.push_back(v);
      everything.factor_marginals = true;
      if (graph.factor_count() > 0) everything.joints.push_back(graph.factor(0).scope);
      for (const Query& query : {everything, Query::log_partition(), Query::map()}) {
        const Result truth = truth_of(graph, evidence, query);
        possible += truth.ok() ? 1 : 0;
        for (const MessageSchedule schedule :
             {MessageSchedule::automatic, MessageSchedule::sequential, MessageSchedule::parallel,
              MessageSchedule::residual}) {
          INFO(schedule_name(schedule));
          check_same_answer(graph, evidence, query, truth,
                            infer(graph, evidence, query, belief_propagation(schedule)));
        }
      }
    }
  }
  CHECK(possible > 200);
}

TEST_CASE("message passing: evidence may cut every cycle") {
  FactorGraph graph;
  for (int v = 0; v < 4; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  for (VariableId v = 0; v < 4; ++v) graph.add_factor({v, (v + 1) % 4}, {3, 1, 1, 2});
  Evidence evidence;
  CHECK(infer(graph, evidence, Query::marginals(), belief_propagation()).guarantee ==
        Guarantee::fixed_point);
  evidence.observe(1, 1);
  const Result result = infer(graph, evidence, Query::marginals(), belief_propagation());
  check_same_answer(graph, evidence, Query::marginals(),
                    truth_of(graph, evidence, Query::marginals()), result);
}

TEST_CASE("message passing: ties are decoded to one assignment of the best value") {
  // A tree of differences: two assignments are best, and no state is better than another.
  FactorGraph graph;
  for (int v = 0; v < 7; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  for (VariableId v = 1; v < 7; ++v) graph.add_factor({(v - 1) / 2, v}, {1, 2, 2, 1});
  const Result result = infer(graph, Query::map(), belief_propagation());
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::exact);
  CHECK(result.assignment().log_value == doctest::Approx(6.0 * std::log(2.0)).epsilon(1e-15));
  CHECK(std::isnan(result.log_z));
}

TEST_CASE("message passing: twenty thousand variables, and scores of -1e4 per step") {
  constexpr std::size_t kLength = 20000;
  FactorGraph graph;
  for (std::size_t v = 0; v < kLength; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  // x_{t+1} = x_t costs 1e4 but for a penny less on state 1, changing costs 1e4 + 2.
  const Table pair = Table::dense({2, 2}, {-1e4, -1e4 - 2.0, -1e4 - 2.0, -1e4 + 0.01}, Domain::log);
  for (VariableId v = 0; v + 1 < kLength; ++v) graph.add_factor({v, v + 1}, Table(pair));
  const Result result = infer(graph, Query::marginals(), belief_propagation());
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::exact);
  // Z = 1' T^(n - 1) 1 of the 2 x 2 matrix T; in the middle the marginal is that of its
  // eigenvector, squared.
  const double a = 1.0;
  const double b = std::exp(-2.0);
  const double d = std::exp(0.01);
  const double lambda = 0.5 * (a + d) + std::sqrt(0.25 * (a - d) * (a - d) + b * b);
  const double x = b;
  const double y = lambda - a;
  const double norm = x * x + y * y;
  const double steps = static_cast<double>(kLength - 1);
  const double expected = steps * (std::log(lambda) - 1e4) + std::log((x + y) * (x + y) / norm);
  CHECK(result.log_z == doctest::Approx(expected).epsilon(1e-13));
  CHECK(result.log_z_lower == result.log_z);
  CHECK(result.marginal(kLength / 2)[1] == doctest::Approx(y * y / norm).epsilon(1e-11));
}

TEST_CASE("message passing: a hub of many leaves") {
  constexpr std::size_t kLeaves = 3000;
  FactorGraph graph;
  graph.add_variable("hub", 2);
  double log_first = 0.0;
  double log_second = 0.0;
  Random random(7);
  for (VariableId leaf = 1; leaf <= kLeaves; ++leaf) {
    graph.add_variable(fmt::format("leaf{}", leaf), 2);
    const double p = random.uniform(0.1, 0.9);
    const double q = random.uniform(0.1, 0.9);
    graph.add_factor({0, leaf}, {p, 0.25, q, 0.5});
    log_first += std::log(p + 0.25);
    log_second += std::log(q + 0.5);
  }
  const Result result = infer(graph, Query::marginals(), belief_propagation());
  REQUIRE(result.ok());
  CHECK(result.log_z == doctest::Approx(log_add(log_first, log_second)).epsilon(1e-13));
  const double odds = std::exp(log_first - log_second);
  CHECK(result.marginal(0)[0] == doctest::Approx(odds / (1.0 + odds)).epsilon(1e-9));
}

TEST_CASE(
    "message passing: the free energy of exact messages is log Z, and both messages of an "
    "edge make its belief") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const FactorGraph graph = random_forest(random, 8, 3.0);
    const Evidence evidence = random_evidence(random, graph, 0.2);
    MessagePassingOptions options;
    options.messages = true;
    options.value_history = true;
    // Iterated, so that the history has what the free energy says of the final messages.
    options.iteration.schedule = MessageSchedule::parallel;
    const MessagePassingResult result = propagate(graph, evidence, options);
    if (!result.ok()) continue;
    CHECK(result.guarantee == Guarantee::exact);
    REQUIRE(result.values.size() + 1 >= result.residuals.size());
    CHECK(result.values.back() == doctest::Approx(result.value).epsilon(1e-11));
    for (const EdgeMessages& edge : result.messages) {
      std::vector<double> sum = edge.log_to_variable;
      for (std::size_t x = 0; x < sum.size(); ++x) sum[x] += edge.log_to_factor[x];
      const std::vector<double> belief = softmax(sum);
      for (std::size_t x = 0; x < sum.size(); ++x) {
        CHECK(belief[x] == doctest::Approx(result.marginals[edge.variable][x]).epsilon(1e-10));
      }
    }
  }
}

TEST_CASE("message passing: impossible evidence on a forest is found, with its conflict") {
  FactorGraph graph;
  for (const char* name : {"a", "b", "c"}) graph.add_variable(name, 2);
  graph.add_factor({0, 1}, {1, 0, 0, 1});
  graph.add_factor({1, 2}, {1, 0, 0, 1});
  Evidence evidence;
  evidence.observe(0, 0);
  evidence.observe(2, 1);
  InferOptions options = belief_propagation();
  options.explain_conflict = true;
  const Result result = infer(graph, evidence, Query::marginals(), options);
  CHECK(result.status == Status::impossible_evidence);
  CHECK(result.log_z == -kInfinity);
  CHECK(result.conflict.size() == 2);
}
