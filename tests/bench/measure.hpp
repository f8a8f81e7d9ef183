#pragma once
// What every benchmark reports beside its seconds: a ratio within the same run, and
// the largest error of its answers.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace credo::bench {

/// Seconds of one calibration loop on this machine, measured once per run: 10^7
/// multiplications and additions over 16 KiB of doubles.
[[nodiscard]] double calibration_seconds();

/// Made just before the loop of a benchmark.
class Stopwatch {
 public:
  /// Adds the counter "calibrations": the time of one iteration in calibration loops, which
  /// depends less on the machine and its load than seconds do. Call just after the loop.
  void report(benchmark::State& state) const;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Adds the counter "error": the largest difference from a known answer.
void report_error(benchmark::State& state, double error);

/// A frozen lake of side x side cells, always the same: holes with probability 1/20, none beside
/// the start or the goal's corner.
[[nodiscard]] std::string lake_map(std::size_t side);

/// Path of a file under tests/data.
[[nodiscard]] std::string data_path(std::string_view name);

}  // namespace credo::bench
