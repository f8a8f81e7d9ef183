// Lesson 13: when luck is an actuator. Linearly solvable control, and its closed form.
//
// There are no actions: the controller chooses the next state itself, and pays c(s) + KL(q, p0) for
// a step that departs from the passive dynamics p0. Then nothing has to be clamped, the posterior
// *is* the optimal control, and z(s) = exp(-cost to go) is a message: z = exp(-c) P0 z.
//
// On the line 0 .. 8 with coin steps, cost c and free exits at both ends, that is a difference
// equation: z_i = cosh((i - 4) theta) / cosh(4 theta), cosh theta = exp(c).

#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/linearly_solvable.hpp>

#include <cmath>
#include <cstdio>

namespace control = credo::control;

namespace {
constexpr double kCost = 0.3;
/// Coin steps on a line of 9 states; at the ends exits, or steps that bump and stay.
control::LinearlySolvable line(bool exits) {
  control::LinearlySolvableDescription d;
  d.states = 9;
  for (std::size_t s = 0; s < 9; ++s) {
    d.state_cost.push_back(!exits && s == 4 ? 0.0 : kCost);
    d.passive.push_back({s, s == 0 ? 0 : s - 1, 0.5});
    d.passive.push_back({s, s == 8 ? 8 : s + 1, 0.5});
  }
  if (exits) d.terminal = {0, 8};
  d.initial = {0, 0, 0, 0, 1, 0, 0, 0, 0};
  return control::LinearlySolvable(d);
}

/// log E exp(-cost) of the passive walk from the middle: one contraction.
double log_z(const control::LinearlySolvable& problem, std::size_t horizon) {
  const control::StateChain chain = control::make_passive_chain(problem, horizon);
  return credo::infer(chain.graph, credo::Query::log_partition()).log_z;
}

}  // namespace

int main() {
  const control::LinearlySolvable problem = line(true);
  const auto solution = control::solve_linearly_solvable(problem);
  const double theta = std::acosh(std::exp(kCost));
  std::printf("state   z computed       z closed form    steps left with probability\n");
  for (const control::ChainEntry& e : control::controlled_dynamics(problem, solution)) {
    if (e.next + 1 != e.state) continue;
    const double place = static_cast<double>(e.state) - 4.0;
    std::printf("%3zu   %.12f   %.12f   %.6f\n", e.state,
                std::exp(solution.log_desirability[0][e.state]),
                std::cosh(place * theta) / std::cosh(4.0 * theta), e.weight);
  }
  std::printf("\nThe same from finite horizons, one contraction each:\n");
  for (const std::size_t t : {10U, 30U, 100U}) {
    std::printf("  T = %3zu: z_4 = %.12f\n", t, std::exp(log_z(problem, t)));
  }

  // Transitions free over the base measure p0; or charged so much for leaving it that none does.
  const control::StateChain chain = control::make_cost_chain(problem, 10);
  const credo::Family free = control::controlled_family(problem, chain);
  credo::Family held(chain.graph);
  held.clamp(0);
  for (const credo::Conditional& c : free.conditionals()) {
    if (c.child != chain.states[0]) held.charge(c.child, c.parents, *c.table, 1e7);
  }
  std::printf("\nTen steps from the middle: %.6f with control, %.6f without.\n",
              -credo::maximize(chain.graph, {}, free).value,
              -credo::maximize(chain.graph, {}, held).value);

  // No exits, and rest is free in the middle: the principal eigenvalue is the rate of log Z.
  const control::LinearlySolvable endless = line(false);
  std::printf(
      "\nFor ever: %.9f per step; log Z falls by %.9f between T = 2000 and 2001.\n",
      control::solve_linearly_solvable(endless, {.criterion = control::CostCriterion::average})
          .average_cost,
      log_z(endless, 2000) - log_z(endless, 2001));
}
