#pragma once
// Incomplete LU factorisation without fill (Saad 2003, algorithm 10.4), as Eigen's iterative
// solvers take it. Rows keep their order: neighbours in a slice tend to have neighbouring numbers,
// and no ordering has to be computed. It exists for I - P with P >= 0 of row sums below 1 (an
// M-matrix).

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <vector>

namespace credo::stationary {

class IncompleteFactors {
 public:
  using Matrix = Eigen::SparseMatrix<double, Eigen::RowMajor, int>;
  using StorageIndex = int;
  enum { ColsAtCompileTime = Eigen::Dynamic, MaxColsAtCompileTime = Eigen::Dynamic };

  [[nodiscard]] Eigen::Index rows() const noexcept { return factors_.rows(); }
  [[nodiscard]] Eigen::Index cols() const noexcept { return factors_.cols(); }
  [[nodiscard]] Eigen::ComputationInfo info() const noexcept { return info_; }

  IncompleteFactors& analyzePattern(const Matrix&) { return *this; }
  IncompleteFactors& factorize(const Matrix& matrix);
  IncompleteFactors& compute(const Matrix& matrix) { return factorize(matrix); }
  /// (L U)^-1 b.
  [[nodiscard]] Eigen::VectorXd solve(const Eigen::VectorXd& b) const;

 private:
  Matrix factors_;             ///< L (unit diagonal) below, U on and above the diagonal
  std::vector<int> diagonal_;  ///< place of every diagonal entry
  Eigen::ComputationInfo info_ = Eigen::InvalidInput;
};

}  // namespace credo::stationary
