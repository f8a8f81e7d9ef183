// Lesson 7: conditioning is not controlling.
//
// "What would I have done, given that it went well?" has two answers in one: what I chose, and how
// lucky I was. The posterior of a trajectory given success mixes them. On a slippery cliff it is
// sure that the ice will carry it along the edge, so it hardly cares where it walks. Hold the
// dynamics fixed (clamp them: they are not up to us) and maximise what is left: that is control.

#include <credo/models/control/environments.hpp>
#include <credo/models/control/simulation.hpp>
#include <credo/models/control/solve.hpp>

#include <cstdio>
#include <cstdlib>

namespace control = credo::control;

namespace {

control::ControlSolution solve(const control::Mdp& world, const control::ControlOptions& options) {
  control::ControlSolution solution = control::solve_control(world, options);
  if (!solution.ok()) {
    std::printf("no answer: %s\n", solution.message.c_str());
    std::exit(1);
  }
  return solution;
}

void print_row(const char* name, const control::Mdp& cliff, const control::ControlSolution& found) {
  control::SimulationOptions options;
  options.episodes = 1000;
  options.event = [](const control::Transition& step) { return step.reward == -100.0; };
  const control::Simulation drawn = control::simulate(cliff, found.policy(), options);
  std::printf("%-10s %9.2f %9.2f %10.2f | %9.1f +- %5.1f %6.2f falls %7.2f steps\n", name,
              found.initial_value, found.believed_return, found.expected_return,
              drawn.episode_return.mean, drawn.episode_return.standard_error, drawn.events.mean,
              drawn.steps.mean);
}

}  // namespace

int main() {
  using control::Method;
  const control::Mdp cliff = control::cliff_walking({.slippery = true});
  const auto lucky = solve(cliff, {.method = Method::posterior});
  const auto fair = solve(cliff, {.method = Method::clamped});
  std::printf("Slippery cliff, temperature 1:  believed      truly | 1000 episodes\n");
  std::printf("%-10s %9s %9s %10s |\n", "", "V(start)", "return", "return");
  print_row("posterior", cliff, lucky);
  print_row("clamped", cliff, fair);

  const auto dry = solve(control::cliff_walking(), {.method = Method::posterior});
  std::printf("On dry ground the posterior's V(start) would be %.2f: it takes ice for asphalt.\n",
              dry.initial_value);

  // Above the middle of the cliff, a step towards the edge: right, left, or over it.
  constexpr std::size_t kEdge = 2 * 12 + 5;
  constexpr std::size_t kDown = 2;
  for (const control::Outcome& o : cliff.outcomes(kEdge, kDown)) {
    if (o.next != 36) continue;
    for (const control::DynamicsEntry& e : lucky.dynamics()) {
      if (e.state != kEdge || e.action != kDown || e.next != o.next) continue;
      std::printf(
          "Stepping towards the edge one falls with probability %.3f; given success, %.0e.\n",
          o.probability, e.probability);
    }
  }

  const control::Mdp lake = control::frozen_lake();
  for (const Method method : {Method::posterior, Method::clamped}) {
    const auto found = solve(lake, {.method = method, .temperature = 0.1, .horizon = 100});
    std::printf("Frozen lake, %-9s: V(start) %.6f, believes in success %.4f, succeeds %.4f\n",
                method == Method::posterior ? "posterior" : "clamped", found.initial_value,
                found.believed_return, found.expected_return);
  }
}
