#include <credo/core/covariance_factor.hpp>
#include <credo/core/error.hpp>
#include <credo/core/gaussian_table.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace credo {

struct GaussianTable::Data {
  std::vector<std::size_t> shape;
  std::vector<std::size_t> dimensions;
  std::size_t dimension = 0;
  std::uint64_t size = 0;
  std::vector<QuadraticForm> forms;
  std::vector<LinearGaussian> kernels;
};

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<const RowMajor>;
using VectorView = Eigen::Map<const Eigen::VectorXd>;

/// What rounding may do to a symmetric matrix, relative to its largest entry.
constexpr double kTolerance = 1e-9;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

void check_extents(const std::vector<std::size_t>& shape,
                   const std::vector<std::size_t>& dimensions) {
  if (std::ranges::find(shape, std::size_t{0}) != shape.end()) {
    throw ModelError("Gaussian table: expected extents of at least 1, got 0");
  }
  if (dimensions.empty() || std::ranges::find(dimensions, std::size_t{0}) != dimensions.end()) {
    throw ModelError("Gaussian table: expected continuous blocks of dimension at least 1");
  }
}

/// Sum of the dimensions, if its square is a number of entries.
std::size_t checked_dimension(const std::vector<std::size_t>& dimensions) {
  constexpr std::size_t kMost = std::size_t{1} << 26;
  std::size_t sum = 0;
  for (const std::size_t dimension : dimensions) {
    sum += std::min(dimension, kMost);
    if (sum < kMost) continue;
    throw ModelError(
        fmt::format("Gaussian table: expected fewer than {} dimensions in all", kMost));
  }
  return sum;
}

void check_numbers(std::size_t at, std::string_view what, const std::vector<double>& numbers,
                   std::size_t expected) {
  if (numbers.size() != expected) {
    throw ModelError(fmt::format("Gaussian table, entry {}: expected {} numbers in {}, got {}", at,
                                 expected, what, numbers.size()));
  }
  for (const double number : numbers) {
    if (!std::isfinite(number)) {
      throw ModelError(fmt::format(
          "Gaussian table, entry {}: expected finite numbers in {}, got {}", at, what, number));
    }
  }
}

double largest(const std::vector<double>& numbers) {
  double bound = 0.0;
  for (const double number : numbers) bound = std::max(bound, std::fabs(number));
  return bound;
}

/// Throws unless symmetric within rounding; makes it symmetric to the bit.
void symmetrise(std::size_t at, std::string_view what, std::vector<double>& matrix, std::size_t n) {
  const double allowed = kTolerance * largest(matrix);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      double& below = matrix[i * n + j];
      double& above = matrix[j * n + i];
      if (!(std::fabs(below - above) <= allowed)) {
        throw ModelError(fmt::format(
            "Gaussian table, entry {}: expected a symmetric {}, got {} at ({}, {}) and {} at ({}, "
            "{})",
            at, what, below, i, j, above, j, i));
      }
      below = above = below + (above - below) / 2.0;
    }
  }
}

/// Whether all pivots of elimination are above 0: positive definite within rounding.
bool has_positive_pivots(std::vector<double> matrix, std::size_t n) {
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = matrix[k * n + k];
    if (!(pivot > 0.0)) return false;
    for (std::size_t i = k + 1; i < n; ++i) {
      const double ratio = matrix[i * n + k] / pivot;
      for (std::size_t j = k + 1; j <= i; ++j) matrix[i * n + j] -= ratio * matrix[j * n + k];
    }
  }
  return true;
}

void check_semidefinite(std::size_t at, const std::vector<double>& matrix, std::size_t n) {
  if (has_positive_pivots(matrix, n)) return;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(
      MatrixView(matrix.data(), index(n), index(n)), Eigen::EigenvaluesOnly);
  const double smallest = solver.eigenvalues().minCoeff();
  const double bound = solver.eigenvalues().cwiseAbs().maxCoeff();
  if (!(smallest >= -kTolerance * bound)) {
    throw ModelError(fmt::format(
        "Gaussian table, entry {}: expected a positive semi-definite covariance, got one with the "
        "eigenvalue {}",
        at, smallest));
  }
}

/// A number that is finite in exact arithmetic; NaN where doubles have none for it.
double in_range(double value) { return std::isfinite(value) ? value : kNaN; }

double log_density(const LinearGaussian& kernel, std::span<const double> x, std::size_t child) {
  const std::size_t parents = x.size() - child;
  Eigen::VectorXd residual =
      VectorView(x.data() + parents, index(child)) - VectorView(kernel.offset.data(), index(child));
  double scale = residual.cwiseAbs().maxCoeff() + largest(kernel.offset);
  if (parents > 0) {
    const Eigen::VectorXd shift = MatrixView(kernel.gain.data(), index(child), index(parents)) *
                                  VectorView(x.data(), index(parents));
    residual -= shift;
    scale += shift.cwiseAbs().maxCoeff();
  }
  const CovarianceFactor factor =
      factorise_covariance(kernel.covariance, child, certain_as_given(child));
  const auto rank = static_cast<double>(factor.rank);
  double sum = -(rank * std::log(2.0 * std::numbers::pi) + factor.log_determinant) / 2.0;
  if (!factor.rotation.empty()) {
    residual = MatrixView(factor.rotation.data(), index(child), index(child)) * residual;
    const Eigen::VectorXd certain = residual.tail(index(child - factor.rank));
    if (certain.cwiseAbs().maxCoeff() > kTolerance * scale) return -kInfinity;
  }
  if (factor.rank > 0) {
    const MatrixView whitening(factor.whitening.data(), index(factor.rank), index(child));
    sum -= (whitening * residual).squaredNorm() / 2.0;
  }
  return in_range(sum);
}

}  // namespace

GaussianTable GaussianTable::quadratic(std::vector<std::size_t> shape,
                                       std::vector<std::size_t> dimensions,
                                       std::vector<QuadraticForm> forms) {
  check_extents(shape, dimensions);
  auto data = std::make_shared<Data>();
  data->size = saturating_product(shape);
  const std::size_t n = checked_dimension(dimensions);
  if (forms.size() != data->size) {
    throw ModelError(fmt::format("Gaussian table: expected {} quadratic forms, got {}", data->size,
                                 forms.size()));
  }
  for (std::size_t i = 0; i < forms.size(); ++i) {
    check_numbers(i, "the precision", forms[i].precision, n * n);
    check_numbers(i, "the linear part", forms[i].linear, n);
    symmetrise(i, "precision", forms[i].precision, n);
    if (std::isnan(forms[i].constant) || forms[i].constant == kInfinity) {
      throw ModelError(
          fmt::format("Gaussian table, entry {}: expected a constant below infinity, got {}", i,
                      forms[i].constant));
    }
  }
  data->shape = std::move(shape);
  data->dimensions = std::move(dimensions);
  data->dimension = n;
  data->forms = std::move(forms);
  return GaussianTable(std::move(data));
}

GaussianTable GaussianTable::conditional(std::vector<std::size_t> shape,
                                         std::vector<std::size_t> dimensions,
                                         std::vector<LinearGaussian> kernels) {
  check_extents(shape, dimensions);
  auto data = std::make_shared<Data>();
  data->size = saturating_product(shape);
  const std::size_t n = checked_dimension(dimensions);
  const std::size_t child = dimensions.back();
  if (kernels.size() != data->size) {
    throw ModelError(fmt::format("Gaussian table: expected {} linear-Gaussian kernels, got {}",
                                 data->size, kernels.size()));
  }
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    check_numbers(i, "the gain", kernels[i].gain, child * (n - child));
    check_numbers(i, "the offset", kernels[i].offset, child);
    check_numbers(i, "the covariance", kernels[i].covariance, child * child);
    symmetrise(i, "covariance", kernels[i].covariance, child);
    check_semidefinite(i, kernels[i].covariance, child);
  }
  data->shape = std::move(shape);
  data->dimensions = std::move(dimensions);
  data->dimension = n;
  data->kernels = std::move(kernels);
  return GaussianTable(std::move(data));
}

std::span<const std::size_t> GaussianTable::shape() const noexcept { return data_->shape; }
std::span<const std::size_t> GaussianTable::dimensions() const noexcept {
  return data_->dimensions;
}
std::size_t GaussianTable::dimension() const noexcept { return data_->dimension; }
std::uint64_t GaussianTable::size() const noexcept { return data_->size; }
std::span<const QuadraticForm> GaussianTable::forms() const noexcept { return data_->forms; }
std::span<const LinearGaussian> GaussianTable::kernels() const noexcept { return data_->kernels; }

double GaussianTable::log_at(std::uint64_t at, std::span<const double> x) const {
  if (at >= data_->size) refuse_index(at);
  if (x.size() != data_->dimension) {
    throw ModelError(
        fmt::format("Gaussian table: expected {} numbers, got {}", data_->dimension, x.size()));
  }
  if (is_conditional()) return log_density(data_->kernels[at], x, data_->dimensions.back());
  const QuadraticForm& form = data_->forms[at];
  if (form.constant == -kInfinity) return -kInfinity;
  const VectorView point(x.data(), index(x.size()));
  const MatrixView precision(form.precision.data(), point.size(), point.size());
  return in_range(form.constant + VectorView(form.linear.data(), point.size()).dot(point) -
                  point.dot(precision * point) / 2.0);
}

double GaussianTable::rounded_variance(std::uint64_t at) const {
  if (at >= data_->size) refuse_index(at);
  if (!is_conditional()) return 0.0;
  const std::size_t child = data_->dimensions.back();
  return factorise_covariance(data_->kernels[at].covariance, child, certain_as_given(child))
      .rounded_variance;
}

void GaussianTable::refuse_index(std::uint64_t at) const {
  throw ModelError(
      fmt::format("Gaussian table: expected an entry below {}, got {}", data_->size, at));
}

bool operator==(const GaussianTable& a, const GaussianTable& b) {
  return a.data_ == b.data_ ||
         (a.data_->shape == b.data_->shape && a.data_->dimensions == b.data_->dimensions &&
          a.data_->forms == b.data_->forms && a.data_->kernels == b.data_->kernels);
}

}  // namespace credo
