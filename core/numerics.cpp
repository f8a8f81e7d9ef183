#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace credo {

double log_add(double a, double b) noexcept {
  if (a < b) std::swap(a, b);
  if (b == -kInfinity || a == kInfinity) return a;
  return a + std::log1p(std::exp(b - a));
}

double log_sum_exp(std::span<const double> x) noexcept {
  double largest = -kInfinity;
  for (const double v : x) {
    if (std::isnan(v)) return kNaN;
    largest = std::max(largest, v);
  }
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (const double v : x) sum += std::exp(v - largest);
  return largest + std::log(sum);
}

double normalize(std::span<double> x) noexcept {
  double sum = 0.0;
  for (const double v : x) sum += v;
  if (sum > 0.0) {
    for (double& v : x) v /= sum;
  }
  return sum;
}

std::vector<double> softmax(std::span<const double> x) {
  std::vector<double> p(x.size(), 0.0);
  const double total = log_sum_exp(x);
  if (total == -kInfinity) return p;
  for (std::size_t i = 0; i < x.size(); ++i) p[i] = std::exp(x[i] - total);
  normalize(p);  // a large total has lost digits
  return p;
}

std::uint64_t saturating_product(std::span<const std::size_t> extents) noexcept {
  std::uint64_t product = 1;
  for (const std::size_t extent : extents) {
    if (__builtin_mul_overflow(product, static_cast<std::uint64_t>(extent), &product)) {
      // A zero extent later on would still make the true product zero.
      return std::ranges::find(extents, std::size_t{0}) != extents.end()
                 ? 0
                 : std::numeric_limits<std::uint64_t>::max();
    }
  }
  return product;
}

std::string describe_bytes(double bytes) {
  constexpr std::array<const char*, 7> kNames{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (bytes >= 1024.0 && unit + 1 < kNames.size()) {
    bytes /= 1024.0;
    ++unit;
  }
  if (bytes >= 1024.0) {
    return fmt::format("{:.3g} {}", bytes, kNames[unit]);
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kNames[unit]);
}

}  // namespace credo
