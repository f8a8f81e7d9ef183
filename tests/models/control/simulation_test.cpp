#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/simulation.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

// Draws against the exact evaluation: means within four of their standard errors.

using namespace credo::control;

namespace {

/// Every available action alike.
std::vector<double> uniform_policy(const Mdp& mdp) {
  std::vector<double> policy(mdp.state_count() * mdp.action_count(), 0.0);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    double available = 0.0;
    for (std::size_t a = 0; a < mdp.action_count(); ++a) available += mdp.is_available(s, a);
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      if (mdp.is_available(s, a)) policy[s * mdp.action_count() + a] = 1.0 / available;
    }
  }
  return policy;
}

double mean_over_start(const Mdp& mdp, const std::vector<double>& value) {
  return std::inner_product(value.begin(), value.end(), mdp.initial().begin(), 0.0);
}

void check_within_four(const Estimate& got, double expected) {
  CHECK(std::fabs(got.mean - expected) <= 4.0 * got.standard_error);
}

/// 0 -(1/2, +2)-> 1 (ends), 0 -(1/2, -1)-> 0.
MdpDescription coin() {
  MdpDescription d;
  d.states = 2;
  d.actions = 1;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 0.5, 2.0}, {0, 0, 0, 0.5, -1.0}};
  d.terminal = {1};
  return d;
}

}  // namespace

TEST_CASE("simulation: returns until the end agree with the exact evaluation") {
  const Mdp lake = frozen_lake();
  const std::vector<double> policy = uniform_policy(lake);
  const Simulation drawn = simulate(lake, policy, {.episodes = 20'000, .seed = 3});
  REQUIRE(drawn.ok());
  CHECK(drawn.cut_off == 0);
  check_within_four(drawn.episode_return, evaluate_policy(lake, policy, 1.0)[0]);
  // Success or not: the error of a share.
  const double p = drawn.episode_return.mean;
  CHECK(drawn.episode_return.standard_error == doctest::Approx(std::sqrt(p * (1 - p) / 19'999)));
  CHECK(drawn.visits[15] == doctest::Approx(p));
}

TEST_CASE("simulation: discounts and unavailable actions agree with the exact evaluation") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Mdp mdp = random_mdp({.states = 6, .unavailable = 0.3, .discount = 0.9, .seed = seed});
    const std::vector<double> policy = uniform_policy(mdp);
    const Simulation drawn = simulate(mdp, policy, {.episodes = 2'000, .seed = seed});
    check_within_four(drawn.episode_return,
                      mean_over_start(mdp, evaluate_policy(mdp, policy, 0.9)));
    CHECK(drawn.steps.standard_error == 0.0);  // nothing ends: all stop at the same weight
  }
}

TEST_CASE("simulation: a policy per step, a horizon and a final reward") {
  MdpDescription d;
  d.states = 3;
  d.actions = 2;
  d.initial = {0.5, 0.5, 0.0};
  d.transitions = {{0, 0, 1, 0.7, -1.0}, {0, 0, 2, 0.3, -2.0}, {0, 1, 0, 1.0, -0.5},
                   {1, 0, 0, 0.4, 1.0},  {1, 0, 1, 0.6, 0.0},  {1, 1, 2, 1.0, -3.0}};
  d.terminal = {2};
  d.final_reward = {1.0, -1.0, 4.0};
  const Mdp mdp(d);
  const std::vector<std::vector<double>> policies = {
      {0.5, 0.5, 0.9, 0.1, 0, 0}, {1, 0, 0.2, 0.8, 0, 0}, {0.3, 0.7, 0.5, 0.5, 0, 0}};
  constexpr double kDiscount = 0.8;
  // In the terminal state the final reward of the horizon is still to come.
  std::vector<double> value = d.final_reward;
  double end = 4.0;
  for (std::size_t t = 3; t-- > 0;) {
    end *= kDiscount;
    value = evaluate_step(mdp, policies[t], kDiscount, value);
    value[2] = end;
  }
  const Simulation drawn =
      simulate(mdp, policies, {.episodes = 40'000, .discount = kDiscount, .seed = 11});
  check_within_four(drawn.episode_return, mean_over_start(mdp, value));
}

TEST_CASE("simulation: steps, visits and events of a coin") {
  const Mdp mdp(coin());
  const std::vector<double> policy(2, 1.0);
  const Simulation drawn =
      simulate(mdp, policy,
               {.episodes = 40'000, .event = [](const Transition& x) { return x.reward < 0.0; }});
  check_within_four(drawn.steps, 2.0);
  check_within_four(drawn.events, 1.0);
  check_within_four(drawn.episode_return, 1.0);
  CHECK(drawn.visits[0] == doctest::Approx(drawn.steps.mean));
  CHECK(drawn.visits[1] == doctest::Approx(1.0));
  // The number of tails before the first head has variance 2.
  CHECK(drawn.events.standard_error == doctest::Approx(std::sqrt(2.0 / 40'000)).epsilon(0.05));
}

TEST_CASE("simulation: the seed fixes every bit, and only it") {
  const Mdp lake = frozen_lake();
  const std::vector<double> policy = uniform_policy(lake);
  const auto steps = [&](std::uint64_t seed) {
    return simulate(lake, policy, {.episodes = 100, .seed = seed}).steps.mean;
  };
  CHECK(steps(5) == steps(5));
  CHECK(steps(5) != steps(6));
}

TEST_CASE("simulation: episodes without an end are cut off and counted") {
  MdpDescription d = coin();
  d.transitions = {{0, 0, 0, 1.0, -1.0}};
  d.terminal.clear();
  d.transitions.push_back({1, 0, 1, 1.0, 0.0});
  const Simulation drawn =
      simulate(Mdp(d), std::vector<double>(2, 1.0), {.episodes = 3, .maximum_steps = 50});
  CHECK(drawn.cut_off == 3);
  CHECK(drawn.episode_return.mean == -50.0);
  CHECK(drawn.message.find("3 of 3 episodes were cut off after 50") != std::string::npos);
  CHECK(std::isnan(drawn.events.mean));
}

TEST_CASE("simulation: what cannot be followed is refused") {
  const Mdp mdp(coin());
  CHECK_THROWS_AS((void)simulate(mdp, std::vector<double>{0.5, 1.0}), credo::ModelError);
  CHECK_THROWS_AS((void)simulate(mdp, std::vector<double>{-1.0, 1.0}), credo::ModelError);
  CHECK_THROWS_AS((void)simulate(mdp, std::vector<double>{1.0}), credo::ModelError);
  CHECK_THROWS_WITH_AS((void)simulate(mdp, std::vector<double>{0.0, 1.0}),
                       doctest::Contains("state 0, where the policy has no action"),
                       credo::ModelError);
  const std::vector<double> policy(2, 1.0);
  CHECK_THROWS_AS((void)simulate(mdp, policy, {.episodes = 0}), credo::OptionError);
  CHECK_THROWS_AS((void)simulate(mdp, policy, {.discount = 0.0}), credo::OptionError);
  const std::vector<std::vector<double>> two(2, policy);
  CHECK_THROWS_AS((void)simulate(mdp, two, {.horizon = 3}), credo::OptionError);
}
