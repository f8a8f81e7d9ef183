// Linear-quadratic control by the generic sweep.
//
// x_t and u_t are continuous variables of a factor graph, r / alpha its quadratic log-factors. The
// family has u_t given x_t free (arg-max when hard) and x_t+1 given (x_t, u_t) clamped to, or
// charged with, its conditional. No Riccati equation is written here: the sweep's messages are V /
// alpha, and P, p, c are read off them (Whittle 1981 and Jacobson 1973 for the charged ones). Cost:
// T (n + m)^3.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/linear_quadratic.hpp>
#include <credo/models/control/linear_quadratic_parts.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace credo::control {

namespace {

std::size_t horizon_of(const LinearQuadratic& problem, const LinearQuadraticOptions& options) {
  if (options.horizon) return *options.horizon;
  if (problem.horizon) return *problem.horizon;
  return problem.steps.size() > 1 ? problem.steps.size() : 0;
}

Family family_of(const LinearQuadraticGraph& g, const LinearQuadraticKinds& kinds) {
  Family family(g.graph);
  family.charge_gaussian(g.initial, kinds.charge);
  for (std::size_t t = 0; t < g.controls.size(); ++t) {
    kinds.best ? family.arg_max(g.controls[t], {g.states[t]})
               : family.free(g.controls[t], {g.states[t]});
    family.charge_gaussian(g.dynamics[t], kinds.charge);
  }
  return family;
}

/// "x 12" of the variable that broke down: its step.
std::size_t step_of(const LinearQuadraticGraph& g, VariableId v) {
  const auto state = std::ranges::find(g.states, v);
  if (state != g.states.end()) {
    const auto at = static_cast<std::size_t>(state - g.states.begin());
    return at > 0 ? at - 1 : 0;
  }
  return static_cast<std::size_t>(std::ranges::find(g.controls, v) - g.controls.begin());
}

/// "" when the graph and the messages of so many steps fit. Measured: variables and factors take
/// the constant, a dozen matrices over (x, u) the rest.
std::string why_too_long(const LinearQuadratic& problem, std::size_t horizon, double limit_bytes) {
  const auto width = static_cast<double>(problem.states + problem.controls);
  const double bytes = static_cast<double>(horizon) * (6e3 + 100.0 * width * width);
  const double limit = largest_usable_bytes(limit_bytes);
  if (bytes <= limit) return "";
  return fmt::format("a horizon of {} steps needs about {}, over the memory limit of {}", horizon,
                     describe_bytes(bytes), describe_bytes(limit));
}

LinearQuadraticGraph make_graph(const LinearQuadratic& problem, std::size_t horizon,
                                double temperature, contraction::Monitor& monitor);
double evaluate(const LinearQuadratic& problem,
                const std::vector<LinearQuadraticDecision>& decisions,
                contraction::Monitor& monitor, const LinearQuadraticOptions& limits);

/// What of the time limit is left.
double remaining_seconds(const LinearQuadraticOptions& options,
                         const contraction::Monitor& monitor) {
  return std::max(0.0, options.time_limit_seconds - monitor.elapsed_seconds());
}

/// The expected reward, unless the limits come first: then message says so.
void add_expected_reward(const LinearQuadratic& problem, const LinearQuadraticOptions& options,
                         contraction::Monitor& monitor, LinearQuadraticSolution& solution) {
  try {
    solution.expected_reward = evaluate(problem, solution.decisions, monitor, options);
  } catch (const contraction::Stopped&) {
  }
  if (std::isnan(solution.expected_reward)) {
    solution.message += "; no time was left for the expected reward";
  }
}

/// Throws contraction::Stopped.
LinearQuadraticSolution sweep(const LinearQuadratic& problem, std::size_t horizon,
                              const LinearQuadraticOptions& options,
                              contraction::Monitor& monitor) {
  const LinearQuadraticGraph g = make_graph(problem, horizon, options.temperature, monitor);
  const Family family = family_of(g, kinds_of(options));
  VariationalOptions engine;
  engine.marginals = false;
  engine.gap = options.gap;
  engine.memory_limit_bytes = options.memory_limit_bytes;
  engine.time_limit_seconds = remaining_seconds(options, monitor);
  engine.observer = options.observer;
  const VariationalResult result = maximize(g.graph, {}, family, engine);
  LinearQuadraticSolution solution;
  solution.status = result.status;
  solution.message = result.message;
  if (!result.ok()) {
    if (result.breakdown) solution.breakdown_step = step_of(g, *result.breakdown);
    return solution;
  }
  solution.value = options.temperature * result.value;
  solution.log_z = result.log_z;
  std::vector<std::size_t> step_at(g.graph.variable_count(), horizon);
  for (std::size_t t = 0; t < horizon; ++t) step_at[g.controls[t]] = t;
  solution.decisions.resize(horizon);
  for (const GaussianScoreMessage& message : result.gaussian_messages) {
    const std::size_t t = step_at[message.eliminated];
    if (t == horizon) continue;
    LinearQuadraticDecision& decision = solution.decisions[t];
    take_value(message.message.front(), options.temperature, decision);
    const auto place = family.find(message.eliminated) - family.conditionals().data();
    const LinearGaussian& q =
        result.gaussian_conditionals[static_cast<std::size_t>(place)]->kernels().front();
    decision.gain = q.gain;
    decision.offset = q.offset;
    decision.covariance = q.covariance;
  }
  add_expected_reward(problem, options, monitor, solution);
  return solution;
}

LinearQuadraticSolution solve_finite(const LinearQuadratic& problem, std::size_t horizon,
                                     const LinearQuadraticOptions& options) {
  const InferOptions limits = contraction::limits_of(options);
  contraction::Monitor monitor(limits);
  try {
    return sweep(problem, horizon, options, monitor);
  } catch (const contraction::Stopped& stopped) {
    LinearQuadraticSolution solution;
    solution.status = stopped.status;
    solution.message = contraction::stop_message(stopped.status, options.time_limit_seconds);
    return solution;
  }
}

}  // namespace

LinearQuadraticKinds kinds_of(const LinearQuadraticOptions& options) {
  switch (options.method) {
    case Method::clamped:
      return {kInfinity, false};
    case Method::hard:
      return {kInfinity, true};
    case Method::posterior:
      return {1.0, false};
    case Method::exponential_utility:
      return {1.0, true};
    case Method::risk:
      return {options.rho, false};
    default:
      throw OptionError(fmt::format(
          "linear-quadratic problems: expected the method clamped, hard, posterior, risk or "
          "exponential-utility, got {}",
          method_name(options.method)));
  }
}

void LinearQuadraticOptions::validate() const {
  static_cast<void>(kinds_of(*this));
  if (!(temperature > 0.0 && temperature < kInfinity)) {
    throw OptionError(
        fmt::format("temperature: expected a finite number above 0, got {}", temperature));
  }
  if (method == Method::risk && (std::isnan(rho) || rho == 0.0)) {
    throw OptionError(fmt::format("rho: expected a number other than 0, got {}", rho));
  }
  if (horizon && *horizon == 0) throw OptionError("horizon: expected at least 1, got 0");
  if (!(tolerance > 0.0)) {
    throw OptionError(fmt::format("tolerance: expected a number above 0, got {}", tolerance));
  }
  if (!(memory_limit_bytes > 0.0)) {
    throw OptionError(
        fmt::format("memory limit: expected more than 0 bytes, got {}", memory_limit_bytes));
  }
  if (!(time_limit_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("time limit: expected at least 0 seconds, got {}", time_limit_seconds));
  }
}

std::vector<double> or_zeros(const std::vector<double>& entries, std::size_t count) {
  return entries.empty() ? std::vector<double>(count, 0.0) : entries;
}

GaussianTable reward_table(const LinearQuadratic& problem, const LinearQuadraticStep& step,
                           double temperature) {
  const std::size_t n = problem.states;
  const std::size_t m = problem.controls;
  const auto q = or_zeros(step.state_cost, n * n);
  const auto s = or_zeros(step.cross_cost, n * m);
  const auto r = or_zeros(step.control_cost, m * m);
  const auto g = or_zeros(step.goal, n);
  QuadraticForm form{std::vector<double>((n + m) * (n + m)), std::vector<double>(n + m), 0.0};
  const auto at = [&](std::size_t i, std::size_t k) -> double& {
    return form.precision[i * (n + m) + k];
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      at(i, k) = q[i * n + k] / temperature;
      form.linear[i] += q[i * n + k] * g[k] / temperature;
      form.constant -= g[i] * q[i * n + k] * g[k] / (2.0 * temperature);
    }
    for (std::size_t k = 0; k < m; ++k) {
      at(i, n + k) = at(n + k, i) = s[i * m + k] / temperature;
      form.linear[n + k] += s[i * m + k] * g[i] / temperature;
    }
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < m; ++k) at(n + i, n + k) = r[i * m + k] / temperature;
  }
  const auto state_gradient = or_zeros(step.state_gradient, n);
  const auto control_gradient = or_zeros(step.control_gradient, m);
  for (std::size_t i = 0; i < n; ++i) form.linear[i] -= state_gradient[i] / temperature;
  for (std::size_t i = 0; i < m; ++i) form.linear[n + i] -= control_gradient[i] / temperature;
  return GaussianTable::quadratic({}, {n, m}, {std::move(form)});
}

GaussianTable dynamics_table(const LinearQuadratic& problem, const LinearQuadraticStep& step) {
  const std::size_t n = problem.states;
  const std::size_t m = problem.controls;
  LinearGaussian kernel;
  kernel.gain.resize(n * (n + m));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) kernel.gain[i * (n + m) + k] = step.transition[i * n + k];
    for (std::size_t k = 0; k < m; ++k) kernel.gain[i * (n + m) + n + k] = step.control[i * m + k];
  }
  kernel.offset = or_zeros(step.offset, n);
  kernel.covariance = or_zeros(step.noise, n * n);
  return GaussianTable::conditional({}, {n, m, n}, {std::move(kernel)});
}

QuadraticForm value_form(const LinearQuadraticDecision& decision, double temperature) {
  QuadraticForm form{decision.curvature, decision.slope, decision.constant / temperature};
  for (double& x : form.precision) x /= temperature;
  for (double& x : form.linear) x /= -temperature;
  return form;
}

void take_value(const QuadraticForm& form, double temperature, LinearQuadraticDecision& decision) {
  decision.curvature = form.precision;
  decision.slope = form.linear;
  decision.constant = form.constant * temperature;
  for (double& x : decision.curvature) x *= temperature;
  for (double& x : decision.slope) x *= -temperature;
}

LinearQuadraticGraph linear_quadratic_graph(const LinearQuadratic& problem, std::size_t horizon,
                                            double temperature) {
  problem.validate();
  if (const std::string why = why_too_long(problem, horizon, kInfinity); !why.empty()) {
    throw OptionError("linear_quadratic_graph: " + why);
  }
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  return make_graph(problem, horizon, temperature, monitor);
}

namespace {

LinearQuadraticGraph make_graph(const LinearQuadratic& problem, std::size_t horizon,
                                double temperature, contraction::Monitor& monitor) {
  if (problem.steps.size() > 1 && problem.steps.size() != horizon) {
    throw ModelError(fmt::format("linear-quadratic problem: expected one step, or {}, got {}",
                                 horizon, problem.steps.size()));
  }
  LinearQuadraticGraph g;
  const std::size_t n = problem.states;
  g.states.push_back(g.graph.add_continuous_variable("x1", n));
  g.initial = g.graph.add_gaussian_factor(
      {g.states[0]},
      GaussianTable::conditional(
          {}, {n},
          {{{}, or_zeros(problem.initial_mean, n), or_zeros(problem.initial_covariance, n * n)}}));
  std::optional<GaussianTable> reward;
  std::optional<GaussianTable> dynamics;
  for (std::size_t t = 0; t < horizon; ++t) {
    monitor.check("build", static_cast<double>(t) / static_cast<double>(horizon));
    if (t == 0 || problem.steps.size() > 1) {
      reward = reward_table(problem, problem.step(t), temperature);
      dynamics = dynamics_table(problem, problem.step(t));
    }
    g.controls.push_back(
        g.graph.add_continuous_variable(fmt::format("u{}", t + 1), problem.controls));
    g.states.push_back(g.graph.add_continuous_variable(fmt::format("x{}", t + 2), n));
    g.graph.add_gaussian_factor({g.states[t], g.controls[t]}, *reward);
    g.dynamics.push_back(
        g.graph.add_gaussian_factor({g.states[t], g.controls[t], g.states[t + 1]}, *dynamics));
  }
  LinearQuadratic last;  // the final reward is a step without control
  last.states = n;
  LinearQuadraticStep final;
  final.state_cost = problem.final_cost;
  final.goal = problem.final_goal;
  final.state_gradient = problem.final_gradient;
  last.controls = 1;
  QuadraticForm form = reward_table(last, final, temperature).forms().front();
  QuadraticForm kept{std::vector<double>(n * n), std::vector<double>(n), form.constant};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) kept.precision[i * n + k] = form.precision[i * (n + 1) + k];
    kept.linear[i] = form.linear[i];
  }
  g.graph.add_gaussian_factor({g.states.back()},
                              GaussianTable::quadratic({}, {n}, {std::move(kept)}));
  return g;
}

}  // namespace

LinearQuadraticSolution solve_linear_quadratic(const LinearQuadratic& problem,
                                               const LinearQuadraticOptions& options) {
  options.validate();
  problem.validate();
  const std::size_t horizon = horizon_of(problem, options);
  if (std::string why = why_too_long(problem, horizon, options.memory_limit_bytes); !why.empty()) {
    LinearQuadraticSolution refused;
    refused.status = Status::refused;
    refused.message = std::move(why);
    return refused;
  }
  return horizon > 0 ? solve_finite(problem, horizon, options) : solve_stationary(problem, options);
}

double expected_reward(const LinearQuadratic& problem,
                       const std::vector<LinearQuadraticDecision>& decisions) {
  problem.validate();
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  return evaluate(problem, decisions, monitor, {});
}

namespace {

double evaluate(const LinearQuadratic& problem,
                const std::vector<LinearQuadraticDecision>& decisions,
                contraction::Monitor& monitor, const LinearQuadraticOptions& limits) {
  const LinearQuadraticGraph g = make_graph(problem, decisions.size(), 1.0, monitor);
  Family family(g.graph);
  family.clamp_gaussian(g.initial);
  for (std::size_t t = 0; t < decisions.size(); ++t) {
    const LinearQuadraticDecision& d = decisions[t];
    family.charge(g.controls[t], {g.states[t]},
                  GaussianTable::conditional({}, {problem.states, problem.controls},
                                             {{d.gain, d.offset, d.covariance}}),
                  kInfinity);
    family.clamp_gaussian(g.dynamics[t]);
  }
  VariationalOptions options;
  options.marginals = false;
  options.messages = false;
  options.time_limit_seconds = remaining_seconds(limits, monitor);
  options.observer = limits.observer;
  return maximize(g.graph, {}, family, options).value;
}

}  // namespace

}  // namespace credo::control
