// Limits of decisions: the best strategy so far, sizes that are predicted, numbers out of range.

#include "diagrams.hpp"

#include <credo/core/error.hpp>
#include <credo/models/decision/solve.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace credo::decision;
using credo::Guarantee;
using credo::OptionError;
using credo::Progress;
using credo::Status;

TEST_CASE("decision limits: ascent that is stopped answers with its best strategy so far") {
  const InfluenceDiagram diagram = diagrams::pigs();
  SolveOptions options;
  const Solution whole = solve(diagram, options);
  REQUIRE(whole.ok());
  REQUIRE(whole.algorithm_used == "ascent");
  options.variational.restarts = std::numeric_limits<std::size_t>::max();
  std::size_t asked = 0;
  options.variational.observer = [&asked](const Progress&) { return ++asked < 4; };
  const Solution part = solve(diagram, options);
  REQUIRE_MESSAGE(part.ok(), part.message);
  CHECK(part.variational.stopped == Status::cancelled);
  CHECK(part.guarantee != Guarantee::exact);
  CHECK(part.strategy.size() == whole.strategy.size());
  CHECK(std::fabs(part.expected_utility - part.value) < 1e-9);
  CHECK(part.value <= whole.value + 1e-9);
  CHECK(part.message.find("when it was cancelled") != std::string::npos);
  const Evaluation again = evaluate(diagram, part.strategy);
  CHECK(std::fabs(again.total - part.value) < 1e-9);
  CHECK_FALSE(describe_strategy(diagram, part.strategy, part.evaluation).empty());
  // Without probabilities every line is there all the same.
  CHECK_FALSE(describe_strategy(diagram, part.strategy, {}).empty());
}

TEST_CASE("decision limits: stopped in the first sweep, the rows are a strategy all the same") {
  const InfluenceDiagram diagram = diagrams::pigs();
  SolveOptions options;
  std::size_t asked = 0;
  // The first look is before planning, the second at the first update of ascent.
  options.variational.observer = [&asked](const Progress& p) {
    ++asked;
    return p.phase != "ascent";
  };
  options.variational.restarts = 1'000'000'000;
  const Solution part = solve(diagram, options);
  REQUIRE_MESSAGE(part.ok(), part.message);
  CHECK(std::fabs(evaluate(diagram, part.strategy).total - part.value) < 1e-9);
}

TEST_CASE("decision limits: rules are predicted with what solving them takes") {
  InfluenceDiagram diagram;
  std::vector<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    seen.push_back("x" + std::to_string(i));
    diagram.add_chance(seen.back(), {"a", "b"}, {}, {{0.5, 0.5}});
  }
  diagram.add_decision("d", {"p", "q"}, seen);
  diagram.add_utility("u", {"x0", "d"}, {1, 0, 0, 2});
  SolveOptions options;
  // The rule alone, 2^21 numbers, would fit.
  options.variational.memory_limit_bytes = 100e6;
  const Solution solution = solve(diagram, options);
  CHECK(solution.status == Status::refused);
  CHECK(solution.message.find("the rule for d given 20 variables has 2.1e+06 entries") == 0);
  CHECK(solution.strategy.empty());
}

TEST_CASE("decision limits: numbers out of range are named") {
  const InfluenceDiagram diagram = diagrams::pigs();
  const auto beyond = static_cast<credo::VariableId>(diagram.graph().variable_count());
  CHECK_THROWS_AS(static_cast<void>(diagram.is_decision(beyond)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(diagram.parents(beyond)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(diagram.names({beyond})), OptionError);
}
