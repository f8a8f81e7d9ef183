#pragma once
// The dense work on fronts, for fixed small sizes and for any size.

#include <credo/core/numerics.hpp>
#include <credo/inference/gaussian/structure.hpp>

#include <cstdint>

namespace credo::gaussian {

/// The numbers of all fronts. A front's square is (size + separator)^2, row-major: on the way up
/// the precision (its lower triangle is read), on the way down the covariance (all of it written).
struct FrontArrays {
  const Front* fronts = nullptr;
  const std::uint32_t* scalars = nullptr;    ///< Structure::scalars
  const std::uint32_t* positions = nullptr;  ///< Structure::positions
  double* square = nullptr;
  double* gain = nullptr;
  double* core = nullptr;
};

/// prod of pivots as mantissa 2^exponent, and whether digits were lost.
struct Pivots {
  double mantissa = 1.0;
  std::int64_t exponent = 0;
  bool trustworthy = true;

  /// By a positive number.
  void multiply(double pivot) noexcept {
    const double product = mantissa * pivot;
    if (product > 0x1p-500 && product < 0x1p500) {
      mantissa = product;
    } else {
      rescale(pivot);
    }
  }
  void rescale(double pivot) noexcept;
  [[nodiscard]] double log() const noexcept;
};

/// A pivot or a message that keeps less than this of the numbers it was subtracted from has lost
/// more digits than plain elimination may lose.
inline constexpr double kKept = 1e-6;

/// Neighbours in the order of elimination that one kernel serves.
struct FrontRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// With [A B'; B S] the precision of each front, by increasing index: core = A^-1, gain = -A^-1 B',
/// and S - B A^-1 B' is added to the parent's lower triangle. pivots.trustworthy turns false, and
/// the rest is left, where A is not positive definite or digits cancel.
using Factorise = void (*)(const FrontArrays& all, FrontRange range, Pivots& pivots);
/// By decreasing index: cov(x) = core + gain cov(s) gain', cov(x, s) = gain cov(s), cov(s) from the
/// parent.
using Spread = void (*)(const FrontArrays& all, FrontRange range);
/// By increasing index: adds gain' g_x to g_s, and g_x' core g_x to the sum.
using Ascend = void (*)(const FrontArrays& all, FrontRange range, double* gradient,
                        CompensatedSum& gained);
/// By decreasing index: step_x = core g_x + gain step_s, and the point moves by it.
using Descend = void (*)(const FrontArrays& all, FrontRange range, const double* gradient,
                         double* step, double* point);

struct FrontKernel {
  Factorise factorise;
  Spread spread;
  Ascend ascend;
  Descend descend;
};

/// The fastest kernel for fronts of these sizes.
[[nodiscard]] const FrontKernel& front_kernel(std::uint32_t size, std::uint32_t separator) noexcept;

}  // namespace credo::gaussian
