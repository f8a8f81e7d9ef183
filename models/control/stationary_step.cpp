#include <credo/core/numerics.hpp>
#include <credo/models/control/greedy_choice.hpp>
#include <credo/models/control/stationary_step.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

// Problems without an end within reach are refused by name of the state before any work; the rest
// is the generic engine's. Puterman 1994, chapters 6 and 7.

namespace credo::control {
namespace {

constexpr double kDefaultTolerance = 1e-12;
/// What rounding may take when no tolerance was asked for, relative to the values.
constexpr double kRoundingTolerance = 1e-6;

/// The largest error that is accepted, in units of reward.
double accepted_error(const StationaryQuestion& question, const StationaryResult& result) {
  return question.tolerance.value_or(kRoundingTolerance * question.temperature *
                                     largest_value(result.value));
}

}  // namespace

std::string why_improper(const Mdp& mdp, const Trajectory& trajectory,
                         const std::vector<char>& ended) {
  if (!mdp.final_reward().empty()) {
    return "an infinite horizon has no last step for the final reward: give a horizon";
  }
  if (trajectory.has_sink) return "";
  const std::vector<std::size_t> steps = steps_to_end(trajectory, ended);
  const auto stuck = std::find(steps.begin(), steps.end(), kNoState);
  if (stuck == steps.end()) return "";
  return fmt::format(
      "no value exists for the infinite horizon without discount: no terminal state can be reached "
      "from state {}; give a horizon, or a discount below 1",
      mdp.state_name(static_cast<std::size_t>(stuck - steps.begin())));
}

std::string engine_name(const StationaryResult& result) {
  return result.method_used.empty() ? "slice" : fmt::format("slice, {}", result.method_used);
}

bool stopped_with_values(const StationaryResult& result) noexcept {
  const bool stopped = result.status == Status::deadline || result.status == Status::cancelled;
  return stopped && result.sweeps > 0 && !result.value.empty();
}

std::string in_words_of(const Mdp& mdp, std::string message) {
  constexpr std::string_view kContext = "context ";
  for (std::size_t at = message.find(kContext); at != std::string::npos;
       at = message.find(kContext, at + 1)) {
    const std::size_t digits = at + kContext.size();
    std::size_t state = mdp.state_count();
    const auto [end, failure] =
        std::from_chars(message.data() + digits, message.data() + message.size(), state);
    if (failure != std::errc{} || state >= mdp.state_count()) continue;
    const auto length = static_cast<std::size_t>(end - message.data()) - at;
    message.replace(at, length, "state " + mdp.state_name(state));
  }
  return message;
}

StationaryResult stationary_message(const Slice& slice, const StationaryQuestion& question,
                                    const InferOptions& infer, const Watch& watch) {
  StationaryOptions options;
  options.tolerance = question.tolerance.value_or(kDefaultTolerance) / question.temperature;
  options.maximum_sweeps = question.maximum_steps;
  options.time_limit_seconds =
      std::max(1e-3, infer.time_limit_seconds - infer.time_spent_seconds - watch.seconds());
  options.memory_limit_bytes = infer.memory_limit_bytes;
  options.observer = infer.observer;
  StationaryResult result = credo::solve_stationary(slice, options);
  if (!result.ok()) return result;
  const double error = result.error_bound * question.temperature;
  if (const double accepted = accepted_error(question, result); !(error <= accepted)) {
    result.status = Status::refused;
    result.message = fmt::format(
        "after {} backward steps the values are certified to {:.3g} only, the tolerance is {:.3g}: "
        "raise the tolerance",
        result.sweeps + result.newton_steps, error, accepted);
  }
  return result;
}

}  // namespace credo::control
