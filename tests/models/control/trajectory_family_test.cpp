#include "brute_force.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/control/trajectory_family.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

// A method solved slice by slice is the variational engine's answer for the family on the whole,
// unrolled graph; and that engine's bound, gap and restarts say the same as ours.

using namespace credo::control;

namespace {

TrajectoryOptions unrolled(const ControlOptions& options, const Mdp& mdp) {
  TrajectoryOptions result;
  result.horizon = *options.horizon;
  result.temperature = options.temperature;
  const bool prior = options.method == Method::posterior || options.method == Method::clamped ||
                     options.method == Method::risk;
  result.prior = prior ? options.prior : ActionPrior::counting;
  result.count_after_end = !prior;
  result.discount = options.discount.value_or(mdp.discount());
  if (options.method == Method::clamped || options.method == Method::hard) {
    result.rho = credo::kInfinity;
  } else if (options.method == Method::risk) {
    result.rho = options.rho;
  }
  return result;
}

/// q(a_t | s_t) of the engine against ours; the sink's rows are the engine's own.
void check_policies(const Trajectory& trajectory, const credo::VariationalResult& result,
                    const credo::Family& family, const ControlSolution& solution) {
  for (std::size_t t = 0; t < solution.steps(); ++t) {
    CAPTURE(t);
    std::size_t place = 0;
    while (family.conditionals()[place].child != trajectory.actions[t]) ++place;
    const std::vector<double> policy = solution.policy(t);
    for (std::size_t i = 0; i < policy.size(); ++i) {
      CAPTURE(i);
      CHECK(std::fabs(result.conditionals[place].at(i) - policy[i]) < 1e-11);
    }
  }
}

void compare(const Mdp& mdp, const ControlOptions& options) {
  CAPTURE(std::string(method_name(options.method)));
  CAPTURE(options.rho);
  const ControlSolution solution = solve_control(mdp, options);
  REQUIRE_MESSAGE(solution.ok(), solution.message);
  const Trajectory trajectory = make_trajectory(mdp, unrolled(options, mdp));
  const credo::Family family = make_family(trajectory, options.method, options.rho);
  const credo::VariationalResult result =
      credo::maximize(trajectory.graph, trajectory.evidence, family);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(result.solubility.soluble);
  CHECK(result.algorithm_used == "sweep");
  if (options.method == Method::clamped || options.method == Method::posterior) {
    CHECK(std::fabs(result.value - solution.elbo) < 1e-12);
  }
  if (options.method == Method::hard) {
    CHECK(std::fabs(options.temperature * result.value - solution.initial_value) < 1e-12);
  }
  check_policies(trajectory, result, family, solution);
}

}  // namespace

TEST_CASE("family: slice by slice is the sweep over the unrolled trajectory") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    for (const double discount : {1.0, 0.7}) {
      CAPTURE(discount);
      const Mdp mdp = random_mdp({.discount = discount, .seed = seed});
      for (const Method method : {Method::posterior, Method::clamped, Method::hard, Method::risk,
                                  Method::exponential_utility}) {
        ControlOptions options;
        options.method = method;
        options.temperature = 0.7;
        options.horizon = 4;
        options.rho = method == Method::risk ? (seed == 2 ? -0.6 : 2.5) : 1.0;
        compare(mdp, options);
      }
    }
  }
}

TEST_CASE("family: unavailable actions and terminal states, clamped") {
  const Mdp mdp = random_mdp({.terminal_states = 1, .unavailable = 0.4, .seed = 9});
  ControlOptions options;
  options.horizon = 4;
  for (const Method method : {Method::clamped, Method::posterior}) {
    options.method = method;
    compare(mdp, options);
  }
  const Trajectory trajectory = make_trajectory(mdp, TrajectoryOptions{});
  CHECK_THROWS_AS((void)make_family(trajectory, Method::risk, 2.0), credo::ModelError);
  CHECK_THROWS_AS((void)make_family(trajectory, Method::map), credo::OptionError);
}

TEST_CASE("family: ascent from random starts finds what the sweep finds") {
  const Mdp mdp = random_mdp({.states = 3, .actions = 2, .seed = 5});
  ControlOptions options;
  options.horizon = 3;
  const ControlSolution solution = solve_control(mdp, options);
  const Trajectory trajectory = make_trajectory(mdp, unrolled(options, mdp));
  const credo::Family family = make_family(trajectory, options.method);
  credo::VariationalOptions ascent;
  ascent.method = credo::VariationalMethod::ascent;
  ascent.restarts = 20;
  const credo::VariationalResult result =
      credo::maximize(trajectory.graph, trajectory.evidence, family, ascent);
  REQUIRE_MESSAGE(result.ok(), result.message);
  CHECK(std::fabs(result.value - solution.elbo) < 1e-9);
}

TEST_CASE("family: the gap's local terms are the engine's, variable by variable") {
  for (const std::uint64_t seed : {4U, 6U}) {
    CAPTURE(seed);
    // On pairs: outcomes that share a successor for several rewards are one to the engine.
    const Mdp mdp =
        random_mdp({.states = 3, .actions = 2, .reward_on_outcome = false, .seed = seed});
    ControlOptions options;
    options.horizon = 3;
    options.temperature = 0.5;
    const ControlSolution solution = solve_control(mdp, options);
    const Trajectory trajectory = make_trajectory(mdp, unrolled(options, mdp));
    credo::VariationalOptions engine;
    engine.gap = true;
    const credo::VariationalResult result = credo::maximize(
        trajectory.graph, trajectory.evidence, make_family(trajectory, options.method), engine);
    REQUIRE_MESSAGE(result.ok(), result.message);
    CHECK(std::fabs(result.log_z - solution.log_z) < 1e-12);
    double initial = 0.0;
    double policy = 0.0;
    double dynamics = 0.0;
    for (const credo::GapTerm& term : result.gap) {
      const char kind = trajectory.graph.variable(term.variable).name[0];
      double& part = term.variable == trajectory.states[0] ? initial
                     : kind == 'a'                         ? policy
                                                           : dynamics;
      part += term.nats;
    }
    CHECK(std::fabs(initial - solution.gap.initial) < 1e-11);
    CHECK(std::fabs(policy - solution.gap.policy) < 1e-11);
    CHECK(std::fabs(dynamics - solution.gap.dynamics) < 1e-11);
  }
}
