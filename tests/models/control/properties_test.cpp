#include "brute_force.hpp"
#include "described.hpp"

#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

// Properties that every process has, whatever its numbers: scales, shifts, priors, relabelling,
// what is forbidden. Finite horizons, seeded random processes.

using namespace credo::control;
using credo::kInfinity;

namespace {

constexpr double kTight = 1e-12;
constexpr std::size_t kHorizon = 4;
constexpr std::uint64_t kSeeds = 5;

ControlSolution solved(const Mdp& mdp, ControlOptions options) {
  options.horizon = options.horizon.value_or(kHorizon);
  ControlSolution solution = solve_control(mdp, options);
  REQUIRE_MESSAGE(solution.ok(), solution.message);
  return solution;
}

ControlOptions by(Method method, double temperature = 1.0, double rho = 1.0) {
  ControlOptions options;
  options.method = method;
  options.temperature = temperature;
  options.rho = rho;
  return options;
}

void check_near(const std::vector<double>& got, const std::vector<double>& expected,
                double tolerance = kTight) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK((got[i] == expected[i] ||
           std::fabs(got[i] - expected[i]) <= tolerance * (1.0 + std::fabs(expected[i]))));
  }
}

std::vector<double> shifted(std::vector<double> x, double by_how_much) {
  for (double& v : x) v += by_how_much;
  return x;
}

/// Soft or hard, under the true, lucky and worst dynamics.
const std::vector<ControlOptions> kSettings = {
    by(Method::posterior, 0.5), by(Method::clamped, 0.5),    by(Method::hard),
    by(Method::risk, 0.5, 3.0), by(Method::risk, 0.5, -0.7), by(Method::exponential_utility, 0.5),
    by(Method::best_case),
};

template <typename Check>
void for_each_setting(const RandomMdpOptions& process, const Check& check) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    RandomMdpOptions options = process;
    options.seed = seed;
    const Mdp mdp = random_mdp(options);
    for (const ControlOptions& setting : kSettings) {
      CAPTURE(std::string(method_name(setting.method)));
      check(mdp, setting);
    }
  }
}

}  // namespace

TEST_CASE("properties: temperature is the scale of rewards") {
  for_each_setting({}, [](const Mdp& mdp, const ControlOptions& setting) {
    const ControlSolution whole = solved(mdp, setting);
    const Mdp small = described::with_transitions(
        mdp, [&](Transition& line) { line.reward /= setting.temperature; });
    ControlOptions unit = setting;
    unit.temperature = 1.0;
    const ControlSolution scaled = solved(small, unit);
    for (std::size_t t = 0; t < kHorizon; ++t) {
      std::vector<double> value = scaled.value(t);
      for (double& v : value) v *= setting.temperature;
      check_near(whole.value(t), value);
      check_near(whole.policy(t), scaled.policy(t), 1e-11);
    }
  });
}

TEST_CASE("properties: entropy is worth at most temperature log actions a step") {
  for_each_setting({}, [](const Mdp& mdp, const ControlOptions& setting) {
    ControlOptions counting = setting;
    counting.method = Method::clamped;
    counting.prior = ActionPrior::counting;
    const ControlSolution soft = solved(mdp, counting);
    const ControlSolution hard = solved(mdp, by(Method::hard));
    for (std::size_t t = 0; t <= kHorizon; ++t) {
      const double most = setting.temperature * static_cast<double>(kHorizon - t) * std::log(3.0);
      for (std::size_t s = 0; s < mdp.state_count(); ++s) {
        CHECK(soft.value(t)[s] >= hard.value(t)[s] - kTight);
        CHECK(soft.value(t)[s] <= hard.value(t)[s] + most + kTight);
      }
    }
  });
}

TEST_CASE("properties: a constant on every reward moves values and nothing else") {
  constexpr double kShift = -0.37;
  for_each_setting({}, [](const Mdp& mdp, const ControlOptions& setting) {
    const ControlSolution before = solved(mdp, setting);
    const ControlSolution after = solved(
        described::with_transitions(mdp, [](Transition& line) { line.reward += kShift; }), setting);
    for (std::size_t t = 0; t < kHorizon; ++t) {
      check_near(after.value(t),
                 shifted(before.value(t), kShift * static_cast<double>(kHorizon - t)));
      check_near(after.policy(t), before.policy(t), 1e-11);
    }
  });
}

TEST_CASE("properties: a potential on outcomes changes no policy, and moves values by itself") {
  for_each_setting({}, [](const Mdp& mdp, const ControlOptions& setting) {
    const auto potential = [](std::size_t s) { return std::sin(1.0 + static_cast<double>(s)); };
    const Mdp shaped = described::with_transitions(mdp, [&](Transition& line) {
      line.reward += potential(line.state) - potential(line.next);
    });
    const ControlSolution before = solved(mdp, setting);
    ControlOptions options = setting;
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      options.final_value.push_back(potential(s));
    }
    const ControlSolution after = solved(shaped, options);
    for (std::size_t t = 0; t < kHorizon; ++t) {
      std::vector<double> expected = before.value(t);
      for (std::size_t s = 0; s < expected.size(); ++s) expected[s] += potential(s);
      check_near(after.value(t), expected);
      check_near(after.policy(t), before.policy(t), 1e-11);
    }
  });
}

TEST_CASE("properties: an averaged potential is harmless for true dynamics only") {
  const Mdp mdp = random_mdp({.seed = 3});
  const auto potential = [](std::size_t s) { return std::cos(2.0 * static_cast<double>(s)); };
  const Mdp shaped = described::with_transitions(mdp, [&](Transition& line) {
    double mean = 0.0;
    for (const Outcome& o : mdp.outcomes(line.state, line.action)) {
      mean += o.probability * potential(o.next);
    }
    line.reward += potential(line.state) - mean;
  });
  for (const Method method : {Method::clamped, Method::hard, Method::posterior}) {
    ControlOptions options = by(method);
    const std::vector<double> before = solved(mdp, options).policy();
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      options.final_value.push_back(potential(s));
    }
    const std::vector<double> after = solved(shaped, options).policy();
    double change = 0.0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      change = std::max(change, std::fabs(after[i] - before[i]));
    }
    CHECK((method == Method::posterior ? change > 1e-3 : change < 1e-11));
  }
}

TEST_CASE("properties: a prior over actions is a reward") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Mdp mdp = random_mdp({.unavailable = 0.3, .seed = seed});
    std::vector<double> prior = brute_force::prior_of(mdp, false);
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      const auto row = std::span(prior).subspan(s * 3, 3);
      double sum = 0.0;
      for (std::size_t a = 0; a < 3; ++a) sum += row[a] *= 1.0 + static_cast<double>(a);
      for (double& p : row) p /= sum;
    }
    for (ControlOptions setting :
         {by(Method::posterior, 0.6), by(Method::clamped, 0.6), by(Method::risk, 0.6, -1.5)}) {
      const Mdp priced = described::with_transitions(mdp, [&](Transition& line) {
        line.reward += setting.temperature * std::log(prior[line.state * 3 + line.action]);
      });
      ControlOptions counting = setting;
      counting.prior = ActionPrior::counting;
      setting.prior = ActionPrior::given;
      setting.action_prior = prior;
      const ControlSolution given = solved(mdp, setting);
      const ControlSolution counted = solved(priced, counting);
      check_near(given.value(), counted.value());
      check_near(given.policy(), counted.policy(), 1e-11);
    }
  }
}

TEST_CASE("properties: a mean may replace the outcomes' rewards under the true dynamics only") {
  for_each_setting({}, [](const Mdp& mdp, const ControlOptions& setting) {
    const Mdp averaged = described::with_transitions(mdp, [&](Transition& line) {
      double mean = 0.0;
      for (const Outcome& o : mdp.outcomes(line.state, line.action))
        mean += o.probability * o.reward;
      line.reward = mean;
    });
    const ControlSolution outcomes = solved(mdp, setting);
    const ControlSolution means = solved(averaged, setting);
    if (setting.method == Method::clamped || setting.method == Method::hard) {
      for (std::size_t t = 0; t < kHorizon; ++t) {
        check_near(means.value(t), outcomes.value(t));
        check_near(means.policy(t), outcomes.policy(t), 1e-11);
      }
    } else {
      CHECK(std::fabs(means.initial_value - outcomes.initial_value) > 1e-4);
    }
  });
}

TEST_CASE("properties: the discount's sink is gamma times the value, or a chance of ending") {
  constexpr double kDiscount = 0.8;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Mdp mdp = random_mdp({.reward_on_outcome = false, .discount = kDiscount, .seed = seed});
    for (const Method method : {Method::clamped, Method::hard, Method::posterior}) {
      const ControlSolution solution = solved(mdp, by(method, 0.7));
      for (std::size_t t = 0; t < kHorizon; ++t) {
        const std::vector<double> next = solution.value(t + 1);
        const std::vector<double> q = solution.action_value(t);
        for (std::size_t i = 0; i < q.size(); ++i) {
          double mean = 0.0;
          double mean_exp = 0.0;
          double reward = 0.0;
          for (const Outcome& o : mdp.outcomes(i / 3, i % 3)) {
            reward = o.reward;
            mean += o.probability * next[o.next];
            mean_exp += o.probability * std::exp(next[o.next] / 0.7);
          }
          const double expected =
              method == Method::posterior
                  ? reward + 0.7 * std::log(kDiscount * mean_exp + 1.0 - kDiscount)
                  : reward + kDiscount * mean;
          CHECK(std::fabs(q[i] - expected) < kTight);
        }
      }
    }
  }
}

TEST_CASE("properties: path consistency, V - E V' = r - alpha log(pi / p), on every action") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Mdp mdp = random_mdp({.seed = seed});
    const ControlSolution solution = solved(mdp, by(Method::clamped, 0.4));
    for (std::size_t t = 0; t < kHorizon; ++t) {
      const std::vector<double> policy = solution.policy(t);
      for (std::size_t i = 0; i < policy.size(); ++i) {
        double right = -0.4 * std::log(policy[i] * 3.0);
        for (const Outcome& o : mdp.outcomes(i / 3, i % 3)) {
          right += o.probability * (o.reward + solution.value(t + 1)[o.next]);
        }
        CHECK(std::fabs(solution.value(t)[i / 3] - right) < kTight);
      }
    }
  }
}

TEST_CASE(
    "properties: names of states and actions, and outcomes told in two parts, do not matter") {
  for_each_setting({.terminal_states = 1, .unavailable = 0.2},
                   [](const Mdp& mdp, const ControlOptions& setting) {
                     const std::vector<std::size_t> state = {2, 0, 3, 1};
                     const std::vector<std::size_t> action = {1, 2, 0};
                     MdpDescription d = described::description_of(mdp);
                     std::vector<Transition> lines;
                     for (Transition line : d.transitions) {
                       line = {state[line.state], action[line.action], state[line.next],
                               line.probability, line.reward};
                       line.probability *= 0.5;
                       lines.push_back(line);
                       lines.push_back(line);
                     }
                     d.transitions.assign(lines.rbegin(), lines.rend());
                     for (std::size_t& s : d.terminal) s = state[s];
                     for (std::size_t s = 0; s < 4; ++s) d.initial[state[s]] = mdp.initial()[s];
                     const ControlSolution before = solved(mdp, setting);
                     const ControlSolution after = solved(Mdp(std::move(d)), setting);
                     for (std::size_t t = 0; t < kHorizon; ++t) {
                       for (std::size_t s = 0; s < 4; ++s) {
                         CHECK(std::fabs(after.value(t)[state[s]] - before.value(t)[s]) < kTight);
                         for (std::size_t a = 0; a < 3; ++a) {
                           const double p = before.policy(t)[s * 3 + a];
                           CHECK(std::fabs(after.policy(t)[state[s] * 3 + action[a]] - p) < 1e-11);
                         }
                       }
                     }
                     CHECK(std::fabs(after.expected_return - before.expected_return) < 1e-11);
                     if (setting.method == Method::best_case) return;
                     CHECK(std::fabs(after.elbo - before.elbo) < 1e-11);
                     CHECK(std::fabs(after.gap.total() - before.gap.total()) < 1e-11);
                   });
}

TEST_CASE("properties: a forbidden end leaves true dynamics without hope, and says where") {
  // One step; a slip of 0.1 that ends in the forbidden state cannot be ruled out.
  MdpDescription d;
  d.states = 3;
  d.actions = 1;
  d.initial = {1.0, 0.0, 0.0};
  d.terminal = {1, 2};
  d.transitions = {{0, 0, 1, 0.9, 0.0}, {0, 0, 2, 0.1, 0.0}};
  const Mdp mdp(std::move(d));
  ControlOptions options = by(Method::clamped);
  options.horizon = 1;
  options.final_value = {0.0, 0.0, -kInfinity};
  const ControlSolution clamped = solved(mdp, options);
  CHECK(clamped.elbo == -kInfinity);
  CHECK(clamped.value()[0] == -kInfinity);
  CHECK(clamped.value()[1] == 0.0);
  CHECK(clamped.log_z == doctest::Approx(std::log(0.9)).epsilon(1e-14));
  CHECK(clamped.infeasible_factor.find("s_2 gives 0 to state 2") != std::string::npos);
  CHECK(clamped.gap.dynamics == kInfinity);
  CHECK(clamped.policy()[0] == 0.0);
  CHECK(std::isnan(clamped.expected_return));
  options.method = Method::posterior;
  CHECK(solved(mdp, options).believed_return == 0.0);
  options.method = Method::risk;
  options.rho = -1.0;
  CHECK(solved(mdp, options).value()[0] == -kInfinity);
}

TEST_CASE("properties: nothing is feasible, and no number is NaN where one exists") {
  for_each_setting({}, [](const Mdp& mdp, const ControlOptions& setting) {
    ControlOptions options = setting;
    options.final_value.assign(mdp.state_count(), -kInfinity);
    options.horizon = kHorizon;
    const ControlSolution none = solve_control(mdp, options);
    if (options.method == Method::posterior) {
      CHECK(none.status == credo::Status::impossible_evidence);
      return;
    }
    REQUIRE(none.ok());
    for (std::size_t t = 0; t <= kHorizon; ++t) {
      for (const double v : none.value(t)) CHECK(v == -kInfinity);
    }
    for (const double p : none.policy()) CHECK(p == 0.0);
    // One safe state: reached with luck, and values are finite or -infinity.
    options.final_value[0] = 0.0;
    const ControlSolution some = solve_control(mdp, options);
    for (std::size_t t = 0; t <= kHorizon; ++t) {
      for (const double v : some.value(t)) CHECK_FALSE(std::isnan(v));
    }
    for (const double p : some.policy()) CHECK((p >= 0.0 && p <= 1.0 + kTight));
  });
}

TEST_CASE("properties: rewards of any size, and the same bits again") {
  for (const double scale : {1e-6, 1.0, 1e4}) {
    const Mdp mdp = described::with_transitions(random_mdp({.seed = 2}),
                                                [&](Transition& line) { line.reward *= scale; });
    for (ControlOptions setting : kSettings) {
      CAPTURE(std::string(method_name(setting.method)));
      setting.horizon = 1000;
      const ControlSolution once = solved(mdp, setting);
      for (const double v : once.value()) CHECK(std::isfinite(v));
      for (const double v : {once.expected_return, once.believed_return}) CHECK(std::isfinite(v));
      const std::vector<double> policy = once.policy();
      for (std::size_t s = 0; s < mdp.state_count(); ++s) {
        const double sum =
            std::accumulate(policy.begin() + static_cast<std::ptrdiff_t>(s * 3),
                            policy.begin() + static_cast<std::ptrdiff_t>(s * 3 + 3), 0.0);
        CHECK(std::fabs(sum - 1.0) < 1e-12);
      }
      setting.infer.threads = 2;
      const ControlSolution again = solved(mdp, setting);
      CHECK(again.values == once.values);
      CHECK(again.policy() == policy);
      CHECK(again.expected_return == once.expected_return);
    }
  }
}
