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

[[nodiscard]] std::string render_trace(const Answer& answer,
                                       const std::vector<Session::Event>& events);

}  // namespace credo::cli
