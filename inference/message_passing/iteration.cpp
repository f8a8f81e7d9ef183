#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/message_passing/iteration.hpp>

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::array<std::pair<MessageSchedule, std::string_view>, 4> kSchedules{{
    {MessageSchedule::automatic, "auto"},
    {MessageSchedule::sequential, "sequential"},
    {MessageSchedule::parallel, "parallel"},
    {MessageSchedule::residual, "residual"},
}};

}  // namespace

std::string_view schedule_name(MessageSchedule schedule) noexcept {
  return schedule == MessageSchedule::automatic
             ? "automatic"
             : kSchedules[static_cast<std::size_t>(schedule)].second;
}

MessageSchedule require_schedule(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [schedule, known] : kSchedules) {
    if (known == name) return schedule;
    names.emplace_back(known);
  }
  throw OptionError(fmt::format("unknown schedule {}{}; expected one of {}", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

void IterationOptions::validate() const {
  if (!(damping >= 0.0 && damping < 1.0)) {
    throw OptionError(
        fmt::format("option damping: expected at least 0 and less than 1, got {}", damping));
  }
  if (!(tolerance > 0.0)) {
    throw OptionError(fmt::format("option tolerance: expected more than 0, got {}", tolerance));
  }
  if (maximum_iterations == 0) {
    throw OptionError("option maximum_iterations: expected at least 1, got 0");
  }
}

}  // namespace credo
