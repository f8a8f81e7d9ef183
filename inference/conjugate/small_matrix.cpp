// Inverses of small matrices: Eigen's Cholesky factorisation with memory that is kept between
// calls. The matrix is scaled by a power of two first, so that entries near the ends of the range
// of a double do not overflow in products. Cost d^3.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/small_matrix.hpp>

#include <Eigen/Cholesky>

#include <cmath>

namespace credo::conjugate {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

struct SmallInverse::Factor {
  explicit Factor(std::size_t d)
      : dimension(static_cast<Eigen::Index>(d)), scaled(dimension, dimension), llt(dimension) {}

  Eigen::Index dimension;
  Matrix scaled;
  Eigen::LLT<Matrix> llt;
  int exponent = 0;
};

SmallInverse::SmallInverse(std::size_t dimension) : factor_(std::make_unique<Factor>(dimension)) {}

SmallInverse::~SmallInverse() = default;

double SmallInverse::invert(std::span<const double> matrix, std::span<double> inverse) {
  const auto d = static_cast<std::size_t>(factor_->dimension);
  if (d == 1) {
    if (!(matrix[0] > 0.0 && std::isfinite(matrix[0]))) return kNaN;
    factor_->exponent = 0;
    factor_->scaled(0, 0) = std::sqrt(matrix[0]);
    inverse[0] = 1.0 / matrix[0];
    return std::log(matrix[0]);
  }
  double largest = 0.0;
  for (std::size_t i = 0; i < d; ++i) largest = std::fmax(largest, matrix[i * d + i]);
  if (!(largest > 0.0 && std::isfinite(largest))) return kNaN;
  // Even, so that its half scales the factor.
  const int exponent = 2 * (std::ilogb(largest) / 2);
  factor_->exponent = exponent;
  for (std::size_t i = 0; i < d * d; ++i) {
    factor_->scaled.data()[i] = std::ldexp(matrix[i], -exponent);
  }
  factor_->llt.compute(factor_->scaled);
  if (factor_->llt.info() != Eigen::Success) return kNaN;
  double log_det = static_cast<double>(d) * exponent * std::log(2.0);
  const auto& lower = factor_->llt.matrixLLT();
  for (Eigen::Index i = 0; i < factor_->dimension; ++i) log_det += 2.0 * std::log(lower(i, i));
  factor_->scaled.setIdentity();
  factor_->llt.solveInPlace(factor_->scaled);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      const double both = factor_->scaled.data()[i * d + j] + factor_->scaled.data()[j * d + i];
      inverse[i * d + j] = std::ldexp(0.5 * both, -exponent);
    }
  }
  return std::isfinite(log_det) ? log_det : kNaN;
}

void SmallInverse::add_lower_times(std::span<const double> z, std::span<double> result) const {
  const Eigen::Index d = factor_->dimension;
  for (Eigen::Index i = 0; i < d; ++i) {
    double sum = 0.0;
    for (Eigen::Index j = 0; j <= i; ++j) {
      const double l = d == 1 ? factor_->scaled(0, 0) : factor_->llt.matrixLLT()(i, j);
      sum += l * z[static_cast<std::size_t>(j)];
    }
    result[static_cast<std::size_t>(i)] += std::ldexp(sum, factor_->exponent / 2);
  }
}

}  // namespace credo::conjugate
