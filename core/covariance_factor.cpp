// S = G G' by Cholesky with complete pivoting of the correlation matrix.
//
// With D the standard deviations, C = D^-1 S D^-1 has a unit diagonal; pivoted Cholesky stops when
// the largest remaining diagonal entry is below the tolerance: P C P' = L L', L of rank columns
// (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 10.3). Then G = D P' L.
// Where the rank is not full, Householder QR of G turns y so that the certain combinations stand
// apart: G = Q [R; 0]. Cost O(d^3).

#include <credo/core/covariance_factor.hpp>

#include <Eigen/Core>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo {

namespace {

using Matrix = Eigen::MatrixXd;

/// What is left of a unit variance and taken for none.
constexpr double kCertain = 1e-11;

std::vector<double> row_major(const Matrix& matrix) {
  std::vector<double> entries;
  entries.reserve(static_cast<std::size_t>(matrix.size()));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) entries.push_back(matrix(i, j));
  }
  return entries;
}

struct Pivoted {
  Matrix lower;                     ///< rows in order of the pivots
  std::vector<Eigen::Index> order;  ///< order[i]: the row of S that is row i of lower
  Eigen::VectorXd deviation;        ///< by row of S
};

Pivoted pivoted_cholesky(std::span<const double> covariance, std::size_t dimension) {
  const auto n = static_cast<Eigen::Index>(dimension);
  Pivoted result{Matrix::Zero(n, n), std::vector<Eigen::Index>(dimension), Eigen::VectorXd(n)};
  std::iota(result.order.begin(), result.order.end(), Eigen::Index{0});
  const auto entry = [&](Eigen::Index i, Eigen::Index j) {
    return covariance[static_cast<std::size_t>(i * n + j)];
  };
  for (Eigen::Index i = 0; i < n; ++i) result.deviation[i] = std::sqrt(std::max(entry(i, i), 0.0));
  const auto row = [&](Eigen::Index i) -> Eigen::Index& {
    return result.order[static_cast<std::size_t>(i)];
  };
  Eigen::VectorXd left(n);  // of each row's unit variance, in pivot order
  for (Eigen::Index i = 0; i < n; ++i) left[i] = result.deviation[i] > 0.0 ? 1.0 : 0.0;
  Eigen::Index rank = 0;
  for (; rank < n; ++rank) {
    Eigen::Index best = rank;
    left.tail(n - rank).maxCoeff(&best);
    best += rank;
    if (left[best] <= kCertain) break;
    std::swap(row(rank), row(best));
    std::swap(left[rank], left[best]);
    result.lower.row(rank).swap(result.lower.row(best));
    const double pivot = std::sqrt(left[rank]);
    result.lower(rank, rank) = pivot;
    for (Eigen::Index i = rank + 1; i < n; ++i) {
      if (left[i] <= 0.0) continue;
      const double correlation =
          entry(row(i), row(rank)) / result.deviation[row(i)] / result.deviation[row(rank)];
      const double value =
          (correlation - result.lower.row(i).head(rank).dot(result.lower.row(rank).head(rank))) /
          pivot;
      result.lower(i, rank) = value;
      left[i] -= value * value;
    }
  }
  result.lower.conservativeResize(n, rank);
  return result;
}

}  // namespace

CovarianceFactor factorise_covariance(std::span<const double> covariance, std::size_t dimension) {
  const Pivoted pivoted = pivoted_cholesky(covariance, dimension);
  const Eigen::Index n = pivoted.lower.rows();
  const Eigen::Index rank = pivoted.lower.cols();
  CovarianceFactor factor;
  factor.dimension = dimension;
  factor.rank = static_cast<std::size_t>(rank);
  Matrix noise(n, rank);
  for (Eigen::Index i = 0; i < n && rank > 0; ++i) {
    const Eigen::Index row = pivoted.order[static_cast<std::size_t>(i)];
    noise.row(row) = pivoted.deviation[row] * pivoted.lower.row(i);
  }
  Matrix whitening = Matrix::Zero(rank, n);
  if (rank == n) {
    const Matrix inverse =
        pivoted.lower.triangularView<Eigen::Lower>().solve(Matrix::Identity(n, n));
    for (Eigen::Index i = 0; i < n; ++i) {
      const Eigen::Index row = pivoted.order[static_cast<std::size_t>(i)];
      whitening.col(row) = inverse.col(i) / pivoted.deviation[row];
      factor.log_determinant += 2.0 * std::log(pivoted.lower(i, i) * pivoted.deviation[row]);
    }
  } else {
    const Eigen::HouseholderQR<Matrix> qr(noise);
    const Matrix basis = qr.householderQ();
    factor.rotation = row_major(basis.transpose());
    noise.setZero();
    noise.topRows(rank) = qr.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
    whitening.leftCols(rank) =
        noise.topRows(rank).triangularView<Eigen::Upper>().solve(Matrix::Identity(rank, rank));
    for (Eigen::Index i = 0; i < rank; ++i) {
      factor.log_determinant += 2.0 * std::log(std::fabs(noise(i, i)));
    }
  }
  factor.noise = row_major(noise);
  factor.whitening = row_major(whitening);
  return factor;
}

}  // namespace credo
