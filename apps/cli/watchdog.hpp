#pragma once
// Ends the program on time, also where some work does not look at the clock.
//
// Every loop of the library looks at its limits, and the answer normally comes from there. This is
// the last resort behind those loops: it also covers reading a model, which knows no limits.

#include "exit_code.hpp"
#include "stopwatch.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace credo::cli::watchdog {

/// Starts to watch: at the time limit (seconds since since_start; none: only interrupts), and a
/// while after the first interrupt (SIGINT or SIGTERM), the last resort runs and the process ends
/// with its exit code. A second interrupt ends the process at once. Called once, by main.
void start(std::optional<double> time_limit_seconds, const Stopwatch& since_start);

/// Whether work that runs into a limit comes back by itself with the best it has.
enum class OnLimit : std::uint8_t { has_nothing, comes_back };

/// Names what the program is doing now, for the message of a stop ("reading the model"). Work that
/// comes back gets a second more before it is stopped, unless a last resort holds its best.
void enter(std::string phase, OnLimit on_limit = OnLimit::has_nothing);
[[nodiscard]] std::string phase();

/// Names a part of what the program is doing, which has nothing to come back with; afterwards the
/// whole goes on.
class Part {
 public:
  explicit Part(std::string phase);
  ~Part();
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

 private:
  std::string whole_;
  OnLimit on_limit_;
};

/// True once SIGINT or SIGTERM came.
[[nodiscard]] bool interrupted() noexcept;

/// Writes the best answer so far, given why the work was stopped, and returns the exit code.
using LastResort = std::function<ExitCode(const std::string& reason)>;

/// Sets what a stop does, on a thread of its own. Without it (nullptr, as at the start) a stop says
/// what the program was doing and ends with ExitCode::stopped.
void set_last_resort(LastResort write_best_so_far);

/// Stops watching: the work has ended, and what is left is to write its answer. Does not return
/// when a stop has already begun.
void release();

/// Watches again, for work that follows a release().
void resume();

}  // namespace credo::cli::watchdog
