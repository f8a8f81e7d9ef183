// Lesson 12: what does the expert want? Inverse reinforcement learning in two models.
//
// An expert crosses ice, rarely slipping (with probability 0.1), at a price of 1 per step and 20
// for a hole. We see how many steps and falls there are, and ask which prices explain them best:
// maximise theta . (what was seen) - L*(theta), whose gradient is what was seen minus what the
// model expects. L* is either log Z, the free family, or the best bound with the dynamics clamped.
//
// The free family believes that who acts well is also lucky. Told of falls that were bad luck, it
// concludes that the expert did not mind much; a planner who trusts it falls nearly three times as
// often as the expert.

#include <credo/models/control/environments.hpp>
#include <credo/models/control/inverse.hpp>
#include <credo/models/control/solve.hpp>

#include <cstdio>
#include <vector>

namespace control = credo::control;

namespace {

constexpr std::size_t kHorizon = 30;

/// What a planner does in the true world who believes in prices theta: expected steps and falls.
std::vector<double> plan(const control::Mdp& world, const control::Features& features,
                         const std::vector<double>& theta) {
  const control::ControlSolution solution = control::solve_control(
      control::with_feature_reward(world, features, theta), {.horizon = kHorizon});
  std::vector<std::vector<double>> policies;
  for (std::size_t t = 0; t < solution.steps(); ++t) policies.push_back(solution.policy(t));
  return control::feature_expectations(world, features, policies);
}

}  // namespace

int main() {
  const control::Mdp world =
      control::grid({.map = "S...G\n.HHH.\n.....\n.....", .slippery = true, .success_rate = 0.9});
  const control::GridLayout& map = *world.layout();
  const control::Features features = control::make_features(
      world, 2, [&](std::size_t, std::size_t, std::size_t next, std::span<double> phi) {
        phi[0] = 1.0;                                 // a step
        phi[1] = map.cells[next] == 'H' ? 1.0 : 0.0;  // a fall (no walls: state = cell)
      });

  const std::vector<double> truth = {-1.0, -20.0};
  const std::vector<double> seen = plan(world, features, truth);
  std::printf("                         reward of a step   of a fall |   steps    falls\n");
  std::printf("the expert                      %8.4f    %8.4f | %7.4f  %7.4f\n", truth[0], truth[1],
              seen[0], seen[1]);
  for (const auto model : {control::InverseModel::causal, control::InverseModel::noncausal}) {
    const bool causal = model == control::InverseModel::causal;
    const control::InverseSolution learned =
        control::solve_inverse(world, features, seen, {.model = model, .horizon = kHorizon});
    if (!learned.ok()) {
      std::printf("no answer: %s\n", learned.message.c_str());
      return 1;
    }
    const std::vector<double> planned = plan(world, features, learned.theta);
    std::printf("learned, dynamics %-8s      %8.4f    %8.4f |\n", causal ? "clamped" : "free",
                learned.theta[0], learned.theta[1]);
    std::printf("  what the model expects                             | %7.4f  %7.4f\n",
                learned.expectations[0], learned.expectations[1]);
    std::printf("  what its planner gets in the true world            | %7.4f  %7.4f\n", planned[0],
                planned[1]);
  }

  // The bound and its gradient, at the truth: the same question, two answers.
  const auto clamped = control::feature_bound(world, features, truth, {.horizon = kHorizon});
  const auto free = control::feature_bound(
      world, features, truth, {.model = control::InverseModel::noncausal, .horizon = kHorizon});
  std::printf("\nAt the expert's own rewards\n");
  std::printf("  clamped: L* = %9.4f, expects %.4f steps, %.7f falls\n", clamped.value,
              clamped.expectations[0], clamped.expectations[1]);
  std::printf("  free:    L* = %9.4f, expects %.4f steps, %.7f falls\n", free.value,
              free.expectations[0], free.expectations[1]);
}
