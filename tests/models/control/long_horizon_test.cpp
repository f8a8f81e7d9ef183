#include <credo/core/numerics.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/posterior.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

// Rewards of -1e4 per step over 1,000 steps: exp(-1e7) is far below any double.

using namespace credo::control;

namespace {

/// rewards = scale x (those of a random process in [-1, 0)) - shift.
Mdp costly(bool reward_on_outcome, double scale, double shift) {
  const Mdp base = random_mdp({.states = 100,
                               .actions = 4,
                               .successors = 3,
                               .reward_on_outcome = reward_on_outcome,
                               .seed = 7});
  MdpDescription d;
  d.states = 100;
  d.actions = 4;
  d.initial.assign(base.initial().begin(), base.initial().end());
  for (std::size_t s = 0; s < d.states; ++s) {
    for (std::size_t a = 0; a < d.actions; ++a) {
      for (const Outcome& o : base.outcomes(s, a)) {
        d.transitions.push_back({s, a, o.next, o.probability, scale * o.reward - shift});
      }
    }
  }
  return Mdp(std::move(d));
}

/// The textbook recursion in log space, temperature 1, uniform prior; the shift is taken out first
/// so that this side keeps its digits. Returns V and pi of every step, last step first.
struct Recursion {
  std::vector<std::vector<double>> value, policy;
};

Recursion recursion(const Mdp& mdp, std::size_t horizon, double shift) {
  Recursion result;
  const std::size_t actions = mdp.action_count();
  std::vector<double> value(mdp.state_count(), 0.0);
  for (std::size_t t = 0; t < horizon; ++t) {
    std::vector<double> q(mdp.state_count() * actions);
    std::vector<double> policy;
    std::vector<double> earlier;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      for (std::size_t a = 0; a < actions; ++a) {
        std::vector<double> terms;
        for (const Outcome& o : mdp.outcomes(s, a)) {
          terms.push_back(std::log(o.probability) + (o.reward + shift) + value[o.next]);
        }
        q[s * actions + a] = credo::log_sum_exp(terms);
      }
      const std::span<const double> row(q.data() + s * actions, actions);
      earlier.push_back(credo::log_sum_exp(row) - std::log(static_cast<double>(actions)));
      for (const double p : credo::softmax(row)) policy.push_back(p);
    }
    value = earlier;
    result.value.push_back(value);
    result.policy.push_back(policy);
  }
  return result;
}

void check_long(bool reward_on_outcome, double scale, double shift) {
  constexpr std::size_t kHorizon = 1000;
  const Mdp mdp = costly(reward_on_outcome, scale, shift);
  const Recursion truth = recursion(mdp, kHorizon, shift);
  PosteriorOptions options;
  options.horizon = kHorizon;
  const Posterior posterior = solve_posterior(mdp, options);
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  for (std::size_t t = 0; t < kHorizon; t += 111) {
    CAPTURE(t);
    const double steps = static_cast<double>(kHorizon - t);
    const std::vector<double> value = posterior.value(t);
    const std::vector<double> policy = posterior.policy(t);
    for (std::size_t s = 0; s < value.size(); ++s) {
      const double expected = truth.value[kHorizon - 1 - t][s] - steps * shift;
      REQUIRE(std::fabs(value[s] - expected) <= 1e-12 * std::fabs(expected) + 1e-12);
    }
    // A logarithm near 1e7 is stored to 2e-9, and so are differences of logarithms.
    const double digits = 1e-12 + 8e-16 * std::fabs(value[0]);
    for (std::size_t i = 0; i < policy.size(); ++i) {
      REQUIRE(std::fabs(policy[i] - truth.policy[kHorizon - 1 - t][i]) <= digits);
    }
  }
}

}  // namespace

TEST_CASE("1,000 steps, 100 states, rewards near -1e4 per step on (s, a)") {
  check_long(false, 1.0, 1e4);
}

TEST_CASE("1,000 steps, 100 states, rewards near -1e4 per step on outcomes") {
  check_long(true, 1.0, 1e4);
}

TEST_CASE("1,000 steps, 100 states, rewards spread over [-1e4, 0]") { check_long(true, 1e4, 0.0); }

TEST_CASE("100 x 100 slippery lake, 200 steps") {
  std::string map;
  for (int r = 0; r < 100; ++r) {
    for (int c = 0; c < 100; ++c) {
      const bool hole = (r * 37 + c * 61) % 17 == 0 && r + c > 2 && r + c < 195;
      map += r + c == 0 ? 'S' : r + c == 198 ? 'G' : hole ? 'H' : 'F';
    }
    map += '\n';
  }
  const Mdp mdp = frozen_lake({.map = map});
  PosteriorOptions options;
  options.horizon = 200;
  options.temperature = 0.1;
  const Posterior posterior = solve_posterior(mdp, options);
  REQUIRE_MESSAGE(posterior.ok(), posterior.message);
  CHECK(std::isfinite(posterior.log_z));
  double sum = 0.0;
  for (const double p : posterior.state_marginals[100]) sum += p;
  CHECK(sum == doctest::Approx(1.0).epsilon(1e-9));
  CHECK(posterior.value()[10000 - 2] > posterior.value()[0]);
  // Shared tables count once: what grows with T is messages, states x actions and states, both
  // ways, in the engine and in its result; the 112,000 outcomes x T would be far more.
  const double both_ways = 2.0 * 200.0 * 10000.0 * (4.0 + 1.0) * sizeof(double);
  CHECK(posterior.plan.peak_bytes > 1.5 * both_ways);
  CHECK(posterior.plan.peak_bytes < 3.0 * both_ways);
}

TEST_CASE("control: a horizon beyond the memory limit is refused before anything is built") {
  PosteriorOptions options;
  options.horizon = 100'000'000'000;
  const Posterior posterior = solve_posterior(frozen_lake(), options);
  CHECK(posterior.status == credo::Status::refused);
  CHECK(posterior.message.find("100000000000 decisions need at least") == 0);
}
