#include <credo/core/error.hpp>
#include <credo/models/control/learning/learners.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>

namespace credo::control::learning {
namespace {

TEST_CASE("tabular environment: frequencies are those of the tables") {
  TabularEnvironment environment(frozen_lake(), {.time_limit = 100});
  Random random(3);
  std::map<std::array<std::size_t, 3>, double> seen;
  std::map<std::array<std::size_t, 2>, double> tried;
  environment.reset(11);
  for (int k = 0; k < 60'000; ++k) {
    const std::size_t state = environment.current();
    const std::size_t action = random.below(4);
    const Step step = environment.step(action);
    CHECK(step.observation == std::vector<double>{static_cast<double>(environment.current())});
    const bool goal = environment.current() == 15;
    CHECK(step.reward == (goal ? 1.0 : 0.0));
    seen[{state, action, environment.current()}] += 1.0;
    tried[{state, action}] += 1.0;
    if (step.ended()) environment.reset();
  }
  double chi_square = 0.0;
  std::size_t freedom = 0;
  const Mdp& mdp = *environment.process();
  for (const auto& [pair, count] : tried) {
    if (count < 100.0) continue;
    const auto outcomes = mdp.outcomes(pair[0], pair[1]);
    for (const Outcome& outcome : outcomes) {
      const double expected = count * outcome.probability;
      const double difference = seen[{pair[0], pair[1], outcome.next}] - expected;
      chi_square += difference * difference / expected;
    }
    freedom += outcomes.size() - 1;
  }
  // Mean `freedom`, variance twice that: five standard deviations.
  const auto n = static_cast<double>(freedom);
  CHECK(n > 50.0);
  CHECK(std::fabs(chi_square - n) < 5.0 * std::sqrt(2.0 * n));
}

TEST_CASE("tabular environment: ends in terminal states, and is cut off by its limit") {
  TabularEnvironment lake(frozen_lake({.slippery = false}), {.time_limit = 6});
  lake.reset(1);
  for (const std::size_t action : {1U, 1U, 2U, 2U, 1U}) CHECK_FALSE(lake.step(action).ended());
  // The goal on the very last step terminates.
  const Step goal = lake.step(std::size_t{2});
  CHECK(goal.terminated);
  CHECK_FALSE(goal.truncated);
  CHECK(goal.reward == 1.0);
  lake.reset();
  for (int k = 0; k < 5; ++k) CHECK_FALSE(lake.step(std::size_t{0}).ended());
  const Step last = lake.step(std::size_t{0});
  CHECK(last.truncated);
  CHECK_FALSE(last.terminated);
  CHECK_THROWS_AS(TabularEnvironment(frozen_lake(), {.time_limit = 0}), OptionError);
}

TEST_CASE("tabular environment: exploring starts reach every state that is not terminal") {
  TabularEnvironment lake(frozen_lake(), {.exploring_starts = true});
  std::vector<int> seen(16, 0);
  lake.reset(2);
  for (int k = 0; k < 1000; ++k) ++seen[static_cast<std::size_t>(lake.reset()[0])];
  for (std::size_t s = 0; s < 16; ++s) {
    CHECK((seen[s] > 40) == !lake.process()->is_terminal(s));
  }
}

TEST_CASE("tabular environment: unavailable actions are refused") {
  MdpDescription d;
  d.name = "fork";
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 1.0, 1.0}, {1, 1, 0, 1.0, 2.0}};
  TabularEnvironment fork{Mdp(d)};
  fork.reset(1);
  CHECK(fork.is_available(0));
  CHECK_FALSE(fork.is_available(1));
  CHECK_THROWS_WITH_AS(fork.step(std::size_t{1}),
                       "fork: action 1 is not available now; ask is_available", ModelError);
  CHECK(fork.step(std::size_t{0}).reward == 1.0);
  CHECK(fork.step(std::size_t{1}).reward == 2.0);
}

TEST_CASE("environments by name: the published limits, and who is unknown") {
  CHECK(make_learning_environment("frozen_lake")->facts().time_limit == 100U);
  CHECK(make_learning_environment("frozen_lake", {.tables = {.map = "8x8"}})->facts().time_limit ==
        200U);
  CHECK(make_learning_environment("taxi")->facts().observations.count == 500);
  CHECK_FALSE(make_learning_environment("cliff_walking")->facts().time_limit.has_value());
  CHECK(make_learning_environment("pendulum", {.time_limit = 9})->facts().time_limit == 9U);
  CHECK_THROWS_AS((void)make_learning_environment("cartpole"), OptionError);
  CHECK_THROWS_AS((void)make_learning_environment("pendulum", {.exploring_starts = true}),
                  OptionError);
  for (const std::string& name : learning_environment_names()) {
    const auto environment = make_learning_environment(name);
    CHECK(environment->reset(1).size() == environment->facts().observations.dimension());
  }
}

}  // namespace
}  // namespace credo::control::learning
