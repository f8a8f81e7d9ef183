// Lesson 20: soft actor-critic, the networks' way to the same posterior.
//
// Nobody tells the learner the dynamics: it acts, remembers what happened, and fits two networks
// of values and one of choices. Where can that lead? To the clamped family: a sampled next state is
// an average over the true dynamics, however lucky one would like to be. On a small lake the exact
// soft policy is known, and the networks come to it, in whole per cent; before a lottery they learn
// what it pays on average, not what its lucky draws pay.

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic.hpp>
#include <credo/models/control/solve.hpp>

#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

namespace control = credo::control;
namespace learning = credo::control::learning;

namespace {

constexpr double kTemperature = 0.173;
constexpr double kDiscount = 0.9;

learning::SoftActorCriticOptions small_options(std::size_t steps, std::size_t start_steps) {
  learning::SoftActorCriticOptions options;
  options.run.steps = steps;
  options.start_steps = start_steps;
  options.hidden = {64};
  options.batch = 32;
  options.target_rate = 0.05;
  options.actor_rate = options.critic_rate = 1e-3;
  return options;
}

/// Left, down, right, up in per cent.
void print_choice(const double* policy) {
  for (std::size_t a = 0; a < 4; ++a) std::printf(" %3.0f", 100.0 * policy[a]);
}

void cross_lake() {
  const control::Mdp lake = control::frozen_lake({.map = "SFF\nFHF\nFFG", .slippery = false});
  learning::TabularEnvironment world(lake, {.time_limit = 50, .exploring_starts = true});
  learning::SoftActorCriticOptions options = small_options(2000, 400);
  options.discount = kDiscount;
  options.temperature = kTemperature;
  options.prior = control::ActionPrior::uniform;
  const auto learned = learning::learn_soft_actor_critic(world, options);
  const control::ControlSolution exact =
      control::solve_control(lake, {.temperature = kTemperature,
                                    .prior = control::ActionPrior::uniform,
                                    .discount = kDiscount,
                                    .gap = false});
  const std::vector<double> policy = exact.policy();
  const std::vector<double> value = exact.action_value();
  double error = 0.0;
  std::printf("A lake: the soft policy in per cent, left down right up\n");
  std::printf("state         exact      |  soft actor-critic\n");
  for (std::size_t s = 0; s < lake.state_count(); ++s) {
    if (lake.is_terminal(s)) continue;
    const auto observation = static_cast<double>(s);
    const std::vector<double> choice = learned.actor->policy({&observation, 1});
    const std::vector<double> worth = learned.actor->action_value({&observation, 1});
    std::printf("%5zu  ", s);
    print_choice(&policy[s * 4]);
    std::printf("   |  ");
    print_choice(choice.data());
    std::printf("\n");
    for (std::size_t a = 0; a < 4; ++a) {
      error = std::fmax(error, std::fabs(worth[a] - value[s * 4 + a]));
    }
  }
  std::printf("largest error of Q below 0.01: %s\n\n", error < 0.01 ? "yes" : "no");
}

/// +5 with probability 0.1, else -5, beside a safe 0; then the end.
control::Mdp lottery() {
  control::MdpDescription d;
  d.states = 2;
  d.actions = 2;
  d.initial = {1.0, 0.0};
  d.transitions = {{0, 0, 1, 0.1, 5.0}, {0, 0, 1, 0.9, -5.0}, {0, 1, 1, 1.0, 0.0}};
  d.terminal = {1};
  return control::Mdp(std::move(d));
}

void buy_ticket() {
  const control::Mdp game = lottery();
  const auto solved = [&game](control::Method method) {
    return control::solve_control(game, {.method = method, .horizon = 1, .gap = false})
        .action_value()[0];
  };
  learning::TabularEnvironment world(game);
  learning::SoftActorCriticOptions options = small_options(2400, 2000);
  options.temperature = 1.0;
  const auto learned = learning::learn_soft_actor_critic(world, options);
  const double start = 0.0;
  std::printf("A lottery: what a ticket is worth\n");
  std::printf("posterior, dynamics free    %6.3f\n", solved(control::Method::posterior));
  std::printf("clamped to the dynamics     %6.3f\n", solved(control::Method::clamped));
  std::printf("soft actor-critic, rounded  %6.0f\n", learned.actor->action_value({&start, 1})[0]);
}

}  // namespace

int main() {
  cross_lake();
  buy_ticket();
}
