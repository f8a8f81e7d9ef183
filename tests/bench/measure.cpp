#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace credo::bench {

double calibration_seconds() {
  static const double seconds = [] {
    constexpr std::size_t kSize = 2048;
    constexpr int kRepetitions = 4883;  // 10^7 / 2048
    std::vector<double> a(kSize, 1.0 + 1e-9);
    std::vector<double> b(kSize, 1.0);
    double best = 1e9;
    for (int trial = 0; trial < 5; ++trial) {
      const auto start = std::chrono::steady_clock::now();
      for (int r = 0; r < kRepetitions; ++r) {
        for (std::size_t i = 0; i < kSize; ++i) b[i] = b[i] * a[i] + 1e-12;
        benchmark::DoNotOptimize(b.data());
        benchmark::ClobberMemory();
      }
      const auto end = std::chrono::steady_clock::now();
      best = std::min(best, std::chrono::duration<double>(end - start).count());
    }
    return best;
  }();
  return seconds;
}

void Stopwatch::report(benchmark::State& state) const {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
  state.counters["calibrations"] =
      elapsed.count() / static_cast<double>(state.iterations()) / calibration_seconds();
}

void report_error(benchmark::State& state, double error) { state.counters["error"] = error; }

std::string data_path(std::string_view name) {
  return std::string(CREDO_DATA_FOLDER) + "/" + std::string(name);
}

}  // namespace credo::bench
