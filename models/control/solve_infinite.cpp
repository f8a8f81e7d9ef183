#include <credo/core/numerics.hpp>
#include <credo/models/control/greedy_choice.hpp>
#include <credo/models/control/solve_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

// The infinite horizon: the fixed point of the eliminated slice, V = 0 where the episode has ended,
// from the generic engine with its certificate.

namespace credo::control {
namespace {

/// The engine's reason in the process' words.
std::string explain(const ControlOptions& options, const std::string& reason, bool& breakdown) {
  // A value that grows is no fault of the worst dynamics.
  breakdown = options.method == Method::risk && options.rho < 0.0 &&
              reason.find("raises") == std::string::npos;
  if (!breakdown) return "the infinite horizon has no certified value: " + reason;
  return fmt::format(
      "breakdown at rho {}: the worst dynamics cost the controller more than their price, and no "
      "finite value exists ({}); take rho further below 0, a smaller discount or a horizon",
      options.rho, reason);
}

bool read_fixed_point(const Mdp& mdp, const ControlOptions& options, StationaryResult& result,
                      SolvedStep& step, ControlSolution& solution) {
  solution.status = result.status;
  solution.message = result.message;
  solution.algorithm_used = engine_name(result);
  solution.iterations = result.sweeps + result.newton_steps;
  if (result.status == Status::refused) {
    refuse(solution, explain(options, in_words_of(mdp, result.message), solution.breakdown));
  }
  if (!result.ok() && !stopped_with_values(result)) return false;
  solution.guarantee = result.guarantee;
  solution.certificate = result.ok() ? result.certificate : "none: stopped before its fixed point";
  solution.error_bound = result.error_bound * options.temperature;
  step.stationary_policy = std::move(result.conditional);
  if (result.ok() && step.backup.choice == ChoiceKind::arg_max) {
    step.stationary_policy =
        greedy_ending_policy(step, result.value, result.error_bound, step.stationary_policy);
  }
  std::vector<double>& value = solution.values.emplace_back(std::move(result.value));
  for (double& v : value) v *= options.temperature;
  solution.initial_value = initial_mean(mdp, value);
  return true;
}

}  // namespace

StationaryResult fixed_point(const Slice& slice, const ControlOptions& options,
                             const Watch& watch) {
  return stationary_message(slice, {options.temperature, options.tolerance, options.maximum_steps},
                            options.infer, watch);
}

void solve_infinite(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                    ControlSolution& solution) {
  auto step =
      std::make_shared<SolvedStep>(make_step(mdp, options, backup_of(options.method, options.rho)));
  if (std::string why = why_improper(mdp, step->trajectory, step->ended); !why.empty()) {
    return refuse(solution, std::move(why));
  }
  StationaryResult result = fixed_point(step->slices.front(), options, watch);
  if (!read_fixed_point(mdp, options, result, *step, solution)) return;
  solution.step = std::move(step);
  if (!result.ok()) {
    // What is left out, the bound and the returns, would be that of other values.
    solution.message += "; the values are those of the last sweep, not the fixed point";
    solution.status = Status::ok;
    solution.complete = false;
    return;
  }
  const std::string missing = evaluate(mdp, options, watch, solution);
  solution.status = Status::ok;
  solution.message = "answered" + missing;
}

}  // namespace credo::control
