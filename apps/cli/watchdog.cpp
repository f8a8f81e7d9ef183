// One thread that sleeps until a limit is over. Invariant: whoever holds state().mutex while the
// state says "watching" decides how the process ends; after a stop has begun nobody else gets on.

#include "watchdog.hpp"

#include "output.hpp"

#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <atomic>
#include <chrono>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace credo::cli::watchdog {
namespace {

using Seconds = std::chrono::duration<double>;

// How long after the limit the loops of the library have to come back with their own answer.
constexpr double kGraceShare = 0.01;
constexpr double kGraceSeconds = 0.02;
// The same where the work would lose the best that it has.
constexpr double kComeBackSeconds = 1.0;
// The same after an interrupt, which has no promised time.
constexpr double kInterruptGraceSeconds = 1.0;
constexpr Seconds kPollInterval{0.005};

std::atomic<bool> interrupt_seen{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

struct State {
  std::mutex mutex;
  bool watching = true;
  std::string phase = "starting";
  OnLimit on_limit = OnLimit::has_nothing;
  LastResort last_resort;
  std::optional<double> time_limit_seconds;
  Stopwatch since_start;
};

/// Never destroyed: the thread may look at it while the process ends.
State& state() {
  static State* const only = new State;
  return *only;
}

void on_interrupt(int) { interrupt_seen = true; }

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  // A second interrupt ends the program; a read that waits goes on waiting, for the watchdog.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(signal, &action, nullptr);
}

/// Why it is time to stop; empty while it is not.
std::string why_stop(const State& s, double since_interrupt) {
  const double limit = s.time_limit_seconds.value_or(kNaN);
  const bool comes_back = s.on_limit == OnLimit::comes_back && !s.last_resort;
  const double grace = kGraceShare * limit + (comes_back ? kComeBackSeconds : kGraceSeconds);
  if (s.since_start.seconds() > limit + grace) {
    return fmt::format("stopped at the time limit of {} s while {}", limit, s.phase);
  }
  if (since_interrupt > kInterruptGraceSeconds) {
    return fmt::format("interrupted while {}", s.phase);
  }
  return "";
}

/// Ends the process. The state's mutex is held for good.
[[noreturn]] void stop(State& s, const std::string& reason) {
  // What is written now is written whole.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  ExitCode code = ExitCode::stopped;
  try {
    if (s.last_resort) {
      code = s.last_resort(reason);
    } else {
      complain(reason);
    }
  } catch (const std::exception& error) {
    complain(fmt::format("{}; {}", reason, error.what()));
    code = ExitCode::stopped;
  }
  _exit(static_cast<int>(code));
}

void watch() {
  State& s = state();
  std::optional<Stopwatch> since_interrupt;
  for (;;) {
    std::this_thread::sleep_for(kPollInterval);
    if (interrupted() && !since_interrupt) since_interrupt.emplace();
    const std::lock_guard lock(s.mutex);
    if (!s.watching) continue;
    const std::string reason = why_stop(s, since_interrupt ? since_interrupt->seconds() : 0.0);
    if (!reason.empty()) stop(s, reason);
  }
}

}  // namespace

void start(std::optional<double> time_limit_seconds, const Stopwatch& since_start) {
  State& s = state();
  s.time_limit_seconds = time_limit_seconds;
  s.since_start = since_start;
  handle(SIGINT, on_interrupt);
  handle(SIGTERM, on_interrupt);
  // Signals go to the main thread, which blocks them while a file is half written.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(watch).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void enter(std::string phase, OnLimit on_limit) {
  const std::lock_guard lock(state().mutex);
  state().phase = std::move(phase);
  state().on_limit = on_limit;
}

std::string phase() {
  const std::lock_guard lock(state().mutex);
  return state().phase;
}

Part::Part(std::string phase) {
  const std::lock_guard lock(state().mutex);
  whole_ = std::exchange(state().phase, std::move(phase));
  on_limit_ = std::exchange(state().on_limit, OnLimit::has_nothing);
}

Part::~Part() {
  // A failure is told with the part that it happened in.
  if (std::uncaught_exceptions() == 0) enter(std::move(whole_), on_limit_);
}

bool interrupted() noexcept { return interrupt_seen; }

void set_last_resort(LastResort write_best_so_far) {
  const std::lock_guard lock(state().mutex);
  state().last_resort = std::move(write_best_so_far);
}

void release() {
  const std::lock_guard lock(state().mutex);
  state().watching = false;
}

void resume() {
  const std::lock_guard lock(state().mutex);
  state().watching = true;
}

}  // namespace credo::cli::watchdog
