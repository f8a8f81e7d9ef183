#pragma once
// Seeded random numbers with the same bits on every platform: the standard
// fixes what std::mt19937_64 puts out, but not what its distributions make of it.

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace credo {

/// A seeded generator. Two of the same seed give the same draws.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform on [0, 1): a multiple of 2^-53.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  /// Uniform on [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform on {0, ..., count - 1}, without the bias of a plain remainder. count >= 1.
  std::size_t below(std::size_t count) {
    assert(count >= 1);
    const std::uint64_t n = count;
    const std::uint64_t excess = (UINT64_MAX % n + 1) % n;
    std::uint64_t draw = engine_();
    while (draw > UINT64_MAX - excess) draw = engine_();
    return static_cast<std::size_t>(draw % n);
  }

  /// A state below count drawn with probability proportional to weight(state) >= 0 (linear domain,
  /// not all zero); never a state of weight zero.
  template <typename Weight>
  std::size_t categorical(std::size_t count, const Weight& weight) {
    double total = 0.0;
    for (std::size_t state = 0; state < count; ++state) total += weight(state);
    double left = uniform() * total;
    std::size_t last = 0;
    for (std::size_t state = 0; state < count; ++state) {
      const double w = weight(state);
      if (w <= 0.0) continue;
      last = state;
      left -= w;
      if (left < 0.0) break;
    }
    return last;
  }
  std::size_t categorical(std::span<const double> weights) {
    return categorical(weights.size(), [weights](std::size_t state) { return weights[state]; });
  }

  /// Everything the next draws depend on, as text.
  [[nodiscard]] std::string state() const;
  /// Goes on with the draws that were next when the text was made. False, and left as it was, when
  /// state() did not write the text.
  [[nodiscard]] bool restore(std::string_view state);

 private:
  std::mt19937_64 engine_;
};

}  // namespace credo
