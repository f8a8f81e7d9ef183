// Lesson 16: entropy regularisation is the entropy of the bound, all of it.
//
// The bound on log Z of a family with the true dynamics is
//
//   ELBO = E sum_t [ r_t / alpha + log p(a_t given s_t) - log q(a_t given s_t) ]
//
// (with the discount as a chance of ending): a policy that maximises it pays attention to how free
// it will be later. A policy gradient with the entropy in the return climbs exactly that. Adding
// the gradient of the entropy of the visited states as a bonus looks alike and is not: no decision
// is credited for the freedom it leads to. Here the first action earns 0.5 and ends; the second
// earns nothing, and leads where two actions are equal for some while.

#include <credo/models/control/learning/policy_gradient.hpp>
#include <credo/models/control/learning/soft_value.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>
#include <credo/models/control/solve.hpp>

#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

namespace control = credo::control;
namespace learning = credo::control::learning;

namespace {

control::Mdp crossroads() {
  control::MdpDescription d;
  d.name = "crossroads";
  d.states = 3;
  d.actions = 2;
  d.initial = {1.0, 0.0, 0.0};
  d.terminal = {2};
  d.transitions = {{0, 0, 2, 1.0, 0.5}, {0, 1, 1, 1.0, 0.0}, {1, 0, 1, 0.8, 0.0},
                   {1, 0, 2, 0.2, 0.0}, {1, 1, 1, 0.8, 0.0}, {1, 1, 2, 0.2, 0.0}};
  return control::Mdp(std::move(d));
}

}  // namespace

int main() {
  const control::Mdp mdp = crossroads();
  const learning::Objective objective{
      .discount = 0.9, .temperature = 1.0, .prior = control::ActionPrior::counting};
  const auto best = control::solve_control(
      mdp, {.prior = control::ActionPrior::counting, .discount = objective.discount});
  std::printf("best of the family:    pi(second) %.6f   bound %.6f\n", best.policy()[1], best.elbo);

  learning::PolicyGradientOptions options;
  options.run.steps = 100'000;
  options.objective = objective;
  options.step_size = {.initial = 0.1, .hold = 2000.0, .power = 0.7};
  learning::TabularEnvironment world(mdp, {.time_limit = 200});
  const auto in_return = learning::learn_policy_gradient(world, options).policy;
  const double reached = learning::soft_policy_value(mdp, in_return, objective)[0];
  std::printf("entropy in the return: pi(second) within 0.03: %s   bound within 0.01: %s\n",
              std::fabs(in_return[1] - best.policy()[1]) < 0.03 ? "yes" : "no",
              best.elbo - reached < 0.01 && reached <= best.elbo ? "yes" : "no");

  // To the bonus the second action is worth 0, whatever follows: softmax of (0.5, 0).
  const double blind = 1.0 / (1.0 + std::exp(0.5));
  const std::vector<double> rest = {1.0 - blind, blind, 0.5, 0.5, 0.5, 0.5};
  std::printf("where the bonus rests: pi(second) %.6f   bound %.6f\n", blind,
              learning::soft_policy_value(mdp, rest, objective)[0]);
  const auto bonus = learning::learn_entropy_bonus(world, options).policy;
  std::printf("entropy bonus:         pi(second) within 0.03: %s\n",
              std::fabs(bonus[1] - blind) < 0.03 ? "yes" : "no");
}
