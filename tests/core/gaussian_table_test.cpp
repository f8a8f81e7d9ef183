// Continuous variables, Gaussian tables, and findings about values.

#include <credo/core/covariance_factor.hpp>
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

TEST_CASE("covariance factor: what is left of a unit variance is noise down to 1e-12") {
  // Two sums of one wide and one narrow noise; the narrow one has a variance of 1e-12.
  const double narrow = 0x1p-40;
  CHECK(
      factorise_covariance(std::vector<double>{1.0, 1.0, 1.0, 1.0 + narrow}, 2, certain_as_given(2))
          .rank == 2);
  CHECK(
      factorise_covariance(std::vector<double>{1.0, 1.0, 1.0, 1.0}, 2, certain_as_given(2)).rank ==
      1);
  // Entries that are products, as rounded.
  const double a = 1.0 / 3.0;
  const double b = 0.7;
  CHECK(
      factorise_covariance(std::vector<double>{a * a, a * b, a * b, b * b}, 2, certain_as_given(2))
          .rank == 1);
}

TEST_CASE("covariance factor: noise of any scale, and its inverse") {
  // S = M M' with M lower triangular, rows of scales 1e-3 to 1e3; with a repeated row it is
  // singular.
  for (const bool repeated : {false, true}) {
    constexpr std::size_t kSize = 5;
    const double scale[kSize] = {1e-3, 10.0, 1.0, 1e3, 0.1};
    std::vector<double> root(kSize * kSize, 0.0);
    for (std::size_t i = 0; i < kSize; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        root[i * kSize + j] = scale[i] * (i == j ? 2.0 : std::sin(static_cast<double>(7 * i + j)));
      }
    }
    for (std::size_t j = 0; repeated && j < kSize; ++j) {
      root[4 * kSize + j] = 3.0 * root[2 * kSize + j];
    }
    std::vector<double> covariance(kSize * kSize, 0.0);
    for (std::size_t i = 0; i < kSize; ++i) {
      for (std::size_t j = 0; j < kSize; ++j) {
        for (std::size_t k = 0; k < kSize; ++k) {
          covariance[i * kSize + j] += root[i * kSize + k] * root[j * kSize + k];
        }
      }
    }
    const CovarianceFactor factor =
        factorise_covariance(covariance, kSize, certain_as_given(kSize));
    const std::size_t rank = repeated ? kSize - 1 : kSize;
    REQUIRE(factor.rank == rank);
    CHECK(factor.rotation.empty() == !repeated);
    if (repeated) continue;
    double log_determinant = 0.0;
    for (std::size_t i = 0; i < kSize; ++i) {
      log_determinant += 2.0 * std::log(root[i * kSize + i]);
      for (std::size_t j = 0; j < kSize; ++j) {
        double product = 0.0;
        double identity = 0.0;
        for (std::size_t k = 0; k < rank; ++k) {
          product += factor.noise[i * rank + k] * factor.noise[j * rank + k];
          identity += factor.whitening[i * kSize + k] * factor.noise[k * rank + j];
        }
        CHECK(std::fabs(product - covariance[i * kSize + j]) < 1e-13 * scale[i] * scale[j] * 10.0);
        CHECK(std::fabs(identity - (i == j ? 1.0 : 0.0)) < 1e-12);
      }
    }
    CHECK(factor.log_determinant == doctest::Approx(log_determinant).epsilon(1e-12));
  }
}

}  // namespace
}  // namespace credo
