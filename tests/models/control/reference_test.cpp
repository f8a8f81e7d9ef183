#include <credo/models/control/environments.hpp>
#include <credo/models/control/posterior.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

// Numbers computed once by an independent dense value iteration in numpy, and cases that can be
// checked by hand.

using namespace credo::control;

namespace {

/// As many digits as the reference shows.
void check_digits(double got, double expected, double unit) {
  CHECK(std::fabs(got - expected) <= 0.5000001 * unit);
}

/// One decision among actions with the given rewards, then the end.
Mdp bandit(const std::vector<double>& rewards) {
  MdpDescription d;
  d.states = 2;
  d.actions = rewards.size();
  d.initial = {1.0, 0.0};
  d.terminal = {1};
  for (std::size_t a = 0; a < rewards.size(); ++a)
    d.transitions.push_back({0, a, 1, 1.0, rewards[a]});
  return Mdp(std::move(d));
}

}  // namespace

TEST_CASE("reference: frozen lake, 100 steps, temperature 0.1") {
  PosteriorOptions options;
  options.horizon = 100;
  options.temperature = 0.1;
  const Posterior posterior = solve_posterior(frozen_lake(), options);
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  check_digits(posterior.initial_value, 0.5730198801, 1e-10);
  check_digits(posterior.believed_return, 0.9967988228, 1e-10);
  check_digits(posterior.expected_return, 0.0311705478, 1e-10);
  CHECK(std::fabs(posterior.log_z - 5.730198801) < 1e-9);
}

TEST_CASE("reference: cliff walking, the slippery posterior believes in dry land") {
  const std::vector<std::pair<double, double>> rows = {{0.5, -21.8892193259},
                                                       {1.0, -29.8086522723},
                                                       {2.0, -42.6847889984},
                                                       {5.0, -71.8647336204},
                                                       {10.0, -111.4837535855}};
  for (const auto& [temperature, value] : rows) {
    for (const bool slippery : {false, true}) {
      CAPTURE(temperature);
      CAPTURE(slippery);
      PosteriorOptions options;
      options.temperature = temperature;
      options.tolerance = 1e-11;
      const Posterior posterior = solve_posterior(cliff_walking({.slippery = slippery}), options);
      REQUIRE_MESSAGE(posterior.ok(), posterior.message);
      check_digits(posterior.initial_value, value, 1e-10);
      CHECK(posterior.error_bound <= 1e-11);
      CHECK(posterior.value()[47] == 0.0);
    }
  }
}

TEST_CASE("reference: cliff walking, what the posterior's policy really earns") {
  const Posterior slippery = solve_posterior(cliff_walking({.slippery = true}));
  REQUIRE(slippery.ok());
  check_digits(slippery.expected_return, -8752.674118, 1e-5);
  const Posterior dry = solve_posterior(cliff_walking());
  REQUIRE(dry.ok());
  check_digits(dry.expected_return, -15.1718788315, 1e-9);
  // Deterministic moves leave nothing to be lucky about.
  CHECK(std::fabs(dry.believed_return - dry.expected_return) < 1e-8);
}

TEST_CASE("reference: a bandit") {
  PosteriorOptions options;
  options.horizon = 1;
  options.prior = ActionPrior::counting;
  const Posterior posterior = solve_posterior(bandit({2.0, 1.0, 0.0}), options);
  REQUIRE(posterior.ok());
  const double z = std::exp(2.0) + std::exp(1.0) + 1.0;
  CHECK(std::fabs(posterior.value()[0] - std::log(z)) < 1e-14);
  for (std::size_t a = 0; a < 3; ++a) {
    CHECK(std::fabs(posterior.policy()[a] - std::exp(2.0 - static_cast<double>(a)) / z) < 1e-14);
  }
}

TEST_CASE("reference: the lottery shows optimism") {
  MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.terminal = {1};
  d.transitions = {{0, 0, 1, 0.1, 5.0}, {0, 0, 1, 0.9, -5.0}, {0, 1, 1, 1.0, 0.0}};
  PosteriorOptions options;
  options.horizon = 1;
  const Posterior posterior = solve_posterior(Mdp(d), options);
  REQUIRE(posterior.ok());
  const double risky = 0.1 * std::exp(5.0) + 0.9 * std::exp(-5.0);
  CHECK(std::fabs(posterior.action_value()[0] - std::log(risky)) < 1e-14);
  CHECK(posterior.action_value()[1] == 0.0);
  const double pi = risky / (risky + 1.0);
  CHECK(std::fabs(posterior.policy()[0] - pi) < 1e-14);
  // The mean reward of the risky arm is -4; the posterior believes it wins.
  CHECK(std::fabs(posterior.expected_return - pi * -4.0) < 1e-13);
  const double win = 0.1 * std::exp(5.0) / risky;
  CHECK(std::fabs(posterior.believed_return - pi * (10.0 * win - 5.0)) < 1e-13);
}

TEST_CASE("reference: Ziebart's fork tells the priors apart") {
  // Three paths of equal reward: one directly, two through a second fork.
  MdpDescription d;
  d.states = 3;
  d.actions = 2;
  d.initial = {1.0, 0.0, 0.0};
  d.terminal = {2};
  d.transitions = {
      {0, 0, 2, 1.0, -2.0}, {0, 1, 1, 1.0, -1.0}, {1, 0, 2, 1.0, -1.0}, {1, 1, 2, 1.0, -1.0}};
  PosteriorOptions options;
  options.horizon = 2;
  options.prior = ActionPrior::counting;
  const std::vector<double> counting = solve_posterior(Mdp(d), options).policy();
  CHECK(std::fabs(counting[0] - 1.0 / 3.0) < 1e-15);
  CHECK(std::fabs(counting[1] - 2.0 / 3.0) < 1e-15);
  options.prior = ActionPrior::uniform;
  const std::vector<double> uniform = solve_posterior(Mdp(d), options).policy();
  CHECK(std::fabs(uniform[0] - 0.5) < 1e-15);
}

TEST_CASE("reference: a discount is a chance of ending") {
  // Fixed point of beta = exp(r / alpha) (discount beta + 1 - discount), one state, one action.
  MdpDescription d;
  d.states = 1;
  d.actions = 1;
  d.initial = {1.0};
  d.transitions = {{0, 0, 0, 1.0, -1.0}};
  for (const double discount : {0.5, 0.9, 0.99}) {
    PosteriorOptions options;
    options.temperature = 2.0;
    options.discount = discount;
    const Posterior posterior = solve_posterior(Mdp(d), options);
    REQUIRE_MESSAGE(posterior.ok(), posterior.message);
    const double w = std::exp(-0.5);
    CHECK(std::fabs(posterior.value()[0] -
                    2.0 * std::log(w * (1 - discount) / (1 - w * discount))) < 1e-10);
    CHECK(std::fabs(posterior.expected_return + 1.0 / (1.0 - discount)) < 1e-10);
  }
}

TEST_CASE("reference: positive rewards for ending have a certificate, too") {
  PosteriorOptions options;
  options.temperature = 0.1;
  const Posterior posterior = solve_posterior(frozen_lake(), options);
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  CHECK(posterior.error_bound <= 1e-10);
  // The finite horizon comes from below.
  CHECK(posterior.initial_value > 0.5730198801);
  options.horizon = 2000;
  const Posterior finite = solve_posterior(frozen_lake(), options);
  CHECK(std::fabs(finite.initial_value - posterior.initial_value) < 1e-9);
}

TEST_CASE(
    "reference: positive rewards for going on, as long as the chance of ending outweighs them") {
  // z = w (gamma z + 1 - gamma) with w = exp(r / alpha), as long as gamma w < 1.
  MdpDescription d;
  d.states = 1;
  d.actions = 1;
  d.initial = {1.0};
  d.transitions = {{0, 0, 0, 1.0, 0.05}};
  const Posterior posterior = solve_posterior(Mdp(d), {.discount = 0.9});
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  const double w = std::exp(0.05);
  CHECK(std::fabs(posterior.log_z - std::log(0.1 * w / (1.0 - 0.9 * w))) < 1e-10);
  d.transitions[0].reward = 0.2;  // gamma w > 1: no fixed point
  CHECK(solve_posterior(Mdp(d), {.discount = 0.9}).status == credo::Status::refused);

  // Counting: staying and leaving weigh w each, z = w z + w.
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 0, 1.0, -0.1}, {0, 1, 1, 1.0, -0.1}};
  d.terminal = {1};
  const Posterior counting = solve_posterior(Mdp(d), {.prior = ActionPrior::counting});
  REQUIRE_MESSAGE(counting.ok(), counting.message);
  CHECK(std::fabs(counting.log_z - std::log(std::exp(-0.1) / (1.0 - std::exp(-0.1)))) < 1e-10);
}
