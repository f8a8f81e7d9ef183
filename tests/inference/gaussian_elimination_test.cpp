// Elimination of continuous variables against dense conditioning in moment form.

#include "gaussian_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/gaussian/compiled_gaussian.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
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

}  // namespace
}  // namespace credo::testing
