// Soft actor-critic at length: the pendulum over three seeds, and a slippery lake beside the exact
// answer. Takes minutes. usage: credo_soft_actor_critic_bench [CURVE.svg]

#include <credo/core/formats/atomic_file.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/curve.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic.hpp>
#include <credo/models/control/solve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace {

namespace learning = credo::control::learning;

constexpr double kGood = -200.0;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Returns of 100 episodes without noise after 20,000 steps, three seeds; the curve on the way.
bool swing_up(const std::string& picture) {
  std::vector<learning::ChartLine> lines;
  double mean = 0.0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto start = std::chrono::steady_clock::now();
    const auto pendulum = learning::pendulum();
    learning::SoftActorCriticOptions options;
    options.run.steps = 20'000;
    options.run.seed = seed;
    options.evaluation_interval = 500;
    options.evaluation_episodes = 20;
    const auto result = learning::learn_soft_actor_critic(*pendulum, options);
    const auto last = learning::evaluate_actor(*pendulum, *result.actor, 100, 1000 + seed);
    fmt::print("pendulum, seed {}: mean return {:.1f} +- {:.1f} of 100 episodes, {:.0f} s\n", seed,
               last.mean_return, last.standard_error, seconds_since(start));
    (void)std::fflush(stdout);
    mean += last.mean_return / 3.0;
    learning::ChartLine line{fmt::format("seed {}", seed), {}, {}};
    for (const learning::ActorEvaluation& e : result.evaluations) {
      line.x.push_back(static_cast<double>(e.steps));
      line.y.push_back(e.mean_return);
    }
    lines.push_back(std::move(line));
  }
  fmt::print("pendulum, mean of three seeds: {:.1f}, expected at least {}\n", mean, kGood);
  if (!picture.empty()) {
    const learning::Chart chart = {
        .title = "pendulum: soft actor-critic, twenty episodes without noise (grey: -200)",
        .x_label = "steps",
        .y_label = "mean return",
        .mark = kGood};
    credo::write_file_atomically(picture, learning::chart_svg(chart, lines));
  }
  return mean >= kGood;
}

/// The largest difference from the exact clamped Q and policy, with transitions that are luck.
bool cross_lake() {
  constexpr double kBound = 0.1;
  const auto start = std::chrono::steady_clock::now();
  const credo::control::Mdp lake = credo::control::frozen_lake();
  learning::TabularEnvironment environment(lake, {.time_limit = 100, .exploring_starts = true});
  learning::SoftActorCriticOptions options;
  options.run.steps = 60'000;
  options.discount = 0.9;
  options.temperature = 0.1;
  options.actor_rate = options.critic_rate = 3e-4;
  options.target_rate = 0.02;
  const auto exact =
      credo::control::solve_control(lake, {.temperature = 0.1,
                                           .prior = credo::control::ActionPrior::counting,
                                           .discount = 0.9,
                                           .gap = false});
  const auto result = learning::learn_soft_actor_critic(environment, options);
  const std::vector<double> q = exact.action_value();
  const std::vector<double> pi = exact.policy();
  double worst_value = 0.0;
  double worst_policy = 0.0;
  for (std::size_t s = 0; s < lake.state_count(); ++s) {
    if (lake.is_terminal(s)) continue;
    const auto state = static_cast<double>(s);
    const std::vector<double> values = result.actor->action_value({&state, 1});
    const std::vector<double> policy = result.actor->policy({&state, 1});
    for (std::size_t a = 0; a < 4; ++a) {
      worst_value = std::max(worst_value, std::abs(values[a] - q[s * 4 + a]));
      worst_policy = std::max(worst_policy, std::abs(policy[a] - pi[s * 4 + a]));
    }
  }
  fmt::print(
      "slippery lake: largest |Q - exact| {:.4f}, |pi - exact| {:.4f}, expected {}, {:.0f} s\n",
      worst_value, worst_policy, kBound, seconds_since(start));
  return worst_value < kBound && worst_policy < kBound;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count > 1 && std::filesystem::exists(arguments[1])) {
      fmt::print(stderr, "{} is there already: give the picture a new name\n", arguments[1]);
      return 1;
    }
    const bool swung = swing_up(count > 1 ? arguments[1] : "");
    const bool crossed = cross_lake();
    return swung && crossed ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
