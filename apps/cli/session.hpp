#pragma once
// What surrounds long work: progress on a terminal, interrupts, the record for --trace.

#include "arguments.hpp"
#include "stopwatch.hpp"

#include <credo/inference/infer.hpp>

#include <string>
#include <vector>

namespace credo::cli {

/// Asks long work to stop after an interrupt and, on a terminal and after a second of work, draws
/// one line of progress that disappears again.
class Session {
 public:
  Session(const OutputArguments& output, Stopwatch since_start);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// For InferOptions::observer: false once interrupted. Valid while the session lives.
  [[nodiscard]] Observer observer();
  /// Erases the line and takes the watchdog off: what follows writes the answer.
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

/// The memory limit in bytes: as typed, or a share of what is free. Throws OptionError.
[[nodiscard]] double memory_limit_bytes(const EngineArguments& engine);

/// Puts the last resorts behind the limits in place, for the whole program and before anything is
/// read: the bound on memory and the watchdog. Throws OptionError on limits that are none.
void watch_limits(const EngineArguments& engine, const Stopwatch& since_start);

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
