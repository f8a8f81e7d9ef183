#pragma once
// A result with what is needed to show it, and its renderings.

#include "exit_code.hpp"

#include <credo/inference/infer.hpp>

#include <string>
#include <string_view>

namespace credo::cli {

class JsonWriter;

/// Borrows everything.
struct Answer {
  const FactorGraph& graph;
  const Evidence& evidence;
  const Query& query;
  const Result& result;
  double load_seconds;
};

/// Whether there is anything to show, be it complete or the best until a deadline.
[[nodiscard]] bool has_answer(const Answer& answer);
[[nodiscard]] ExitCode exit_code(const Answer& answer);
/// Why there is no answer, for standard error: the message, and the minimal
/// conflicting findings by name.
[[nodiscard]] std::string explain(const Answer& answer);

/// "text", "json", "uai" or "csv". Anything but JSON needs has_answer().
[[nodiscard]] std::string render(const Answer& answer, std::string_view format);
[[nodiscard]] std::string render_text(const Answer& answer);
[[nodiscard]] std::string render_json(const Answer& answer);
/// The fields task, status, message, guarantee, algorithm of an object that is being written.
void write_outcome(JsonWriter& json, const Answer& answer);
/// Its field timings: load, plan, infer, in seconds.
void write_timings(JsonWriter& json, const Answer& answer);
[[nodiscard]] std::string render_uai(const Answer& answer);
/// A header of variable names, then lines of state names, quoted as RFC 4180 says.
[[nodiscard]] std::string render_csv(const Answer& answer);

}  // namespace credo::cli
