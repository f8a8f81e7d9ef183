// Elimination of continuous variables against dense conditioning in moment form.

#include "gaussian_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <utility>

namespace credo::testing {
namespace {

struct RandomQuestion {
  FactorGraph graph;
  Evidence evidence;
  std::vector<SoftEquation> equations;
};

/// Kernels over `count` variables, each with up to two parents among the earlier ones (some with
/// none: components), soft equations over pairs, and evidence at what the means are near to.
RandomQuestion random_question(std::mt19937_64& random, std::size_t count, bool singular) {
  RandomQuestion question;
  FactorGraph& graph = question.graph;
  for (VariableId v = 0; v < count; ++v) {
    const std::size_t dimension = 1 + uniform_index(random, 3);
    graph.add_continuous_variable("x" + std::to_string(v), dimension);
    Scope scope;
    std::size_t parents = 0;
    for (std::size_t k = uniform_index(random, 3); k > 0 && v > 0; --k) {
      const auto parent = static_cast<VariableId>(uniform_index(random, v));
      if (!scope.empty() && scope.front() == parent) continue;
      scope.push_back(parent);
      parents += graph.variable(parent).dimension;
    }
    scope.push_back(v);
    const bool certain = singular && parents > 0 && uniform_index(random, 2) == 0;
    const std::size_t rank = certain ? uniform_index(random, dimension) : dimension;
    std::vector<std::size_t> dimensions;
    for (const VariableId u : scope) dimensions.push_back(graph.variable(u).dimension);
    graph.add_gaussian_factor(
        scope, GaussianTable::conditional({}, dimensions,
                                          {random_kernel(random, parents, dimension, rank)}));
  }
  for (std::size_t e = uniform_index(random, 3); e > 0 && count > 1; --e) {
    SoftEquation equation;
    const auto first = static_cast<VariableId>(uniform_index(random, count - 1));
    equation.scope = {static_cast<VariableId>(count - 1), first};
    std::vector<std::size_t> dimensions;
    for (const VariableId v : equation.scope) {
      dimensions.push_back(graph.variable(v).dimension);
      for (std::size_t i = 0; i < graph.variable(v).dimension; ++i) {
        equation.coefficients.push_back(uniform(random, -1.0, 1.0));
      }
    }
    equation.right_hand_side = uniform(random, -1.0, 1.0);
    equation.variance = uniform(random, 0.1, 2.0);
    equation.constant = uniform(random, -700.0, 700.0);
    graph.add_gaussian_factor(equation.scope, table_of(equation, dimensions));
    question.equations.push_back(std::move(equation));
  }
  for (VariableId v = 0; v < count; ++v) {
    if (uniform_index(random, 3) > 0) continue;
    std::vector<double> value(graph.variable(v).dimension);
    for (double& x : value) x = uniform(random, -2.0, 2.0);
    question.evidence.observe_value(v, value);
  }
  return question;
}

void check_against_dense(const RandomQuestion& question, double tolerance) {
  const DensePosterior truth =
      condition_densely(question.graph, question.evidence, question.equations);
  if (!truth.regular) return;
  CompiledGaussian compiled(question.graph, question.evidence);
  const GaussianAnswer answer = compiled.run(question.evidence);
  REQUIRE_MESSAGE(answer.ok(), answer.message);
  const auto near = [tolerance](double got, Real expected) {
    const auto wanted = static_cast<double>(expected);
    CHECK_MESSAGE(std::fabs(got - wanted) <= tolerance * std::max(1.0, std::fabs(wanted)), got,
                  " for ", wanted);
  };
  near(answer.log_z, truth.log_z);
  for (VariableId v = 0; v < question.graph.variable_count(); ++v) {
    const std::size_t n = question.graph.variable(v).dimension;
    for (std::size_t i = 0; i < n; ++i) {
      near(answer.means[compiled.mean_offset(v) + i], truth.mean[truth.offset[v] + i]);
      for (std::size_t j = 0; j < n; ++j) {
        near(answer.covariances[compiled.covariance_offset(v) + i * n + j],
             truth.covariance(truth.offset[v] + i, truth.offset[v] + j));
      }
    }
  }
}

TEST_CASE("gaussian elimination: random graphs against dense conditioning") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    check_against_dense(random_question(random, 1 + uniform_index(random, 8), false), 1e-9);
  }
}

TEST_CASE("gaussian elimination: kernels without noise are exact") {
  std::mt19937_64 random(12);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    check_against_dense(random_question(random, 2 + uniform_index(random, 7), true), 1e-8);
  }
}

/// The mean and variance of the last of `count` steps of a random walk, and log p(y).
struct Filtered {
  double mean = 0.0;
  double variance = 0.0;
  double log_likelihood = 0.0;
};

Filtered filter(std::span<const double> y, double process, double noise) {
  Filtered f{0.0, 1.0, 0.0};
  for (std::size_t t = 0; t < y.size(); ++t) {
    if (t > 0) f.variance += process;
    const double total = f.variance + noise;
    const double residual = y[t] - f.mean;
    f.log_likelihood -=
        (residual * residual / total + std::log(2.0 * std::numbers::pi * total)) / 2.0;
    f.mean += f.variance / total * residual;
    f.variance *= noise / total;
  }
  return f;
}

void check_long_walk(std::size_t count, double process, double noise) {
  CAPTURE(process);
  CAPTURE(noise);
  std::mt19937_64 random(3);
  FactorGraph graph;
  Evidence evidence;
  std::vector<double> y;
  const auto walk = GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {process}}});
  const auto observe = GaussianTable::conditional({}, {1, 1}, {{{1.0}, {0.0}, {noise}}});
  for (std::size_t t = 0; t < count; ++t) {
    const VariableId x = graph.add_continuous_variable("x" + std::to_string(t));
    const VariableId seen = graph.add_continuous_variable("y" + std::to_string(t));
    if (t == 0) {
      graph.add_gaussian_factor({x}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}}));
    } else {
      graph.add_gaussian_factor({x - 2, x}, walk);
    }
    graph.add_gaussian_factor({x, seen}, observe);
    y.push_back(uniform(random, -3.0, 3.0));
    evidence.observe_value(seen, {y.back()});
  }
  CompiledGaussian compiled(graph, evidence);
  const GaussianAnswer answer = compiled.run(evidence);
  REQUIRE_MESSAGE(answer.ok(), answer.message);
  const Filtered last = filter(y, process, noise);
  CHECK(answer.log_z == doctest::Approx(last.log_likelihood).epsilon(1e-9));
  const auto x = static_cast<VariableId>(2 * (count - 1));
  CHECK(answer.means[compiled.mean_offset(x)] == doctest::Approx(last.mean).epsilon(1e-9));
  CHECK(answer.covariances[compiled.covariance_offset(x)] ==
        doctest::Approx(last.variance).epsilon(1e-9));
  // The walk reversed in time has the same law but for its start: the middle from both sides.
  const std::size_t middle = count / 2;
  const Filtered ahead = filter(std::span(y).first(middle + 1), process, noise);
  double back_precision = 0.0;
  double back_pull = 0.0;
  for (std::size_t t = count; t-- > middle + 1;) {
    back_pull += y[t] / noise;
    back_precision += 1.0 / noise;
    const double spread = 1.0 / (1.0 + process * back_precision);
    back_pull *= spread;
    back_precision *= spread;
  }
  const double precision = 1.0 / ahead.variance + back_precision;
  const auto at = static_cast<VariableId>(2 * middle);
  CHECK(answer.means[compiled.mean_offset(at)] ==
        doctest::Approx((ahead.mean / ahead.variance + back_pull) / precision).epsilon(1e-8));
  CHECK(answer.covariances[compiled.covariance_offset(at)] ==
        doctest::Approx(1.0 / precision).epsilon(1e-8));
}

TEST_CASE("gaussian elimination: chains of 20,000 variables and variances of any scale") {
  check_long_walk(10000, 0.1, 0.5);
  check_long_walk(300, 1e-12, 1.0);
  check_long_walk(300, 1e12, 1e-12);
  check_long_walk(300, 1e-12, 1e12);
}

TEST_CASE("gaussian elimination: far from the origin log Z keeps its digits") {
  FactorGraph graph;
  const VariableId x = graph.add_continuous_variable("x");
  const VariableId y = graph.add_continuous_variable("y");
  graph.add_gaussian_factor({x}, GaussianTable::conditional({}, {1}, {{{}, {1e6}, {1e-4}}}));
  graph.add_gaussian_factor({x, y}, GaussianTable::conditional({}, {1, 1}, {{{1}, {0}, {3e-4}}}));
  Evidence evidence;
  evidence.observe_value(y, {1e6 + 0.015625});
  CompiledGaussian compiled(graph, evidence);
  const GaussianAnswer answer = compiled.run(evidence);
  const double residual = 0.015625;
  CHECK(answer.log_z ==
        doctest::Approx(-(residual * residual / 4e-4 + std::log(2.0 * std::numbers::pi * 4e-4)) / 2)
            .epsilon(1e-7));
}

TEST_CASE("gaussian elimination: any order, split and merged factors, other constants") {
  std::mt19937_64 random(13);
  for (int round = 0; round < 60; ++round) {
    const RandomQuestion question = random_question(random, 6, false);
    CompiledGaussian first(question.graph, question.evidence);
    const GaussianAnswer before = first.run(question.evidence);
    FactorGraph halves;
    for (const Variable& v : question.graph.variables()) halves.add_variable(v);
    for (const GaussianFactor& factor : question.graph.gaussian_factors()) {
      if (factor.table.is_conditional()) {
        halves.add_gaussian_factor(factor.continuous, factor.table);
        continue;
      }
      QuadraticForm half = factor.table.forms().front();
      for (double& entry : half.precision) entry /= 2.0;
      for (double& entry : half.linear) entry /= 2.0;
      half.constant = half.constant / 2.0 + 345.0;
      const std::vector<std::size_t> dimensions(factor.table.dimensions().begin(),
                                                factor.table.dimensions().end());
      const auto table = GaussianTable::quadratic({}, dimensions, {half});
      halves.add_gaussian_factor(factor.continuous, table);
      halves.add_gaussian_factor(factor.continuous, table);
    }
    InferOptions options;
    for (VariableId v = 6; v-- > 0;) {
      if (question.evidence.find(v) == nullptr) options.plan.order.push_back(v);
    }
    CompiledGaussian second(halves, question.evidence, options);
    CHECK(second.plan().method == "given");
    const GaussianAnswer after = second.run(question.evidence);
    REQUIRE(before.ok());
    REQUIRE(after.ok());
    const double added = 690.0 * static_cast<double>(question.equations.size());
    CHECK(after.log_z - added == doctest::Approx(before.log_z).epsilon(1e-10));
    for (std::size_t i = 0; i < before.means.size(); ++i) {
      CHECK(std::fabs(after.means[i] - before.means[i]) < 1e-9);
    }
    for (std::size_t i = 0; i < before.covariances.size(); ++i) {
      CHECK(std::fabs(after.covariances[i] - before.covariances[i]) < 1e-9);
    }
  }
}

TEST_CASE("gaussian elimination: what has no integral is refused, naming a variable") {
  FactorGraph graph;
  const VariableId x = graph.add_continuous_variable("height", 2);
  graph.add_gaussian_factor(
      {x}, GaussianTable::quadratic({}, {2}, {{{1.0, 1.0, 1.0, 1.0}, {0.0, 0.0}, 0.0}}));
  CompiledGaussian flat(graph, {});
  GaussianAnswer answer = flat.run(Evidence{});
  CHECK(answer.status == Status::refused);
  CHECK(answer.message.find("over height diverges") != std::string::npos);
  CHECK(answer.message.find("without curvature") != std::string::npos);
  graph.add_gaussian_factor(
      {x}, GaussianTable::quadratic({}, {2}, {{{-2.0, 0.0, 0.0, 1.0}, {0.0, 0.0}, 0.0}}));
  CompiledGaussian indefinite(graph, {});
  answer = indefinite.run(Evidence{});
  CHECK(answer.status == Status::refused);
  CHECK(answer.message.find("indefinite") != std::string::npos);
  InferOptions small;
  small.memory_limit_bytes = 16.0;
  CompiledGaussian over_budget(graph, {}, small);
  CHECK(over_budget.refusal().find("memory limit") != std::string::npos);
  CHECK(over_budget.run(Evidence{}).status == Status::refused);
}

TEST_CASE("gaussian elimination: compiled once, run with other values and other numbers") {
  std::mt19937_64 random(14);
  RandomQuestion question = random_question(random, 7, false);
  CompiledGaussian compiled(question.graph, question.evidence);
  for (int round = 0; round < 5; ++round) {
    Evidence evidence = question.evidence;
    for (const auto& [v, finding] : question.evidence.findings()) {
      std::vector<double> value = finding.value;
      for (double& x : value) x += round;
      evidence.observe_value(v, value);
    }
    const GaussianAnswer again = compiled.run(evidence);
    CompiledGaussian fresh(question.graph, evidence);
    const GaussianAnswer truth = fresh.run(evidence);
    CHECK(again.log_z == truth.log_z);
    CHECK(again.means == truth.means);
    CHECK(again.covariances == truth.covariances);
  }
  FactorGraph other;
  other.add_continuous_variable("x");
  CHECK_THROWS_AS(compiled.load(other), QueryError);
  CHECK_THROWS_AS(static_cast<void>(compiled.run(Evidence{})), EvidenceError);
}

/// The same with other numbers: gains and offsets a little larger, covariances and precisions too.
GaussianTable with_other_numbers(const GaussianTable& table, double by) {
  const std::vector<std::size_t> dimensions(table.dimensions().begin(), table.dimensions().end());
  const auto scale = [by](std::vector<double>& numbers) {
    for (double& x : numbers) x *= by;
  };
  if (table.is_conditional()) {
    LinearGaussian kernel = table.kernels().front();
    scale(kernel.gain);
    scale(kernel.offset);
    scale(kernel.covariance);
    return GaussianTable::conditional({}, dimensions, {kernel});
  }
  QuadraticForm form = table.forms().front();
  scale(form.precision);
  scale(form.linear);
  return GaussianTable::quadratic({}, dimensions, {form});
}

TEST_CASE("gaussian elimination: other tables for a compiled graph") {
  std::mt19937_64 random(15);
  for (int round = 0; round < 20; ++round) {
    const RandomQuestion question = random_question(random, 7, round % 2 == 0);
    CompiledGaussian compiled(question.graph, question.evidence);
    for (const double by : {1.25, 1.5, 1.0}) {
      std::vector<GaussianTable> tables;
      FactorGraph other;
      for (const Variable& v : question.graph.variables()) other.add_variable(v);
      for (const GaussianFactor& factor : question.graph.gaussian_factors()) {
        tables.push_back(with_other_numbers(factor.table, by));
        other.add_gaussian_factor(factor.continuous, tables.back());
      }
      compiled.load(tables);
      CompiledGaussian fresh(other, question.evidence);
      const GaussianAnswer again = compiled.run(question.evidence);
      const GaussianAnswer truth = fresh.run(question.evidence);
      REQUIRE(again.status == truth.status);
      if (!truth.ok()) continue;
      CHECK(again.log_z == truth.log_z);
      CHECK(again.means == truth.means);
      CHECK(again.covariances == truth.covariances);
      // Tables that do not fit leave what was loaded.
      tables.pop_back();
      CHECK_THROWS_AS(compiled.load(tables), QueryError);
      tables.push_back(GaussianTable::conditional(
          {}, {9}, {{{}, std::vector<double>(9, 0.0), std::vector<double>(81, 0.0)}}));
      CHECK_THROWS_AS(compiled.load(tables), QueryError);
      CHECK(compiled.run(question.evidence).log_z == truth.log_z);
    }
  }
}

TEST_CASE("gaussian elimination: fronts and kernels of many sizes") {
  // x of n numbers, y of k: sums of the rows of x, seen with noise.
  for (const std::size_t n : {1U, 2U, 3U, 4U, 5U, 7U}) {
    for (const std::size_t k : {1U, 2U, 4U, 6U}) {
      FactorGraph graph;
      const VariableId x = graph.add_continuous_variable("x", n);
      const VariableId y = graph.add_continuous_variable("y", k);
      std::vector<double> identity(n * n, 0.0);
      for (std::size_t i = 0; i < n; ++i) identity[i * n + i] = 1.0;
      graph.add_gaussian_factor(
          {x}, GaussianTable::conditional({}, {n}, {{{}, std::vector<double>(n, 1.0), identity}}));
      std::vector<double> noise(k * k, 0.0);
      for (std::size_t i = 0; i < k; ++i) noise[i * k + i] = 0.5;
      graph.add_gaussian_factor(
          {x, y},
          GaussianTable::conditional(
              {}, {n, k}, {{std::vector<double>(k * n, 1.0), std::vector<double>(k, 0.0), noise}}));
      Evidence evidence;
      evidence.observe_value(y, std::vector<double>(k, 2.0));
      CompiledGaussian compiled(graph, evidence);
      const GaussianAnswer answer = compiled.run(evidence);
      REQUIRE(answer.ok());
      // One number, s = sum of x ~ N(n, n), seen k times with variance 1/2.
      const auto number = static_cast<double>(n);
      const auto seen = static_cast<double>(k);
      const double precision = 1.0 / number + 2.0 * seen;
      const double mean = (1.0 + 4.0 * seen) / precision;
      CHECK(answer.means[0] == doctest::Approx(1.0 + (mean - number) / number).epsilon(1e-12));
      const double variance = 1.0 - (number - 1.0 / precision) / (number * number);
      CHECK(answer.covariances[0] == doctest::Approx(variance).epsilon(1e-12));
      const double residual = 2.0 - number;
      const double spread = std::log(2.0 * std::numbers::pi * 0.5) * seen +
                            std::log(1.0 + 2.0 * seen * number) +
                            2.0 * seen * residual * residual / (1.0 + 2.0 * seen * number);
      CHECK(answer.log_z == doctest::Approx(-spread / 2.0).epsilon(1e-12));
    }
  }
}

}  // namespace
}  // namespace credo::testing
