// S = G G' by Cholesky with complete pivoting of the correlation matrix.
//
// With D the standard deviations, C = D^-1 S D^-1 has a unit diagonal; pivoted Cholesky stops when
// the largest remaining diagonal entry is below what counts as certain: P C P' = L L', L of rank
// columns (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 10.3). Then G = D
// P' L. Where the rank is not full, Householder QR of G turns y so that the certain combinations
// stand apart: G = Q [R; 0]. Cost O(d^3).

#include <credo/core/covariance_factor.hpp>

#include <Eigen/Core>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace credo {

namespace {

using Matrix = Eigen::MatrixXd;

std::vector<double> row_major(const Matrix& matrix) {
  std::vector<double> entries;
  entries.reserve(static_cast<std::size_t>(matrix.size()));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) entries.push_back(matrix(i, j));
  }
  return entries;
}

/// Flat arrays: most covariances are so small that a call costs more than the work.
struct Pivoted {
  std::size_t rank = 0;
  double rounded = 0.0;       ///< the first pivot that was taken for zero, where it was none
  std::vector<double> lower;  ///< n x n, row-major, of rank columns; rows in order of the pivots
  std::vector<std::size_t> order;  ///< order[i]: the row of S that is row i of lower
  std::vector<double> deviation;   ///< by row of S
};

double dot(const double* a, const double* b, std::size_t count) {
  double sum = 0.0;
  for (std::size_t k = 0; k < count; ++k) sum += a[k] * b[k];
  return sum;
}

Pivoted pivoted_cholesky(std::span<const double> covariance, std::size_t n, double certain) {
  Pivoted result{0, 0.0, std::vector<double>(n * n, 0.0), std::vector<std::size_t>(n),
                 std::vector<double>(2 * n)};
  std::iota(result.order.begin(), result.order.end(), std::size_t{0});
  double* deviation = result.deviation.data();
  double* left = deviation + n;  // of each row's unit variance, in pivot order
  for (std::size_t i = 0; i < n; ++i) {
    deviation[i] = std::sqrt(std::max(covariance[i * n + i], 0.0));
    left[i] = deviation[i] > 0.0 ? 1.0 : 0.0;
  }
  std::size_t& rank = result.rank;
  for (; rank < n; ++rank) {
    const auto best = static_cast<std::size_t>(std::max_element(left + rank, left + n) - left);
    if (left[best] <= certain) {
      // In order of size, negative ones (rounding below zero) included.
      const auto largest = [](double a, double b) { return std::fabs(a) < std::fabs(b); };
      result.rounded = std::fabs(*std::max_element(left + rank, left + n, largest));
      break;
    }
    double* own = &result.lower[rank * n];
    if (best != rank) {
      std::swap(result.order[rank], result.order[best]);
      std::swap(left[rank], left[best]);
      std::swap_ranges(own, own + n, &result.lower[best * n]);
    }
    const std::size_t row = result.order[rank];
    own[rank] = std::sqrt(left[rank]);
    for (std::size_t i = rank + 1; i < n; ++i) {
      if (left[i] <= 0.0) continue;
      const std::size_t other = result.order[i];
      const double correlation = covariance[other * n + row] / deviation[other] / deviation[row];
      double* below = &result.lower[i * n];
      below[rank] = (correlation - dot(below, own, rank)) / own[rank];
      left[i] = std::fma(-below[rank], below[rank], left[i]);
    }
  }
  return result;
}

/// noise = D P' L and its inverse, where the rank is full.
void factorise_regular(const Pivoted& pivoted, CovarianceFactor& factor) {
  const std::size_t n = factor.dimension;
  std::vector<double> column(n);  // of L^-1
  factor.noise.resize(n * n);
  factor.whitening.assign(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t row = pivoted.order[i];
    const double deviation = pivoted.deviation[row];
    const double* lower = &pivoted.lower[i * n];
    for (std::size_t k = 0; k < n; ++k) factor.noise[row * n + k] = deviation * lower[k];
    factor.log_determinant += 2.0 * std::log(lower[i] * deviation);
    std::fill_n(column.begin(), i, 0.0);
    for (std::size_t k = i; k < n; ++k) {
      const double* below = &pivoted.lower[k * n];
      const double rest = (k == i ? 1.0 : 0.0) - dot(below + i, &column[i], k - i);
      column[k] = rest / below[k];
      factor.whitening[k * n + row] = column[k] / deviation;
    }
  }
}

/// With n > rank: G turned so that the certain combinations stand apart.
void factorise_singular(const Pivoted& pivoted, CovarianceFactor& factor) {
  const auto n = static_cast<Eigen::Index>(factor.dimension);
  const auto rank = static_cast<Eigen::Index>(factor.rank);
  Matrix noise(n, rank);
  for (std::size_t i = 0; i < factor.dimension; ++i) {
    const std::size_t row = pivoted.order[i];
    for (std::size_t k = 0; k < factor.rank; ++k) {
      noise(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(k)) =
          pivoted.deviation[row] * pivoted.lower[i * factor.dimension + k];
    }
  }
  const Eigen::HouseholderQR<Matrix> qr(noise);
  const Matrix basis = qr.householderQ();
  factor.rotation = row_major(basis.transpose());
  noise.setZero();
  noise.topRows(rank) = qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
  Matrix whitening = Matrix::Zero(rank, n);
  whitening.leftCols(rank) =
      noise.topRows(rank).triangularView<Eigen::Upper>().solve(Matrix::Identity(rank, rank));
  for (Eigen::Index i = 0; i < rank; ++i) {
    factor.log_determinant += 2.0 * std::log(std::fabs(noise(i, i)));
  }
  factor.noise = row_major(noise);
  factor.whitening = row_major(whitening);
}

}  // namespace

double certain_as_given(std::size_t dimension) noexcept {
  return 8.0 * static_cast<double>(dimension) * std::numeric_limits<double>::epsilon();
}

CovarianceFactor factorise_covariance(std::span<const double> covariance, std::size_t dimension,
                                      double certain) {
  const Pivoted pivoted = pivoted_cholesky(covariance, dimension, certain);
  CovarianceFactor factor;
  factor.dimension = dimension;
  factor.rank = pivoted.rank;
  factor.rounded_variance = pivoted.rounded;
  if (pivoted.rank == dimension) {
    factorise_regular(pivoted, factor);
  } else {
    factorise_singular(pivoted, factor);
  }
  return factor;
}

}  // namespace credo
