#include <credo/core/numerics.hpp>
#include <credo/models/control/greedy_choice.hpp>
#include <credo/models/control/solve_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

// The infinite horizon: the fixed point of the eliminated slice, V = 0 where the episode has ended,
// from the generic engine with its certificate. Problems without an end within reach are refused
// by name of the state before any work. Puterman 1994, chapters 6 and 7.

namespace credo::control {
namespace {

constexpr double kDefaultTolerance = 1e-10;
/// What rounding may take when no tolerance was asked for, relative to the values.
constexpr double kRoundingTolerance = 1e-6;

/// Why there is no fixed point, as far as it can be seen before solving; empty when it may exist.
std::string why_improper(const Mdp& mdp, const ControlOptions& options, const SolvedStep& step) {
  if (!mdp.final_reward().empty()) {
    return "an infinite horizon has no last step for the final reward: give a horizon";
  }
  if (options.discount.value_or(mdp.discount()) < 1.0) return "";
  const std::vector<std::size_t> steps = steps_to_end(step.trajectory, step.ended);
  const auto stuck = std::find(steps.begin(), steps.end(), kNoState);
  if (stuck == steps.end()) return "";
  return fmt::format(
      "no value exists for the infinite horizon without discount: no terminal state can be reached "
      "from state {}; give a horizon, or a discount below 1",
      mdp.state_name(static_cast<std::size_t>(stuck - steps.begin())));
}

/// The engine's reason in the process' words.
std::string explain(const ControlOptions& options, const std::string& reason, bool& breakdown) {
  breakdown = options.method == Method::risk && options.rho < 0.0;
  if (!breakdown) return "the infinite horizon has no certified value: " + reason;
  return fmt::format(
      "breakdown at rho {}: the worst dynamics cost the controller more than their price, and no "
      "finite value exists ({}); take rho further below 0, a smaller discount or a horizon",
      options.rho, reason);
}

bool is_close_enough(const ControlOptions& options, ControlSolution& solution) {
  const double allowed =
      options.tolerance.value_or(kRoundingTolerance * largest_value(solution.values.front()));
  if (solution.error_bound <= allowed) return true;
  refuse(solution, fmt::format("after {} backward steps the values are certified to {:.3g} only, "
                               "the tolerance is {:.3g}: raise the tolerance",
                               solution.iterations, solution.error_bound, allowed));
  solution.values.clear();
  return false;
}

bool read_fixed_point(const Mdp& mdp, const ControlOptions& options, StationaryResult& result,
                      SolvedStep& step, ControlSolution& solution) {
  solution.status = result.status;
  solution.message = result.message;
  solution.algorithm_used = "slice, " + result.method_used;
  solution.iterations = result.sweeps + result.newton_steps;
  if (result.status == Status::refused) {
    refuse(solution, explain(options, result.message, solution.breakdown));
  }
  if (!result.ok()) return false;
  solution.guarantee = result.guarantee;
  solution.certificate = result.certificate;
  solution.error_bound = result.error_bound * options.temperature;
  step.stationary_policy = std::move(result.conditional);
  if (step.backup.choice == ChoiceKind::arg_max) {
    step.stationary_policy =
        greedy_ending_policy(step, result.value, result.error_bound, step.stationary_policy);
  }
  std::vector<double>& value = solution.values.emplace_back(std::move(result.value));
  for (double& v : value) v *= options.temperature;
  solution.initial_value = initial_mean(mdp, value);
  return is_close_enough(options, solution);
}

}  // namespace

StationaryResult fixed_point(const Slice& slice, const ControlOptions& options,
                             const Watch& watch) {
  StationaryOptions stationary;
  stationary.tolerance = options.tolerance.value_or(kDefaultTolerance) / options.temperature;
  stationary.maximum_sweeps = options.maximum_steps;
  stationary.time_limit_seconds =
      std::max(1e-3, options.infer.time_limit_seconds - watch.seconds());
  stationary.memory_limit_bytes = options.infer.memory_limit_bytes;
  stationary.observer = options.infer.observer;
  return credo::solve_stationary(slice, stationary);
}

void solve_infinite(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                    ControlSolution& solution) {
  auto step =
      std::make_shared<SolvedStep>(make_step(mdp, options, backup_of(options.method, options.rho)));
  if (std::string why = why_improper(mdp, options, *step); !why.empty()) {
    return refuse(solution, std::move(why));
  }
  StationaryResult result = fixed_point(step->slices.front(), options, watch);
  if (!read_fixed_point(mdp, options, result, *step, solution)) return;
  solution.step = std::move(step);
  if (!evaluate(mdp, options, watch, solution)) return;
  solution.message = "answered";
}

}  // namespace credo::control
