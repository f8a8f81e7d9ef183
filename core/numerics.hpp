#pragma once
// Log-domain and scaling helpers. Logarithms are natural unless named log2_.

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace credo {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// log(exp(a) + exp(b)), exact for infinite arguments: log_add(-inf, -inf) = -inf.
[[nodiscard]] double log_add(double a, double b) noexcept;

/// log sum_i exp(x_i); -inf for an empty or all -inf span. NaN propagates.
/// Error below n ulp of the result plus 1 ulp of max |x_i|.
[[nodiscard]] double log_sum_exp(std::span<const double> x) noexcept;

/// Divides x by its sum in place and returns the sum. Left untouched when the sum is 0.
double normalize(std::span<double> x) noexcept;

/// exp(x - log_sum_exp(x)): probabilities from unnormalised natural logarithms.
/// All zeros when every entry is -inf.
[[nodiscard]] std::vector<double> softmax(std::span<const double> x);

/// Product of extents, saturating at the largest 64-bit unsigned integer.
[[nodiscard]] std::uint64_t saturating_product(std::span<const std::size_t> extents) noexcept;

/// Kahan-Neumaier compensated sum: long products of factors (20,000-variable
/// chains) add as many logarithms, and plain summation would lose 4 digits.
class CompensatedSum {
 public:
  void add(double x) noexcept {
    const double t = sum_ + x;
    if (std::isfinite(t)) {
      compensation_ += std::fabs(sum_) >= std::fabs(x) ? (sum_ - t) + x : (x - t) + sum_;
    }
    sum_ = t;
  }
  [[nodiscard]] double value() const noexcept { return sum_ + compensation_; }

 private:
  double sum_ = 0.0;
  double compensation_ = 0.0;
};

/// Bytes for people, in powers of 1024: "12 bytes", "1.5 GiB".
[[nodiscard]] std::string describe_bytes(double bytes);

}  // namespace credo
