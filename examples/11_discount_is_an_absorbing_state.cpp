// Lesson 11: a discount is a chance of dying.
//
// Let every step end the process with probability 1 - gamma, in a state where nothing is earned any
// more. With the dynamics held fixed that state turns r + E V into r + gamma E V: exactly the usual
// discount. The posterior sees it differently: where rewards are negative an early death is a lucky
// one, Q = r + alpha log(gamma E exp(V / alpha) + 1 - gamma), and is counted on. Every fixed point
// comes with a bound on its error that holds.

#include <credo/models/control/solve.hpp>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace control = credo::control;

namespace {

constexpr double kGamma = 0.8;

/// Three states, two actions; with the end as a state of its own or without.
control::Mdp machine(bool explicit_end) {
  constexpr double kDynamics[3][2][3] = {{{0.9, 0.1, 0.0}, {0.1, 0.9, 0.0}},
                                         {{0.4, 0.5, 0.1}, {0.3, 0.5, 0.2}},
                                         {{0.2, 0.2, 0.6}, {0.5, 0.5, 0.0}}};
  constexpr double kReward[3][2] = {{-45, -51}, {-49, -52}, {0, -50}};
  const double stays = explicit_end ? kGamma : 1.0;
  control::MdpDescription d;
  d.states = explicit_end ? 4 : 3;
  d.actions = 2;
  d.initial.assign(d.states, 0.0);
  d.initial[0] = 1.0;
  for (std::size_t s = 0; s < 3; ++s) {
    for (std::size_t a = 0; a < 2; ++a) {
      for (std::size_t n = 0; n < 3; ++n) {
        d.transitions.push_back({s, a, n, stays * kDynamics[s][a][n], kReward[s][a]});
      }
      if (explicit_end) d.transitions.push_back({s, a, 3, 1.0 - stays, kReward[s][a]});
    }
  }
  if (explicit_end) d.terminal = {3};
  d.discount = explicit_end ? 1.0 : kGamma;
  return control::Mdp(std::move(d));
}

void print_both(control::Method method, const char* name) {
  for (const bool explicit_end : {false, true}) {
    const auto found =
        control::solve_control(machine(explicit_end), {.method = method, .temperature = 10.0});
    if (!found.ok()) {
      std::printf("no answer: %s\n", found.message.c_str());
      std::exit(1);
    }
    const std::vector<double> value = found.value();
    std::printf("%-10s %-12s %14.8f %14.8f %14.8f   error below 1e-9: %s\n", name,
                explicit_end ? "dying" : "discount 0.8", value[0], value[1], value[2],
                found.error_bound <= 1e-9 ? "certified" : "no");
    if (method != control::Method::posterior || !explicit_end) continue;
    for (const control::DynamicsEntry& e : found.dynamics()) {
      if (e.state == 0 && e.action == 0 && e.next == 3) {
        std::printf(
            "  In state 0 the first action ends it all with probability %.1f; given\n"
            "  success, says the posterior, with %.9f.\n",
            1.0 - kGamma, e.probability);
      }
    }
  }
}

}  // namespace

int main() {
  print_both(control::Method::hard, "hard");
  print_both(control::Method::clamped, "clamped");
  print_both(control::Method::posterior, "posterior");
}
