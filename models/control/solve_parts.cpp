#include <credo/core/numerics.hpp>
#include <credo/models/control/solve_parts.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <fmt/format.h>

#include <utility>

namespace credo::control {

PosteriorOptions posterior_options(const ControlOptions& options) {
  PosteriorOptions result;
  result.temperature = options.temperature;
  result.prior = options.prior;
  result.action_prior = options.action_prior;
  result.horizon = options.horizon;
  result.discount = options.discount;
  result.final_value = options.final_value;
  result.tolerance = options.tolerance;
  result.maximum_steps = options.maximum_steps;
  result.infer = options.infer;
  return result;
}

SolvedStep make_step(const Mdp& mdp, const ControlOptions& options, const Backup& backup) {
  TrajectoryOptions trajectory;
  trajectory.horizon = 1;
  trajectory.temperature = options.temperature;
  trajectory.prior = options.prior;
  trajectory.action_prior = options.action_prior;
  trajectory.count_after_end = options.method == Method::map || options.method == Method::mmap;
  trajectory.discount = options.discount.value_or(mdp.discount());
  trajectory.rho = backup.rho;
  SolvedStep step;
  step.trajectory = make_trajectory(mdp, trajectory);
  step.backup = backup;
  step.ended.assign(step.trajectory.state_count, 0);
  step.terminal.assign(mdp.terminal().begin(), mdp.terminal().end());
  if (!options.horizon) {
    for (const std::size_t s : step.terminal) step.ended[s] = 1;
  }
  // Whoever maximises over actions weighs those of the sink, too.
  if (step.trajectory.has_sink && !trajectory.count_after_end) step.ended.back() = 1;
  if (step.trajectory.has_sink && trajectory.count_after_end) {
    step.sink_value.assign(*options.horizon + 1, 0.0);
  }
  step.slices.emplace_back(describe_step(step.trajectory, backup, step.ended));
  return step;
}

std::vector<double> last_value(const Mdp& mdp, const ControlOptions& options) {
  const std::span<const double> last =
      options.final_value.empty() ? mdp.final_reward() : options.final_value;
  std::vector<double> result(last.begin(), last.end());
  result.resize(mdp.state_count(), 0.0);
  return result;
}

std::vector<double> in_nats(std::span<const double> value, double temperature) {
  std::vector<double> result(value.begin(), value.end());
  for (double& x : result) x /= temperature;
  return result;
}

double initial_mean(const Mdp& mdp, std::span<const double> x) {
  if (x.empty()) return kNaN;
  CompensatedSum sum;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] > 0.0) sum.add(mdp.initial()[s] * x[s]);
  }
  return sum.value();
}

void refuse(ControlSolution& solution, std::string why) {
  solution.status = Status::refused;
  solution.guarantee = Guarantee::none;
  solution.message = std::move(why);
}

bool is_stopped(ControlSolution& solution, const ControlOptions& options, const Watch& watch,
                double fraction) {
  if (watch.seconds() + options.infer.time_spent_seconds > options.infer.time_limit_seconds) {
    solution.status = Status::deadline;
    solution.message = fmt::format("the time limit of {:.3g} s came before the last step backward",
                                   options.infer.time_limit_seconds);
    return true;
  }
  if (options.infer.observer &&
      !options.infer.observer(Progress{"backward", fraction, watch.seconds()})) {
    solution.status = Status::cancelled;
    solution.message = "cancelled by the observer";
    return true;
  }
  return false;
}

namespace {

/// Bytes per decision: V_t(s) in a vector of its own, and what the method adds to it.
double bytes_per_step(const Mdp& mdp, const ControlOptions& options) {
  constexpr double kVector = 48.0;  // its header, and the heap's
  const double values = static_cast<double>(mdp.state_count()) * sizeof(double) + kVector;
  switch (options.method) {
    case Method::map:
      return values + 2.0 * sizeof(std::size_t) + sizeof(double);
    case Method::mmap:
      return values + predicted_graph_bytes(1);
    default:
      return values;
  }
}

}  // namespace

std::string why_too_large(const Mdp& mdp, const ControlOptions& options) {
  const double tables = predicted_table_bytes(mdp);
  const double steps = options.horizon ? static_cast<double>(*options.horizon) + 1.0 : 1.0;
  const double values = steps * bytes_per_step(mdp, options);
  const double limit = largest_usable_bytes(options.infer.memory_limit_bytes);
  if (tables + values <= limit) return "";
  if (tables > values) {
    return fmt::format(
        "the tables of {} states, {} actions and {} outcomes need at least {}, the limit is {}",
        mdp.state_count(), mdp.action_count(), mdp.outcome_count(), describe_bytes(tables),
        describe_bytes(limit));
  }
  return fmt::format(
      "the {} of {} decisions needs {}, the limit is {}; try a smaller horizon or the infinite one",
      options.method == Method::mmap  ? "graph and the plan"
      : options.method == Method::map ? "values and the trajectory"
                                      : "values",
      steps - 1.0, describe_bytes(values), describe_bytes(limit));
}

bool run_backward(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                  SolvedStep& step, ControlSolution& solution) {
  const std::size_t horizon = *options.horizon;
  std::vector<double> next = last_value(mdp, options);
  solution.values.assign(horizon + 1, {});
  solution.values[horizon] = next;
  next = step.message(horizon, next);
  std::vector<double> message(next.size());
  for (std::size_t t = horizon; t-- > 0;) {
    if (is_stopped(solution, options, watch,
                   static_cast<double>(horizon - t) / static_cast<double>(horizon))) {
      solution.values.clear();
      return false;
    }
    step.slice(t).apply(next, message);
    std::vector<double>& value = solution.values[t];
    value.assign(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(mdp.state_count()));
    for (double& v : value) v *= options.temperature;
    if (!step.sink_value.empty()) step.sink_value[t] = message.back();
    std::swap(next, message);
  }
  solution.initial_value = initial_mean(mdp, solution.values.front());
  if (solution.algorithm_used.empty()) solution.algorithm_used = "slice";
  return true;
}

}  // namespace credo::control
