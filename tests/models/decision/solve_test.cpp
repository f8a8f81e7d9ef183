#include <credo/core/error.hpp>
#include <credo/models/decision/solve.hpp>

#include "answers.hpp"
#include "diagrams.hpp"
#include "oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

using namespace credo::decision;
using answers::choice;
using answers::solved;

TEST_CASE("solve: oil wildcatter") {
  const InfluenceDiagram oil = diagrams::oil_wildcatter();
  const Solution best = solved(oil, 0.0);
  CHECK(best.certified());
  CHECK(std::fabs(best.value - 22.5) < 1e-12);
  CHECK(std::fabs(best.evaluation.utilities[0] + 10.0) < 1e-12);
  CHECK(std::fabs(best.evaluation.utilities[1] - 32.5) < 1e-12);
  CHECK(choice(best, 0, {0}) == 1.0);
  CHECK(choice(best, 1, {0, 0, 1}) == 1.0);  // tested, diffuse: no
  CHECK(choice(best, 1, {0, 1, 0}) == 1.0);
  CHECK(choice(best, 1, {0, 2, 0}) == 1.0);
  CHECK(choice(best, 1, {1, 3, 0}) == 1.0);  // not tested: yes

  // To the digits of an independent computation.
  CHECK(std::fabs(solved(oil, 1.0).value - 22.57888973) < 5e-9);
  CHECK(std::fabs(solved(oil, 10.0).value - 29.00553691) < 5e-9);
  CHECK(std::fabs(solved(oil, 100.0).value - 145.53206081) < 5e-9);
}

TEST_CASE("solve: pigs with perfect recall") {
  const InfluenceDiagram recall = diagrams::pigs().with_perfect_recall();
  const Solution full = solved(recall, 0.0);
  CHECK(full.certified());
  CHECK(std::fabs(full.value - 729.225) < 1e-3);
  CHECK(std::fabs(full.value - oracle::rolled_back(recall, 0.0)) < 1e-9);
  CHECK(std::fabs(solved(recall, 50.0).value - oracle::rolled_back(recall, 50.0)) < 1e-9);
}

TEST_CASE("solve: umbrella, and what the forecast is worth") {
  const InformationValue value =
      value_of_information(diagrams::umbrella(false), "umbrella", "forecast");
  REQUIRE(value.without.ok());
  REQUIRE(value.with.ok());
  CHECK(std::fabs(value.without.value - 70.0) < 1e-12);
  CHECK(std::fabs(value.with.value - 77.0) < 1e-12);
  CHECK(std::fabs(value.gain - 7.0) < 1e-12);
  CHECK(describe_strategy(diagrams::umbrella(true), value.with.strategy, value.with.evaluation) ==
        "umbrella given forecast = sunny (0.535): leave\n"
        "umbrella given forecast = cloudy (0.215): leave\n"
        "umbrella given forecast = rainy (0.25): take\n");
  // Seeing the weather itself: 0.7 x 100 + 0.3 x 70.
  const InformationValue perfect =
      value_of_information(diagrams::umbrella(false), "umbrella", "weather");
  CHECK(std::fabs(perfect.with.value - 91.0) < 1e-12);
}

TEST_CASE("solve: soft choices with perfect recall against the decision tree") {
  std::mt19937_64 engine(6);
  for (int repeat = 0; repeat < 25; ++repeat) {
    const InfluenceDiagram d =
        diagrams::random_diagram(engine, {.chances = 4, .decisions = 3, .sees = 2})
            .with_perfect_recall();
    for (const double temperature : {0.0, 0.5, 3.0, 40.0}) {
      const Solution solution = solved(d, temperature);
      CHECK(solution.certified());
      const double expected = oracle::rolled_back(d, temperature);
      CHECK(std::fabs(solution.value - expected) < 1e-11 * (1.0 + std::fabs(expected)));
      const oracle::Value split = oracle::value_of(d, solution.strategy);
      CHECK(std::fabs(split.utility - solution.expected_utility) < 1e-11);
      CHECK(std::fabs(split.utility + temperature * split.entropy - expected) <
            1e-10 * (1.0 + std::fabs(expected)));
    }
  }
}

TEST_CASE("solve: irrelevant information changes nothing but the tables") {
  std::mt19937_64 engine(8);
  std::size_t dropped = 0;
  for (int repeat = 0; repeat < 25; ++repeat) {
    const InfluenceDiagram d =
        diagrams::random_diagram(engine, {.chances = 3, .decisions = 3, .sees = 2})
            .with_perfect_recall();
    const InfluenceDiagram less = d.without_irrelevant_information();
    for (std::size_t i = 0; i < d.decisions().size(); ++i) {
      dropped += d.parents(d.decisions()[i]).size() - less.parents(d.decisions()[i]).size();
    }
    for (const double temperature : {0.0, 2.0}) {
      const Solution solution = solved(less, temperature);
      CHECK(solution.certified());
      CHECK(std::fabs(solution.value - oracle::rolled_back(d, temperature)) < 1e-10);
    }
  }
  CHECK(dropped > 25);
}

TEST_CASE("solve: utilities of any size and sign") {
  for (const double scale : {1e-8, 1e4, 1e8}) {
    for (const double shift : {0.0, -1e6, 1e6}) {
      InfluenceDiagram d = diagrams::umbrella(true);
      InfluenceDiagram scaled;
      scaled.add_chance("weather", {"dry", "rain"}, {}, {{0.7, 0.3}});
      scaled.add_chance("forecast", {"sunny", "cloudy", "rainy"}, {"weather"},
                        {{0.7, 0.2, 0.1}, {0.15, 0.25, 0.6}});
      scaled.add_decision("umbrella", {"take", "leave"}, {"forecast"});
      std::vector<double> values = d.utilities()[0].values;
      for (double& u : values) u = scale * u + shift;
      scaled.add_utility("comfort", {"weather", "umbrella"}, values);
      for (const double temperature : {0.0, 1e-3, 1.0}) {
        const double expected = scale * solved(d, temperature / scale).value + shift;
        const double got = solved(scaled, temperature).value;
        CHECK(std::fabs(got - expected) <=
              1e-12 * (std::fabs(shift) + 100.0 * scale + temperature));
      }
    }
  }
}

TEST_CASE("solve: what is forbidden is not chosen") {
  InfluenceDiagram d = diagrams::umbrella(true);
  d.add_utility("lost", {"umbrella"}, {-credo::kInfinity, 0.0});
  for (const double temperature : {0.0, 1.0}) {
    const Solution solution = solved(d, temperature);
    CHECK(std::fabs(solution.value - 70.0) < 1e-12);
    CHECK(choice(solution, 0, {2, 1}) == 1.0);
  }
}

TEST_CASE("solve: options outside their domain are refused") {
  const InfluenceDiagram d = diagrams::team();
  SolveOptions options;
  options.temperature = -1.0;
  CHECK_THROWS_AS((void)solve(d, options), credo::OptionError);
  options = {};
  options.entropy_weights = {1.0};
  CHECK_THROWS_AS((void)solve(d, options), credo::OptionError);
  options.entropy_weights = {1.0, 0.0};
  CHECK_THROWS_AS((void)solve(d, options), credo::OptionError);
  options = {};
  options.start = {uniform_strategy(d)[0]};
  CHECK_THROWS_AS((void)solve(d, options), credo::OptionError);
  options.start = uniform_strategy(d);
  options.start[1].table = credo::Table::dense({3}, {1.0, 0.0, 0.0});
  CHECK_THROWS_AS((void)solve(d, options), credo::OptionError);
  options.start = uniform_strategy(d);
  std::swap(options.start[0], options.start[1]);
  CHECK_THROWS_AS((void)solve(d, options), credo::OptionError);
}

TEST_CASE("solve: diagrams at the edge") {
  for (const double temperature : {0.0, 1.0}) {
    CAPTURE(temperature);
    // Nothing at all, and nothing to choose.
    CHECK(solved(InfluenceDiagram(), temperature).value == 0.0);
    InfluenceDiagram fate;
    fate.add_chance("c", {"0", "1"}, {}, {{0.25, 0.75}});
    fate.add_utility("u", {"c"}, {4.0, 8.0});
    fate.add_utility("again", {"c"}, {4.0, 8.0});
    fate.add_utility("constant", {}, {-2.0});
    CHECK(std::fabs(solved(fate, temperature).value - 12.0) < 1e-14);
    CHECK(std::fabs(solved(fate, temperature).expected_utility - 12.0) < 1e-14);

    // A choice without consequences, a choice of one, information of one state.
    InfluenceDiagram idle;
    idle.add_chance("c", {"only"}, {}, {{1.0}});
    idle.add_decision("d", {"0", "1"}, {"c"});
    idle.add_decision("e", {"only"}, {"c", "d"});
    const Solution solution = solved(idle, temperature);
    CHECK(solution.certified());
    CHECK(std::fabs(solution.value - temperature * std::log(2.0)) < 1e-15);
    CHECK(solution.expected_utility == 0.0);

    // Nothing is allowed.
    InfluenceDiagram forbidden = idle;
    forbidden.add_utility("never", {"d"}, {-credo::kInfinity, -credo::kInfinity});
    const Solution hopeless = solved(forbidden, temperature);
    CHECK(hopeless.value == -credo::kInfinity);
    CHECK(hopeless.expected_utility == -credo::kInfinity);
  }
}

TEST_CASE("solve: information that never comes does not spoil the rest") {
  InfluenceDiagram d;
  d.add_chance("c", {"a", "b", "never"}, {}, {{0.5, 0.5, 0.0}});
  d.add_chance("report", {"a", "b", "never"}, {"c"}, {{0.9, 0.1, 0.0}, {0.2, 0.8, 0.0}, {0, 0, 1}});
  d.add_decision("guess", {"a", "b"}, {"report"});
  d.add_utility("hit", {"c", "guess"}, {1.0, 0.0, 0.0, 1.0, -credo::kInfinity, -credo::kInfinity});
  const Solution hard = solved(d, 0.0);
  CHECK(std::fabs(hard.value - 0.85) < 1e-15);
  CHECK(hard.evaluation.information[0][2] == 0.0);
  CHECK(describe_strategy(d, hard.strategy, hard.evaluation) ==
        "guess given report = a (0.55): a\nguess given report = b (0.45): b\n");
  const Solution soft = solved(d, 0.1);
  CHECK(std::fabs(soft.value - (0.55 * oracle::soft_max(std::vector{9.0 / 11, 2.0 / 11}, 0.1) +
                                0.45 * oracle::soft_max(std::vector{8.0 / 9, 1.0 / 9}, 0.1))) <
        1e-15);
}
