#include "brute_force.hpp"
#include "plain_recursion.hpp"

#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

// Finite horizons: every method against the plain recursion over outcomes, log Z against the sum
// over all trajectories, and the properties that tie the methods together.

using namespace credo::control;
using credo::kInfinity;

namespace {

constexpr double kTight = 1e-12;

struct Case {
  RandomMdpOptions process;
  ActionPrior prior = ActionPrior::uniform;
  double temperature = 1.0;
  std::vector<double> last = {};
};

std::vector<Case> cases() {
  return {
      {{.seed = 1}},
      {{.states = 3, .actions = 2, .unavailable = 0.4, .seed = 2}, ActionPrior::counting, 0.5},
      {{.terminal_states = 1, .seed = 3}, ActionPrior::uniform, 0.3},
      {{.terminal_states = 1, .discount = 0.8, .seed = 4}, ActionPrior::given, 2.0},
      {{.states = 3, .actions = 3, .reward_on_outcome = false, .discount = 0.6, .seed = 5}},
      {{.states = 4, .successors = 4, .seed = 6}, ActionPrior::given, 0.2, {1, -2, 0.5, 0}},
      {{.states = 2, .actions = 2, .successors = 4, .discount = 0.9, .seed = 7},
       ActionPrior::uniform,
       1.0,
       {0.25, -1.0}},
  };
}

/// Neither uniform nor counting, 0 where unavailable.
std::vector<double> uneven_prior(const Mdp& mdp) {
  std::vector<double> prior = brute_force::prior_of(mdp, false);
  const std::size_t actions = mdp.action_count();
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    double sum = 0.0;
    for (std::size_t a = 0; a < actions; ++a) {
      sum += prior[s * actions + a] *= 1.0 + static_cast<double>((a + s) % 3);
    }
    for (std::size_t a = 0; a < actions; ++a) prior[s * actions + a] /= sum;
  }
  return prior;
}

ControlOptions options_of(const Mdp& mdp, const Case& c, Method method, std::size_t horizon) {
  ControlOptions options;
  options.method = method;
  options.temperature = c.temperature;
  options.prior = c.prior;
  if (c.prior == ActionPrior::given) options.action_prior = uneven_prior(mdp);
  options.final_value = c.last;
  options.horizon = horizon;
  return options;
}

plain_recursion::Setting setting_of(const Mdp& mdp, const ControlOptions& options) {
  plain_recursion::Setting setting{
      options.method,     options.temperature,
      options.rho,        options.discount.value_or(mdp.discount()),
      *options.horizon,   brute_force::prior_of(mdp, options.prior == ActionPrior::counting),
      options.final_value};
  if (options.prior == ActionPrior::given) setting.prior = options.action_prior;
  for (const std::size_t s : mdp.terminal()) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      setting.prior[s * mdp.action_count() + a] = 1.0 / static_cast<double>(mdp.action_count());
    }
  }
  return setting;
}

ControlSolution solved(const Mdp& mdp, const ControlOptions& options) {
  ControlSolution solution = solve_control(mdp, options);
  REQUIRE_MESSAGE(solution.ok(), solution.message);
  return solution;
}

void check_near(const std::vector<double>& got, const std::vector<double>& expected,
                double tolerance = kTight) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    if (std::isinf(expected[i])) {
      CHECK(got[i] == expected[i]);
    } else {
      CHECK(std::fabs(got[i] - expected[i]) <= tolerance * (1.0 + std::fabs(expected[i])));
    }
  }
}

double mean(const Mdp& mdp, const std::vector<double>& x) {
  double sum = 0.0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) sum += mdp.initial()[s] * x[s];
  return sum;
}

void compare(const Mdp& mdp, const ControlOptions& options) {
  CAPTURE(std::string(method_name(options.method)));
  CAPTURE(options.rho);
  const ControlSolution solution = solved(mdp, options);
  const auto setting = setting_of(mdp, options);
  const auto expected = plain_recursion::solve(mdp, setting);
  REQUIRE(solution.steps() == *options.horizon);
  for (std::size_t t = 0; t < *options.horizon; ++t) {
    CAPTURE(t);
    check_near(solution.value(t), expected.value[t]);
    check_near(solution.action_value(t), expected.action_value[t]);
    check_near(solution.policy(t), expected.policy[t], 1e-11);
  }
  check_near(solution.value(*options.horizon), expected.value.back());
  CHECK(std::fabs(solution.initial_value - mean(mdp, expected.value[0])) < kTight);
  const auto worth = plain_recursion::evaluate(mdp, setting, expected);
  CHECK(std::fabs(solution.expected_return - mean(mdp, worth.expected)) < 1e-11);
}

const std::vector<Method> kMethods = {
    Method::posterior,           Method::clamped,  Method::hard, Method::map, Method::risk,
    Method::exponential_utility, Method::best_case};

}  // namespace

TEST_CASE("solve: every method is its plain recursion") {
  for (const Case& c : cases()) {
    CAPTURE(c.process.seed);
    const Mdp mdp = random_mdp(c.process);
    for (const Method method : kMethods) {
      if (method == Method::map && c.prior == ActionPrior::counting) continue;
      ControlOptions options = options_of(mdp, c, method, 4);
      if (method != Method::risk) {
        compare(mdp, options);
        continue;
      }
      for (const double rho : {0.2, 1.0, 3.0, 50.0, kInfinity, -0.3, -1.0, -5.0}) {
        options.rho = rho;
        compare(mdp, options);
      }
    }
  }
}

TEST_CASE("solve: elbo, log Z and the gap, whose parts add up") {
  for (const Case& c : cases()) {
    CAPTURE(c.process.seed);
    const Mdp mdp = random_mdp(c.process);
    for (const Method method : {Method::clamped, Method::hard, Method::risk}) {
      for (const double rho : {0.5, 1.0, 4.0, -2.0}) {
        if (method != Method::risk && rho != 1.0) continue;
        CAPTURE(std::string(method_name(method)));
        CAPTURE(rho);
        ControlOptions options = options_of(mdp, c, method, 3);
        options.rho = rho;
        const ControlSolution solution = solved(mdp, options);
        const auto setting = setting_of(mdp, options);
        const auto expected = plain_recursion::solve(mdp, setting);
        const auto worth = plain_recursion::evaluate(mdp, setting, expected);
        // q(s_1): the prior, or tilted at the price rho.
        std::vector<double> start(mdp.initial().begin(), mdp.initial().end());
        double elbo = 0.0;
        double believed = 0.0;
        if (method == Method::risk) {
          double total = 0.0;
          for (std::size_t s = 0; s < start.size(); ++s) {
            total += start[s] *= std::exp(expected.value[0][s] / c.temperature / rho);
          }
          for (double& p : start) p /= total;
        }
        for (std::size_t s = 0; s < start.size(); ++s) {
          if (start[s] == 0.0) continue;
          elbo += start[s] * (worth.elbo[s] - std::log(start[s] / mdp.initial()[s]));
          believed += start[s] * worth.believed[s];
        }
        CHECK(std::fabs(solution.elbo - elbo) < 1e-11);
        CHECK(std::fabs(solution.believed_return - believed) < 1e-11);
        ControlOptions free = options;
        free.method = Method::posterior;
        CHECK(std::fabs(solution.log_z - solved(mdp, free).log_z) < 1e-12);
        CHECK(solution.elbo <= solution.log_z + 1e-12);
        CHECK(std::fabs(solution.log_z - solution.elbo - solution.gap.total()) < 1e-11);
        for (const double part :
             {solution.gap.initial, solution.gap.policy, solution.gap.dynamics}) {
          CHECK(part >= 0.0);
        }
      }
    }
  }
}

TEST_CASE("solve: risk at rho 1 is the posterior, with no gap") {
  for (const Case& c : cases()) {
    CAPTURE(c.process.seed);
    const Mdp mdp = random_mdp(c.process);
    const ControlSolution risk = solved(mdp, options_of(mdp, c, Method::risk, 4));
    const ControlSolution posterior = solved(mdp, options_of(mdp, c, Method::posterior, 4));
    for (std::size_t t = 0; t < 4; ++t) {
      check_near(risk.value(t), posterior.value(t));
      check_near(risk.policy(t), posterior.policy(t), 1e-11);
    }
    CHECK(std::fabs(risk.elbo - posterior.log_z) < 1e-11);
    CHECK(std::fabs(risk.log_z - posterior.log_z) < 1e-12);
    CHECK(risk.gap.total() < 1e-11);
    CHECK(std::fabs(risk.believed_return - posterior.believed_return) < 1e-11);
    CHECK(std::fabs(risk.expected_return - posterior.expected_return) < 1e-11);
    CHECK(posterior.elbo == posterior.log_z);
    CHECK(posterior.gap.total() == 0.0);
  }
}

TEST_CASE("solve: the risk dial falls from best case to worst, and passes clamped at infinity") {
  const Mdp mdp = random_mdp({.states = 4, .successors = 3, .seed = 11});
  ControlOptions options;
  options.method = Method::risk;
  options.horizon = 4;
  double before = kInfinity;
  for (const double rho : {1e-3, 0.1, 0.5, 1.0, 2.0, 10.0, 1e3, 1e6, 1e9, kInfinity, -1e9, -1e6,
                           -1e3, -10.0, -1.0, -0.1, -1e-3}) {
    CAPTURE(rho);
    options.rho = rho;
    const double value = solved(mdp, options).initial_value;
    // rho times the rounding of a logarithm.
    CHECK(value <= before + 1e-13 + (std::isinf(rho) ? 1e-6 : 1e-15 * std::fabs(rho)));
    before = value;
  }
  options.rho = kInfinity;
  const double fair = solved(mdp, options).initial_value;
  ControlOptions clamped = options;
  clamped.method = Method::clamped;
  CHECK(fair == solved(mdp, clamped).initial_value);
  for (const double rho : {1e6, -1e6}) {
    options.rho = rho;
    CHECK(std::fabs(solved(mdp, options).initial_value - fair) < 1e-5);
  }
}

TEST_CASE("solve: enlarging the family never lowers the bound, conditioning is optimistic") {
  for (const Case& c : cases()) {
    CAPTURE(c.process.seed);
    const Mdp mdp = random_mdp(c.process);
    const ControlSolution clamped = solved(mdp, options_of(mdp, c, Method::clamped, 4));
    const ControlSolution posterior = solved(mdp, options_of(mdp, c, Method::posterior, 4));
    const ControlSolution hard = solved(mdp, options_of(mdp, c, Method::hard, 4));
    for (std::size_t t = 0; t < 4; ++t) {
      for (std::size_t s = 0; s < mdp.state_count(); ++s) {
        CHECK(clamped.value(t)[s] <= posterior.value(t)[s] + kTight);
      }
    }
    CHECK(clamped.elbo <= posterior.log_z + kTight);
    CHECK(hard.elbo <= clamped.elbo + kTight);
    CHECK(clamped.elbo * c.temperature == doctest::Approx(clamped.initial_value).epsilon(1e-14));
    CHECK(hard.initial_value == doctest::Approx(hard.expected_return).epsilon(1e-13));
    CHECK(clamped.expected_return == doctest::Approx(clamped.believed_return).epsilon(1e-13));
    CHECK(clamped.expected_return <= hard.expected_return + kTight);
  }
}

TEST_CASE("solve: deterministic dynamics leave nothing to be lucky about") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    const Mdp mdp = random_mdp({.successors = 1, .unavailable = 0.2, .seed = seed});
    for (const double temperature : {0.2, 1.0, 5.0}) {
      Case c{{}, ActionPrior::uniform, temperature};
      const ControlSolution clamped = solved(mdp, options_of(mdp, c, Method::clamped, 4));
      for (const Method method : {Method::posterior, Method::risk}) {
        ControlOptions options = options_of(mdp, c, method, 4);
        options.rho = method == Method::risk ? -0.7 : 1.0;
        const ControlSolution other = solved(mdp, options);
        for (std::size_t t = 0; t < 4; ++t) {
          check_near(other.value(t), clamped.value(t));
          check_near(other.action_value(t), clamped.action_value(t));
          check_near(other.policy(t), clamped.policy(t), 1e-11);
        }
      }
      // The hard limits agree with each other, whatever the temperature.
      const ControlSolution hard = solved(mdp, options_of(mdp, c, Method::hard, 4));
      for (const Method method : {Method::exponential_utility, Method::best_case, Method::map}) {
        ControlOptions options = options_of(mdp, c, method, 4);
        options.prior = ActionPrior::counting;
        const ControlSolution other = solved(mdp, options);
        for (std::size_t t = 0; t <= 4; ++t) check_near(other.value(t), hard.value(t));
      }
      c.temperature = 1e-3;
      const ControlSolution cold = solved(mdp, options_of(mdp, c, Method::posterior, 4));
      for (std::size_t s = 0; s < mdp.state_count(); ++s) {
        CHECK(std::fabs(cold.value()[s] - hard.value()[s]) <= 4 * 1e-3 * std::log(3.0) + kTight);
      }
    }
  }
}

namespace {

/// The best of all (s, a) paths, or plans, is what was found; ties go by weight.
void check_path(const Mdp& mdp, const ControlOptions& options) {
  const auto setting = setting_of(mdp, options);
  std::map<std::pair<std::vector<std::size_t>, std::vector<std::size_t>>, double> path_weight;
  std::map<std::vector<std::size_t>, double> plan_weight;
  brute_force::for_each_path(
      mdp, {*options.horizon, options.temperature, setting.discount, setting.prior},
      *options.horizon, [&](const brute_force::Path& path) {
        const std::size_t s = path.states.back();
        const bool last = !options.final_value.empty() && s < mdp.state_count();
        const double w =
            path.weight * (last ? std::exp(options.final_value[s] / options.temperature) : 1.0);
        path_weight[{path.states, path.actions}] += w;
        plan_weight[path.actions] += w;
      });
  double best = 0.0;
  const ControlSolution solution = solved(mdp, options);
  if (options.method == Method::map) {
    REQUIRE(solution.trajectory);
    for (const auto& [path, w] : path_weight) best = std::max(best, w);
    const auto& found = *solution.trajectory;
    CHECK(std::fabs(found.log_weight - std::log(best)) < 1e-12);
    CHECK(std::fabs(std::log(path_weight.at({found.states, found.actions})) - std::log(best)) <
          1e-12);
    CHECK(std::fabs(solution.elbo - std::log(best)) < 1e-12);
  } else {
    REQUIRE(solution.plan);
    for (const auto& [plan, w] : plan_weight) best = std::max(best, w);
    CHECK(std::fabs(solution.plan->log_weight - std::log(best)) < 1e-12);
    CHECK(std::fabs(std::log(plan_weight.at(solution.plan->actions)) - std::log(best)) < 1e-12);
    CHECK(std::fabs(solution.elbo - std::log(best)) < 1e-11);
    CHECK(solution.policy(0)[solution.plan->actions[0]] == 1.0);
  }
  CHECK(std::fabs(solution.log_z - solution.elbo - solution.gap.total()) < 1e-11);
}

}  // namespace

TEST_CASE("solve: the most likely trajectory and the best plan, against all of them") {
  for (const Case& c : cases()) {
    CAPTURE(c.process.seed);
    if (c.prior == ActionPrior::counting) continue;
    const Mdp mdp = random_mdp(c.process);
    for (const std::size_t horizon : {1U, 3U}) {
      check_path(mdp, options_of(mdp, c, Method::map, horizon));
      check_path(mdp, options_of(mdp, c, Method::mmap, horizon));
    }
  }
}

TEST_CASE("solve: a plan is worth its exponential utility, and no more than a policy") {
  for (const Case& c : cases()) {
    CAPTURE(c.process.seed);
    if (c.process.unavailable > 0.0) continue;
    const Mdp mdp = random_mdp(c.process);
    ControlOptions options = options_of(mdp, c, Method::mmap, 3);
    const ControlSolution plan = solved(mdp, options);
    double value = 0.0;
    double believed = 0.0;
    brute_force::Setting setting{3, c.temperature, mdp.discount(),
                                 std::vector<double>(mdp.state_count() * mdp.action_count(), 1.0)};
    brute_force::for_each_path(mdp, setting, 3, [&](const brute_force::Path& path) {
      if (path.actions != plan.plan->actions) return;
      double weight = path.weight;
      // The enumeration gives actions of terminal states a uniform prior: undo it.
      for (std::size_t t = 0; t < 3; ++t) {
        const std::size_t s = path.states[t];
        if (s == mdp.state_count() || mdp.is_terminal(s)) {
          weight *= static_cast<double>(mdp.action_count());
        }
      }
      const std::size_t s = path.states.back();
      const double last = !c.last.empty() && s < mdp.state_count() ? c.last[s] : 0.0;
      value += weight * std::exp(last / c.temperature);
      believed += weight * std::exp(last / c.temperature) * (path.reward + last);
    });
    CHECK(plan.plan->exponential_utility ==
          doctest::Approx(c.temperature * std::log(value)).epsilon(1e-12));
    if (c.prior == ActionPrior::uniform) {
      CHECK(plan.believed_return == doctest::Approx(believed / value).epsilon(1e-11));
    }
    options.method = Method::exponential_utility;
    const ControlSolution policy = solved(mdp, options);
    double best = 0.0;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      best += mdp.initial()[s] * std::exp(policy.value()[s] / c.temperature);
    }
    CHECK(plan.plan->exponential_utility <= c.temperature * std::log(best) + 1e-12);
  }
}
