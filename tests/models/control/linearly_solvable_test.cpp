#include "linearly_solvable_problems.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/inverse.hpp>
#include <credo/models/control/linearly_solvable.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

// Linearly solvable problems against sums over all walks, closed forms, and the cost that a
// controller really pays.

using namespace credo::control;
using linearly_solvable::line;
using linearly_solvable::one_step_cost;
using linearly_solvable::random_problem;

namespace {

LinearlySolvableSolution solve_finite(const LinearlySolvable& problem, std::size_t horizon) {
  return linearly_solvable::solve(problem, CostCriterion::finite_horizon, horizon);
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

TEST_CASE("linearly solvable: a process without chance is one, its uniform policy being passive") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Mdp plain = random_mdp({.states = 5, .actions = 3, .successors = 1, .seed = seed});
    const Features cost =
        make_features(plain, 1, [](std::size_t s, std::size_t, std::size_t, std::span<double> phi) {
          phi[0] = 0.3 * static_cast<double>(s + 1);
        });
    const Mdp mdp = with_feature_reward(plain, cost, std::vector<double>{-1.0});
    LinearlySolvableDescription d;
    d.states = 5;
    for (std::size_t s = 0; s < 5; ++s) {
      d.state_cost.push_back(0.3 * static_cast<double>(s + 1));
      for (std::size_t a = 0; a < 3; ++a) {
        d.passive.push_back({s, mdp.outcomes(s, a).front().next, 1.0 / 3.0});
      }
    }
    const LinearlySolvableSolution solution = solve_finite(LinearlySolvable(d), 4);
    const std::vector<double> cost_to_go = solution.cost_to_go();
    for (const Method method : {Method::clamped, Method::posterior}) {
      const ControlSolution control = solve_control(mdp, {.method = method, .horizon = 4});
      for (std::size_t s = 0; s < 5; ++s) {
        CHECK(std::fabs(control.value()[s] + cost_to_go[s]) < 1e-12);
      }
    }
  }
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

TEST_CASE("linearly solvable: the family that frees transitions over the passive base measure") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const LinearlySolvable problem(random_problem(5, seed % 2, seed));
    const LinearlySolvableSolution solution = solve_finite(problem, 4);
    const StateChain chain = make_cost_chain(problem, 4);
    const credo::Family family = controlled_family(problem, chain);
    const credo::VariationalResult result = credo::maximize(chain.graph, {}, family);
    CAPTURE(result.message);
    REQUIRE(result.ok());
    CHECK(result.guarantee == credo::Guarantee::exact);
    CHECK(std::fabs(-result.value - solution.initial_cost) < 1e-12);
    for (std::size_t t = 0; t < 4; ++t) {
      const credo::Table& found = result.conditionals[t + 1];
      for (const ChainEntry& e : controlled_dynamics(problem, solution, t)) {
        CHECK(std::fabs(found.at(e.state * 5 + e.next) - e.weight) < 1e-12);
      }
    }
    // Charged rho KL for leaving the passive dynamics: rho = 1 is the same, and the dearer it is,
    // the closer to what is paid without control.
    std::vector<double> cost;
    for (std::size_t s = 0; s < 5; ++s) cost.push_back(problem.final_cost(s));
    for (std::size_t t = 0; t < 4; ++t) {
      std::vector<double> earlier;
      for (std::size_t s = 0; s < 5; ++s) {
        earlier.push_back(problem.state_cost(s));
        for (const ChainEntry& e : problem.passive(s)) earlier[s] += e.weight * cost[e.next];
      }
      cost = earlier;
    }
    double expected = 0.0;
    for (std::size_t s = 0; s < 5; ++s) expected += problem.initial()[s] * cost[s];
    CHECK(expected > solution.initial_cost);
    double last = solution.initial_cost;
    for (const double rho : {1.0, 4.0, 1e7}) {
      credo::Family charged(chain.graph);
      charged.clamp(0);
      for (const credo::Conditional& c : family.conditionals()) {
        if (c.child != chain.states[0]) charged.charge(c.child, c.parents, *c.table, rho);
      }
      const double paid = -credo::maximize(chain.graph, {}, charged).value;
      CHECK(paid >= last - 1e-12);
      if (rho == 1.0) CHECK(std::fabs(paid - solution.initial_cost) < 1e-12);
      if (rho == 1e7) CHECK(std::fabs(paid - expected) < 1e-5);
      last = paid;
    }
  }
}
