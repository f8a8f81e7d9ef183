#include <credo/core/error.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/infer.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

// Nearly singular covariances are computed with; what rounding makes singular proves nothing.

namespace credo {
namespace {

/// y ~ N(0, [1, c; c, 1]), as one variable of two numbers.
FactorGraph pair_of(double c) {
  FactorGraph graph;
  graph.add_continuous_variable("y", 2);
  graph.add_gaussian_factor({0},
                            GaussianTable::conditional({}, {2}, {{{}, {0.0, 0.0}, {1, c, c, 1}}}));
  return graph;
}

/// The same with y = (x1, x2) + z, z = 0 observed elsewhere: nothing is decided by one factor
/// alone.
FactorGraph sum_of(double c) {
  FactorGraph graph;
  graph.add_continuous_variable("x", 2);
  graph.add_continuous_variable("y", 2);
  graph.add_gaussian_factor({0},
                            GaussianTable::conditional({}, {2}, {{{}, {0.0, 0.0}, {1, c, c, 1}}}));
  graph.add_gaussian_factor(
      {0, 1}, GaussianTable::conditional({}, {2, 2}, {{{1, 0, 0, 1}, {0.0, 0.0}, {0, 0, 0, 0}}}));
  return graph;
}

Result ask(const FactorGraph& graph, VariableId v, std::vector<double> value,
           const char* algorithm = "auto") {
  Evidence evidence;
  evidence.observe_value(v, std::move(value));
  InferOptions options;
  options.algorithm = algorithm;
  return infer(graph, evidence, Query::log_partition(), options);
}

long double log_density(double c, long double a, long double b) {
  const long double left = 1.0L - static_cast<long double>(c) * c;
  return -((a * a - 2.0L * c * a * b + b * b) / left + std::log(left)) / 2.0L -
         std::log(2.0L * 3.14159265358979323846L);
}

}  // namespace

TEST_CASE("Gaussian certainty: nearly singular is not singular") {
  for (const double c : {0.999, 0.9999999, 0.9999999999999, 0.99999999999999, -0.99999999999999}) {
    CAPTURE(c);
    const auto truth = static_cast<double>(log_density(c, 0.1L, 0.0L));
    for (const char* const algorithm : {"auto", "gaussian_elimination", "moment_matching"}) {
      const Result result = ask(pair_of(c), 0, {0.1, 0.0}, algorithm);
      CAPTURE(algorithm);
      REQUIRE(result.status == Status::ok);
      CHECK(result.log_z == doctest::Approx(truth).epsilon(1e-9));
    }
    const Result sum = ask(sum_of(c), 1, {0.1, 0.0});
    REQUIRE(sum.status != Status::impossible_evidence);
    if (sum.ok()) CHECK(sum.log_z == doctest::Approx(truth).epsilon(1e-2));
  }
}

TEST_CASE(
    "Gaussian certainty: exactly singular is impossible, rounded to singular proves nothing") {
  CHECK(ask(pair_of(1.0), 0, {0.1, 0.0}).status == Status::impossible_evidence);
  CHECK(ask(sum_of(1.0), 1, {0.1, 0.0}).status == Status::impossible_evidence);
  CHECK(ask(pair_of(1.0), 0, {0.1, 0.1}).ok());
  const double rounded = 1.0 - 0x1p-53;
  for (const FactorGraph& graph : {pair_of(rounded), sum_of(rounded)}) {
    const VariableId y = graph.variable_count() == 1 ? 0 : 1;
    const Result contradicted = ask(graph, y, {0.1, 0.0});
    CHECK(contradicted.status == Status::refused);
    CHECK(contradicted.message.find("taken for singular") != std::string::npos);
    const Result consistent = ask(graph, y, {0.1, 0.1});
    REQUIRE(consistent.ok());
    CHECK(consistent.message.find("taken for singular") != std::string::npos);
  }
  CHECK(pair_of(rounded).gaussian_factor(0).table.rounded_variance(0) > 0.0);
  CHECK(pair_of(1.0).gaussian_factor(0).table.rounded_variance(0) == 0.0);
}

TEST_CASE("Gaussian certainty: densities beyond the doubles are refused, never impossible") {
  for (const char* const algorithm :
       {"gaussian_elimination", "moment_matching", "gaussian_belief_propagation"}) {
    FactorGraph graph;
    graph.add_continuous_variable("y");
    graph.add_continuous_variable("x");
    for (const VariableId v : {VariableId{0}, VariableId{1}}) {
      graph.add_gaussian_factor({v}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}}));
    }
    const Result result = ask(graph, 0, {1e200}, algorithm);
    CAPTURE(algorithm);
    CHECK(result.status == Status::refused);
  }
}

TEST_CASE("Gaussian certainty: compiled, with variables that are not there, and moved from") {
  const FactorGraph graph = pair_of(1.0 - 0x1p-53);
  Evidence pattern;
  pattern.observe_value(0, {0.0, 0.0});
  CompiledGaussian compiled(graph, pattern);
  GaussianAnswer answer;
  compiled.run(std::vector<double>{0.1, 0.0}, answer);
  CHECK(answer.status == Status::refused);
  CHECK_THROWS_AS(static_cast<void>(compiled.cross_covariance(0, 99)), QueryError);
  CHECK_THROWS_AS(static_cast<void>(compiled.mean_offset(99)), QueryError);
  CHECK_THROWS_AS(static_cast<void>(compiled.covariance_offset(1)), QueryError);
  const CompiledGaussian moved = std::move(compiled);
  CHECK(moved.observed_count() == 2);
  CHECK_THROWS_AS(static_cast<void>(compiled.plan()), QueryError);  // NOLINT
  FactorGraph coin;
  coin.add_variable("a", 2);
  CompiledQuery query(coin, {}, Query::log_partition());
  const CompiledQuery kept = std::move(query);
  CHECK(kept.run({}).ok());
  CHECK_THROWS_AS(static_cast<void>(query.run({})), QueryError);  // NOLINT
  CHECK_THROWS_AS(static_cast<void>(query.plan()), QueryError);   // NOLINT
}

}  // namespace credo
