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
};

/// The factor of a symmetric positive semi-definite matrix, row-major. The rank is decided on the
/// correlations: a direction counts as certain when the correlations explain all but 1e-11 of it,
/// so that variances of any scale may stand side by side.
[[nodiscard]] CovarianceFactor factorise_covariance(std::span<const double> covariance,
                                                    std::size_t dimension);

}  // namespace credo
