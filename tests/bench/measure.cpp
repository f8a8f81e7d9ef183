#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
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

std::string lake_map(std::size_t side) {
  std::mt19937_64 random(11);
  std::string map;
  for (std::size_t r = 0; r < side; ++r) {
    for (std::size_t c = 0; c < side; ++c) {
      const bool safe = r + c < 3 || r + c + 5 > 2 * side;
      map += !safe && random() % 20 == 0 ? 'H' : 'F';
    }
    map += '\n';
  }
  map.front() = 'S';
  map[map.size() - 2] = 'G';
  return map;
}

std::string data_path(std::string_view name) {
  return std::string(CREDO_DATA_FOLDER) + "/" + std::string(name);
}

}  // namespace credo::bench
