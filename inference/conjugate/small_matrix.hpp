#pragma once
// Symmetric positive definite matrices of small dimension, row-major in plain memory.

#include <cstddef>
#include <memory>
#include <span>

namespace credo::conjugate {

/// Inverses by Cholesky factors; one object serves many matrices of one dimension.
class SmallInverse {
 public:
  explicit SmallInverse(std::size_t dimension);
  ~SmallInverse();
  SmallInverse(const SmallInverse&) = delete;
  SmallInverse& operator=(const SmallInverse&) = delete;

  /// inverse = matrix^-1, both [d, d]; returns log det(matrix), or NaN (and leaves inverse alone)
  /// when the matrix is not positive definite in double arithmetic.
  double invert(std::span<const double> matrix, std::span<double> inverse);

  /// result += L z for matrix = L L^T of the last invert(): z standard normal gives the covariance
  /// `matrix`.
  void add_lower_times(std::span<const double> z, std::span<double> result) const;

 private:
  struct Factor;
  std::unique_ptr<Factor> factor_;
};

}  // namespace credo::conjugate
