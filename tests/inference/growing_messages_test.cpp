// What became of messages that grow round and round: reported loops, a sudoku, conflicts that zero
// propagation proves, decoded states, values far away.

#include "oracle.hpp"
#include "zero_models.hpp"

#include <credo/core/formats/format.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/iteration.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace credo;
using namespace credo::testing;

namespace {

std::filesystem::path data(const std::string& file) {
  return std::filesystem::path(CREDO_TEST_DATA) / "zeros" / file;
}

InferOptions belief_propagation(MessageSchedule schedule) {
  InferOptions options;
  options.algorithm = "belief_propagation";
  options.iteration.schedule = schedule;
  return options;
}

}  // namespace

TEST_CASE("zeros: four reported loops are fixed points or called unconverged, never impossible") {
  const std::vector<std::size_t> decoded{0, 2, 1, 1, 2, 1};
  for (const MessageSchedule schedule :
       {MessageSchedule::sequential, MessageSchedule::parallel, MessageSchedule::residual}) {
    CAPTURE(schedule_name(schedule));
    InferOptions options = belief_propagation(schedule);
    const FactorGraph triangle = read_model(data("triangle.uai"));
    CHECK(infer(triangle, {}, Query::log_partition()).log_z == doctest::Approx(0.41343328));
    const Result of_triangle = infer(triangle, {}, Query::log_partition(), options);
    CHECK(of_triangle.guarantee == Guarantee::fixed_point);
    CHECK(of_triangle.log_z == doctest::Approx(0.2161757).epsilon(1e-6));

    const FactorGraph grows = read_model(data("grows.uai"));
    CHECK(infer(grows, {}, Query::log_partition()).log_z == doctest::Approx(-1.36649173));
    const Result of_grows = infer(grows, {}, Query::map(), options);
    CHECK(of_grows.guarantee == Guarantee::fixed_point);
    CHECK(of_grows.assignment().states == decoded);
    // The sum's fixed point sits on that state, too: its weight is Bethe's value.
    const Result sum = infer(grows, {}, Query::marginals(), options);
    CHECK(sum.guarantee == Guarantee::fixed_point);
    CHECK(sum.log_z == doctest::Approx(std::log(0.15)).epsilon(1e-12));
    for (VariableId v = 0; v < 6; ++v) CHECK(sum.marginal(v)[decoded[v]] > 1.0 - 1e-12);

    const FactorGraph claims = read_model(data("claims-impossible.uai"));
    CHECK(infer(claims, {}, Query::log_partition()).log_z == doctest::Approx(std::log(0.0243)));
    CHECK(infer(claims, {}, Query::log_partition(), options).ok());
    CHECK(infer(claims, {}, Query::map(), options).assignment().log_value <= std::log(0.0243));
    const FactorGraph big = read_model(data("beside-a-grid.uai.gz"));
    options.iteration.maximum_iterations = 100;
    CHECK(infer(big, {}, Query::log_partition(), options).ok());
  }
}

TEST_CASE("zeros: evidence that is counted round and round ends as certainty") {
  // Four variables that are all equal, one of them with odds of 2 to 1.
  FactorGraph graph;
  for (int v = 0; v < 4; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  graph.add_factor({0}, {2.0, 1.0});
  for (VariableId a = 0; a < 4; ++a) {
    for (VariableId b = a + 1; b < 4; ++b) graph.add_factor({a, b}, {1.0, 0.0, 0.0, 1.0});
  }
  for (const MessageSchedule schedule :
       {MessageSchedule::sequential, MessageSchedule::parallel, MessageSchedule::residual}) {
    const Result result = infer(graph, {}, Query::marginals(), belief_propagation(schedule));
    CHECK(result.guarantee == Guarantee::fixed_point);
    CHECK(result.log_z == doctest::Approx(std::log(2.0)));
    for (VariableId v = 0; v < 4; ++v) CHECK(result.marginal(v)[0] > 1.0 - 1e-12);
  }
  InferOptions in_time;
  in_time.time_limit_seconds = 60.0;
  CHECK(infer(graph, {}, Query::log_partition(), in_time).log_z == doctest::Approx(std::log(3.0)));
}

TEST_CASE("zeros: a sudoku's estimate is one that 57 open cells can have") {
  const Sudoku puzzle = sudoku();
  REQUIRE(puzzle.givens.size() == 24);
  InferOptions options = belief_propagation(MessageSchedule::sequential);
  options.iteration.maximum_iterations = 50;
  const Result result = infer(puzzle.graph, puzzle.givens, Query::marginals(), options);
  REQUIRE(result.ok());
  CHECK(std::fabs(result.log_z) <= 57.0 * std::log(9.0));
  CHECK(result.guarantee != Guarantee::exact);
  for (VariableId v = 0; v < 81; ++v) {
    double sum = 0.0;
    for (const double p : result.marginal(v)) sum += p;
    CHECK(sum == doctest::Approx(1.0).epsilon(1e-12));
  }
}

TEST_CASE("zeros: a state is found where deciding variable after variable leads to one") {
  const Sudoku puzzle = sudoku();
  for (const MessageSchedule schedule :
       {MessageSchedule::sequential, MessageSchedule::parallel, MessageSchedule::residual}) {
    const Result solved =
        infer(puzzle.graph, puzzle.givens, Query::map(), belief_propagation(schedule));
    REQUIRE(solved.ok());
    CHECK(log_value_of(puzzle.graph, puzzle.givens, solved.assignment().states) == 0.0);
  }
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    InferOptions options = belief_propagation(MessageSchedule::parallel);
    options.iteration.maximum_iterations = 30;
    found += infer(planted(random), {}, Query::map(), options).ok() ? 1 : 0;
  }
  CHECK(found > 20);
}

TEST_CASE("zeros: what zero propagation proves is explained where nothing exact is affordable") {
  // 60 binary variables, all pairs tied by soft factors; an equality chain over the first six.
  FactorGraph graph;
  for (int v = 0; v < 60; ++v) graph.add_variable(fmt::format("x{}", v), 2);
  for (VariableId a = 0; a < 60; ++a) {
    for (VariableId b = a + 1; b < 60; ++b) graph.add_factor({a, b}, {1.0, 1.1, 1.2, 1.0});
  }
  for (VariableId v = 0; v < 5; ++v) graph.add_factor({v, v + 1}, {1.0, 0.0, 0.0, 1.0});
  Evidence evidence;
  evidence.observe(0, 0);
  evidence.observe(5, 1);
  for (VariableId v = 30; v < 36; ++v) evidence.observe(v, 1);
  InferOptions options = belief_propagation(MessageSchedule::automatic);
  options.memory_limit_bytes = 1 << 20;
  const Result result = infer(graph, evidence, Query::log_partition(), options);
  CHECK(result.status == Status::impossible_evidence);
  REQUIRE(result.conflict.size() == 2);
  CHECK(result.conflict[0].variable == 0);
  CHECK(result.conflict[1].variable == 5);
}

TEST_CASE("zeros: a value far away is not an impossible one") {
  FactorGraph graph;
  for (const char* name : {"x", "y", "z"}) graph.add_continuous_variable(name);
  const GaussianTable one = GaussianTable::quadratic({}, {1}, {{{1.0}, {0.0}, 0.0}});
  graph.add_gaussian_factor({0}, GaussianTable(one));
  graph.add_gaussian_factor({2}, GaussianTable(one));
  const QuadraticForm pair{{1.0, -0.5, -0.5, 1.0}, {0.0, 0.0}, 0.0};
  graph.add_gaussian_factor({0, 1}, GaussianTable::quadratic({}, {1, 1}, {pair}));
  for (const double value : {1e3, 1e160, 1e200}) {
    for (const VariableId seen : {0U, 2U}) {
      Evidence evidence;
      evidence.observe_value(seen, {value});
      for (const Algorithm& algorithm : algorithms()) {
        if (!algorithm.continuous) continue;
        CAPTURE(algorithm.name);
        InferOptions options;
        options.algorithm = algorithm.name;
        const Result result = infer(graph, evidence, Query::log_partition(), options);
        CHECK(result.status == (value < 1e100 ? Status::ok : Status::refused));
        if (result.ok()) CHECK(std::isfinite(result.log_z));
      }
    }
  }
}
