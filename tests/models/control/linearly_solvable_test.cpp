#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/linearly_solvable.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

// Linearly solvable problems against sums over all walks, closed forms, and the cost that a
// controller really pays.

using namespace credo::control;

namespace {

/// A random problem; every state can go to every other one.
LinearlySolvableDescription random_problem(std::size_t states, std::size_t terminal_states,
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
LinearlySolvableDescription line(double cost) {
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

LinearlySolvableSolution solve_finite(const LinearlySolvable& problem, std::size_t horizon) {
  LinearlySolvableOptions options;
  options.criterion = CostCriterion::finite_horizon;
  options.horizon = horizon;
  return solve_linearly_solvable(problem, options);
}

/// sum over all walks of `steps` steps from s of p0(walk) exp(-costs).
double enumerate_desirability(const LinearlySolvable& problem, std::size_t s, std::size_t steps) {
  if (steps == 0) return std::exp(-problem.final_cost(s));
  double sum = 0.0;
  for (const ChainEntry& e : problem.passive(s)) {
    sum += e.weight * enumerate_desirability(problem, e.next, steps - 1);
  }
  return std::exp(-problem.state_cost(s)) * sum;
}

/// c(s) + KL(q(. | s), p0(. | s)) + gamma E_q v(s'), for every state: one step of a controller.
std::vector<double> one_step_cost(const LinearlySolvable& problem,
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

}  // namespace

TEST_CASE("linearly solvable: messages are sums over all walks, whatever the horizon") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const LinearlySolvable problem(random_problem(4, seed % 2, seed));
    const LinearlySolvableSolution solution = solve_finite(problem, 4);
    REQUIRE(solution.ok());
    CHECK(solution.guarantee == credo::Guarantee::exact);
    REQUIRE(solution.log_desirability.size() == 5);
    double z = 0.0;
    for (std::size_t t = 0; t <= 4; ++t) {
      for (std::size_t s = 0; s < 4; ++s) {
        const double truth = enumerate_desirability(problem, s, 4 - t);
        CHECK(std::fabs(solution.log_desirability[t][s] - std::log(truth)) < 1e-12);
        CHECK(solution.cost_to_go(t)[s] == -solution.log_desirability[t][s]);
        if (t == 0) z += problem.initial()[s] * truth;
      }
    }
    CHECK(std::fabs(solution.log_z - std::log(z)) < 1e-12);
  }
}

TEST_CASE("linearly solvable: the controlled dynamics pay what was promised, others pay more") {
  credo::Random random(11);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const LinearlySolvable problem(random_problem(5, 1, seed));
    const LinearlySolvableSolution solution = solve_finite(problem, 3);
    for (std::size_t t = 0; t < 3; ++t) {
      std::vector<ChainEntry> controlled = controlled_dynamics(problem, solution, t);
      const std::vector<double> next = solution.cost_to_go(t + 1);
      const std::vector<double> promised = solution.cost_to_go(t);
      const std::vector<double> paid = one_step_cost(problem, controlled, next, 1.0);
      // Any other controller: the weights moved about and normalised again.
      std::vector<double> sum(5, 0.0);
      for (ChainEntry& e : controlled) sum[e.state] += e.weight *= random.uniform(0.5, 1.5);
      for (ChainEntry& e : controlled) e.weight /= sum[e.state];
      const std::vector<double> other = one_step_cost(problem, controlled, next, 1.0);
      for (std::size_t s = 0; s < 5; ++s) {
        CHECK(std::fabs(paid[s] - promised[s]) < 1e-12);
        CHECK(other[s] >= promised[s] - 1e-12);
      }
    }
  }
}

TEST_CASE("linearly solvable: solutions of mixed exits are mixtures") {
  LinearlySolvableDescription d = random_problem(6, 2, 5);
  const std::vector<double> weights = {0.3, 1.9};
  std::vector<LinearlySolvableSolution> parts;
  std::vector<double> mixed(6, 0.0);
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t s = 0; s < 6; ++s) {
      d.final_cost[s] = 0.25 * static_cast<double>((s + 1) * (k + 1) % 5);
      mixed[s] += weights[k] * std::exp(-d.final_cost[s]);
    }
    parts.push_back(solve_finite(LinearlySolvable(d), 7));
  }
  for (std::size_t s = 0; s < 6; ++s) d.final_cost[s] = -std::log(mixed[s]);
  const LinearlySolvable problem(d);
  const LinearlySolvableSolution direct = solve_finite(problem, 7);
  const LinearlySolvableSolution composed = compose(parts, weights);
  CHECK(std::fabs(composed.log_z - direct.log_z) < 1e-12);
  for (std::size_t s = 0; s < 6; ++s) {
    CHECK(std::fabs(composed.log_desirability[0][s] - direct.log_desirability[0][s]) < 1e-12);
  }
  const std::vector<ChainEntry> one = controlled_dynamics(problem, composed);
  const std::vector<ChainEntry> other = controlled_dynamics(problem, direct);
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(std::fabs(one[i].weight - other[i].weight) < 1e-12);
  }
  CHECK_THROWS_AS((void)compose(parts, std::vector<double>{1.0}), credo::OptionError);
  CHECK_THROWS_AS((void)compose(parts, std::vector<double>{1.0, -1.0}), credo::OptionError);
}

TEST_CASE("linearly solvable: costs of ten thousand a step do not underflow") {
  LinearlySolvableDescription d = line(1e4);
  d.final_cost.assign(9, 1e6);
  d.final_cost[0] = d.final_cost[8] = 0.0;
  const LinearlySolvableSolution solution = solve_finite(LinearlySolvable(d), 50);
  REQUIRE(solution.ok());
  // From the middle four steps, each towards the same exit: 2 walks of probability 1/16.
  CHECK(std::fabs(solution.cost_to_go()[4] - (4e4 + std::log(8.0))) < 1e-9);
}

TEST_CASE("linearly solvable: wrong descriptions are refused by name") {
  const auto message = [](const auto& change) -> std::string {
    LinearlySolvableDescription d = line(0.3);
    change(d);
    try {
      (void)LinearlySolvable(d);
    } catch (const credo::ModelError& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK(message([](auto&) {}) == "accepted");
  CHECK(message([](auto& d) { d.passive[2].weight = 0.6; }).find("state 2 sum to 1.1") !=
        std::string::npos);
  CHECK(message([](auto& d) { d.passive[3].weight = -0.5; }).find("line 3") != std::string::npos);
  CHECK(message([](auto& d) { d.passive[3].next = 9; }).find("state 9 out of range") !=
        std::string::npos);
  CHECK(message([](auto& d) { d.state_cost[5] = credo::kNaN; }).find("state cost of state 5") !=
        std::string::npos);
  CHECK(message([](auto& d) { d.state_cost.pop_back(); }).find("expected 9") != std::string::npos);
  CHECK(message([](auto& d) { d.terminal = {9}; }).find("terminal state 9") != std::string::npos);
  CHECK(message([](auto& d) { d.initial = {1.0}; }).find("initial") != std::string::npos);
  CHECK(message([](auto& d) { d.states = 0; }).find("0 states") != std::string::npos);
  LinearlySolvableOptions options;
  options.discount = 1.0;
  CHECK_THROWS_AS((void)solve_linearly_solvable(LinearlySolvable(line(0.3)), options),
                  credo::OptionError);
}
