#pragma once
// A positive semi-definite covariance as noise: S = G G', with as many columns as its rank.

#include <cstddef>
#include <span>
#include <vector>

namespace credo {

/// y - mean = rotation' noise e with e standard normal of dimension rank. Where the rank is full
/// rotation is empty (the identity). Else the rows of rotation are orthonormal, and the rows of
/// noise from rank on are zero: those rows of rotation say which combinations of y are certain.
struct CovarianceFactor {
  std::size_t dimension = 0;
  std::size_t rank = 0;
  std::vector<double> rotation;  ///< dimension x dimension, row-major, or empty
  std::vector<double> noise;     ///< dimension x rank, row-major
  /// The left inverse of noise, rank x dimension, row-major: e = whitening rotation (y - mean).
  std::vector<double> whitening;
  /// log det of S, of its non-zero part where it is singular, natural logarithm.
  double log_determinant = 0.0;
  /// Where the rank is not full: the largest relative variance that was taken for zero by the rule
  /// below though it was computed as another number. 0: what is certain has no variance at all.
  double rounded_variance = 0.0;
};

/// A covariance as it was given: what n steps of elimination can lose to rounding, relative to a
/// unit variance.
[[nodiscard]] double certain_as_given(std::size_t dimension) noexcept;
/// A covariance that was computed, and has lost digits on the way.
inline constexpr double kCertainAsComputed = 1e-13;

/// The factor of a symmetric positive semi-definite matrix, row-major. The rank is decided on the
/// correlations, so that variances of any scale may stand side by side: a direction counts as
/// certain when of its unit variance at most `certain` is left by those before it.
[[nodiscard]] CovarianceFactor factorise_covariance(std::span<const double> covariance,
                                                    std::size_t dimension, double certain);

}  // namespace credo
