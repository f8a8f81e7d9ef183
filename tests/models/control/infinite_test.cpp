#include "described.hpp"
#include "plain_recursion.hpp"

#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

// Infinite horizons: published and independently computed numbers, the limit of long finite
// horizons, certificates that hold, and problems that have no value.

using namespace credo::control;
using credo::kInfinity;

namespace {

/// As many digits as the reference shows.
void check_digits(double got, double expected, double unit) {
  CHECK(std::fabs(got - expected) <= 0.5000001 * unit);
}

ControlOptions by(Method method, double temperature = 1.0, double rho = 1.0) {
  ControlOptions options;
  options.method = method;
  options.temperature = temperature;
  options.rho = rho;
  return options;
}

ControlSolution solved(const Mdp& mdp, const ControlOptions& options) {
  ControlSolution solution = solve_control(mdp, options);
  REQUIRE_MESSAGE(solution.ok(), solution.message);
  CHECK(solution.guarantee == credo::Guarantee::exact);
  CHECK_FALSE(solution.certificate.empty());
  return solution;
}

const std::vector<ControlOptions> kSettings = {
    by(Method::posterior, 0.5), by(Method::clamped, 0.5),    by(Method::hard),
    by(Method::risk, 0.5, 3.0), by(Method::risk, 0.5, -4.0), by(Method::exponential_utility, 0.5),
    by(Method::best_case),
};

}  // namespace

TEST_CASE("infinite: frozen lake's values and greedy actions") {
  const std::vector<std::pair<double, double>> rows = {
      {1.0, 14.0 / 17.0}, {0.99, 0.5420259320}, {0.95, 0.1804715784}, {0.9, 0.0688909049}};
  for (const auto& [discount, value] : rows) {
    CAPTURE(discount);
    ControlOptions options = by(Method::hard);
    options.discount = discount;
    options.tolerance = 1e-12;
    const ControlSolution solution = solved(frozen_lake(), options);
    check_digits(solution.initial_value, value, 1e-10);
    CHECK(std::fabs(solution.expected_return - value) < 1e-9);
    CHECK(solution.error_bound <= 1e-12);
  }
  const std::vector<double> policy = solved(frozen_lake(), by(Method::hard)).policy();
  const std::vector<std::size_t> greedy = {0, 3, 3, 3, 0, 0, 0, 0, 3, 1, 0, 0, 0, 2, 1, 0};
  for (std::size_t s = 0; s < 16; ++s) {
    const bool decided = s != 5 && s != 7 && s != 11 && s != 12 && s != 15;
    if (decided) CHECK(policy[s * 4 + greedy[s]] == 1.0);
  }
}

TEST_CASE("infinite: equal actions that lead nowhere are not taken") {
  // On dry ice every move keeps V = 1; a policy of first bests would stand still for ever.
  const ControlSolution solution =
      solved(frozen_lake({.map = "8x8", .slippery = false}), by(Method::hard));
  CHECK(std::fabs(solution.initial_value - 1.0) < 1e-12);
  CHECK(std::fabs(solution.expected_return - 1.0) < 1e-12);
}

TEST_CASE("infinite: cliff walking, dry and slippery, soft and hard") {
  const std::vector<std::tuple<double, double, double>> rows = {
      {0.5, -21.8892193259, -105.7206259915},
      {1.0, -29.8086522723, -140.7305752583},
      {2.0, -42.6847889984, -203.8883581293},
      {5.0, -71.8647336204, -377.8673897017},
      {10.0, -111.4837535855, -652.9958739035}};
  const Mdp dry = cliff_walking();
  const Mdp slippery = cliff_walking({.slippery = true});
  for (const auto& [temperature, dry_value, slippery_value] : rows) {
    CAPTURE(temperature);
    check_digits(solved(dry, by(Method::clamped, temperature)).initial_value, dry_value, 1e-10);
    check_digits(solved(dry, by(Method::posterior, temperature)).initial_value, dry_value, 1e-10);
    const ControlSolution clamped = solved(slippery, by(Method::clamped, temperature));
    check_digits(clamped.initial_value, slippery_value, 1e-10);
    check_digits(clamped.log_z, dry_value / temperature, 1e-9);
    CHECK(std::fabs(clamped.log_z - clamped.elbo - clamped.gap.total()) < 1e-8);
    // Conditioning does not notice the ice.
    check_digits(solved(slippery, by(Method::risk, temperature)).initial_value, dry_value, 1e-10);
  }
  check_digits(solved(dry, by(Method::hard)).initial_value, -13.0, 1e-10);
  // The reference, an iteration from above, stopped 6e-11 short of the fixed point.
  CHECK(std::fabs(solved(slippery, by(Method::hard)).initial_value + 64.7091759099) < 1e-10);
  const ControlSolution clamped = solved(slippery, by(Method::clamped));
  check_digits(clamped.expected_return, -74.04, 1e-2);
  CHECK(std::fabs(clamped.expected_return - clamped.believed_return) < 1e-9);
  const ControlSolution lucky = solved(slippery, by(Method::risk));
  check_digits(lucky.expected_return, -8752.674118, 1e-5);
  check_digits(lucky.believed_return, -15.1718788315, 1e-9);
}

TEST_CASE("infinite: the limit of long finite horizons, within the certified error") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    const Mdp mdp = random_mdp(
        {.terminal_states = seed % 2, .unavailable = 0.2, .discount = 0.7, .seed = seed});
    for (ControlOptions options : kSettings) {
      CAPTURE(std::string(method_name(options.method)));
      const ControlSolution endless = solved(mdp, options);
      options.horizon = 400;
      const ControlSolution finite = solve_control(mdp, options);
      for (std::size_t s = 0; s < mdp.state_count(); ++s) {
        CHECK(std::fabs(endless.value()[s] - finite.value()[s]) <= endless.error_bound + 1e-12);
      }
      CHECK(endless.error_bound <= 1e-10);
      CHECK(std::fabs(endless.expected_return - finite.expected_return) < 1e-8);
      CHECK(std::fabs(endless.believed_return - finite.believed_return) < 1e-8);
      if (options.method == Method::best_case) continue;
      CHECK(std::fabs(endless.log_z - finite.log_z) < 1e-8);
      CHECK(std::fabs(endless.elbo - finite.elbo) < 1e-8);
      CHECK(std::fabs(endless.gap.policy - finite.gap.policy) < 1e-8);
      CHECK(std::fabs(endless.gap.dynamics - finite.gap.dynamics) < 1e-8);
    }
  }
}

TEST_CASE("infinite: bounds of the soft value, and of its policy's return") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Mdp mdp = random_mdp({.discount = 0.9, .seed = seed});
    ControlOptions options = by(Method::clamped, 0.3);
    options.prior = ActionPrior::counting;
    const ControlSolution soft = solved(mdp, options);
    const ControlSolution hard = solved(mdp, by(Method::hard));
    const double most = 0.3 * std::log(3.0) / 0.1;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      CHECK(soft.value()[s] >= hard.value()[s] - 1e-9);
      CHECK(soft.value()[s] <= hard.value()[s] + most + 1e-9);
    }
    CHECK(soft.expected_return >= hard.expected_return - most - 1e-9);
    CHECK(soft.expected_return <= hard.expected_return + 1e-9);
  }
}

TEST_CASE("infinite: one step back contracts by the discount and keeps order") {
  std::mt19937_64 random(5);
  const Mdp mdp = random_mdp({.discount = 0.8, .seed = 8});
  const auto number = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53 - 1.0; };
  for (const Method method : {Method::clamped, Method::hard, Method::posterior}) {
    for (int trial = 0; trial < 20; ++trial) {
      ControlOptions options = by(method, 0.5);
      options.horizon = 1;
      double distance = 0.0;
      ControlOptions above = options;
      for (std::size_t s = 0; s < mdp.state_count(); ++s) {
        options.final_value.push_back(number());
        above.final_value.push_back(options.final_value.back() * (trial % 2 == 0 ? 1.0 : 0.5));
        distance = std::max(distance, above.final_value[s] - options.final_value[s]);
      }
      const std::vector<double> low = solve_control(mdp, options).value();
      const std::vector<double> high = solve_control(mdp, above).value();
      for (std::size_t s = 0; s < low.size(); ++s) {
        CHECK(high[s] >= low[s] - 1e-14);
        CHECK(high[s] - low[s] <= 0.8 * distance + 1e-14);
      }
    }
  }
}

TEST_CASE("infinite: problems without a value are refused with the reason") {
  MdpDescription d;
  d.states = 3;
  d.actions = 1;
  d.initial = {1.0, 0.0, 0.0};
  d.transitions = {{0, 0, 1, 1.0, -1.0}, {1, 0, 0, 1.0, -1.0}};
  d.terminal = {2};
  const auto refused = [](const Mdp& mdp, const ControlOptions& options, const char* part) {
    CAPTURE(std::string(method_name(options.method)));
    const ControlSolution solution = solve_control(mdp, options);
    CHECK(solution.status == credo::Status::refused);
    CAPTURE(solution.message);
    CHECK(solution.message.find(part) != std::string::npos);
    CHECK(std::isnan(solution.initial_value));
    return solution.breakdown;
  };
  for (const ControlOptions& options : kSettings) {
    refused(Mdp(d), options, "no terminal state can be reached from state 0");
  }
  // A loop that gains: 1 a round, or ends.
  d.actions = 2;
  d.transitions = {{0, 0, 1, 1.0, 1.0}, {1, 0, 0, 1.0, 0.0}, {0, 1, 2, 1.0, 0.0}};
  for (const ControlOptions& options : kSettings) {
    CHECK_FALSE(refused(Mdp(d), options, "no certified value"));
  }
  d.final_reward = {0.0, 0.0, 1.0};
  refused(Mdp(d), by(Method::clamped), "final reward");
}

TEST_CASE("infinite: robust control breaks down where the worst dynamics outweigh their price") {
  // Every step costs 1 and ends with probability 1/2: E exp(c N) is finite for c < log 2.
  MdpDescription d;
  d.states = 2;
  d.actions = 1;
  d.initial = {1.0, 0.0};
  d.terminal = {1};
  d.transitions = {{0, 0, 0, 0.5, -1.0}, {0, 0, 1, 0.5, -1.0}};
  const Mdp mdp(std::move(d));
  for (const double rho : {-1.5, -2.0, -10.0, 0.5, 3.0}) {
    CAPTURE(rho);
    // z = exp(-1 / rho) (z + 1) / 2 with z = exp(V / rho).
    const double w = 0.5 * std::exp(-1.0 / rho);
    const ControlSolution solution = solved(mdp, by(Method::risk, 1.0, rho));
    CHECK(solution.value()[0] == doctest::Approx(rho * std::log(w / (1.0 - w))).epsilon(1e-11));
  }
  for (const double rho : {-1.4, -1.0, -0.01}) {
    CAPTURE(rho);
    const ControlSolution broken = solve_control(mdp, by(Method::risk, 1.0, rho));
    CHECK(broken.status == credo::Status::refused);
    CHECK(broken.breakdown);
    CHECK(broken.message.find("breakdown") == 0);
  }
}

TEST_CASE("infinite: a lottery, a bandit, and the tolerance") {
  MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.terminal = {1};
  d.transitions = {{0, 0, 1, 0.1, 5.0}, {0, 0, 1, 0.9, -5.0}, {0, 1, 1, 1.0, 0.0}};
  const Mdp lottery(std::move(d));
  CHECK(solved(lottery, by(Method::clamped)).action_value()[0] == doctest::Approx(-4.0));
  CHECK(solved(lottery, by(Method::posterior)).action_value()[0] ==
        doctest::Approx(std::log(0.1 * std::exp(5.0) + 0.9 * std::exp(-5.0))));
  CHECK(solved(lottery, by(Method::best_case)).action_value()[0] == 5.0);
  ControlOptions loose = by(Method::clamped, 0.5);
  loose.discount = 0.99;
  loose.tolerance = 1e-3;
  const Mdp lake = frozen_lake();
  const ControlSolution rough = solved(lake, loose);
  CHECK(rough.error_bound <= 1e-3);
  loose.tolerance = 1e-11;
  const ControlSolution fine = solved(lake, loose);
  for (std::size_t s = 0; s < 16; ++s) {
    CHECK(std::fabs(rough.value()[s] - fine.value()[s]) <= rough.error_bound + fine.error_bound);
  }
}

TEST_CASE("infinite: the three states of MDPSolver's manual, hard and soft") {
  // github.com/areenberg/MDPSolver, README: rewards per (state, action), discount 0.8.
  const double reward[3][2] = {{5, -1}, {1, -2}, {50, 0}};
  const double probability[3][2][3] = {{{0.9, 0.1, 0.0}, {0.1, 0.9, 0.0}},
                                       {{0.4, 0.5, 0.1}, {0.3, 0.5, 0.2}},
                                       {{0.2, 0.2, 0.6}, {0.5, 0.5, 0.0}}};
  MdpDescription d;
  d.states = 3;
  d.actions = 2;
  d.initial = {1.0, 0.0, 0.0};
  d.discount = 0.8;
  for (std::size_t s = 0; s < 3; ++s) {
    for (std::size_t a = 0; a < 2; ++a) {
      for (std::size_t next = 0; next < 3; ++next) {
        d.transitions.push_back({s, a, next, probability[s][a][next], reward[s][a]});
      }
    }
  }
  const Mdp mdp(std::move(d));
  const std::vector<double> hard_value = {30.44329897, 40.28865979, 117.91752577};
  const std::vector<double> soft_value = {31.87479555, 41.07543603, 118.60007125};
  const ControlSolution hard = solved(mdp, by(Method::hard));
  ControlOptions options = by(Method::clamped);
  options.prior = ActionPrior::counting;
  const ControlSolution soft = solved(mdp, options);
  for (std::size_t s = 0; s < 3; ++s) {
    check_digits(hard.value()[s], hard_value[s], 1e-8);
    check_digits(soft.value()[s], soft_value[s], 1e-8);
    CHECK(hard.policy()[s * 2 + (s == 2 ? 0 : 1)] == 1.0);
  }
  CHECK(hard.expected_return == doctest::Approx(hard_value[0]).epsilon(1e-9));
}
