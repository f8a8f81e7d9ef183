#include "session.hpp"

#include "limits.hpp"
#include "watchdog.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/algorithms.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cstdio>

namespace credo::cli {
namespace {

constexpr double kSilentSeconds = 1.0;
constexpr double kRedrawSeconds = 0.1;
constexpr std::size_t kMostEvents = 4096;

}  // namespace

Session::Session(const OutputArguments& output, Stopwatch since_start)
    : since_start_(since_start),
      draws_(!output.quiet && !output.no_progress && isatty(STDERR_FILENO) == 1),
      records_(!output.trace_path.empty()) {
  watchdog::enter("working on the answer", watchdog::OnLimit::comes_back);
}

Session::~Session() { finish(); }

Observer Session::observer() {
  return [this](const Progress& progress) { return observe(progress); };
}

bool Session::observe(const Progress& progress) {
  const double now = since_start_.seconds();
  if (records_ && events_.size() < kMostEvents &&
      (events_.empty() || events_.back().phase != progress.phase ||
       progress.elapsed_seconds - events_.back().elapsed_seconds > 1e-3)) {
    events_.push_back({std::string(progress.phase), progress.fraction, progress.elapsed_seconds});
  }
  if (draws_ && now > kSilentSeconds && now - last_drawn_seconds_ > kRedrawSeconds) {
    const double percent = 100.0 * std::clamp(progress.fraction, 0.0, 1.0);
    const std::string line =
        fmt::format("\r\x1b[K{} {:.0f} %, {:.1f} s", progress.phase, percent, now);
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
    last_drawn_seconds_ = now;
    drawn_ = true;
  }
  return !watchdog::interrupted();
}

void Session::finish() {
  watchdog::release();
  if (drawn_) {
    std::fputs("\r\x1b[K", stderr);
    std::fflush(stderr);
    drawn_ = false;
  }
}

namespace {

/// "--algorithm belief_propagation or mean_field": those that iterate like this, or do more.
std::string owners(Iterates least) {
  std::string text;
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.iterates < least) continue;
    text += fmt::format("{}{}", text.empty() ? "--algorithm " : " or ", algorithm.name);
  }
  return text;
}

/// What only algorithms that iterate understand must not be passed over in silence.
void check_iteration(const EngineArguments& engine) {
  if (engine.algorithm == "auto") return;
  const Iterates iterates = require_algorithm(engine.algorithm).iterates;
  const auto require = [&](bool given, const char* option, Iterates least) {
    if (!given || iterates >= least) return;
    throw OptionError(fmt::format("{} belongs to {}, got --algorithm {}", option, owners(least),
                                  engine.algorithm));
  };
  require(engine.schedule != "auto", "--schedule", Iterates::messages);
  require(engine.damping.has_value(), "--damping", Iterates::messages);
  require(engine.tolerance.has_value(), "--tolerance", Iterates::sweeps);
  require(engine.iterations.has_value(), "--iterations", Iterates::sweeps);
}

}  // namespace

double memory_limit_bytes(const EngineArguments& engine) {
  return engine.memory_limit.empty() ? default_memory_limit_bytes()
                                     : parse_size_bytes(engine.memory_limit);
}

void watch_limits(const EngineArguments& engine, const Stopwatch& since_start) {
  const double limit = engine.time_limit_seconds.value_or(1.0);
  if (!(limit > 0.0)) {
    throw OptionError(fmt::format("time limit {} is not a positive number of seconds", limit));
  }
  bound_memory(memory_limit_bytes(engine));
  watchdog::start(engine.time_limit_seconds, since_start);
}

InferOptions make_infer_options(const EngineArguments& engine, const Stopwatch& since_start) {
  InferOptions options;
  if (engine.algorithm != "auto") {
    options.algorithm = require_algorithm(engine.algorithm).name;
  }
  check_iteration(engine);
  options.memory_limit_bytes = memory_limit_bytes(engine);
  if (engine.time_limit_seconds) {
    options.time_limit_seconds = *engine.time_limit_seconds;
    options.time_spent_seconds = since_start.seconds();
  }
  options.threads = engine.threads;
  options.plan.seed = engine.seed;
  options.iteration.schedule = require_schedule(engine.schedule);
  options.iteration.damping = engine.damping.value_or(options.iteration.damping);
  options.iteration.tolerance = engine.tolerance.value_or(options.iteration.tolerance);
  options.iteration.maximum_iterations =
      engine.iterations.value_or(options.iteration.maximum_iterations);
  return options;
}

double remaining_seconds(const InferOptions& options) {
  return std::max(options.time_limit_seconds - options.time_spent_seconds, 1e-9);
}

std::string message_of(Status status, const std::string& message, const EngineArguments& engine) {
  if (status != Status::deadline || !engine.time_limit_seconds) return message;
  return fmt::format("stopped at the time limit of {} s", *engine.time_limit_seconds);
}

}  // namespace credo::cli
