#include <credo/core/error.hpp>
#include <credo/models/decision/strategy.hpp>

#include "diagrams.hpp"
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace credo::decision;

namespace {

Strategy random_strategy(const InfluenceDiagram& diagram, std::mt19937_64& engine) {
  Strategy strategy = uniform_strategy(diagram);
  for (DecisionRule& rule : strategy) {
    std::vector<double> values;
    const std::size_t states = rule.table.shape().back();
    while (values.size() < rule.table.size()) {
      const std::vector<double> row = diagrams::random_row(engine, states);
      values.insert(values.end(), row.begin(), row.end());
    }
    rule.table = credo::Table::dense({rule.table.shape().begin(), rule.table.shape().end()},
                                     std::move(values));
  }
  return strategy;
}

}  // namespace

TEST_CASE("strategy: expected utilities are those of enumeration") {
  std::mt19937_64 engine(31);
  for (int repeat = 0; repeat < 60; ++repeat) {
    const InfluenceDiagram d =
        diagrams::random_diagram(engine, {.chances = 4, .decisions = 2, .sees = 2});
    const Strategy strategy = random_strategy(d, engine);
    const Evaluation evaluation = evaluate(d, strategy);
    REQUIRE_MESSAGE(evaluation.ok(), evaluation.message);
    REQUIRE(evaluation.utilities.size() == 2);
    CHECK(evaluation.total == doctest::Approx(evaluation.utilities[0] + evaluation.utilities[1]));
    CHECK(std::fabs(evaluation.total - oracle::value_of(d, strategy).utility) < 1e-12);
  }
}

TEST_CASE("strategy: forbidden outcomes count only when they happen") {
  InfluenceDiagram d;
  d.add_decision("jump", {"yes", "no"}, {});
  d.add_utility("life", {"jump"}, {-credo::kInfinity, 3.0});
  d.add_utility("constant", {}, {0.5});
  Strategy strategy = uniform_strategy(d);
  CHECK(evaluate(d, strategy).total == -credo::kInfinity);
  strategy[0].table = credo::Table::dense({2}, {0.0, 1.0});
  CHECK(evaluate(d, strategy).total == 3.5);
}

TEST_CASE("strategy: rules that do not fit are refused") {
  const InfluenceDiagram d = diagrams::team();
  Strategy strategy = uniform_strategy(d);
  strategy.pop_back();
  CHECK_THROWS_AS((void)evaluate(d, strategy), credo::ModelError);
  strategy = uniform_strategy(d);
  std::swap(strategy[0], strategy[1]);
  CHECK_THROWS_AS((void)evaluate(d, strategy), credo::ModelError);
  strategy = uniform_strategy(d);
  strategy[0].table = credo::Table::dense({3}, {1.0, 0.0, 0.0});
  CHECK_THROWS_AS((void)evaluate(d, strategy), credo::ModelError);
}

TEST_CASE("strategy: the naive posterior of the oil wildcatter is certain of oil") {
  const NaivePosterior posterior = naive_posterior(diagrams::oil_wildcatter(), 1.0);
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  CHECK(std::fabs(posterior.value - 198.39) < 0.005);
  // log(0.2 e^200 (1 + e^-10)), all else being below a double's reach.
  CHECK(std::fabs(posterior.value - (200.0 + std::log(0.2) + std::log1p(std::exp(-10.0)))) < 1e-12);
  CHECK(posterior.believed_utility == doctest::Approx(200.0).epsilon(1e-4));
  // It never tests, always drills: 20, where 22.5 is to be had.
  CHECK(posterior.evaluation.total == doctest::Approx(20.0).epsilon(1e-3));
}

TEST_CASE("strategy: the naive posterior is that of enumeration") {
  std::mt19937_64 engine(7);
  for (int repeat = 0; repeat < 40; ++repeat) {
    const InfluenceDiagram d =
        diagrams::random_diagram(engine, {.chances = 4, .decisions = 2, .sees = 2});
    for (const double temperature : {0.3, 1.0, 20.0}) {
      const NaivePosterior posterior = naive_posterior(d, temperature);
      REQUIRE_MESSAGE(posterior.ok(), posterior.message);
      const double expected = oracle::conditioned(d, temperature);
      CHECK(std::fabs(posterior.value - expected) < 1e-11 * (1.0 + std::fabs(expected)));
      CHECK(std::fabs(posterior.evaluation.total -
                      oracle::value_of(d, posterior.strategy).utility) < 1e-11);
      // Above every strategy: its own is one.
      const oracle::Value own = oracle::value_of(d, posterior.strategy);
      CHECK(own.utility + temperature * own.entropy <= posterior.value + 1e-11);
    }
  }
}
