#pragma once
// Problems, and what a controller pays, shared by the tests of linearly solvable control.

#include <credo/models/control/linearly_solvable.hpp>
#include <credo/models/random.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace linearly_solvable {

using namespace credo::control;

/// A random problem; every state can go to every other one.
inline LinearlySolvableDescription random_problem(std::size_t states, std::size_t terminal_states,
                                                  std::uint64_t seed) {
  credo::Random random(seed);
  LinearlySolvableDescription d;
  d.states = states;
  for (std::size_t s = 0; s < states; ++s) {
    d.state_cost.push_back(random.uniform(0.1, 2.0));
    d.final_cost.push_back(random.uniform(-1.0, 2.0));
    std::vector<double> weight(states);
    double sum = 0.0;
    for (double& w : weight) sum += w = random.uniform() < 0.3 ? 0.0 : random.uniform(0.1, 1.0);
    sum += weight[(s + 1) % states] += 0.2;
    sum = 0.0;
    for (const double w : weight) sum += w;
    for (std::size_t next = 0; next < states; ++next) {
      d.passive.push_back({s, next, weight[next] / sum});
    }
  }
  for (std::size_t s = states - terminal_states; s < states; ++s) d.terminal.push_back(s);
  return d;
}

/// States 0 .. 8 in a row, steps to both sides with probability 1/2, both ends are exits.
inline LinearlySolvableDescription line(double cost) {
  LinearlySolvableDescription d;
  d.states = 9;
  d.state_cost.assign(9, cost);
  d.terminal = {0, 8};
  for (std::size_t s = 1; s < 8; ++s) {
    d.passive.push_back({s, s - 1, 0.5});
    d.passive.push_back({s, s + 1, 0.5});
  }
  return d;
}

/// c(s) + KL(q(. | s), p0(. | s)) + gamma E_q v(s'), for every state: one step of a controller.
inline std::vector<double> one_step_cost(const LinearlySolvable& problem,
                                         const std::vector<ChainEntry>& controlled,
                                         const std::vector<double>& next_cost, double discount) {
  std::vector<double> cost;
  for (std::size_t s = 0; s < problem.state_count(); ++s) cost.push_back(problem.state_cost(s));
  for (const ChainEntry& e : controlled) {
    double passive = 0.0;
    for (const ChainEntry& p : problem.passive(e.state)) {
      if (p.next == e.next) passive = p.weight;
    }
    cost[e.state] += e.weight * (std::log(e.weight / passive) + discount * next_cost[e.next]);
  }
  return cost;
}

inline LinearlySolvableSolution solve(const LinearlySolvable& problem, CostCriterion criterion,
                                      std::size_t horizon = 1, double discount = 0.5) {
  LinearlySolvableOptions options;
  options.criterion = criterion;
  options.horizon = horizon;
  options.discount = discount;
  return solve_linearly_solvable(problem, options);
}

}  // namespace linearly_solvable
