#include <credo/inference/contraction/monitor.hpp>

#include <fmt/format.h>

namespace credo::contraction {

namespace {

// The observer is called at most this often, in seconds.
constexpr double kReportInterval = 0.02;

}  // namespace

double Monitor::elapsed_seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

bool Monitor::may_continue(std::string_view phase, double fraction) {
  if (stopped_ != Status::ok) return false;
  const auto now = Clock::now();
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  if (elapsed + options_.time_spent_seconds > options_.time_limit_seconds) {
    stopped_ = Status::deadline;
    return false;
  }
  if (!options_.observer ||
      std::chrono::duration<double>(now - last_report_).count() < kReportInterval) {
    return true;
  }
  last_report_ = now;
  if (!options_.observer({phase, fraction, elapsed})) stopped_ = Status::cancelled;
  return stopped_ == Status::ok;
}

void Monitor::check(std::string_view phase, double fraction) {
  if (!may_continue(phase, fraction)) throw Stopped{stopped_};
}

std::string stop_message(Status stopped, double time_limit_seconds) {
  if (stopped == Status::cancelled) return "interrupted";
  return fmt::format("stopped at the time limit of {:.3g} s", time_limit_seconds);
}

std::string samples_message(const Result& result, const Query& query, const InferOptions& options) {
  return fmt::format("{} of {} samples drawn: {}", result.samples.size(), query.sample_count,
                     stop_message(result.status, options.time_limit_seconds));
}

}  // namespace credo::contraction
