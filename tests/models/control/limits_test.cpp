// Limits of control: what is predicted before anything is made, what an observer or the time limit
// leaves as the answer, and what accessors say about steps that do not exist.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_messages.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/inverse.hpp>
#include <credo/models/control/iterated_linear_quadratic.hpp>
#include <credo/models/control/linear_quadratic.hpp>
#include <credo/models/control/linearly_solvable.hpp>
#include <credo/models/control/partial_observability.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/simulation.hpp>
#include <credo/models/control/solve.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace credo::control;
using credo::Guarantee;
using credo::kInfinity;
using credo::OptionError;
using credo::Progress;
using credo::Status;

namespace {

constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();

/// Says no from the call after so many on.
credo::Observer patient_for(std::size_t calls, std::size_t& asked) {
  return [calls, &asked](const Progress&) { return ++asked <= calls; };
}

ControlOptions within(Method method, std::optional<std::size_t> horizon) {
  ControlOptions options;
  options.method = method;
  options.horizon = horizon;
  return options;
}

LinearQuadratic double_integrator() {
  LinearQuadratic problem;
  problem.states = 2;
  problem.controls = 1;
  problem.steps = {{.transition = {1, 1, 0, 1},
                    .control = {0, 1},
                    .state_cost = {1, 0, 0, 1},
                    .control_cost = {1}}};
  return problem;
}

LinearlySolvable corridor() {
  LinearlySolvableDescription d;
  d.states = 3;
  d.passive = {{0, 0, 0.5}, {0, 1, 0.5}, {1, 0, 0.5}, {1, 2, 0.5}};
  d.state_cost = {1.0, 1.0, 0.0};
  d.terminal = {2};
  return LinearlySolvable(std::move(d));
}

}  // namespace

TEST_CASE("limits: horizons that wrap around are refused by count, with and without a limit") {
  const Mdp lake = frozen_lake();
  for (const Method method :
       {Method::posterior, Method::clamped, Method::hard, Method::map, Method::mmap, Method::risk,
        Method::exponential_utility, Method::best_case}) {
    CAPTURE(method_name(method));
    for (const std::size_t horizon : {kHuge, kHuge - 1, kHuge / 2, std::size_t{1} << 45}) {
      for (const double limit : {1e9, kInfinity}) {
        ControlOptions options = within(method, horizon);
        options.infer.memory_limit_bytes = limit;
        const ControlSolution solution = solve_control(lake, options);
        CHECK(solution.status == Status::refused);
        CHECK(solution.message.find("the limit is") != std::string::npos);
        CHECK(solution.values.empty());
      }
    }
  }
  TrajectoryOptions trajectory;
  trajectory.horizon = kHuge;
  CHECK_THROWS_AS(static_cast<void>(make_trajectory(lake, trajectory)), OptionError);
}

TEST_CASE("limits: other counts that wrap around") {
  LinearQuadraticOptions quadratic;
  quadratic.horizon = kHuge;
  quadratic.memory_limit_bytes = kInfinity;
  CHECK(solve_linear_quadratic(double_integrator(), quadratic).status == Status::refused);
  CHECK_THROWS_AS(static_cast<void>(linear_quadratic_graph(double_integrator(), kHuge, 1.0)),
                  OptionError);
  LinearlySolvableOptions solvable;
  solvable.criterion = CostCriterion::finite_horizon;
  solvable.horizon = kHuge;
  solvable.infer.memory_limit_bytes = kInfinity;
  CHECK(solve_linearly_solvable(corridor(), solvable).status == Status::refused);
  CHECK_THROWS_AS(static_cast<void>(make_passive_chain(corridor(), kHuge)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(make_cost_chain(corridor(), kHuge)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(random_mdp({.states = kHuge})), OptionError);
  CHECK_THROWS_AS(static_cast<void>(random_mdp({.states = 2, .terminal_states = 3})), OptionError);
  CHECK_THROWS_AS(static_cast<void>(pendulum_first_controls(kHuge)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(make_features(frozen_lake(), kHuge / 8, {})), OptionError);
}

TEST_CASE("limits: a long trajectory takes its values, not its graph") {
  ControlOptions options = within(Method::map, 20'000);
  options.infer.memory_limit_bytes = 5e6;
  const ControlSolution solution = solve_control(frozen_lake(), options);
  REQUIRE_MESSAGE(solution.ok(), solution.message);
  REQUIRE(solution.trajectory);
  CHECK(solution.trajectory->states.size() == 20'001);
  CHECK(solution.trajectory->log_weight == doctest::Approx(solution.elbo).epsilon(1e-10));
  options.infer.memory_limit_bytes = 2e6;
  CHECK(solve_control(frozen_lake(), options).status == Status::refused);
}

TEST_CASE("limits: building and planning a trajectory ask the observer") {
  for (const Method method : {Method::posterior, Method::mmap}) {
    CAPTURE(method_name(method));
    std::size_t asked = 0;
    ControlOptions options = within(method, 100'000);
    options.infer.observer = [&asked](const Progress& progress) {
      ++asked;
      return progress.phase != "build";
    };
    const ControlSolution solution = solve_control(frozen_lake(), options);
    CHECK(solution.status == Status::cancelled);
    CHECK(asked >= 1);
    CHECK(asked < 5);
  }
  ControlOptions late = within(Method::posterior, 1000);
  late.infer.time_limit_seconds = 1.0;
  late.infer.time_spent_seconds = 2.0;
  CHECK(solve_control(frozen_lake(), late).status == Status::deadline);
}

TEST_CASE("limits: stopped after the last value, a finite horizon is answered") {
  const Mdp lake = frozen_lake();
  constexpr std::size_t kHorizon = 30;
  for (const Method method : {Method::clamped, Method::hard, Method::risk}) {
    CAPTURE(method_name(method));
    const ControlSolution whole = solve_control(lake, within(method, kHorizon));
    std::size_t asked = 0;
    ControlOptions options = within(method, kHorizon);
    options.infer.observer = patient_for(kHorizon + 2, asked);
    const ControlSolution part = solve_control(lake, options);
    REQUIRE(part.ok());
    CHECK(whole.complete);
    CHECK_FALSE(part.complete);
    CHECK(part.guarantee == Guarantee::exact);
    CHECK(part.value() == whole.value());
    CHECK(part.policy(3) == whole.policy(3));
    CHECK(std::isnan(part.expected_return));
    CHECK(part.message.find("did not come before the interrupt") != std::string::npos);
    asked = 0;
    options.infer.observer = patient_for(kHorizon / 2, asked);
    CHECK(solve_control(lake, options).status == Status::cancelled);
  }
}

TEST_CASE("limits: stopped before its fixed point, an infinite horizon is not called exact") {
  const Mdp lake = frozen_lake({.slippery = true});
  for (const Method method : {Method::clamped, Method::hard, Method::posterior}) {
    CAPTURE(method_name(method));
    std::size_t asked = 0;
    ControlOptions options = within(method, std::nullopt);
    options.discount = 0.999999;
    options.infer.observer = patient_for(3, asked);
    const ControlSolution solution = solve_control(lake, options);
    REQUIRE_MESSAGE(solution.ok(), solution.message);
    CHECK(solution.guarantee == Guarantee::unconverged);
    CHECK_FALSE(solution.complete);
    CHECK(std::isnan(solution.elbo));
    CHECK(solution.policy().size() == 64);
    CHECK(solution.certificate.find("none") == 0);
  }
}

TEST_CASE("limits: a simulation that is stopped answers with the episodes so far") {
  const Mdp lake = frozen_lake();
  const ControlSolution solution = solve_control(lake, within(Method::clamped, std::nullopt));
  SimulationOptions options;
  options.episodes = kHuge;
  std::size_t asked = 0;
  options.observer = patient_for(1, asked);
  const Simulation some = simulate(lake, solution.policy(), options);
  CHECK(asked == 2);
  REQUIRE(some.ok());
  CHECK(some.episodes > 0);
  CHECK(some.episodes < kHuge);
  double visits = 0.0;
  for (const double v : some.visits) visits += v;
  CHECK(visits == doctest::Approx(some.steps.mean + 1.0).epsilon(1e-9));
  CHECK(some.message.find("cancelled after") == 0);
  // The same seed gives the same episodes, however many there are.
  SimulationOptions again;
  again.episodes = some.episodes;
  CHECK(simulate(lake, solution.policy(), again).episode_return.mean == some.episode_return.mean);
  options.observer = {};
  options.time_limit_seconds = 0.0;
  const Simulation none = simulate(lake, solution.policy(), options);
  CHECK(none.status == Status::deadline);
  CHECK(none.episodes == 0);
  CHECK(std::isnan(none.episode_return.mean));
}

TEST_CASE("limits: one episode without an end is interrupted, too") {
  MdpDescription d;
  d.states = 1;
  d.actions = 1;
  d.initial = {1.0};
  d.transitions = {{0, 0, 0, 1.0, -1.0}};
  SimulationOptions options;
  options.episodes = 1;
  options.maximum_steps = kHuge;
  std::size_t asked = 0;
  options.observer = patient_for(1, asked);
  const std::vector<double> policy = {1.0};
  const Simulation simulation = simulate(Mdp(std::move(d)), policy, options);
  CHECK(simulation.status == Status::cancelled);
  CHECK(simulation.episodes == 0);
}

TEST_CASE("limits: an inverse search that is stopped keeps its best parameters") {
  const Mdp lake = frozen_lake();
  const Features features = make_features(
      lake, 2, [](std::size_t s, std::size_t a, std::size_t next, std::span<double> phi) {
        phi[0] = next == 15 ? 1.0 : 0.0;
        phi[1] = static_cast<double>((s + a) % 3);
      });
  InverseOptions options;
  options.horizon = 20;
  options.regularisation = 0.1;
  const std::vector<double> expert = {0.5, 3.0};
  const InverseSolution whole = solve_inverse(lake, features, expert, options);
  REQUIRE(whole.guarantee == Guarantee::fixed_point);
  std::size_t asked = 0;
  options.infer.observer = patient_for(100, asked);
  const InverseSolution part = solve_inverse(lake, features, expert, options);
  REQUIRE_MESSAGE(part.ok(), part.message);
  CHECK(part.guarantee == Guarantee::unconverged);
  CHECK(part.theta.size() == 2);
  CHECK(part.objective >= whole.objective);
  CHECK(part.message.find("stopped after") == 0);
  asked = 0;
  options.infer.observer = patient_for(0, asked);
  CHECK(solve_inverse(lake, features, expert, options).status == Status::cancelled);
}

TEST_CASE("limits: a linear-quadratic problem asks its observer") {
  std::size_t asked = 0;
  LinearQuadraticOptions options;
  options.observer = patient_for(2, asked);
  CHECK(solve_linear_quadratic(double_integrator(), options).status == Status::cancelled);
  CHECK(asked == 3);
  asked = 0;
  options.horizon = 100;
  options.observer = patient_for(0, asked);
  CHECK(solve_linear_quadratic(double_integrator(), options).status == Status::cancelled);
}

TEST_CASE("limits: an eigenpair that is stopped keeps its bounds") {
  LinearlySolvableDescription d;
  d.states = 4;
  d.passive = {{0, 1, 1.0}, {1, 2, 1.0}, {2, 3, 0.5}, {2, 0, 0.5}, {3, 0, 1.0}};
  d.state_cost = {1.0, 2.0, 0.5, 3.0};
  const LinearlySolvable ring(std::move(d));
  LinearlySolvableOptions options;
  options.criterion = CostCriterion::average;
  const double truth = solve_linearly_solvable(ring, options).average_cost;
  std::size_t asked = 0;
  options.infer.observer = patient_for(1, asked);
  const LinearlySolvableSolution part = solve_linearly_solvable(ring, options);
  REQUIRE(part.ok());
  CHECK(part.guarantee == Guarantee::unconverged);
  CHECK(std::fabs(part.average_cost - truth) <= part.error_bound);
}

TEST_CASE("limits: histories are counted before anything is made") {
  PartialObservabilityOptions options;
  for (const std::size_t horizon : {std::size_t{40}, std::size_t{1'000'000}, kHuge}) {
    options.horizon = horizon;
    const PartialObservabilityResult result = solve_partially_observed(tiger(), options);
    CHECK(result.solution.status == Status::refused);
    CHECK(result.solution.message.find("histories") != std::string::npos);
    CHECK(result.solution.message.find("a horizon of 10 would fit") != std::string::npos);
    CHECK(result.diagram.graph().variable_count() == 0);
    CHECK_THROWS_AS(static_cast<void>(unroll(tiger(), options)), OptionError);
  }
  options.horizon = kHuge;
  for (const Memory memory : {Memory::window, Memory::state}) {
    options.memory = memory;
    options.window = memory == Memory::window ? kHuge : 1;
    CHECK(solve_partially_observed(tiger(), options).solution.status == Status::refused);
    options.window = 2;
    options.solve.variational.memory_limit_bytes = kInfinity;
    CHECK(solve_partially_observed(tiger(), options).solution.status == Status::refused);
  }
  options.horizon = 1000;
  options.memory = Memory::state;
  std::size_t asked = 0;
  options.solve.variational.observer = patient_for(0, asked);
  CHECK(solve_partially_observed(tiger(), options).solution.status == Status::cancelled);
}

TEST_CASE("limits: accessors name what is out of range, also of nothing") {
  const Mdp lake = frozen_lake();
  CHECK_THROWS_WITH_AS(static_cast<void>(lake.outcomes(1'000'000, 3)),
                       "Mdp: state 1000000 is out of range, expected 0 to 15", OptionError);
  CHECK_THROWS_WITH_AS(static_cast<void>(lake.outcomes(0, 4)),
                       "Mdp: action 4 is out of range, expected 0 to 3", OptionError);
  CHECK_THROWS_AS(static_cast<void>(lake.is_terminal(std::size_t{1} << 30)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(lake.is_available(kHuge, 0)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(lake.state_name(16)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(lake.action_name(kHuge)), OptionError);

  ControlSolution refused;
  SUBCASE("never solved") {}
  SUBCASE("refused") {
    ControlOptions options;
    options.infer.memory_limit_bytes = 1.0;
    refused = solve_control(lake, options);
    REQUIRE(refused.status == Status::refused);
  }
  SUBCASE("a posterior that was refused") {
    ControlOptions options = within(Method::posterior, 1'000'000);
    options.infer.memory_limit_bytes = 2e8;
    refused = solve_control(lake, options);
    REQUIRE(refused.status == Status::refused);
  }
  CHECK_THROWS_AS(static_cast<void>(refused.value()), OptionError);
  CHECK_THROWS_AS(static_cast<void>(refused.policy()), OptionError);
  CHECK_THROWS_AS(static_cast<void>(refused.action_value()), OptionError);
  CHECK_THROWS_AS(static_cast<void>(refused.dynamics()), OptionError);
}

TEST_CASE("limits: accessors of solutions, steps out of range") {
  const Mdp lake = frozen_lake();
  for (const Method method : {Method::clamped, Method::posterior, Method::mmap}) {
    CAPTURE(method_name(method));
    ControlSolution solution = solve_control(lake, within(method, 3));
    REQUIRE(solution.ok());
    CHECK(solution.value(3).size() == 16);
    CHECK_THROWS_AS(static_cast<void>(solution.value(4)), OptionError);
    for (const std::size_t t : {std::size_t{3}, kHuge}) {
      CHECK_THROWS_AS(static_cast<void>(solution.policy(t)), OptionError);
      CHECK_THROWS_AS(static_cast<void>(solution.action_value(t)), OptionError);
      CHECK_THROWS_AS(static_cast<void>(solution.dynamics(t)), OptionError);
    }
    const ControlSolution taken = std::move(solution);
    CHECK(taken.policy().size() == 64);
  }
  CHECK_THROWS_AS(static_cast<void>(corridor().passive(3)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(corridor().state_cost(kHuge)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(LinearlySolvableSolution{}.cost_to_go()), OptionError);
  CHECK_THROWS_AS(static_cast<void>(controlled_dynamics(corridor(), {}, 0)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(LinearQuadratic{}.step(0)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(Posterior{}.transition_marginal(0)), OptionError);
}

TEST_CASE("limits: tables that are too short are refused by who asks for them") {
  const Mdp lake = frozen_lake();
  const std::vector<double> three(3, 0.0);
  CHECK_THROWS_AS(static_cast<void>(evaluate_step(lake, three, 1.0, three)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(occupancy_step(lake, three, three)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(evaluate_policy(lake, three, 0.9)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(policy_text(lake, three)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(heat_text(lake, three)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(value_svg(lake, three, three)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(tube_product(lake, {})), OptionError);
  CHECK_THROWS_AS(static_cast<void>(luck_arrows(lake, three, {})), OptionError);
}

TEST_CASE("limits: a process that was moved from is refused by name") {
  Mdp lake = frozen_lake();
  const Mdp taken = std::move(lake);
  CHECK(taken.state_count() == 16);
  // NOLINTBEGIN(bugprone-use-after-move): what is left of it is the point.
  CHECK(lake.state_count() == 0);
  CHECK_THROWS_AS(static_cast<void>(lake.outcomes(0, 0)), OptionError);
  CHECK_THROWS_AS(static_cast<void>(solve_control(lake)), credo::ModelError);
  ControlOptions finite = within(Method::hard, 5);
  CHECK_THROWS_AS(static_cast<void>(solve_control(lake, finite)), credo::ModelError);
  // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("limits: iLQR is converged when a step promises nothing, not when it was held back") {
  // The slope that central differences see is in two narrow bands; every step misses them.
  SmoothProblem problem;
  problem.states = 1;
  problem.controls = 1;
  problem.horizon = 1;
  problem.initial = {0.0};
  problem.dynamics = [](auto x, auto u, std::span<double> next) { next[0] = x[0] + u[0]; };
  problem.reward = [](auto, auto u) {
    const double size = std::fabs(u[0]);
    return size == 0.0 || (size > 0.99e-4 && size < 1.01e-4) ? 1.3e-3 * u[0] : -1.0;
  };
  problem.final_reward = [](auto) { return 0.0; };
  IteratedOptions options;
  const IteratedSolution held_back = solve_iterated(problem, options);
  CHECK(held_back.status == Status::refused);
  CHECK(held_back.guarantee == Guarantee::unconverged);
  CHECK(held_back.message.find("no step improves") == 0);

  problem.reward = [](auto, auto u) { return -(u[0] - 1.0) * (u[0] - 1.0); };
  const IteratedSolution converged = solve_iterated(problem, options);
  CHECK(converged.status == Status::ok);
  CHECK(std::fabs(converged.controls[0] - 1.0) < 1e-3);
  std::size_t asked = 0;
  options.observer = patient_for(0, asked);
  CHECK(solve_iterated(problem, options).status == Status::cancelled);
  problem.horizon = kHuge;
  CHECK_THROWS_AS(static_cast<void>(solve_iterated(problem, options)), credo::ModelError);
}
