// Exact samples: their frequencies against exact joint marginals (chi-square), fixed seeds.

#include "oracle.hpp"
#include "random_models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace {

constexpr std::size_t kDraws = 20000;

/// Pearson's statistic of counts against probabilities, and its degrees of freedom: cells
/// that are expected less than 5 times are pooled.
struct ChiSquare {
  double statistic = 0.0;
  double degrees = -1.0;
  void add(double count, double expected) {
    statistic += (count - expected) * (count - expected) / expected;
    degrees += 1.0;
  }
  /// Wilson and Hilferty's normal approximation of the upper tail, in standard deviations.
  [[nodiscard]] double deviations() const {
    if (degrees < 1.0) return 0.0;
    const double variance = 2.0 / (9.0 * degrees);
    return (std::cbrt(statistic / degrees) - (1.0 - variance)) / std::sqrt(variance);
  }
};

ChiSquare chi_square(std::span<const double> probabilities, std::span<const double> counts) {
  ChiSquare chi;
  double pooled_count = 0.0;
  double pooled_expected = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * static_cast<double>(kDraws);
    if (expected >= 5.0) {
      chi.add(counts[i], expected);
    } else {
      pooled_count += counts[i];
      pooled_expected += expected;
    }
  }
  if (pooled_expected >= 5.0) chi.add(pooled_count, pooled_expected);
  return chi;
}

}  // namespace

TEST_CASE("samples: frequencies of full assignments fit the posterior") {
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.continuous) continue;
    if (algorithm.guarantee != Guarantee::exact) continue;  // draws nothing
    for (const ModelClass& of : model_classes()) {
      if (of.variables > 7) continue;
      Random random(17);
      ModelClass small = of;
      small.variables = std::min<std::size_t>(of.variables, 6);
      small.largest_scope = std::min<std::size_t>(of.largest_scope, 4);
      const FactorGraph graph = random_graph(random, small);
      const Evidence evidence = random_evidence(random, graph, 0.2);
      Scope all;
      for (VariableId v = 0; v < graph.variable_count(); ++v) all.push_back(v);
      const Result truth = truth_of(graph, evidence, Query::joint(all));
      InferOptions options;
      options.algorithm = algorithm.name;
      const Result result = infer(graph, evidence, Query::samples(kDraws, 2024), options);
      CAPTURE(algorithm.name);
      CAPTURE(of.name);
      REQUIRE(status_name(result.status) == status_name(truth.status));
      if (!truth.ok()) continue;
      const Table& joint = truth.joints.front().table;
      std::vector<double> counts(joint.size(), 0.0);
      for (const std::vector<std::size_t>& states : result.samples) {
        counts[joint.index_of(states)] += 1.0;
      }
      bool possible = true;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        possible = possible && (counts[i] == 0.0 || joint.at(i) > 0.0);
      }
      CHECK(possible);
      // 4.5 standard deviations: one failure in 300,000 runs, and the seed is fixed.
      CHECK(chi_square(joint.values(), counts).deviations() < 4.5);
    }
  }
}

TEST_CASE("samples: another seed draws others, the same seed the same") {
  Random random(4);
  const FactorGraph graph = random_graph(random, ModelClass{.name = "dense"});
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.continuous) continue;
    if (algorithm.guarantee != Guarantee::exact) continue;
    InferOptions options;
    options.algorithm = algorithm.name;
    const auto draw = [&](std::uint64_t seed) {
      return infer(graph, Query::samples(50, seed), options).samples;
    };
    CHECK(draw(1) == draw(1));
    CHECK(draw(1) != draw(2));
  }
}
