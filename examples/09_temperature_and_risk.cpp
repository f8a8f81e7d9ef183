// Lesson 9: two dials - temperature and risk.
//
// The temperature alpha is the price of choosing: near 0 the best action is taken, at infinity the
// prior. The risk dial rho is the price of luck: what the world does is charged rho KL from its
// true dynamics. rho near 0: everything that can happen may be chosen; 1: the posterior; infinite:
// the dynamics are held, which is control; below 0: the world plays against us, at that price. One
// backup, Q = r + rho alpha log E exp(V / (rho alpha)), and the dials are independent.
//
// Move right along the holes and slip into one with probability 0.1 a step, or take the upper row.

#include <credo/models/control/drawing.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace control = credo::control;

namespace {

constexpr const char* kMap =
    ".......\n"
    "S.....G\n"
    ".HHHHH.\n";
constexpr std::array<double, 6> kRho = {0.1, 1.0, 10.0, 100.0, credo::kInfinity, -30.0};

control::ControlSolution solve(const control::Mdp& world, double temperature, double rho) {
  control::ControlOptions options;
  options.method = control::Method::risk;
  options.temperature = temperature;
  options.rho = rho;
  options.horizon = 40;
  control::ControlSolution solution = control::solve_control(world, options);
  if (!solution.ok()) {
    std::printf("no answer: %s\n", solution.message.c_str());
    std::exit(1);
  }
  return solution;
}

void print_table(const control::Mdp& world, const char* title,
                 double control::ControlSolution::* quantity) {
  std::printf("%s\n      rho", title);
  for (const double rho : kRho) std::printf(" %8g", rho);
  std::printf("\n");
  for (const double alpha : {0.1, 1.0, 3.0, 10.0}) {
    std::printf("alpha %3g", alpha);
    for (const double rho : kRho) std::printf(" %8.2f", solve(world, alpha, rho).*quantity);
    std::printf("\n");
  }
}

}  // namespace

int main() {
  const control::Mdp world = control::grid({.map = kMap, .slippery = true, .success_rate = 0.8});
  print_table(world, "V(start), 40 steps", &control::ControlSolution::initial_value);
  print_table(world, "\nWhat the policy earns in truth",
              &control::ControlSolution::expected_return);
  for (const double rho : {1.0, 10.0, credo::kInfinity}) {
    const control::ControlSolution found = solve(world, 0.1, rho);
    std::printf("\nThe first step's policy, alpha = 0.1, rho = %g\n%s", rho,
                control::policy_text(world, found.policy()).c_str());
  }
}
