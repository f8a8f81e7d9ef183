#pragma once
// The expected precision of a Gaussian element: a multiple of the identity, diagonal or full.

#include <credo/inference/conjugate/gaussian_mean.hpp>

#include <cstddef>
#include <cstdint>

namespace credo::conjugate {

enum class PrecisionShape : std::uint8_t { isotropic, diagonal, matrix };

/// E[Lambda] of one element, borrowed.
struct Precision {
  PrecisionShape shape;
  std::size_t dimension;
  const double* values;

  /// result += weight E[Lambda] x.
  void add_times(double weight, const double* x, double* result) const noexcept {
    for (std::size_t i = 0; i < dimension; ++i) {
      if (shape != PrecisionShape::matrix) {
        result[i] += weight * diagonal(i) * x[i];
        continue;
      }
      double sum = 0.0;
      for (std::size_t j = 0; j < dimension; ++j) sum += values[i * dimension + j] * x[j];
      result[i] += weight * sum;
    }
  }

  /// matrix += weight E[Lambda].
  void add_to(double weight, double* matrix) const noexcept {
    if (shape == PrecisionShape::matrix) {
      for (std::size_t i = 0; i < dimension * dimension; ++i) matrix[i] += weight * values[i];
      return;
    }
    for (std::size_t i = 0; i < dimension; ++i) matrix[i * dimension + i] += weight * diagonal(i);
  }

  /// tr(E[Lambda] (x x^T + covariances)): each covariance may be nullptr.
  [[nodiscard]] double expected_square(const double* x, const double* first,
                                       const double* second) const noexcept {
    double sum = 0.0;
    for (std::size_t i = 0; i < dimension; ++i) {
      if (shape != PrecisionShape::matrix) {
        const std::size_t at = i * dimension + i;
        sum += diagonal(i) * (x[i] * x[i] + entry(first, at) + entry(second, at));
        continue;
      }
      for (std::size_t j = 0; j < dimension; ++j) {
        const std::size_t at = i * dimension + j;
        sum += values[at] * (x[i] * x[j] + entry(first, at) + entry(second, at));
      }
    }
    return sum;
  }

  /// An entry of a covariance that may be absent.
  static double entry(const double* matrix, std::size_t at) noexcept {
    return matrix == nullptr ? 0.0 : matrix[at];
  }

 private:
  [[nodiscard]] double diagonal(std::size_t i) const noexcept {
    return values[shape == PrecisionShape::isotropic ? 0 : i];
  }
};

}  // namespace credo::conjugate
