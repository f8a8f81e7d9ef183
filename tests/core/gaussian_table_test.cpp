// Continuous variables, Gaussian tables, and findings about values.

#include <credo/core/error.hpp>
#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

namespace credo {
namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

TEST_CASE("gaussian table: a conditional's log density is the textbook's") {
  // y = 2 x1 - x2 + 3 + noise of variance 4.
  const auto table = GaussianTable::conditional({}, {2, 1}, {{{2.0, -1.0}, {3.0}, {4.0}}});
  CHECK(table.is_conditional());
  CHECK(table.dimension() == 3);
  const double x[] = {0.5, 2.0, 5.0};  // mean 2, residual 3
  CHECK(table.log_at(0, x) == doctest::Approx(-9.0 / 8.0 - (kLogTwoPi + std::log(4.0)) / 2.0));
}

TEST_CASE("gaussian table: without noise the density is that of the support") {
  const auto table = GaussianTable::conditional({}, {1, 2}, {{{1.0, 1.0}, {0, 0}, {1, 1, 1, 1}}});
  const double on[] = {1.0, 2.0, 2.0};
  const double off[] = {1.0, 2.0, 2.5};
  CHECK(table.log_at(0, on) == doctest::Approx(-(1.0 + kLogTwoPi + std::log(2.0)) / 2.0));
  CHECK(table.log_at(0, off) == -kInfinity);
}

TEST_CASE("gaussian table: a quadratic form, one per joint state") {
  const auto table = GaussianTable::quadratic(
      {2}, {2}, {{{0, 0, 0, 0}, {1, 2}, 0.5}, {{2, 1, 1, -3}, {0, 0}, -kInfinity}});
  const double x[] = {3.0, -1.0};
  CHECK(table.log_at(0, x) == doctest::Approx(1.5));
  CHECK(table.log_at(1, x) == -kInfinity);
  CHECK(table.forms().size() == 2);
}

TEST_CASE("gaussian table: wrong numbers are refused, naming the entry") {
  using T = GaussianTable;
  CHECK_THROWS_WITH_AS(static_cast<void>(T::quadratic({}, {2}, {{{1, 0, 0.1, 1}, {0, 0}, 0}})),
                       doctest::Contains("symmetric precision"), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(T::quadratic({}, {1}, {{{1}, {kNaN}, 0}})),
                       doctest::Contains("finite numbers in the linear part"), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(T::quadratic({2}, {1}, {{{1}, {0}, 0}})),
                       doctest::Contains("expected 2 quadratic forms, got 1"), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(T::conditional({}, {2}, {{{}, {0, 0}, {1, 2, 2, 1}}})),
                       doctest::Contains("positive semi-definite"), ModelError);
  CHECK_THROWS_AS(static_cast<void>(T::conditional({}, {1, 1}, {{{}, {0}, {1}}})), ModelError);
  CHECK_THROWS_AS(static_cast<void>(T::quadratic({}, {}, {{{}, {}, 0}})), ModelError);
}

TEST_CASE("factor graph: continuous variables and Gaussian factors") {
  FactorGraph graph;
  const VariableId gear = graph.add_variable("gear", 2);
  const VariableId speed = graph.add_continuous_variable("speed");
  const VariableId place = graph.add_continuous_variable("place", 2);
  graph.add_factor({gear}, {0.25, 0.75});
  graph.add_gaussian_factor({gear}, {speed},
                            GaussianTable::conditional({2}, {1}, {{{}, {0}, {1}}, {{}, {5}, {1}}}));
  const auto id = graph.add_gaussian_factor(
      {speed, place},
      GaussianTable::quadratic({}, {1, 2}, {{{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}, 0.0}}));
  CHECK(graph.has_continuous_variables());
  CHECK(graph.gaussian_factor(0).child == speed);
  CHECK_FALSE(graph.gaussian_factor(1).child);
  CHECK(graph.describe_gaussian(0) == "g0(gear; speed)");
  CHECK(graph.describe_gaussian(id) == "g1(speed, place)");
  const std::vector<std::size_t> states = {1, 0, 0};
  const std::vector<std::vector<double>> values = {{}, {4.0}, {1.0, 2.0}};
  CHECK(graph.log_weight(states, values) ==
        doctest::Approx(std::log(0.75) - 0.5 - kLogTwoPi / 2.0 - (16.0 + 1.0 + 4.0) / 2.0));
  CHECK_THROWS_WITH_AS(static_cast<void>(graph.add_factor({speed}, Table())),
                       doctest::Contains("expected discrete variables, got speed"), ModelError);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(graph.add_gaussian_factor({speed}, graph.gaussian_factor(1).table)),
      doctest::Contains("dimensions [1], got [] and [1, 2]"), ModelError);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(graph.add_gaussian_factor({gear}, graph.gaussian_factor(1).table)),
      doctest::Contains("gear, which is discrete"), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(graph.add_continuous_variable("height", 0)),
                       doctest::Contains("dimension of at least 1"), ModelError);
  CHECK(graph.gaussian_factors().size() == 2);
}

TEST_CASE("evidence: values are for continuous variables, states for discrete ones") {
  FactorGraph graph;
  const VariableId gear = graph.add_variable("gear", 2);
  const VariableId place = graph.add_continuous_variable("place", 2);
  Evidence evidence;
  evidence.observe_value(place, {1.0, -2.5});
  evidence.validate(graph);
  CHECK(describe(graph, *evidence.find(place)) == "place = (1, -2.5)");
  Evidence wrong;
  wrong.observe_value(place, {1.0});
  CHECK_THROWS_WITH_AS(wrong.validate(graph), doctest::Contains("expected 2 finite numbers"),
                       EvidenceError);
  wrong.observe_value(place, {1.0, kInfinity});
  CHECK_THROWS_AS(wrong.validate(graph), EvidenceError);
  wrong.observe(place, 1);
  CHECK_THROWS_WITH_AS(wrong.validate(graph), doctest::Contains("the variable is continuous"),
                       EvidenceError);
  wrong.retract(place);
  wrong.observe_value(gear, {1.0});
  CHECK_THROWS_WITH_AS(wrong.validate(graph), doctest::Contains("the variable is discrete"),
                       EvidenceError);
}

}  // namespace
}  // namespace credo
