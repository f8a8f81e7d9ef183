// Infinite horizons: the fixed point of one slice.
//
// One slice has x, u and x', the reward of (x, u), the dynamics, and V / alpha as a log-factor of
// x'. Eliminating x' and u with the generic sweep turns V of x' into the message over x; repeated
// from the final reward until P and p stand still, that message solves the discrete algebraic
// Riccati equation of the method. Changes of P are measured by P, those of p by p and by P times
// the lengths that the problem gives, so that units do not matter; where rounding is larger than
// the tolerance they cease to fall, and that is the end too. What c grows by in one step is the
// value per step. Invariant: P and p of the last message. Cost: a slice's elimination per step;
// convergence is geometric with the square of the closed loop's spectral radius.

#include <credo/core/numerics.hpp>
#include <credo/models/control/linear_quadratic.hpp>
#include <credo/models/control/linear_quadratic_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace credo::control {

namespace {

double largest(const std::vector<double>& entries) {
  double bound = 0.0;
  for (const double x : entries) bound = std::max(bound, std::fabs(x));
  return bound;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double bound = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) bound = std::max(bound, std::fabs(a[i] - b[i]));
  return bound;
}

class Slice {
 public:
  Slice(const LinearQuadratic& problem, const LinearQuadraticOptions& options)
      : problem_(problem),
        options_(options),
        kinds_(kinds_of(options)),
        reward_(reward_table(problem, problem.steps.front(), options.temperature)),
        dynamics_(dynamics_table(problem, problem.steps.front())) {
    engine_.marginals = false;
  }

  /// V of x' to V of x, with the decision.
  VariationalResult eliminate(const QuadraticForm& value, LinearQuadraticDecision& decision) const {
    FactorGraph graph;
    const std::size_t n = problem_.states;
    const VariableId x = graph.add_continuous_variable("x", n);
    const VariableId u = graph.add_continuous_variable("u", problem_.controls);
    const VariableId next = graph.add_continuous_variable("x'", n);
    graph.add_gaussian_factor({x, u}, reward_);
    const GaussianFactorId dynamics = graph.add_gaussian_factor({x, u, next}, dynamics_);
    graph.add_gaussian_factor({next}, GaussianTable::quadratic({}, {n}, {value}));
    Family family(graph);
    // x is above all that is eliminated: any kernel will do.
    family.charge(
        x, {},
        GaussianTable::conditional(
            {}, {n}, {{{}, std::vector<double>(n, 0.0), std::vector<double>(n * n, 0.0)}}),
        kInfinity);
    kinds_.best ? family.arg_max(u, {x}) : family.free(u, {x});
    family.charge_gaussian(dynamics, kinds_.charge);
    VariationalResult result = maximize(graph, {}, family, engine_);
    if (!result.ok()) return result;
    for (const GaussianScoreMessage& message : result.gaussian_messages) {
      if (message.eliminated == u)
        take_value(message.message.front(), options_.temperature, decision);
    }
    const LinearGaussian& q = result.gaussian_conditionals[1]->kernels().front();
    decision.gain = q.gain;
    decision.offset = q.offset;
    decision.covariance = q.covariance;
    return result;
  }

 private:
  const LinearQuadratic& problem_;
  const LinearQuadraticOptions& options_;
  LinearQuadraticKinds kinds_;
  GaussianTable reward_;
  GaussianTable dynamics_;
  VariationalOptions engine_;
};

LinearQuadraticDecision final_value(const LinearQuadratic& problem) {
  LinearQuadraticDecision value;
  const std::size_t n = problem.states;
  value.curvature = or_zeros(problem.final_cost, n * n);
  value.slope = or_zeros(problem.final_gradient, n);
  const auto goal = or_zeros(problem.final_goal, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) value.slope[i] -= value.curvature[i * n + k] * goal[k];
  }
  value.constant = 0.0;
  return value;
}

/// How far two messages are apart, and whether that has ceased to fall.
class Change {
 public:
  explicit Change(const LinearQuadratic& problem) {
    const LinearQuadraticStep& step = problem.steps.front();
    length_ = std::max({largest(step.goal), largest(step.offset), largest(problem.final_goal)});
    slope_ = std::max({largest(step.state_gradient), largest(step.control_gradient),
                       largest(problem.final_gradient)});
  }

  double between(const LinearQuadraticDecision& next, const LinearQuadraticDecision& before) {
    const double curvature = largest(next.curvature);
    const double slope = std::max({largest(next.slope), curvature * length_, slope_});
    const double change =
        std::max(ratio(largest_difference(next.curvature, before.curvature), curvature),
                 ratio(largest_difference(next.slope, before.slope), slope));
    idle_ = change < smallest_ ? 0 : idle_ + 1;
    smallest_ = std::min(smallest_, change);
    return change;
  }
  /// At rounding: small, and not smaller for a long time.
  [[nodiscard]] bool stands_still() const { return idle_ >= kIdle && smallest_ <= kMostRounding; }

 private:
  static constexpr std::size_t kIdle = 1000;
  static constexpr double kMostRounding = 1e-6;

  static double ratio(double change, double scale) { return change > 0.0 ? change / scale : 0.0; }

  double length_ = 0.0;
  double slope_ = 0.0;
  double smallest_ = kInfinity;
  std::size_t idle_ = 0;
};

/// Repeats the slice until it stands still, or the steps are used up; the status is set when it
/// must be given up before.
LinearQuadraticDecision fixed_point(const Slice& slice, LinearQuadraticDecision value,
                                    const LinearQuadraticOptions& options, Change& change,
                                    LinearQuadraticSolution& solution) {
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 1; i <= options.maximum_steps; ++i) {
    LinearQuadraticDecision next;
    value.constant = 0.0;
    const VariationalResult result = slice.eliminate(value_form(value, options.temperature), next);
    solution.iterations = i;
    if (!result.ok()) {
      solution.status = result.status;
      solution.message = fmt::format("after {} backward steps: {}", i, result.message);
      solution.breakdown_step = 0;
      break;
    }
    solution.residual = change.between(next, value);
    value = std::move(next);
    if (solution.residual <= options.tolerance || change.stands_still()) break;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double done = static_cast<double>(i) / static_cast<double>(options.maximum_steps);
    if (options.observer && !options.observer(Progress{"riccati", done, elapsed.count()})) {
      solution.status = Status::cancelled;
      solution.message = fmt::format("cancelled after {} backward steps", i);
      break;
    }
    if (elapsed.count() > options.time_limit_seconds) {
      solution.status = Status::deadline;
      solution.message = fmt::format("the time limit of {} seconds came after {} backward steps",
                                     options.time_limit_seconds, i);
      break;
    }
  }
  return value;
}

}  // namespace

LinearQuadraticSolution solve_stationary(const LinearQuadratic& problem,
                                         const LinearQuadraticOptions& options) {
  LinearQuadraticSolution solution;
  if (std::string why = why_not_stabilisable(problem); !why.empty()) {
    solution.status = Status::refused;
    solution.message = std::move(why);
    return solution;
  }
  Change change(problem);
  const LinearQuadraticDecision value =
      fixed_point(Slice(problem, options), final_value(problem), options, change, solution);
  if (solution.status != Status::not_run) return solution;
  solution.decisions = {value};
  solution.spectral_radius = closed_loop_radius(problem, value);
  const bool converged = solution.residual <= options.tolerance;
  if (!converged && !change.stands_still()) {
    solution.status = Status::refused;
    solution.message = fmt::format(
        "no fixed point after {} backward steps: P and p still change by {:.3g} of their size in "
        "one step, tolerance {:.3g}; expected a larger tolerance or more steps",
        solution.iterations, solution.residual, options.tolerance);
    return solution;
  }
  solution.status = Status::ok;
  solution.message = "answered";
  if (!converged) {
    solution.message += fmt::format(
        "; P and p change by {:.3g} of their size in every step, which is rounding and above the "
        "tolerance {:.3g}",
        solution.residual, options.tolerance);
  }
  if (!(solution.spectral_radius < 1.0)) {
    solution.message += "; the loop A + B K is not stable in the true world";
  }
  solution.expected_reward = average_reward(problem, value);
  return solution;
}

}  // namespace credo::control
