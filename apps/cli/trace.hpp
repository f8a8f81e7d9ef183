#pragma once
// The record of a run: plan, messages, progress, timings, as JSON.

#include "answer.hpp"
#include "session.hpp"

#include <string>
#include <vector>

namespace credo::cli {

class JsonWriter;

/// The progress that was observed, as an array.
void write_events(JsonWriter& json, const std::vector<Session::Event>& events);

/// What was known of log Z, or of the best assignment, at some time.
struct BoundEvent {
  double seconds;
  std::string algorithm;
  std::string guarantee;
  double log_z;
  double log_z_lower;
  double log_z_upper;
  double log_value;
};
[[nodiscard]] BoundEvent bound_event(const Answer& answer, double seconds);

/// bounds: one per improvement, the last answer's at the end.
[[nodiscard]] std::string render_trace(const Answer& answer,
                                       const std::vector<Session::Event>& events,
                                       const std::vector<BoundEvent>& bounds);

}  // namespace credo::cli
