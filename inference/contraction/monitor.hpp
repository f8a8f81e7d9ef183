#pragma once
// Deadlines, cancellation and progress of one inference.

#include <credo/inference/infer.hpp>

#include <chrono>
#include <string>
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
  /// Counts operations of a loop, each a few nanoseconds, and checks after every million of them.
  void count(double operations, std::string_view phase, double fraction) {
    uncounted_ -= operations;
    if (uncounted_ > 0.0) return;
    uncounted_ = kOperationsPerCheck;
    check(phase, fraction);
  }
  /// The same question without throwing.
  [[nodiscard]] bool may_continue(std::string_view phase, double fraction);
  [[nodiscard]] double elapsed_seconds() const;
  /// Why it said no: deadline or cancelled; ok before.
  [[nodiscard]] Status stopped() const noexcept { return stopped_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kOperationsPerCheck = 1e6;
  const InferOptions& options_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_report_{};  // long ago: the first check reports
  Status stopped_ = Status::ok;
  double uncounted_ = kOperationsPerCheck;
};

/// The limits and the observer of another options struct; the default memory where it has none.
template <class Options>
[[nodiscard]] InferOptions limits_of(const Options& options) {
  InferOptions limits;
  if constexpr (requires { options.memory_limit_bytes; }) {
    limits.memory_limit_bytes = options.memory_limit_bytes;
  }
  if constexpr (requires { options.time_spent_seconds; }) {
    limits.time_spent_seconds = options.time_spent_seconds;
  }
  limits.time_limit_seconds = options.time_limit_seconds;
  limits.observer = options.observer;
  return limits;
}

/// What a result says that was stopped with some of the samples asked for.
[[nodiscard]] std::string samples_message(const Result& result, const Query& query,
                                          const InferOptions& options);

/// What a result that was stopped says; the limit is the one that was asked, in seconds.
[[nodiscard]] std::string stop_message(Status stopped, double time_limit_seconds);

}  // namespace credo::contraction
