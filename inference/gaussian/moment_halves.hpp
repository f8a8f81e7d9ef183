#pragma once
// A covariance as G G', and its left inverse, in dense matrices.

#include <credo/core/covariance_factor.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::gaussian {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using MatrixView = Eigen::Map<const Matrix>;
using VectorView = Eigen::Map<const Vector>;

inline Eigen::Index to_index(std::size_t i) { return static_cast<Eigen::Index>(i); }

inline std::vector<double> entries(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

/// covariance = G G' and P G = 1, G of as many columns as the covariance has rank.
struct Halves {
  Matrix noise;      ///< G
  Matrix whitening;  ///< P
};

[[nodiscard]] inline Halves halves(const CovarianceFactor& factor) {
  const Eigen::Index n = to_index(factor.dimension);
  const Eigen::Index rank = to_index(factor.rank);
  Halves result{Matrix(n, rank), Matrix(rank, n)};
  if (rank == 0) return result;
  result.noise = MatrixView(factor.noise.data(), n, rank);
  result.whitening = MatrixView(factor.whitening.data(), rank, n);
  if (!factor.rotation.empty()) {
    const MatrixView rotation(factor.rotation.data(), n, n);
    result.noise = (rotation.transpose() * result.noise).eval();
    result.whitening = (result.whitening * rotation).eval();
  }
  return result;
}

}  // namespace credo::gaussian
