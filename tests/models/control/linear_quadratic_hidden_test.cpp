// Hidden states: filter and gains separate, against the generic engine on the whole problem and
// against simulation; descriptions in JSON; iterated linearisation.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/iterated_linear_quadratic.hpp>
#include <credo/models/control/linear_quadratic_gaussian.hpp>
#include <credo/models/control/linear_quadratic_json.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

using namespace credo;
using namespace credo::control;

namespace {

/// A scalar state seen through noise.
LinearQuadratic scalar(std::size_t horizon) {
  LinearQuadratic problem;
  problem.states = 1;
  problem.controls = 1;
  problem.steps = {{{1.2}, {0.5}, {0.1}, {0.3}, {2.0}, {0.4}, {0.1}, {0.7}, {0.05}, {0.02}}};
  problem.final_cost = {3.0};
  problem.final_goal = {0.5};
  problem.initial_mean = {1.0};
  problem.initial_covariance = {0.8};
  problem.horizon = horizon;
  return problem;
}

const Sensor kSensor{1, {0.9}, {0.2}, {0.6}};

}  // namespace

TEST_CASE("hidden states: the best control that sees all observations separates") {
  constexpr std::size_t kSteps = 3;
  const LinearQuadratic problem = scalar(kSteps);
  LinearQuadraticOptions options;
  options.method = Method::hard;
  const auto separate = solve_linear_quadratic_gaussian(problem, kSensor, options);
  REQUIRE_MESSAGE(separate.ok(), separate.message);
  // The same problem as one family: u_t sees y_1 .. y_t and u_1 .. u_t-1.
  LinearQuadraticGraph g = linear_quadratic_graph(problem, kSteps, 1.0);
  Family family(g.graph);
  family.clamp_gaussian(g.initial);
  Scope seen;
  std::vector<VariableId> observed;
  for (std::size_t t = 0; t < kSteps; ++t) {
    const VariableId y = g.graph.add_continuous_variable("y" + std::to_string(t + 1));
    const auto table = GaussianTable::conditional({}, {1, 1}, {{{0.9}, {0.2}, {0.6}}});
    family.clamp_gaussian(g.graph.add_gaussian_factor({g.states[t], y}, table));
    family.clamp_gaussian(g.dynamics[t]);
    seen.push_back(y);
    family.arg_max(g.controls[t], seen);
    seen.push_back(g.controls[t]);
    observed.push_back(y);
  }
  const VariationalResult whole = maximize(g.graph, {}, family);
  REQUIRE_MESSAGE(whole.ok(), whole.message);
  CHECK(whole.guarantee == Guarantee::exact);
  CHECK(whole.value == doctest::Approx(separate.expected_reward).epsilon(1e-9));
  // u_1 = K x^ + k with x^ = m + L (y - C m - d).
  const auto place = family.find(g.controls[0]) - family.conditionals().data();
  const LinearGaussian& first =
      whole.gaussian_conditionals[static_cast<std::size_t>(place)]->kernels()[0];
  const double k = separate.decisions[0].gain[0];
  const double l = separate.filter_gains[0][0];
  CHECK(l == doctest::Approx(0.8 * 0.9 / (0.81 * 0.8 + 0.6)).epsilon(1e-12));
  CHECK(first.gain[0] == doctest::Approx(k * l).epsilon(1e-9));
  CHECK(
      first.offset[0] ==
      doctest::Approx(k * (1.0 - l * (0.9 + 0.2)) + separate.decisions[0].offset[0]).epsilon(1e-9));
  LinearQuadraticOptions optimistic;
  optimistic.method = Method::posterior;
  CHECK_THROWS_AS(static_cast<void>(solve_linear_quadratic_gaussian(problem, kSensor, optimistic)),
                  OptionError);
}

TEST_CASE("hidden states: expected reward by simulation") {
  const LinearQuadratic problem = scalar(6);
  const auto s = solve_linear_quadratic_gaussian(problem, kSensor);
  REQUIRE_MESSAGE(s.ok(), s.message);
  Random random(5);
  const auto normal = [&](double variance) {
    const double u = 1.0 - random.uniform();
    return std::sqrt(-2.0 * variance * std::log(u)) *
           std::cos(2.0 * std::numbers::pi * random.uniform());
  };
  constexpr int kEpisodes = 20000;
  double sum = 0.0;
  double squares = 0.0;
  for (int episode = 0; episode < kEpisodes; ++episode) {
    double x = 1.0 + normal(0.8);
    double guess = 1.0;
    double total = 0.0;
    for (std::size_t t = 0; t < 6; ++t) {
      const double y = 0.9 * x + 0.2 + normal(0.6);
      guess += s.filter_gains[t][0] * (y - 0.9 * guess - 0.2);
      const LinearQuadraticDecision& d = s.decisions[t];
      const double u = d.gain[0] * guess + d.offset[0] + normal(d.covariance[0]);
      total -= (2.0 * (x - 0.7) * (x - 0.7) + 0.2 * (x - 0.7) * u + 0.4 * u * u) / 2.0 + 0.05 * x +
               0.02 * u;
      x = 1.2 * x + 0.5 * u + 0.1 + normal(0.3);
      guess = 1.2 * guess + 0.5 * u + 0.1;
    }
    total -= 3.0 * (x - 0.5) * (x - 0.5) / 2.0;
    sum += total;
    squares += total * total;
  }
  const double mean = sum / kEpisodes;
  const double error = std::sqrt((squares / kEpisodes - mean * mean) / kEpisodes);
  CHECK(std::fabs(mean - s.expected_reward) < 4.0 * error);
}

TEST_CASE("hidden states: sensors without noise") {
  // The first of two components is seen, exactly; the start is certain.
  LinearQuadratic problem;
  problem.states = 2;
  problem.controls = 1;
  problem.steps = {{{1.0, 0.3, 0.0, 0.9},
                    {0.2, 1.0},
                    {0.1, -0.2},
                    {1e-9, 2e-9, 2e-9, 4e-9},
                    {1.0, 0.0, 0.0, 0.5},
                    {0.3}}};
  problem.final_cost = {2.0, 0.0, 0.0, 2.0};
  problem.initial_mean = {1.0, -1.0};
  problem.horizon = 5;
  const Sensor blunt{2, {1.0, 0.0, 2.0, 0.0}, {0.5, 0.0}, {}};
  LinearQuadraticOptions hard;
  hard.method = Method::hard;
  const auto hidden = solve_linear_quadratic_gaussian(problem, blunt, hard);
  REQUIRE_MESSAGE(hidden.ok(), hidden.message);
  // The noise is along (1, 2): what is seen says all of it, and nothing is hidden.
  const auto seen = solve_linear_quadratic(problem, hard);
  CHECK(hidden.expected_reward == doctest::Approx(seen.expected_reward).epsilon(1e-12));
  for (const auto& covariance : hidden.filtered_covariances) {
    for (const double x : covariance) CHECK(std::fabs(x) < 1e-22);
  }
  CHECK_THROWS_AS(static_cast<void>(solve_linear_quadratic_gaussian(
                      problem, {2, {1.0, 0.0, 2.0, 0.0}, {0.5}, {}}, hard)),
                  ModelError);
}

TEST_CASE("linear-quadratic files: what is read, what is refused") {
  const std::string text = R"({"A": [[1.1, 0], [0.1, 1.1]], "B": [[0.1], [0]], "Q": [[10, 0],
    [0, 10]], "R": [[1]], "Q_final": [[10, 0], [0, 10]], "horizon": 60})";
  const LinearQuadratic problem = parse_linear_quadratic_json(text, "file");
  CHECK(problem.states == 2);
  CHECK(problem.controls == 1);
  const LinearQuadraticSolution s = solve_linear_quadratic(problem);
  REQUIRE(s.ok());
  CHECK(std::fabs(s.decisions[0].gain[0] - -5.8777869752) < 5.1e-11);
  const auto refuses = [](const char* what, const char* file) {
    CAPTURE(file);
    CHECK_THROWS_WITH(static_cast<void>(parse_linear_quadratic_json(file, "file")),
                      doctest::Contains(what));
  };
  refuses("B", R"({"A": [[1]]})");
  refuses("gain", R"({"A": [[1]], "B": [[1]], "gain": 1})");
  refuses("A", R"({"A": [[1, 2], [3]], "B": [[1], [1]]})");
  refuses("R (control cost)", R"({"A": [[1]], "B": [[1]], "R": [[-1]]})");
  refuses("Q (state cost)", R"({"A": [[1]], "B": [[1]], "Q": [[1, 2]]})");
  refuses("horizon", R"({"A": [[1]], "B": [[1]], "R": [[1]], "horizon": -1})");
  const LinearQuadratic steps = parse_linear_quadratic_json(
      R"({"steps": [{"A": [[1]], "B": [[1]], "R": [[1]]}, {"A": [[2]], "B": [[1]], "R": [[1]]}]})",
      "file");
  CHECK(solve_linear_quadratic(steps).decisions.size() == 2);
}

TEST_CASE("iterated: a linear-quadratic problem takes one step") {
  SmoothProblem problem;
  problem.states = 1;
  problem.controls = 1;
  problem.horizon = 10;
  problem.initial = {2.0};
  problem.dynamics = [](auto x, auto u, auto next) { next[0] = 1.1 * x[0] + 0.5 * u[0]; };
  problem.reward = [](auto x, auto u) { return -(x[0] * x[0] + 0.2 * u[0] * u[0]) / 2.0; };
  problem.final_reward = [](auto x) { return -x[0] * x[0] / 2.0; };
  const IteratedSolution s = solve_iterated(problem);
  REQUIRE_MESSAGE(s.ok(), s.message);
  CHECK(s.iterations <= 6);
  double p = 1.0;
  for (int t = 0; t < 10; ++t) p = 1.0 + 1.21 * p - 0.3025 * p * p / (0.2 + 0.25 * p);
  CHECK(s.total_reward == doctest::Approx(-p * 4.0 / 2.0).epsilon(1e-7));
}

TEST_CASE("iterated: the pendulum swings up within its torque, and never gets worse") {
  const SmoothProblem problem = pendulum_swing_up();
  IteratedOptions options;
  options.initial_controls = pendulum_first_controls();
  options.tolerance = 1e-2;
  const IteratedSolution s = solve_iterated(problem, options);
  REQUIRE_MESSAGE(s.ok(), s.message);
  CHECK(std::ranges::is_sorted(s.trace));
  const std::size_t last = 2 * problem.horizon;
  CHECK(std::fabs(s.states[last]) < 0.05);
  CHECK(std::fabs(s.states[last + 1]) < 0.05);
  for (std::size_t i = 1; i <= last; i += 2) CHECK(std::fabs(s.states[i]) < 8.0);
  // The given derivatives are those of the dynamics: one step from the same start.
  SmoothProblem differences = problem;
  differences.jacobian = {};
  options.maximum_iterations = 1;
  CHECK(solve_iterated(differences, options).total_reward ==
        doctest::Approx(solve_iterated(problem, options).total_reward).epsilon(1e-6));
  CHECK_THROWS_AS(static_cast<void>(solve_iterated(SmoothProblem{})), ModelError);
}
