#pragma once
// Gaussian tables: quadratic log-factors over continuous variables, one for every joint state of
// some discrete variables. Immutable and shared, like Table.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace credo {

/// log f(x) = constant + linear' x - x' precision x / 2, natural logarithm, x in R^n: the
/// information (canonical) form. The precision may be singular or indefinite: a log-factor need not
/// be a density.
struct QuadraticForm {
  std::vector<double> precision;  ///< n x n, row-major, symmetric
  std::vector<double> linear;     ///< n
  double constant = 0.0;

  friend bool operator==(const QuadraticForm&, const QuadraticForm&) = default;
};

/// p(y | x) = N(y; gain x + offset, covariance), y in R^m, x in R^n: a linear-Gaussian kernel. The
/// covariance is positive semi-definite; where it is singular y is a certain function of x.
struct LinearGaussian {
  std::vector<double> gain;        ///< m x n, row-major
  std::vector<double> offset;      ///< m
  std::vector<double> covariance;  ///< m x m, row-major, symmetric

  friend bool operator==(const LinearGaussian&, const LinearGaussian&) = default;
};

/// One quadratic log-factor, or one linear-Gaussian kernel, per joint state of the discrete
/// extents (row-major, the last varies fastest; no extents: one). A handle: copies share the
/// values. A table knows extents and dimensions, not variables; a GaussianFactor binds it.
class GaussianTable {
 public:
  /// Quadratic forms over the concatenation of blocks of the given dimensions. Throws ModelError,
  /// naming the form, when a count is not what extents and dimensions say, when a number is not
  /// finite (constant: -infinity is allowed, the zero factor), or when a precision is not symmetric
  /// within 1e-9 of its largest entry.
  [[nodiscard]] static GaussianTable quadratic(std::vector<std::size_t> shape,
                                               std::vector<std::size_t> dimensions,
                                               std::vector<QuadraticForm> forms);

  /// Kernels of the last block given the blocks before it (maybe none). Throws as quadratic(), and
  /// when a covariance has an eigenvalue below -1e-9 times its largest.
  [[nodiscard]] static GaussianTable conditional(std::vector<std::size_t> shape,
                                                 std::vector<std::size_t> dimensions,
                                                 std::vector<LinearGaussian> kernels);

  /// Copies and moves share the values: no handle is ever empty.
  GaussianTable(const GaussianTable&) noexcept = default;
  GaussianTable& operator=(const GaussianTable&) noexcept = default;
  ~GaussianTable() = default;

  /// Extents of the discrete variables.
  [[nodiscard]] std::span<const std::size_t> shape() const noexcept;
  /// Dimensions of the continuous blocks; a conditional's child is the last.
  [[nodiscard]] std::span<const std::size_t> dimensions() const noexcept;
  /// Their sum.
  [[nodiscard]] std::size_t dimension() const noexcept;
  /// Number of joint states of the discrete extents.
  [[nodiscard]] std::uint64_t size() const noexcept;
  [[nodiscard]] bool is_conditional() const noexcept { return !kernels().empty(); }

  /// One per joint state; empty for a conditional table.
  [[nodiscard]] std::span<const QuadraticForm> forms() const noexcept;
  /// One per joint state; empty for a quadratic table.
  [[nodiscard]] std::span<const LinearGaussian> kernels() const noexcept;

  /// log f(x) for the joint state of a row-major index, natural logarithm. For a conditional whose
  /// covariance is singular: the log density on the support (with respect to its own dimension), or
  /// -infinity off it (residual above 1e-9 of the scale). NaN where it leaves the range of doubles.
  /// Throws ModelError on a wrong count.
  [[nodiscard]] double log_at(std::uint64_t index, std::span<const double> x) const;

  /// What log_at() and the engines take for singular: a covariance of n numbers of which a
  /// direction keeps at most 8 n 2^-52 of its unit variance, given the others. This is the largest
  /// variance so left out of the kernel of an index, relative to a unit variance, though it was not
  /// exactly 0: a contradiction to such a kernel proves nothing. 0: nothing was left out. Throws
  /// ModelError.
  [[nodiscard]] double rounded_variance(std::uint64_t index) const;

  /// Equal shapes and equal numbers.
  friend bool operator==(const GaussianTable& a, const GaussianTable& b);
  /// Identity of the shared values, for caches keyed on sharing.
  [[nodiscard]] const void* identity() const noexcept { return data_.get(); }

 private:
  struct Data;
  [[noreturn]] void refuse_index(std::uint64_t index) const;
  explicit GaussianTable(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

}  // namespace credo
