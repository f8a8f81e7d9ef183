#include <credo/inference/variational/stationary_preconditioner.hpp>

#include <cmath>

// Row by row: what is left of the diagonal is divided by earlier pivots, and earlier rows are
// subtracted where this row has an entry. Cost: entries x entries per row.

namespace credo::stationary {

IncompleteFactors& IncompleteFactors::factorize(const Matrix& matrix) {
  factors_ = matrix;
  factors_.makeCompressed();
  const auto n = static_cast<int>(matrix.rows());
  const int* begin = factors_.outerIndexPtr();
  const int* column = factors_.innerIndexPtr();
  double* value = factors_.valuePtr();
  diagonal_.assign(static_cast<std::size_t>(n), -1);
  std::vector<int> place(static_cast<std::size_t>(n), -1);
  info_ = Eigen::Success;
  for (int i = 0; i < n; ++i) {
    for (int e = begin[i]; e < begin[i + 1]; ++e) place[static_cast<std::size_t>(column[e])] = e;
    for (int e = begin[i]; e < begin[i + 1] && column[e] < i; ++e) {
      const int pivot = diagonal_[static_cast<std::size_t>(column[e])];
      value[e] /= value[pivot];
      for (int u = pivot + 1; u < begin[column[e] + 1]; ++u) {
        const int at = place[static_cast<std::size_t>(column[u])];
        if (at >= 0) value[at] -= value[e] * value[u];
      }
    }
    const int own = place[static_cast<std::size_t>(i)];
    if (own < 0 || !(std::fabs(value[own]) > 0.0)) {
      info_ = Eigen::NumericalIssue;
      return *this;
    }
    diagonal_[static_cast<std::size_t>(i)] = own;
    for (int e = begin[i]; e < begin[i + 1]; ++e) place[static_cast<std::size_t>(column[e])] = -1;
  }
  return *this;
}

Eigen::VectorXd IncompleteFactors::solve(const Eigen::VectorXd& b) const {
  Eigen::VectorXd x = b;
  const int* begin = factors_.outerIndexPtr();
  const int* column = factors_.innerIndexPtr();
  const double* value = factors_.valuePtr();
  const auto n = static_cast<int>(factors_.rows());
  for (int i = 0; i < n; ++i) {
    double sum = x[i];
    for (int e = begin[i]; e < diagonal_[static_cast<std::size_t>(i)]; ++e)
      sum -= value[e] * x[column[e]];
    x[i] = sum;
  }
  for (int i = n - 1; i >= 0; --i) {
    const int own = diagonal_[static_cast<std::size_t>(i)];
    double sum = x[i];
    for (int e = own + 1; e < begin[i + 1]; ++e) sum -= value[e] * x[column[e]];
    x[i] = sum / value[own];
  }
  return x;
}

}  // namespace credo::stationary
