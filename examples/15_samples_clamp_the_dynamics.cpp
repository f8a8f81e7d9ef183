// Lesson 15: sampled transitions clamp the dynamics by themselves.
//
// Conditioning on success tilts the dynamics towards luck (lesson 7); holding them to the true ones
// turns log E exp V into E V (lesson 8). A learner that sees one sampled successor at a time never
// gets the choice: r + gamma V(s') is an unbiased sample of E V, while log E exp V has no unbiased
// estimator from one successor. Soft Q-learning therefore converges to the clamped values, not to
// the posterior's: first on a lottery that can be checked by hand, then on the slippery cliff.

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/solve.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace control = credo::control;
namespace learning = credo::control::learning;

namespace {

/// Action 0 is safe and earns nothing; action 1 wins 5 with probability 0.1, else loses 5.
control::Mdp lottery() {
  control::MdpDescription d;
  d.name = "lottery";
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.terminal = {1};
  d.transitions = {{0, 0, 1, 1.0, 0.0}, {0, 1, 1, 0.1, 5.0}, {0, 1, 1, 0.9, -5.0}};
  return control::Mdp(std::move(d));
}

std::vector<double> exact(const control::Mdp& mdp, control::Method method, double discount) {
  const auto found =
      control::solve_control(mdp, {.method = method, .discount = discount, .gap = false});
  if (!found.ok()) {
    std::printf("no answer: %s\n", found.message.c_str());
    std::exit(1);
  }
  return found.action_value();
}

/// Soft Q-learning with alpha = 1 and actions drawn at random, so that everything is seen.
std::vector<double> learned(const control::Mdp& mdp, double discount, std::size_t steps) {
  learning::TabularEnvironment world(mdp, {.time_limit = 10, .exploring_starts = true});
  learning::SoftQOptions options;
  options.run.steps = steps;
  options.objective.discount = discount;
  options.exploration = 1.0;
  return learning::learn_soft_q(world, options).action_value;
}

double mean_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::fabs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

}  // namespace

int main() {
  const control::Mdp risky = lottery();
  const double sampled = learned(risky, 0.99, 200'000)[1];
  std::printf("Q(risky) of the lottery:  posterior %.6f   clamped %.6f\n",
              exact(risky, control::Method::posterior, 1.0)[1],
              exact(risky, control::Method::clamped, 1.0)[1]);
  std::printf("  learned from samples: within 0.1 of clamped: %s\n\n",
              std::fabs(sampled + 4.0) < 0.1 ? "yes" : "no");

  constexpr double kDiscount = 0.9;
  constexpr std::size_t kStart = 36;
  constexpr std::size_t kUp = 0;
  const control::Mdp cliff = control::cliff_walking({.slippery = true});
  const auto posterior = exact(cliff, control::Method::posterior, kDiscount);
  const auto clamped = exact(cliff, control::Method::clamped, kDiscount);
  const auto samples = learned(cliff, kDiscount, 400'000);
  std::printf("Q(start, up) of the slippery cliff:  posterior %.6f   clamped %.6f\n",
              posterior[kStart * 4 + kUp], clamped[kStart * 4 + kUp]);
  std::printf(
      "  learned from samples: within 2 of clamped: %s\n",
      std::fabs(samples[kStart * 4 + kUp] - clamped[kStart * 4 + kUp]) < 2.0 ? "yes" : "no");
  std::printf("  mean distance over all states and actions: to clamped %s, to posterior %s\n",
              mean_distance(samples, clamped) < 2.0 ? "below 2" : "2 or more",
              mean_distance(samples, posterior) > 20.0 ? "above 20" : "20 or less");
}
