#pragma once
// What surrounds long work: progress on a terminal, interrupts, the record for --trace.

#include "arguments.hpp"

#include <credo/inference/infer.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace credo::cli {

/// Seconds since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Catches the first interrupt (a second one ends the program) and, on a
/// terminal and after a second of work, draws one line of progress that
/// disappears again.
class Session {
 public:
  Session(const OutputArguments& output, Stopwatch since_start);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// For InferOptions::observer: false once interrupted. Valid while the session lives.
  [[nodiscard]] Observer observer();
  /// Erases the line.
  void finish();

  struct Event {
    std::string phase;
    double fraction;
    double elapsed_seconds;
  };
  /// What the observer saw, thinned to at most some thousands.
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }

 private:
  bool observe(const Progress& progress);

  Stopwatch since_start_;
  bool draws_ = false;
  bool records_ = false;
  bool drawn_ = false;
  double last_drawn_seconds_ = 0.0;
  std::vector<Event> events_;
};

/// The engine's options from the command line; the time already spent counts
/// against the limit, as time_spent_seconds. Throws OptionError.
[[nodiscard]] InferOptions make_infer_options(const EngineArguments& engine,
                                              const Stopwatch& since_start);

/// For options that have a limit only.
[[nodiscard]] double remaining_seconds(const InferOptions& options);
/// The message of a result. Where it was given what remained of the time limit, and stopped there,
/// the limit that was asked.
[[nodiscard]] std::string message_of(Status status, const std::string& message,
                                     const EngineArguments& engine);

}  // namespace credo::cli
