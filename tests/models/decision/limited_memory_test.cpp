#include <credo/core/joint_states.hpp>
#include <credo/models/decision/solve.hpp>

#include "answers.hpp"
#include "diagrams.hpp"
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <span>
#include <vector>

using namespace credo::decision;
using answers::choice;
using answers::solved;
using credo::Guarantee;

TEST_CASE("limited memory: pigs") {
  const InfluenceDiagram pigs = diagrams::pigs();
  const Solution limited = solved(pigs, 0.0);
  // What a month's test says depends on earlier treatments, what a treatment is worth on later
  // ones.
  CHECK_FALSE(limited.certified());
  CHECK(limited.solubility.offending);
  CHECK(std::fabs(limited.value - 726.8121) < 1e-9);
  CHECK(std::fabs(oracle::best_pure(pigs) - 726.8121) < 1e-9);
  // Leave the first month; later treat after a positive test.
  CHECK(choice(limited, 0, {0, 1}) == 1.0);
  CHECK(choice(limited, 0, {1, 1}) == 1.0);
  for (const std::size_t month : {1U, 2U}) {
    CHECK(choice(limited, month, {0, 0}) == 1.0);
    CHECK(choice(limited, month, {1, 1}) == 1.0);
  }
}

TEST_CASE("limited memory: a team that does not talk is not certified") {
  const InfluenceDiagram team = diagrams::team();
  const Solution soft = solved(team, 1.0);
  CHECK_FALSE(soft.certified());
  CHECK(soft.guarantee == Guarantee::fixed_point);
  REQUIRE(soft.solubility.offending);
  CHECK(soft.solubility.explanation.find("left") != std::string::npos);
  CHECK(soft.solubility.explanation.find("right") != std::string::npos);
  CHECK(std::fabs(soft.value - 10.00009) < 5e-6);

  // From the other corner it stays there.
  SolveOptions options;
  options.temperature = 1.0;
  options.variational.restarts = 1;
  options.start = uniform_strategy(team);
  for (DecisionRule& rule : options.start) rule.table = credo::Table::dense({2}, {0.01, 0.99});
  const Solution stuck = solve(team, options);
  REQUIRE_MESSAGE(stuck.ok(), stuck.message);
  CHECK(std::fabs(stuck.value - 9.00025) < 5e-6);

  // Talking: the right one sees the left one.
  const InformationValue talk = value_of_information(team, "right", "left", options);
  CHECK(talk.with.certified());
  CHECK(std::fabs(talk.with.value - 10.313328) < 5e-7);
  CHECK(std::fabs(talk.with.value - naive_posterior(team, 1.0).value) < 1e-12);
}

TEST_CASE("limited memory: random diagrams against every pure strategy") {
  std::mt19937_64 engine(5);
  int soluble = 0;
  int insoluble = 0;
  for (int repeat = 0; repeat < 60; ++repeat) {
    const InfluenceDiagram d =
        diagrams::random_diagram(engine, {.chances = 3, .decisions = 2, .sees = 2});
    const double best = oracle::best_pure(d);
    const Solution solution = solved(d, 0.0);
    CHECK(solution.certified() == solution.solubility.soluble);
    if (solution.certified()) CHECK(std::fabs(solution.value - best) < 1e-11);
    CHECK(solution.value <= best + 1e-11);
    CHECK(std::fabs(solution.value - oracle::value_of(d, solution.strategy).utility) < 1e-11);
    // No other rule of one decision alone is better.
    const std::vector<std::size_t> extents = oracle::choice_extents(d);
    credo::for_each_joint_state(extents, [&](std::span<const std::size_t> choices) {
      const Strategy other = oracle::pure_strategy(d, choices);
      for (std::size_t i = 0; i < other.size(); ++i) {
        Strategy deviation = solution.strategy;
        deviation[i] = other[i];
        CHECK(oracle::value_of(d, deviation).utility <= solution.value + 1e-11);
      }
    });
    ++(solution.certified() ? soluble : insoluble);
  }
  CHECK(soluble > 20);
  CHECK(insoluble > 20);
}

TEST_CASE("limited memory: seeing more is worth no less") {
  std::mt19937_64 engine(9);
  for (int repeat = 0; repeat < 20; ++repeat) {
    const InfluenceDiagram d =
        diagrams::random_diagram(engine, {.chances = 3, .decisions = 2, .sees = 1});
    for (const double temperature : {0.0, 1.0}) {
      const double limited = solved(d, temperature).value;
      CHECK(limited <= solved(d.with_perfect_recall(), temperature).value + 1e-9);
    }
  }
}

TEST_CASE("limited memory: two before the tiger's doors") {
  // The optimum over all pairs of strategies, as published for two to five decisions each
  // (masplan.org; Nair et al. 2003, Szer et al. 2005, Oliehoek et al. 2009).
  const std::vector<double> best = {-4.0, 5.190812, 4.802755, 7.026451};
  for (std::size_t i = 0; i < best.size(); ++i) {
    const InfluenceDiagram tigers = diagrams::two_tigers(i + 2);
    SolveOptions options;
    options.variational.restarts = 32;
    const Solution solution = solve(tigers, options);
    REQUIRE_MESSAGE(solution.ok(), solution.message);
    CHECK_FALSE(solution.certified());
    CHECK(std::fabs(solution.value - best[i]) < 5.01e-7);
    CHECK(std::fabs(evaluate(tigers, solution.strategy).total - solution.value) < 1e-10);
  }
}
