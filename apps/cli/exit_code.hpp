#pragma once
// Exit codes of the program: scripts depend on them.

#include <credo/inference/result.hpp>

#include <stdexcept>

namespace credo::cli {

enum class ExitCode : int {
  answered = 0,     ///< an answer was written
  wrong_input = 1,  ///< the model, evidence or options are wrong
  refused = 2,      ///< over budget, or nothing here can answer
  impossible = 3,   ///< the evidence has probability zero
  stopped = 4,      ///< stopped without any answer
};

/// The code of a run that ended with this status, answered when ok.
[[nodiscard]] constexpr ExitCode exit_code_of(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return ExitCode::answered;
    case Status::impossible_evidence:
      return ExitCode::impossible;
    case Status::deadline:
    case Status::cancelled:
      return ExitCode::stopped;
    default:
      return ExitCode::refused;
  }
}

/// What the program cannot do although the request is well formed: a missing
/// tool, a method that is not built. what() says what is available.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace credo::cli
