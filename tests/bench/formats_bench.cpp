// Reading UAI text, beside a loop of std::from_chars over the same numbers.

#include "measure.hpp"

#include <credo/core/formats/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <random>
#include <string>

namespace credo::bench {
namespace {

constexpr std::size_t kTables = 400;
constexpr std::size_t kEntries = 1U << 12U;

/// A Markov network of wide binary tables with full-precision entries: about 32 MB.
const std::string& large_model() {
  static const std::string text = [] {
    std::mt19937_64 random(9);
    std::uniform_real_distribution<double> entry(0.0, 1.0);
    fmt::memory_buffer out;
    auto to = std::back_inserter(out);
    fmt::format_to(to, "MARKOV\n64\n");
    for (int v = 0; v < 64; ++v) fmt::format_to(to, "2 ");
    fmt::format_to(to, "\n{}\n", kTables);
    for (std::size_t t = 0; t < kTables; ++t) {
      fmt::format_to(to, "12");
      for (std::size_t k = 0; k < 12; ++k) fmt::format_to(to, " {}", (t + 5 * k) % 64);
      fmt::format_to(to, "\n");
    }
    for (std::size_t t = 0; t < kTables; ++t) {
      fmt::format_to(to, "\n{}\n", kEntries);
      for (std::size_t i = 0; i < kEntries; ++i) fmt::format_to(to, "{} ", entry(random));
    }
    return fmt::to_string(out);
  }();
  return text;
}

void read_uai(benchmark::State& state) {
  const std::string& text = large_model();
  const Stopwatch stopwatch;
  for (auto _ : state) benchmark::DoNotOptimize(read_model(text, Format::uai, "memory"));
  stopwatch.report(state);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(read_uai)->Unit(benchmark::kMillisecond);

void numbers_by_from_chars(benchmark::State& state) {
  const std::string& text = large_model();
  const Stopwatch stopwatch;
  for (auto _ : state) {
    double sum = 0.0;
    const char* end = text.data() + text.size();
    for (const char* at = text.data() + text.find('\n'); at < end;) {
      double value = 0.0;
      at = std::find_if(at, end, [](char c) { return c != ' ' && c != '\n'; });
      at = std::from_chars(at, end, value).ptr;
      sum += value;
    }
    benchmark::DoNotOptimize(sum);
  }
  stopwatch.report(state);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(numbers_by_from_chars)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
