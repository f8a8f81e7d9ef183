// Every learner against the engine's exact answer.

#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/path_consistency.hpp>
#include <credo/models/control/learning/policy_gradient.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <cmath>

namespace credo::control::learning {
namespace {

using doctest::Approx;

ControlSolution exact(const Mdp& mdp, const Objective& o, Method method = Method::clamped) {
  ControlOptions options;
  options.method = method;
  options.temperature = o.temperature;
  options.discount = o.discount;
  options.prior = o.prior;
  options.gap = false;
  ControlSolution solution = solve_control(mdp, options);
  REQUIRE(solution.ok());
  return solution;
}

/// Largest difference; -infinity must meet -infinity.
double distance(std::span<const double> a, std::span<const double> b) {
  REQUIRE(a.size() == b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) largest = std::max(largest, std::fabs(a[i] - b[i]));
  }
  return largest;
}

/// sum_s d(s) V^pi(s) for the start that tabular episodes have, with the entropy counted: by
/// iterating the evaluation of pi.
double soft_return(const Mdp& mdp, std::span<const double> policy, const Objective& o) {
  std::vector<double> value(mdp.state_count(), 0.0);
  for (int sweep = 0; sweep < 2000; ++sweep) {
    for (std::size_t s = 0; s < value.size(); ++s) {
      if (mdp.is_terminal(s)) continue;
      double available = 0.0;
      for (std::size_t a = 0; a < mdp.action_count(); ++a) {
        available += mdp.is_available(s, a) ? 1.0 : 0.0;
      }
      double sum = 0.0;
      for (std::size_t a = 0; a < mdp.action_count(); ++a) {
        const double p = policy[s * mdp.action_count() + a];
        if (p == 0.0) continue;
        sum -= p * o.temperature * std::log(p * available);
        for (const Outcome& out : mdp.outcomes(s, a)) {
          sum += p * out.probability * (out.reward + o.discount * value[out.next]);
        }
      }
      value[s] = sum;
    }
  }
  double total = 0.0;
  for (std::size_t s = 0; s < value.size(); ++s) total += mdp.initial()[s] * value[s];
  return total;
}

TEST_CASE("soft Q-learning: FrozenLake, from samples to the exact clamped Q") {
  TabularEnvironment lake(frozen_lake(), {.time_limit = 10, .exploring_starts = true});
  SoftQOptions options;
  options.objective = {.discount = 0.9, .temperature = 0.1};
  options.exploration = 1.0;
  options.run.steps = 150'000;
  options.run.curve_interval = 15'000;
  const auto q = exact(*lake.process(), options.objective).action_value();
  options.run.measure = [&q](std::span<const double> table) { return distance(table, q); };
  const SoftQResult found = learn_soft_q(lake, options);
  REQUIRE(found.run.ok());
  const double error = distance(found.action_value, q);
  MESSAGE("largest error of Q: " << error);
  CHECK(error < 0.03);
  CHECK(found.run.curve.size() == 10);
  CHECK(found.run.curve.front().error > 2.0 * found.run.curve.back().error);
  CHECK(found.run.curve.back().error == error);
}

TEST_CASE("soft Q-learning: the slippery cliff, from samples to clamped, not to posterior") {
  TabularEnvironment cliff(cliff_walking({.slippery = true}),
                           {.time_limit = 10, .exploring_starts = true});
  SoftQOptions options;
  options.objective = {.discount = 0.9, .temperature = 1.0};
  options.exploration = 1.0;
  options.run.steps = 300'000;
  const SoftQResult found = learn_soft_q(cliff, options);
  const auto clamped = exact(*cliff.process(), options.objective).action_value();
  const auto posterior =
      exact(*cliff.process(), options.objective, Method::posterior).action_value();
  const double error = distance(found.action_value, clamped);
  double mean_error = 0.0;
  double mean_luck = 0.0;
  for (std::size_t i = 0; i < clamped.size(); ++i) {
    const auto n = static_cast<double>(clamped.size());
    mean_error += std::fabs(found.action_value[i] - clamped[i]) / n;
    mean_luck += (posterior[i] - clamped[i]) / n;
  }
  MESSAGE("error of Q: largest " << error << ", mean " << mean_error);
  MESSAGE("posterior: largest " << distance(clamped, posterior) << ", mean " << mean_luck);
  CHECK(error < 20.0);
  CHECK(mean_error < 2.0);
  CHECK(distance(clamped, posterior) > 60.0);
  CHECK(mean_luck > 10.0);
}

TEST_CASE("soft Q-learning: counting prior and unavailable actions") {
  const Mdp mdp =
      random_mdp({.states = 4, .actions = 3, .terminal_states = 1, .unavailable = 0.4, .seed = 3});
  TabularEnvironment environment(mdp, {.time_limit = 20, .exploring_starts = true});
  SoftQOptions options;
  options.objective = {.discount = 0.8, .temperature = 0.5, .prior = ActionPrior::counting};
  options.exploration = 0.5;
  options.run.steps = 60'000;
  const SoftQResult found = learn_soft_q(environment, options);
  const ControlSolution solution = exact(mdp, options.objective);
  CHECK(distance(found.action_value, solution.action_value()) < 0.05);
  // In terminal states nothing is decided.
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(std::fabs(found.policy[i] - solution.policy()[i]) < 0.03);
  }
}

TEST_CASE("soft Q-learning: rewards of -1e4 in the log domain") {
  MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.terminal = {1};
  d.transitions = {{0, 0, 1, 1.0, -1e4}, {0, 1, 1, 1.0, -1e4 - 1.0}};
  TabularEnvironment bandit{Mdp(d)};
  SoftQOptions options;
  options.exploration = 1.0;
  options.run.steps = 1000;
  const SoftQResult found = learn_soft_q(bandit, options);
  CHECK(found.action_value[0] == Approx(-1e4).epsilon(1e-15));
  CHECK(found.policy[0] == Approx(1.0 / (1.0 + std::exp(-1.0))).epsilon(1e-11));
}

TEST_CASE("soft Q-learning: linear features balance the pole") {
  const auto environment = cart_pole(200);
  SoftQOptions options;
  options.features = FeatureMap::usual(*environment, 1);
  options.exploration = 0.0;
  options.run.steps = 20'000;
  options.run.curve_interval = 5000;
  const SoftQResult found = learn_soft_q(*environment, options);
  REQUIRE(found.run.ok());
  CHECK(found.action_value.empty());
  CHECK(found.weights.size() == 32);
  CHECK(found.run.curve.front().mean_return < 150.0);
  CHECK(found.run.curve.back().mean_return > 190.0);
}

TEST_CASE("policy gradient: a deterministic lake, to the exact policy") {
  TabularEnvironment lake(frozen_lake({.slippery = false}),
                          {.time_limit = 100, .exploring_starts = true});
  PolicyGradientOptions options;
  options.objective = {.discount = 0.95, .temperature = 0.1};
  options.step_size.initial = 0.3;
  options.run.steps = 200'000;
  const PolicyGradientResult found = learn_policy_gradient(lake, options);
  const ControlSolution solution = exact(*lake.process(), options.objective);
  const double error = distance(found.policy, solution.policy());
  MESSAGE("largest error of pi: " << error);
  CHECK(error < 1e-2);
}

TEST_CASE("policy gradient: a small noisy process, to the exact value, and the bonus stays below") {
  // The first action earns a little now; the second leads to where everything is decided freely.
  MdpDescription d;
  d.states = 3;
  d.actions = 2;
  d.initial = {1.0, 0.0, 0.0};
  d.terminal = {2};
  d.transitions = {{0, 0, 2, 1.0, 0.5}, {0, 1, 1, 1.0, 0.0}, {1, 0, 1, 0.8, 0.0},
                   {1, 0, 2, 0.2, 0.0}, {1, 1, 1, 0.8, 0.0}, {1, 1, 2, 0.2, 0.0}};
  const Mdp mdp(d);
  Objective o = {.discount = 0.9, .temperature = 1.0, .prior = ActionPrior::counting};
  PolicyGradientOptions options;
  options.objective = o;
  options.step_size = {0.1, 2000.0, 0.7};
  options.run.steps = 60'000;
  TabularEnvironment environment(mdp, {.time_limit = 200});
  const ControlSolution solution = exact(mdp, o);
  const auto with_return = learn_policy_gradient(environment, options);
  const auto with_bonus = learn_entropy_bonus(environment, options);
  // log 2 / (1 - 0.9 x 0.8) of entropy lies behind the second action.
  CHECK(solution.policy()[1] > 0.8);
  CHECK(std::fabs(with_return.policy[1] - solution.policy()[1]) < 0.03);
  // By its bonus alone the first action is worth 0.5 more: pi = e^0.5 / (1 + e^0.5).
  CHECK(std::fabs(with_bonus.policy[0] - 1.0 / (1.0 + std::exp(-0.5))) < 0.03);
}

TEST_CASE("path consistency: residuals of the engine's answer vanish on every path") {
  const Objective o = {.discount = 0.97, .temperature = 2.0};
  const Mdp mdp = cliff_walking();
  const ControlSolution solution = exact(mdp, o);
  const std::vector<double> v = solution.value();
  const std::vector<double> pi = solution.policy();
  Random random(8);
  for (int path = 0; path < 200; ++path) {
    std::size_t state = random.below(36);
    const std::size_t start = state;
    std::vector<double> rewards;
    std::vector<double> ratios;
    for (int j = 0; j < 12 && !mdp.is_terminal(state); ++j) {
      const std::size_t action = random.below(4);
      ratios.push_back(std::log(4.0 * pi[state * 4 + action]));
      rewards.push_back(mdp.outcomes(state, action)[0].reward);
      state = mdp.outcomes(state, action)[0].next;
    }
    CHECK(std::fabs(path_inconsistency(v[start], v[state], rewards, ratios, o)) < 1e-8);
  }
}

TEST_CASE("path consistency: where outcomes vary, residuals vanish on average only") {
  const Objective o = {.discount = 0.97, .temperature = 2.0};
  const Mdp mdp = cliff_walking({.slippery = true});
  const ControlSolution solution = exact(mdp, o);
  const std::vector<double> v = solution.value();
  const std::vector<double> pi = solution.policy();
  double largest = 0.0;
  for (std::size_t s = 0; s < 48; ++s) {
    if (mdp.is_terminal(s)) continue;
    for (std::size_t a = 0; a < 4; ++a) {
      const std::vector<double> ratio = {std::log(4.0 * pi[s * 4 + a])};
      double mean = 0.0;
      for (const Outcome& out : mdp.outcomes(s, a)) {
        const std::vector<double> reward = {out.reward};
        const double c = path_inconsistency(v[s], v[out.next], reward, ratio, o);
        mean += out.probability * c;
        largest = std::max(largest, std::fabs(c));
      }
      CHECK(std::fabs(mean) < 1e-8);
    }
  }
  CHECK(largest > 10.0);
}

TEST_CASE("path consistency: learns values and policy of a deterministic lake to rounding") {
  TabularEnvironment lake(frozen_lake({.slippery = false}),
                          {.time_limit = 100, .exploring_starts = true});
  PathConsistencyOptions options;
  options.objective = {.discount = 0.95, .temperature = 0.1};
  options.run.steps = 40'000;
  const PathConsistencyResult found = learn_path_consistency(lake, options);
  const ControlSolution solution = exact(*lake.process(), options.objective);
  CHECK(distance(found.value, solution.value()) < 1e-9);
  CHECK(distance(found.policy, solution.policy()) < 1e-9);
  CHECK(found.run.curve.back().loss < 1e-15);
}

TEST_CASE("policy gradient: a temperature far above all rewards holds it at the prior") {
  TabularEnvironment lake(frozen_lake(), {.time_limit = 100});
  PolicyGradientOptions options;
  options.run.steps = 20'000;
  for (const double temperature : {30.0, 1e6}) {
    options.objective = {.discount = 0.95, .temperature = temperature};
    for (const auto& learn : {&learn_policy_gradient, &learn_entropy_bonus}) {
      const PolicyGradientResult found = learn(lake, options);
      REQUIRE(found.run.ok());
      for (const double p : found.policy) CHECK(std::fabs(p - 0.25) < 0.1 / temperature);
    }
  }
}

TEST_CASE("policy gradient: FrozenLake on ice climbs most of the way to the best bound") {
  TabularEnvironment lake(frozen_lake(), {.time_limit = 100});
  PolicyGradientOptions options;
  options.objective = {.discount = 0.95, .temperature = 0.02};
  options.run.steps = 120'000;
  const PolicyGradientResult found = learn_policy_gradient(lake, options);
  const double best = exact(*lake.process(), options.objective).initial_value;
  const double learned = soft_return(*lake.process(), found.policy, options.objective);
  MESSAGE("bound of the policy " << learned << ", best " << best);
  CHECK(learned <= best + 1e-9);
  const std::vector<double> uniform(found.policy.size(), 0.25);
  CHECK(soft_return(*lake.process(), uniform, options.objective) < 0.3 * best);
  CHECK(learned > 0.65 * best);
}

}  // namespace
}  // namespace credo::control::learning
