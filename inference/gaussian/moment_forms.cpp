// Ratios of Gaussians and conditionals of quadratic forms.
//
// The ratio is taken in coordinates in which the denominator is standard normal: its certain
// directions drop out, and N(u; m, V) / N(u; 0, 1) has precision V^-1 - 1. A form splits by
// completing the square in its own scalars: the kernel's covariance is the inverse of their block,
// and what is left is the Schur complement. Cost O(n^3).

#include <credo/inference/gaussian/front_kernel.hpp>
#include <credo/inference/gaussian/moment_gaussian.hpp>
#include <credo/inference/gaussian/moment_halves.hpp>

#include <Eigen/Cholesky>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace credo::gaussian {

namespace {

/// Off the support, relative to the numbers compared.
constexpr double kCertain = 1e-9;

}  // namespace

MomentRatio moment_ratio(const WeightedGaussian& after, const WeightedGaussian& before) {
  MomentRatio ratio;
  const std::size_t count = before.mean.size();
  const Eigen::Index n = to_index(count);
  const Halves basis = halves(factorise_covariance(before.covariance, count, kCertainAsComputed));
  const Eigen::Index rank = basis.noise.cols();
  ratio.form.precision.assign(count * count, 0.0);
  ratio.form.linear.assign(count, 0.0);
  ratio.regular = true;
  if (rank == 0) return ratio;
  // In u with x = before.mean + G u, `before` is standard normal.
  const Matrix covariance =
      basis.whitening * MatrixView(after.covariance.data(), n, n) * basis.whitening.transpose();
  const Vector mean = basis.whitening *
                      (VectorView(after.mean.data(), n) - VectorView(before.mean.data(), n)).eval();
  const CovarianceFactor factor =
      factorise_covariance(entries(covariance), static_cast<std::size_t>(rank), kCertainAsComputed);
  ratio.regular = factor.rank == static_cast<std::size_t>(rank);
  if (!ratio.regular) return ratio;
  const Matrix white = halves(factor).whitening;
  const Matrix inverse = white.transpose() * white;
  const Vector standard = white * mean;
  const Matrix precision =
      basis.whitening.transpose() * (inverse - Matrix::Identity(rank, rank)) * basis.whitening;
  const Vector linear = basis.whitening.transpose() * (inverse * mean);
  ratio.form.precision = entries(precision);
  ratio.form.linear.assign(linear.data(), linear.data() + n);
  ratio.form.constant = -(factor.log_determinant + standard.squaredNorm()) / 2.0;
  return ratio;
}

MomentDensity moment_density(const WeightedGaussian& gaussian, std::span<const double> x) {
  const Eigen::Index n = to_index(x.size());
  const CovarianceFactor factor =
      factorise_covariance(gaussian.covariance, x.size(), kCertainAsComputed);
  MomentDensity density{factor.rank, -kInfinity};
  const VectorView point(x.data(), n);
  const VectorView mean(gaussian.mean.data(), n);
  Vector away = point - mean;
  if (!factor.rotation.empty()) {
    away = (MatrixView(factor.rotation.data(), n, n) * away).eval();
    const double scale = std::max(point.cwiseAbs().maxCoeff(), mean.cwiseAbs().maxCoeff());
    const Eigen::Index certain = n - to_index(factor.rank);
    if (away.tail(certain).cwiseAbs().maxCoeff() > kCertain * scale) return density;
  }
  density.log_value = -factor.log_determinant / 2.0 -
                      static_cast<double>(factor.rank) * std::log(2.0 * std::numbers::pi) / 2.0;
  if (factor.rank == 0) return density;
  const MatrixView whitening(factor.whitening.data(), to_index(factor.rank), n);
  density.log_value -= (whitening * away).squaredNorm() / 2.0;
  return density;
}

namespace {

Matrix block(const MatrixView& matrix, std::span<const std::uint32_t> rows,
             std::span<const std::uint32_t> columns) {
  Matrix result(to_index(rows.size()), to_index(columns.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      result(to_index(i), to_index(j)) = matrix(rows[i], columns[j]);
    }
  }
  return result;
}

Vector picked(const std::vector<double>& numbers, std::span<const std::uint32_t> rows) {
  Vector result(to_index(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) result[to_index(i)] = numbers[rows[i]];
  return result;
}

}  // namespace

FormSplit split_form(const QuadraticForm& form, std::span<const std::uint32_t> others,
                     std::span<const std::uint32_t> own) {
  const Eigen::Index n = to_index(form.linear.size());
  const MatrixView precision(form.precision.data(), n, n);
  FormSplit split;
  const Matrix inner = block(precision, own, own);
  const Eigen::LLT<Matrix> factor(inner);
  if (factor.info() != Eigen::Success) return split;
  const Vector pivots = factor.matrixLLT().diagonal().array().square();
  if (!(pivots.array() > kKept * inner.diagonal().array()).all()) return split;
  split.proper = true;
  const Vector linear = picked(form.linear, own);
  const Vector offset = factor.solve(linear);
  split.kernel.offset.assign(offset.data(), offset.data() + offset.size());
  split.kernel.covariance = entries(factor.solve(Matrix::Identity(inner.rows(), inner.rows())));
  split.rest.constant = form.constant + (linear.dot(offset) - pivots.array().log().sum()) / 2.0 +
                        static_cast<double>(own.size()) * std::log(2.0 * std::numbers::pi) / 2.0;
  if (others.empty()) return split;
  const Matrix cross = block(precision, own, others);
  const Matrix gain = -factor.solve(cross);
  split.kernel.gain = entries(gain);
  split.rest.precision = entries(block(precision, others, others) + cross.transpose() * gain);
  const Vector rest = picked(form.linear, others) - cross.transpose() * offset;
  split.rest.linear.assign(rest.data(), rest.data() + rest.size());
  return split;
}

}  // namespace credo::gaussian
