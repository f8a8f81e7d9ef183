#include "linearly_solvable_problems.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/linearly_solvable.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

// Linearly solvable problems that never run out of time: closed forms, dense elimination, the limit
// of finite horizons, and the growth of log Z.

using namespace credo::control;
using linearly_solvable::line;
using linearly_solvable::one_step_cost;
using linearly_solvable::random_problem;
using linearly_solvable::solve;

namespace {

/// x of A x = b by Gaussian elimination with partial pivoting.
std::vector<double> solve_dense(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k; i < n; ++i) {
      if (std::fabs(a[i][k]) > std::fabs(a[pivot][k])) pivot = i;
    }
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

/// (I - G P0) z = G P0 exp(-c_f) on the states that do not end.
std::vector<double> linear_system(const LinearlySolvable& problem) {
  const std::size_t n = problem.state_count();
  std::vector<std::vector<double>> a(n, std::vector<double>(n, 0.0));
  std::vector<double> b(n, 0.0);
  for (std::size_t s = 0; s < n; ++s) {
    a[s][s] = 1.0;
    if (problem.is_terminal(s)) {
      b[s] = std::exp(-problem.final_cost(s));
      continue;
    }
    for (const ChainEntry& e : problem.passive(s)) {
      a[s][e.next] -= std::exp(-problem.state_cost(s)) * e.weight;
    }
  }
  return solve_dense(a, b);
}

/// Every state goes to itself and to the next one round the ring.
LinearlySolvableDescription ring(const std::vector<double>& costs, double stay) {
  LinearlySolvableDescription d;
  d.states = costs.size();
  d.state_cost = costs;
  for (std::size_t s = 0; s < d.states; ++s) {
    if (stay > 0.0) d.passive.push_back({s, s, stay});
    d.passive.push_back({s, (s + 1) % d.states, 1.0 - stay});
  }
  return d;
}

}  // namespace

TEST_CASE("linearly solvable: the line between two exits in closed form") {
  const LinearlySolvable problem(line(0.3));
  const LinearlySolvableSolution solution = solve(problem, CostCriterion::first_exit);
  CAPTURE(solution.message);
  REQUIRE(solution.ok());
  const double theta = std::acosh(std::exp(0.3));
  for (std::size_t i = 0; i < 9; ++i) {
    const double z = std::cosh((static_cast<double>(i) - 4.0) * theta) / std::cosh(4.0 * theta);
    CHECK(std::fabs(solution.log_desirability[0][i] - std::log(z)) < 1e-10);
  }
  CHECK(std::fabs(std::exp(solution.log_desirability[0][4]) - 0.077017957248) < 1e-12);
  CHECK(solution.error_bound < 1e-9);
  // Towards the nearer exit, more so closer to it: q(i -> i - 1) = z_{i-1} / (2 e^c z_i).
  for (const ChainEntry& e : controlled_dynamics(problem, solution)) {
    if (problem.is_terminal(e.state)) continue;
    const auto z = [theta](std::size_t i) {
      return std::cosh((static_cast<double>(i) - 4.0) * theta);
    };
    CHECK(std::fabs(e.weight - 0.5 * std::exp(-0.3) * z(e.next) / z(e.state)) < 1e-10);
  }
}

TEST_CASE("linearly solvable: first exit is a linear system and the limit of finite horizons") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const LinearlySolvable problem(random_problem(6, 1 + seed % 2, seed));
    const LinearlySolvableSolution solution = solve(problem, CostCriterion::first_exit);
    CAPTURE(solution.message);
    REQUIRE(solution.ok());
    const std::vector<double> z = linear_system(problem);
    const LinearlySolvableSolution finite = solve(problem, CostCriterion::finite_horizon, 200);
    const std::vector<double> cost = solution.cost_to_go();
    const std::vector<double> paid =
        one_step_cost(problem, controlled_dynamics(problem, solution), cost, 1.0);
    for (std::size_t s = 0; s < 6; ++s) {
      CHECK(std::fabs(solution.log_desirability[0][s] - std::log(z[s])) < 1e-9);
      CHECK(std::fabs(solution.log_desirability[0][s] - finite.log_desirability[0][s]) < 1e-9);
      CHECK(std::fabs(paid[s] - cost[s]) < 1e-9);
    }
    CHECK(std::fabs(finite.initial_cost - solution.initial_cost) < 1e-9);
  }
}

TEST_CASE("linearly solvable: discounted desirabilities solve z = G P0 z^gamma") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const LinearlySolvable problem(random_problem(5, seed % 2, seed));
    const LinearlySolvableSolution solution = solve(problem, CostCriterion::discounted, 1, 0.8);
    CAPTURE(solution.message);
    REQUIRE(solution.ok());
    std::vector<double> z(5, 1.0);
    for (int k = 0; k < 300; ++k) {
      std::vector<double> next(5, 0.0);
      for (std::size_t s = 0; s < 5; ++s) {
        for (const ChainEntry& e : problem.passive(s)) {
          next[s] += std::exp(-problem.state_cost(s)) * e.weight * std::pow(z[e.next], 0.8);
        }
        if (problem.is_terminal(s)) next[s] = std::exp(-problem.final_cost(s));
      }
      z = next;
    }
    const std::vector<double> cost = solution.cost_to_go();
    const std::vector<double> paid =
        one_step_cost(problem, controlled_dynamics(problem, solution), cost, 0.8);
    for (std::size_t s = 0; s < 5; ++s) {
      CHECK(std::fabs(solution.log_desirability[0][s] - std::log(z[s])) < 1e-9);
      if (!problem.is_terminal(s)) CHECK(std::fabs(paid[s] - cost[s]) < 1e-9);
    }
  }
}

TEST_CASE("linearly solvable: the average cost is the growth rate of log Z") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const LinearlySolvable problem(random_problem(6, 0, seed));
    const LinearlySolvableSolution solution = solve(problem, CostCriterion::average);
    CAPTURE(solution.message);
    REQUIRE(solution.ok());
    CHECK(solution.guarantee == credo::Guarantee::exact);
    CHECK(solution.error_bound <= 1e-10);
    const double longer = solve(problem, CostCriterion::finite_horizon, 301).log_z;
    const double shorter = solve(problem, CostCriterion::finite_horizon, 300).log_z;
    CHECK(std::fabs(solution.average_cost - (shorter - longer)) < 1e-9);
    // The controller pays the average in every state, beside the change of the cost to go.
    const std::vector<double> cost = solution.cost_to_go();
    const std::vector<double> paid =
        one_step_cost(problem, controlled_dynamics(problem, solution), cost, 1.0);
    for (std::size_t s = 0; s < 6; ++s) {
      CHECK(std::fabs(paid[s] - cost[s] - solution.average_cost) < 1e-8);
    }
  }
}

TEST_CASE("linearly solvable: principal eigenvalues in closed form") {
  const auto average = [](const LinearlySolvableDescription& d) {
    const LinearlySolvableSolution solution = solve(LinearlySolvable(d), CostCriterion::average);
    CAPTURE(solution.message);
    REQUIRE(solution.ok());
    return solution.average_cost;
  };
  // A constant cost, whatever the dynamics; a slowly mixing ring.
  CHECK(std::fabs(average(ring(std::vector<double>(50, 0.7), 0.5)) - 0.7) < 1e-9);
  // Nothing to choose: the mean of the costs, though the chain is periodic.
  CHECK(std::fabs(average(ring({0.2, 1.4, 0.5}, 0.0)) - 0.7) < 1e-9);
  CHECK(std::fabs(average(ring({0.0, 1e4}, 0.0)) - 5e3) < 1e-7);
  // Two states: the larger root of the quadratic equation.
  const double a = 0.5 * std::exp(-0.1);
  const double b = 0.5 * std::exp(-2.0);
  CHECK(std::fabs(average(ring({0.1, 2.0}, 0.5)) +
                  std::log(0.5 * (a + b) + std::sqrt(0.25 * (a - b) * (a - b) + a * b))) < 1e-10);
  // One state to rest in, the others far too dear: exp(-1e4) is nothing.
  CHECK(std::fabs(average(ring({1.0, 1e4, 1e4, 1e4}, 0.25)) - (1.0 - std::log(0.25))) < 1e-9);
}

TEST_CASE("linearly solvable: what has no answer is refused with the reason") {
  const auto refusal = [](const LinearlySolvableDescription& d, CostCriterion criterion) {
    const LinearlySolvableSolution solution = solve(LinearlySolvable(d), criterion);
    CHECK(solution.status == credo::Status::refused);
    CHECK(solution.log_desirability.empty());
    return solution.message;
  };
  CHECK(refusal(line(0.3), CostCriterion::average).find("state 0 is terminal") !=
        std::string::npos);
  LinearlySolvableDescription d = ring({1.0, 1.0, 1.0}, 0.5);
  d.passive.push_back({2, 2, 0.5});
  std::erase_if(d.passive, [](const ChainEntry& e) { return e.state == 2 && e.next == 0; });
  CHECK(refusal(d, CostCriterion::average).find("state 0 cannot be reached from state 1") !=
        std::string::npos);
  // No exit; and an income of 1 per step, for which staying inside pays.
  CHECK_FALSE(refusal(ring({1.0, 1.0}, 0.5), CostCriterion::first_exit).empty());
  CHECK_FALSE(refusal(line(-1.0), CostCriterion::first_exit).empty());
}

TEST_CASE("linearly solvable: the first exit of the dear line, and of the cheap one") {
  // cosh underflows nothing: theta is about 100 + log 2, z_4 = 2 exp(-4 theta).
  const LinearlySolvableSolution dear =
      solve(LinearlySolvable(line(100.0)), CostCriterion::first_exit);
  REQUIRE(dear.ok());
  CHECK(std::fabs(dear.cost_to_go()[4] - (4.0 * (100.0 + std::log(2.0)) - std::log(2.0))) < 1e-9);
  // Income below the spectral radius: cos in place of cosh, log cos(pi / 8) = -0.0791.
  const LinearlySolvableSolution cheap =
      solve(LinearlySolvable(line(-0.05)), CostCriterion::first_exit);
  CAPTURE(cheap.message);
  REQUIRE(cheap.ok());
  const double theta = std::acos(std::exp(-0.05));
  CHECK(std::fabs(cheap.cost_to_go()[4] - std::log(std::cos(4.0 * theta))) < 1e-9);
}
