#pragma once
// The dense work on one front, for fixed small sizes and for any size.

#include <cstdint>

namespace credo::gaussian {

/// A front's numbers. square is (size + separator)^2, row-major: on the way up the precision (its
/// lower triangle is read), on the way down the covariance (all of it written).
struct FrontView {
  std::uint32_t size = 0;
  std::uint32_t separator = 0;
  double* square = nullptr;
  double* gain = nullptr;  ///< size x separator
  double* core = nullptr;  ///< size x size
  double* parent_square = nullptr;
  std::uint32_t parent_order = 0;
  const std::uint32_t* positions = nullptr;  ///< of the separator in the parent
};

/// prod of pivots as mantissa 2^exponent, and whether digits were lost.
struct Pivots {
  double mantissa = 1.0;
  std::int64_t exponent = 0;
  bool trustworthy = true;

  void multiply(double pivot) noexcept;
  [[nodiscard]] double log() const noexcept;
};

/// A pivot or a message that keeps less than this of the numbers it was subtracted from has lost
/// more digits than plain elimination may lose.
inline constexpr double kKept = 1e-6;

/// With [A B'; B S] the precision: core = A^-1, gain = -A^-1 B', and S - B A^-1 B' is added to the
/// parent's lower triangle. pivots.trustworthy turns false where A is not positive definite or
/// digits cancel.
using Factorise = void (*)(const FrontView& front, Pivots& pivots);
/// cov(x) = core + gain cov(s) gain', cov(x, s) = gain cov(s), cov(s) from the parent.
using Spread = void (*)(const FrontView& front);
/// Adds gain' g_x to g_s; returns g_x' core g_x. scalars: of the variable, then of the separator.
using Ascend = double (*)(const FrontView& front, const std::uint32_t* scalars, double* gradient);
/// step_x = core g_x + gain step_s.
using Descend = void (*)(const FrontView& front, const std::uint32_t* scalars,
                         const double* gradient, double* step);

struct FrontKernel {
  Factorise factorise;
  Spread spread;
  Ascend ascend;
  Descend descend;
};

/// The fastest kernel for a front of these sizes.
[[nodiscard]] const FrontKernel& front_kernel(std::uint32_t size, std::uint32_t separator) noexcept;

}  // namespace credo::gaussian
