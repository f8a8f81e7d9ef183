#pragma once
// How an iterative algorithm visits its messages, and when it stops.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace credo {

/// In which order messages are renewed. On a forest every schedule ends with two sweeps, from the
/// leaves to the roots and back, which are exact.
enum class MessageSchedule : std::uint8_t {
  automatic,   ///< only the two sweeps on a forest; sequential otherwise
  sequential,  ///< factor after factor along a breadth-first order, back and forth
  parallel,    ///< all at once from the messages of the last iteration (flooding)
  residual,    ///< first the factor whose incoming messages changed most
};
/// The enumerator: "automatic", "sequential", ...
[[nodiscard]] std::string_view schedule_name(MessageSchedule schedule) noexcept;
/// The schedule of that name; "auto" is automatic. Throws OptionError with the nearest names.
[[nodiscard]] MessageSchedule require_schedule(std::string_view name);

/// Every default is valid.
struct IterationOptions {
  MessageSchedule schedule = MessageSchedule::automatic;
  /// Share of the old message kept, in [0, 1): log m <- (1 - d) log m_new + d log m_old.
  double damping = 0.0;
  /// Converged when no logarithm of a message (largest entry 0) changed by more nats; above 0.
  /// What rounding of a double can do to it does not count.
  double tolerance = 1e-9;
  /// At most so many, at least 1. An iteration renews every message once; of the residual
  /// schedule, as many factors as there are.
  std::size_t maximum_iterations = 1000;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

}  // namespace credo
