#include "brute_force.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/inverse.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

// Learned rewards against enumeration, finite differences, a recursion of this file's own, and the
// experts they were made from.

using namespace credo::control;

namespace {

constexpr InverseModel kModels[] = {InverseModel::causal, InverseModel::noncausal};

/// Random numbers in [-1, 1) for every outcome; equal for outcomes that lead to one state.
Features random_features(const Mdp& mdp, std::size_t count, std::uint64_t seed) {
  return make_features(mdp, count,
                       [&](std::size_t s, std::size_t a, std::size_t next, std::span<double> phi) {
                         credo::Random random(seed + 1000 * s + 100 * a + 10 * next);
                         for (double& x : phi) x = random.uniform(-1.0, 1.0);
                       });
}

std::vector<double> random_vector(std::size_t count, double size, std::uint64_t seed) {
  credo::Random random(seed);
  std::vector<double> result(count);
  for (double& x : result) x = random.uniform(-size, size);
  return result;
}

Mdp stochastic(std::uint64_t seed, double discount = 1.0, std::size_t terminal_states = 0) {
  return random_mdp({.states = 4,
                     .actions = 3,
                     .successors = 3,
                     .terminal_states = terminal_states,
                     .unavailable = 0.2,
                     .discount = discount,
                     .seed = seed});
}

/// What enumeration and a plain backward recursion say.
struct Truth {
  double value = 0.0;
  std::vector<double> expectations;
};

Truth enumerate_noncausal(const Mdp& mdp, const Features& features,
                          const std::vector<double>& theta, std::size_t horizon) {
  const Mdp rewarded = with_feature_reward(mdp, features, theta);
  brute_force::Setting setting{horizon, 1.0, 1.0, brute_force::prior_of(mdp, false)};
  const brute_force::Answer answer = brute_force::enumerate(rewarded, setting);
  Truth truth{std::log(answer.z), std::vector<double>(features.count, 0.0)};
  std::size_t place = 0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      std::size_t last = kNoState;
      for (const Outcome& o : mdp.outcomes(s, a)) {
        const std::size_t row = place++ * features.count;
        if (o.next == last) continue;  // the second way to the same state is in the map already
        last = o.next;
        for (const auto& step : answer.transitions) {
          const auto at = step.find({s, a, o.next});
          if (at == step.end()) continue;
          for (std::size_t i = 0; i < features.count; ++i) {
            truth.expectations[i] += at->second * features.values[row + i];
          }
        }
      }
    }
  }
  return truth;
}

/// V = log sum_a p(a | s) exp(r + E V'), and policies, by its definition.
std::vector<std::vector<double>> soft_policies(const Mdp& mdp, std::size_t horizon,
                                               std::vector<double>& value) {
  const std::vector<double> prior = brute_force::prior_of(mdp, false);
  const std::size_t actions = mdp.action_count();
  value.assign(mdp.state_count(), 0.0);
  std::vector<std::vector<double>> policies(horizon);
  for (std::size_t t = horizon; t-- > 0;) {
    std::vector<double> next = value;
    policies[t].assign(prior.size(), 0.0);
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      double sum = 0.0;
      for (std::size_t a = 0; a < actions; ++a) {
        double q = 0.0;
        for (const Outcome& o : mdp.outcomes(s, a)) q += o.probability * (o.reward + next[o.next]);
        sum += policies[t][s * actions + a] = prior[s * actions + a] * std::exp(q);
      }
      for (std::size_t a = 0; a < actions; ++a) policies[t][s * actions + a] /= sum;
      value[s] = mdp.is_terminal(s) ? 0.0 : std::log(sum);
    }
  }
  return policies;
}

Truth recurse_causal(const Mdp& mdp, const Features& features, const std::vector<double>& theta,
                     std::size_t horizon) {
  std::vector<double> value;
  const auto policies = soft_policies(with_feature_reward(mdp, features, theta), horizon, value);
  Truth truth{0.0, feature_expectations(mdp, features, policies)};
  for (std::size_t s = 0; s < value.size(); ++s) truth.value += mdp.initial()[s] * value[s];
  return truth;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double result = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) result = std::max(result, std::fabs(a[i] - b[i]));
  return result;
}

/// Draws demonstrations of the policies in the true world.
std::vector<Demonstration> sample(const Mdp& mdp, const std::vector<std::vector<double>>& policies,
                                  std::size_t count, std::uint64_t seed) {
  credo::Random random(seed);
  const std::size_t actions = mdp.action_count();
  std::vector<Demonstration> result(count);
  for (Demonstration& d : result) {
    d.states = {random.categorical(mdp.initial())};
    for (const std::vector<double>& policy : policies) {
      const std::size_t s = d.states.back();
      if (mdp.is_terminal(s)) break;
      d.actions.push_back(random.categorical(std::span(policy).subspan(s * actions, actions)));
      std::vector<double> weight;
      for (const Outcome& o : mdp.outcomes(s, d.actions.back())) weight.push_back(o.probability);
      d.states.push_back(mdp.outcomes(s, d.actions.back())[random.categorical(weight)].next);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("inverse: bound and features against enumeration and a plain recursion") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Mdp mdp = stochastic(seed, 1.0, seed % 2);
    const Features features = random_features(mdp, 3, seed);
    const std::vector<double> theta = random_vector(3, 2.0, seed);
    for (const InverseModel model : kModels) {
      const FeatureBound bound =
          feature_bound(mdp, features, theta, {.model = model, .horizon = 3});
      REQUIRE(bound.ok());
      const Truth truth = model == InverseModel::causal
                              ? recurse_causal(mdp, features, theta, 3)
                              : enumerate_noncausal(mdp, features, theta, 3);
      CHECK(std::fabs(bound.value - truth.value) < 1e-12);
      CHECK(largest_difference(bound.expectations, truth.expectations) < 1e-12);
    }
  }
}

TEST_CASE("inverse: the causal bound is max L of the generic sweep over the trajectory's graph") {
  const Mdp mdp = random_mdp({.states = 4, .actions = 3, .seed = 5});
  const Features features = random_features(mdp, 3, 5);
  const std::vector<double> theta = {1.0, -2.0, 0.5};
  TrajectoryOptions options;
  options.horizon = 4;
  const Trajectory trajectory = make_trajectory(with_feature_reward(mdp, features, theta), options);
  const credo::Family family =
      credo::model_direction(trajectory.graph, trajectory.evidence, trajectory.actions);
  const credo::VariationalResult result =
      credo::maximize(trajectory.graph, trajectory.evidence, family);
  REQUIRE(result.ok());
  const FeatureBound bound = feature_bound(mdp, features, theta, {.horizon = 4});
  CHECK(std::fabs(result.value - bound.value) < 1e-12);
}

TEST_CASE("inverse: the envelope gradient is the finite difference, for both models") {
  constexpr double kStep = 1e-4;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const double discount : {1.0, 0.9}) {
      for (const std::optional<std::size_t> horizon :
           {std::optional<std::size_t>(4), std::optional<std::size_t>()}) {
        const Mdp mdp = stochastic(seed, discount, 1);
        if (!horizon && discount == 1.0) continue;
        const Features features = random_features(mdp, 3, seed);
        // Small, so that the infinite posterior exists: going on has a weight below 1.
        std::vector<double> theta = random_vector(3, 0.02, seed);
        for (const InverseModel model : kModels) {
          const bool counting = horizon && discount < 1.0;
          const InverseOptions options{
              .model = model,
              .temperature = 0.7,
              .prior = counting ? ActionPrior::counting : ActionPrior::uniform,
              .horizon = horizon};
          const FeatureBound bound = feature_bound(mdp, features, theta, options);
          CAPTURE(bound.message);
          REQUIRE(bound.ok());
          for (std::size_t i = 0; i < theta.size(); ++i) {
            double ends[2];
            for (const int side : {0, 1}) {
              std::vector<double> moved = theta;
              moved[i] += side == 1 ? kStep : -kStep;
              ends[side] = feature_bound(mdp, features, moved, options).value;
            }
            const double difference = 0.7 * (ends[1] - ends[0]) / (2.0 * kStep);
            CHECK(std::fabs(difference - bound.expectations[i]) < 1e-6);
          }
        }
      }
    }
  }
}

TEST_CASE("inverse: exact expectations give back their own features, and the expert's policy") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Mdp mdp = stochastic(seed);
    const Features features = random_features(mdp, 4, seed);
    const std::vector<double> theta = random_vector(4, 2.0, seed);
    for (const InverseModel model : kModels) {
      const InverseOptions options{.model = model, .horizon = 5};
      const std::vector<double> expert = feature_bound(mdp, features, theta, options).expectations;
      const InverseSolution solution = solve_inverse(mdp, features, expert, options);
      CAPTURE(solution.message);
      REQUIRE(solution.ok());
      CHECK(solution.guarantee == credo::Guarantee::fixed_point);
      CHECK(largest_difference(solution.expectations, expert) < 1e-8);
      CHECK(largest_difference(solution.theta, theta) < 1e-5);
      for (std::size_t k = 1; k < solution.trace.size(); ++k) {
        CHECK(solution.trace[k] <= solution.trace[k - 1] + 1e-11);
      }
    }
  }
}

TEST_CASE("inverse: the models agree where nothing is left to luck, and only there") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const bool deterministic : {true, false}) {
      const Mdp mdp = random_mdp(
          {.states = 4, .actions = 3, .successors = deterministic ? 1UL : 3UL, .seed = seed});
      // A known start: luck could choose that too.
      MdpDescription d;
      d.states = 4;
      d.actions = 3;
      d.initial = {1.0, 0.0, 0.0, 0.0};
      for (std::size_t i = 0; i < 12; ++i) {
        for (const Outcome& o : mdp.outcomes(i / 3, i % 3)) {
          d.transitions.push_back({i / 3, i % 3, o.next, o.probability, o.reward});
        }
      }
      const Mdp from_one(d);
      const Features features = random_features(from_one, 3, seed);
      const std::vector<double> theta = random_vector(3, 2.0, seed);
      const FeatureBound causal = feature_bound(from_one, features, theta, {.horizon = 4});
      const FeatureBound noncausal = feature_bound(
          from_one, features, theta, {.model = InverseModel::noncausal, .horizon = 4});
      const Posterior posterior =
          solve_posterior(with_feature_reward(from_one, features, theta), {.horizon = 4});
      std::vector<std::vector<double>> policies;
      for (std::size_t t = 0; t < 4; ++t) policies.push_back(posterior.policy(t));
      // The policy of one model, the world of the other: the features of neither.
      const std::vector<double> mixed = feature_expectations(from_one, features, policies);
      if (deterministic) {
        CHECK(std::fabs(causal.value - noncausal.value) < 1e-12);
        CHECK(largest_difference(causal.expectations, noncausal.expectations) < 1e-12);
        CHECK(largest_difference(causal.expectations, mixed) < 1e-12);
      } else {
        CHECK(noncausal.value > causal.value + 1e-3);
        CHECK(largest_difference(causal.expectations, noncausal.expectations) > 1e-2);
        CHECK(largest_difference(causal.expectations, mixed) > 1e-4);
        CHECK(largest_difference(noncausal.expectations, mixed) > 1e-2);
      }
    }
  }
}

TEST_CASE("inverse: the causal gradient is that of the mean log likelihood of actions") {
  constexpr double kStep = 1e-5;
  const Mdp mdp = stochastic(7);
  const Features features = random_features(mdp, 3, 7);
  std::vector<double> unused;
  const auto policies_at = [&](const std::vector<double>& theta) {
    return soft_policies(with_feature_reward(mdp, features, theta), 4, unused);
  };
  const auto expert = policies_at(random_vector(3, 2.0, 8));
  const std::vector<double> expert_features = feature_expectations(mdp, features, expert);
  /// E_expert[sum_t log pi_theta(a_t | s_t)], with log pi as a feature of its own.
  const auto log_likelihood = [&](const std::vector<double>& theta) {
    const auto policies = policies_at(theta);
    double sum = 0.0;
    std::vector<double> weight(mdp.initial().begin(), mdp.initial().end());
    for (std::size_t t = 0; t < 4; ++t) {
      std::vector<double> next(weight.size(), 0.0);
      for (std::size_t i = 0; i < expert[t].size(); ++i) {
        if (expert[t][i] == 0.0) continue;
        const double p = weight[i / 3] * expert[t][i];
        sum += p * std::log(policies[t][i]);
        for (const Outcome& o : mdp.outcomes(i / 3, i % 3)) next[o.next] += p * o.probability;
      }
      weight = next;
    }
    return sum;
  };
  const std::vector<double> theta = {0.3, -0.8, 1.1};
  const FeatureBound bound = feature_bound(mdp, features, theta, {.horizon = 4});
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<double> up = theta;
    std::vector<double> down = theta;
    up[i] += kStep;
    down[i] -= kStep;
    const double slope = (log_likelihood(up) - log_likelihood(down)) / (2.0 * kStep);
    CHECK(std::fabs(slope - (expert_features[i] - bound.expectations[i])) < 1e-8);
  }
}

TEST_CASE("inverse: demonstrations, and their likelihood") {
  const Mdp mdp = stochastic(3, 1.0, 1);
  const Features features = random_features(mdp, 3, 3);
  const std::vector<double> theta = {1.5, -1.0, 0.5};
  std::vector<double> value;
  const auto policies = soft_policies(with_feature_reward(mdp, features, theta), 6, value);
  const std::vector<Demonstration> seen = sample(mdp, policies, 2000, 5);
  const InverseSolution causal = solve_inverse(mdp, features, seen, {.horizon = 6});
  REQUIRE(causal.ok());
  CHECK(largest_difference(causal.expectations, feature_expectations(mdp, features, seen)) < 1e-8);
  // The standard error of theta from 2000 demonstrations is about 0.05.
  CHECK(largest_difference(causal.theta, theta) < 0.25);

  // noncausal: objective + mean log likelihood is the mean log prior, whatever theta.
  const InverseOptions options{.model = InverseModel::noncausal, .horizon = 6};
  const InverseSolution learned = solve_inverse(mdp, features, seen, options);
  REQUIRE(learned.ok());
  const FeatureBound at_zero = feature_bound(mdp, features, std::vector<double>(3, 0.0), options);
  CHECK(std::fabs(at_zero.value) < 1e-12);
  CHECK(learned.objective < -0.01);
  const Posterior posterior =
      solve_posterior(with_feature_reward(mdp, features, learned.theta), {.horizon = 6});
  double mean_reward = 0.0;
  const std::vector<double> mean = feature_expectations(mdp, features, seen);
  for (std::size_t i = 0; i < 3; ++i) mean_reward += learned.theta[i] * mean[i];
  CHECK(std::fabs(learned.objective - (posterior.log_z - mean_reward)) < 1e-10);
}

TEST_CASE("inverse: discounted for ever") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Mdp mdp = stochastic(seed, 0.9);
    const Features features = random_features(mdp, 3, seed);
    const std::vector<double> theta = random_vector(3, 1.0, seed);
    const InverseOptions options{.temperature = 0.5};
    const FeatureBound expert = feature_bound(mdp, features, theta, options);
    REQUIRE(expert.ok());
    // A long finite horizon is nearly the same.
    const FeatureBound finite =
        feature_bound(mdp, features, theta, {.temperature = 0.5, .horizon = 300});
    REQUIRE(finite.ok());
    CHECK(largest_difference(expert.expectations, finite.expectations) < 1e-9);
    CHECK(std::fabs(expert.value - finite.value) < 1e-9);
    const InverseSolution solution = solve_inverse(mdp, features, expert.expectations, options);
    CAPTURE(solution.message);
    REQUIRE(solution.ok());
    CHECK(largest_difference(solution.expectations, expert.expectations) < 1e-6);
    CHECK(largest_difference(solution.theta, theta) < 1e-4);
  }
}

TEST_CASE("inverse: episodes that end by themselves, rewards without a value are stepped around") {
  const Mdp mdp = grid({.map = "S..G\n..H.", .slippery = true, .success_rate = 0.8});
  const GridLayout map = *mdp.layout();
  const Features features = make_features(
      mdp, 2, [&map](std::size_t, std::size_t, std::size_t next, std::span<double> phi) {
        phi[0] = 1.0;
        phi[1] = map.cells[next] == 'H' ? 1.0 : 0.0;
      });
  const std::vector<double> theta = {-0.8, -4.0};
  for (const InverseModel model : kModels) {
    const InverseOptions options{.model = model};
    const FeatureBound expert = feature_bound(mdp, features, theta, options);
    REQUIRE(expert.ok());
    const FeatureBound finite =
        feature_bound(mdp, features, theta, {.model = model, .horizon = 200});
    CHECK(largest_difference(expert.expectations, finite.expectations) < 1e-8);
    const InverseSolution solution = solve_inverse(mdp, features, expert.expectations, options);
    CAPTURE(solution.message);
    REQUIRE(solution.ok());
    CHECK(largest_difference(solution.expectations, expert.expectations) < 1e-6);
    CHECK(largest_difference(solution.theta, theta) < 1e-5);
    // A reward for every step makes it pay never to end.
    const FeatureBound endless =
        feature_bound(mdp, features, std::vector<double>{3.0, 0.0}, options);
    CHECK(endless.status == credo::Status::refused);
    CHECK(endless.expectations.empty());
  }
  const std::vector<double> policy(mdp.state_count() * 4, 0.25);
  const std::vector<double> stationary =
      stationary_feature_expectations(mdp, features, policy, 1.0);
  const std::vector<std::vector<double>> many(2000, policy);
  CHECK(largest_difference(stationary, feature_expectations(mdp, features, many)) < 1e-9);
}

TEST_CASE("inverse: an expert without a doubt needs regularisation") {
  const Mdp mdp = random_mdp({.states = 3, .actions = 2, .successors = 1, .seed = 2});
  std::vector<double> values(3 * 2, 0.0);
  for (std::size_t s = 0; s < 3; ++s) values[s * 2] = 1.0;
  // The feature counts action 0; the expert always takes it.
  const Features features = make_pair_features(mdp, 1, values);
  const std::vector<double> always = {4.0};
  const InverseSolution endless = solve_inverse(mdp, features, always, {.horizon = 4});
  CHECK((endless.guarantee == credo::Guarantee::unconverged || endless.theta[0] > 15.0));
  const InverseSolution held =
      solve_inverse(mdp, features, always, {.horizon = 4, .regularisation = 0.1});
  REQUIRE(held.ok());
  CHECK(held.guarantee == credo::Guarantee::fixed_point);
  // 4 (1 - 1 / (1 + exp(-theta))) = 0.1 theta.
  const double theta = held.theta[0];
  CHECK(std::fabs(4.0 / (1.0 + std::exp(theta)) - 0.1 * theta) < 1e-8);
}

TEST_CASE("inverse: wrong input is refused by name") {
  const Mdp mdp = stochastic(1, 1.0, 1);
  const Features features = random_features(mdp, 2, 1);
  const auto message = [&](const std::vector<Demonstration>& seen, std::size_t horizon = 2) {
    try {
      (void)solve_inverse(mdp, features, seen, {.horizon = horizon});
    } catch (const credo::OptionError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  std::size_t next = mdp.outcomes(0, 0).front().next;
  const Demonstration good{{0, next}, {0}};
  CHECK(message({good}, 1) == "accepted");
  CHECK(message({good, {{0}, {0}}}, 1).find("demonstration 1") != std::string::npos);
  CHECK(message({good, good, {{0, 9}, {0}}}, 1).find("demonstration 2 step 1: state 9") !=
        std::string::npos);
  CHECK(message({{{0, next}, {7}}}, 1).find("demonstration 0 step 0: action 7") !=
        std::string::npos);
  for (std::size_t impossible = 0; impossible < 4; ++impossible) {
    const auto outcomes = mdp.outcomes(0, 0);
    if (std::any_of(outcomes.begin(), outcomes.end(),
                    [&](const Outcome& o) { return o.next == impossible; })) {
      continue;
    }
    CHECK(message({{{0, impossible}, {0}}}, 1).find("cannot follow") != std::string::npos);
  }
  CHECK(message({good}, 0).find("horizon") != std::string::npos);
  if (!mdp.is_terminal(next)) CHECK(message({good}, 3).find("has 1 steps") != std::string::npos);
  CHECK(message({}, 1).find("0 demonstrations") != std::string::npos);

  const std::vector<double> theta = {1.0};
  CHECK_THROWS_AS((void)feature_bound(mdp, features, theta, {.horizon = 2}), credo::OptionError);
  CHECK_THROWS_AS((void)with_feature_reward(mdp, features, std::vector<double>{1.0, credo::kNaN}),
                  credo::OptionError);
  CHECK_THROWS_AS((void)make_pair_features(mdp, 2, theta), credo::OptionError);
  CHECK_THROWS_AS((void)solve_inverse(mdp, features, std::vector<double>{0.0, 0.0},
                                      {.horizon = 2, .regularisation = -1.0}),
                  credo::OptionError);
  CHECK_THROWS_AS(
      (void)feature_expectations(mdp, Features{2, {1.0}}, std::vector<std::vector<double>>{}),
      credo::OptionError);
}
