#pragma once
// Deadlines, cancellation and progress of one inference.

#include <credo/inference/infer.hpp>

#include <chrono>
#include <string_view>

namespace credo::contraction {

/// Thrown by Monitor::check, caught by the task driver, never seen by callers.
struct Stopped {
  Status status;
};

class Monitor {
 public:
  explicit Monitor(const InferOptions& options) : options_(options) {}

  /// Throws Stopped when the deadline passed or the observer said no.
  void check(std::string_view phase, double fraction);
  /// The same question without throwing.
  [[nodiscard]] bool may_continue(std::string_view phase, double fraction);
  [[nodiscard]] double elapsed_seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  const InferOptions& options_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_report_{};  // long ago: the first check reports
  Status stopped_ = Status::ok;
};

}  // namespace credo::contraction
