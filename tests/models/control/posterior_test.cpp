#include "brute_force.hpp"
#include "described.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/posterior.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

// Every quantity of the posterior against the sum over all trajectories.

using namespace credo::control;

namespace {

constexpr double kTight = 1e-10;

struct Case {
  RandomMdpOptions process;
  ActionPrior prior = ActionPrior::uniform;
  double temperature = 1.0;
  std::vector<double> final_reward = {};
};

/// The same process with another reward of ending.
Mdp with_final_reward(const Mdp& mdp, std::vector<double> final_reward) {
  MdpDescription d = described::description_of(mdp);
  d.final_reward = std::move(final_reward);
  return Mdp(std::move(d));
}

/// A prior that is neither uniform nor counting.
std::vector<double> uneven_prior(const Mdp& mdp) {
  std::vector<double> prior = brute_force::prior_of(mdp, false);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    double sum = 0.0;
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      sum += prior[s * mdp.action_count() + a] *= static_cast<double>(a + 1);
    }
    for (std::size_t a = 0; a < mdp.action_count(); ++a) prior[s * mdp.action_count() + a] /= sum;
  }
  return prior;
}

void check_near(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(std::fabs(got[i] - expected[i]) < kTight);
  }
}

/// exp(log messages) relative to the expected ones.
void check_messages(const std::vector<double>& log_got, const std::vector<double>& expected) {
  REQUIRE(log_got.size() == expected.size());
  for (std::size_t i = 0; i < log_got.size(); ++i) {
    CAPTURE(i);
    if (expected[i] == 0.0) {
      CHECK(log_got[i] == -credo::kInfinity);
    } else {
      CHECK(std::fabs(log_got[i] - std::log(expected[i])) < kTight);
    }
  }
}

void check_policy_and_dynamics(const Mdp& mdp, const brute_force::Answer& truth,
                               const std::vector<double>& prior, const Posterior& posterior,
                               std::size_t t) {
  const std::vector<double> policy = posterior.policy(t);
  REQUIRE(policy.size() == prior.size());
  for (std::size_t i = 0; i < policy.size(); ++i) {
    const std::size_t s = i / mdp.action_count();
    const double p = mdp.is_terminal(s) ? 1.0 / static_cast<double>(mdp.action_count()) : prior[i];
    CHECK(std::fabs(policy[i] - p * truth.beta_action[t][i] / truth.beta_state[t][s]) < kTight);
  }
  double total = 0.0;
  for (const DynamicsEntry& e : posterior.transition_marginal(t)) {
    const auto at = truth.transitions[t].find({e.state, e.action, e.next});
    const double expected = at == truth.transitions[t].end() ? 0.0 : at->second;
    CHECK(std::fabs(e.probability - expected) < kTight);
    total += e.probability;
  }
  CHECK(std::fabs(total - 1.0) < kTight);
  std::vector<double> pair_total(posterior.graph_states * posterior.actions, 0.0);
  for (const auto& [key, p] : truth.transitions[t]) {
    pair_total[std::get<0>(key) * posterior.actions + std::get<1>(key)] += p;
  }
  for (const DynamicsEntry& e : posterior.dynamics(t)) {
    const double whole = pair_total[e.state * posterior.actions + e.action];
    if (whole == 0.0) continue;
    const auto at = truth.transitions[t].find({e.state, e.action, e.next});
    const double part = at == truth.transitions[t].end() ? 0.0 : at->second;
    CHECK(std::fabs(e.probability - part / whole) < kTight);
  }
}

void check_case(const Case& c) {
  CAPTURE(c.process.seed);
  CAPTURE(c.process.discount);
  CAPTURE(c.temperature);
  const Mdp mdp = with_final_reward(random_mdp(c.process), c.final_reward);
  PosteriorOptions options;
  options.horizon = 3;
  options.temperature = c.temperature;
  options.prior = c.prior;
  brute_force::Setting setting;
  setting.temperature = c.temperature;
  setting.discount = mdp.discount();
  setting.prior = brute_force::prior_of(mdp, c.prior == ActionPrior::counting);
  if (c.prior == ActionPrior::given) setting.prior = options.action_prior = uneven_prior(mdp);
  const brute_force::Answer truth = brute_force::enumerate(mdp, setting);
  const Posterior posterior = solve_posterior(mdp, options);
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  CHECK(posterior.guarantee == credo::Guarantee::exact);
  CHECK(std::fabs(posterior.log_z - std::log(truth.z)) < kTight);
  CHECK(std::fabs(posterior.believed_return - truth.believed_return) < kTight);
  for (std::size_t t = 0; t < 3; ++t) {
    CAPTURE(t);
    check_messages(posterior.log_beta_action[t], truth.beta_action[t]);
    check_messages(posterior.log_beta_state[t], truth.beta_state[t]);
    check_near(posterior.forward[t], truth.forward[t]);
    check_near(posterior.state_marginals[t], truth.state_marginals[t]);
    check_near(posterior.action_marginals[t], truth.action_marginals[t]);
    check_policy_and_dynamics(mdp, truth, setting.prior, posterior, t);
  }
  check_near(posterior.state_marginals[3], truth.state_marginals[3]);
}

}  // namespace

TEST_CASE("posterior against all trajectories: rewards on outcomes") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) check_case({.process = {.seed = seed}});
}

TEST_CASE("posterior against all trajectories: rewards on state and action") {
  for (std::uint64_t seed = 11; seed <= 20; ++seed) {
    check_case({.process = {.reward_on_outcome = false, .seed = seed}});
  }
}

TEST_CASE(
    "posterior against all trajectories: unavailable actions, terminal states, low temperature") {
  for (std::uint64_t seed = 21; seed <= 30; ++seed) {
    check_case({.process = {.terminal_states = 1,
                            .unavailable = 0.5,
                            .reward_on_outcome = seed % 2 == 0,
                            .seed = seed},
                .temperature = 0.05});
  }
}

TEST_CASE("posterior against all trajectories: discount") {
  for (std::uint64_t seed = 31; seed <= 40; ++seed) {
    check_case({.process = {.terminal_states = seed % 2,
                            .reward_on_outcome = seed % 3 != 0,
                            .discount = 0.8,
                            .seed = seed}});
  }
}

TEST_CASE("posterior against all trajectories: counting and given priors, final rewards") {
  for (std::uint64_t seed = 41; seed <= 50; ++seed) {
    check_case({.process = {.terminal_states = 1, .unavailable = 0.4, .seed = seed},
                .prior = seed % 2 == 0 ? ActionPrior::counting : ActionPrior::given,
                .temperature = 2.0,
                .final_reward = {0.5, -1.0, 3.0, 0.25}});
  }
}

TEST_CASE("posterior: bad options are refused") {
  const Mdp mdp = frozen_lake();
  const auto refused = [&mdp](const auto& change) {
    PosteriorOptions options;
    options.horizon = 2;
    change(options);
    CHECK_THROWS_AS((void)solve_posterior(mdp, options), credo::OptionError);
  };
  refused([](auto& o) { o.temperature = 0.0; });
  refused([](auto& o) { o.temperature = -1.0; });
  refused([](auto& o) { o.temperature = credo::kNaN; });
  refused([](auto& o) { o.horizon = 0; });
  refused([](auto& o) { o.discount = 1.5; });
  refused([](auto& o) { o.tolerance = 0.0; });
  refused([](auto& o) { o.prior = ActionPrior::given; });
  // log Z would be beyond a double, which is not the same as impossible.
  refused([](auto& o) { o.temperature = 1e-308; });
  CHECK_THROWS_AS((void)require_action_prior("unifrom"), credo::OptionError);
}

TEST_CASE("posterior: the infinite horizon without a certificate is refused with the reason") {
  MdpDescription d;
  d.states = 2;
  d.actions = 1;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 1.0, -1.0}, {1, 0, 0, 1.0, -1.0}};
  const Posterior endless = solve_posterior(Mdp(d));
  CHECK(endless.status == credo::Status::refused);
  CHECK(endless.message.find("no terminal state can be reached from state 0") != std::string::npos);
  CHECK(std::isnan(endless.log_z));
  // Gains and losses along the loop cancel: b0 = e (0.9 b1 + 0.1), b1 = (0.9 b0 + 0.1) / e.
  d.transitions[0].reward = 1.0;
  const Posterior level = solve_posterior(Mdp(d), {.discount = 0.9});
  REQUIRE_MESSAGE(level.ok(), level.message);
  CHECK(level.log_z == doctest::Approx(std::log((0.09 + 0.1 * std::exp(1.0)) / 0.19)));
  // 0.9 e > 1: every round adds more than ending takes.
  d.transitions[1].reward = 1.0;
  const Posterior rising = solve_posterior(Mdp(d), {.discount = 0.9});
  CHECK(rising.status == credo::Status::refused);
  CHECK(rising.message.find("no certified value") != std::string::npos);
  CHECK(std::isnan(rising.log_z));
}

TEST_CASE("posterior: budget") {
  PosteriorOptions options;
  options.horizon = 50;
  options.infer.memory_limit_bytes = 1000.0;
  const Posterior refused = solve_posterior(frozen_lake(), options);
  CHECK(refused.status == credo::Status::refused);
  CHECK(std::isnan(refused.initial_value));
}
