#pragma once
// Row-major entries of linear-quadratic problems as matrices. Internal.

#include <Eigen/Core>

#include <cstddef>
#include <vector>

namespace credo::control {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// rows x columns; no entries: zeros.
[[nodiscard]] inline Eigen::MatrixXd matrix(const std::vector<double>& entries, std::size_t rows,
                                            std::size_t columns) {
  const auto r = static_cast<Eigen::Index>(rows);
  const auto c = static_cast<Eigen::Index>(columns);
  if (entries.empty()) return Eigen::MatrixXd::Zero(r, c);
  return Eigen::Map<const RowMajor>(entries.data(), r, c);
}

}  // namespace credo::control
