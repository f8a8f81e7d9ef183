// Conditioning in moment form. The scalars f that a factor touches are written x_f = m_f + G u, u
// standard normal of as many dimensions as cov(x_f) has rank; the factor makes u normal with mean a
// and covariance V, and everything else follows by regression on u:
//   mean += T a,  cov += T (V - 1) T',  T = cov(x, u), T_f = G.
// Invariant: covariances stay positive semi-definite: V is a Joseph form or an inverse, and what is
// subtracted is a regression. Cost O(k^3 + n^2 k) for k touched of n scalars.
// Source: Lauritzen and Jensen, Stable local computation with conditional Gaussian distributions,
// Statistics and Computing 11, 2001 (moment form admits certain kernels).

#include <credo/inference/gaussian/moment_gaussian.hpp>
#include <credo/inference/gaussian/moment_halves.hpp>
#include <credo/inference/gaussian/structure.hpp>

#include <Eigen/Cholesky>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo::gaussian {

namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);
/// What contradicts a certain direction, relative to the numbers it is computed from.
constexpr double kContradiction = 1e-9;
/// A variance that was 1 before an observation and is taken for 0 after it.
constexpr double kGone = 1e-26;
/// What is left of a variance and is nothing but rounding.
constexpr double kRounding = 1e-13;

/// The free scalars of a factor: rows of the factor and their positions.
struct FreeScalars {
  std::vector<std::size_t> rows;
  std::vector<std::uint32_t> positions;
};

FreeScalars free_scalars(const Places& places) {
  FreeScalars free;
  for (std::size_t i = 0; i < places.positions.size(); ++i) {
    if (places.positions[i] == kObserved) continue;
    free.rows.push_back(i);
    free.positions.push_back(places.positions[i]);
  }
  return free;
}

/// residual = known + slope x_free, with the magnitudes it is computed from.
struct Innovation {
  Vector residual;
  Matrix slope;
  double scale = 0.0;
};

/// child - gain parents - offset.
Innovation innovation(const LinearGaussian& kernel, const Places& places, const FreeScalars& free,
                      std::span<const double> mean) {
  const std::size_t count = kernel.offset.size();
  const std::size_t parents = places.positions.size() - count;
  Innovation result{Vector(to_index(count)),
                    Matrix::Zero(to_index(count), to_index(free.rows.size())), 0.0};
  const auto value = [&](std::size_t row) {
    const std::uint32_t at = places.positions[row];
    return at == kObserved ? places.values[row] : mean[at];
  };
  for (std::size_t i = 0; i < count; ++i) {
    const double child = value(parents + i);
    double sum = child - kernel.offset[i];
    result.scale = std::max({result.scale, std::fabs(child), std::fabs(kernel.offset[i])});
    for (std::size_t j = 0; j < parents; ++j) {
      const double part = kernel.gain[i * parents + j] * value(j);
      result.scale = std::max(result.scale, std::fabs(part));
      sum -= part;
    }
    result.residual[to_index(i)] = sum;
    for (std::size_t k = 0; k < free.rows.size(); ++k) {
      const std::size_t row = free.rows[k];
      const double own = row == parents + i ? 1.0 : 0.0;
      result.slope(to_index(i), to_index(k)) =
          row < parents ? -kernel.gain[i * parents + row] : own;
    }
  }
  return result;
}

/// Whether a residual has a part where its covariance says there is none.
bool contradicts(const CovarianceFactor& factor, const Innovation& innovation) {
  if (factor.rank == factor.dimension) return false;
  const Eigen::Index n = to_index(factor.dimension);
  const Vector turned = MatrixView(factor.rotation.data(), n, n) * innovation.residual;
  const Eigen::Index certain = n - to_index(factor.rank);
  return turned.tail(certain).cwiseAbs().maxCoeff() > kContradiction * innovation.scale;
}

/// A quadratic form at a point: its gradient and block of the free scalars.
struct LocalQuadratic {
  Vector gradient;
  Matrix precision;
  double value = 0.0;
};

LocalQuadratic localise(const QuadraticForm& form, const Vector& point, const FreeScalars& free) {
  const Eigen::Index n = point.size();
  const MatrixView precision(form.precision.data(), n, n);
  const VectorView linear(form.linear.data(), n);
  const Vector pull = linear - precision * point;
  const Eigen::Index k = to_index(free.rows.size());
  LocalQuadratic result{Vector(k), Matrix(k, k), form.constant + (linear + pull).dot(point) / 2.0};
  for (std::size_t i = 0; i < free.rows.size(); ++i) {
    const Eigen::Index row = to_index(free.rows[i]);
    result.gradient[to_index(i)] = pull[row];
    for (std::size_t j = 0; j < free.rows.size(); ++j) {
      result.precision(to_index(i), to_index(j)) = precision(row, to_index(free.rows[j]));
    }
  }
  return result;
}

}  // namespace

struct MomentGaussian::Whitened {
  std::vector<std::uint32_t> positions;
  Halves halves;
};

MomentGaussian::MomentGaussian(std::size_t dimension)
    : dimension_(dimension),
      gaussian_{0.0, std::vector<double>(dimension), std::vector<double>(dimension * dimension)} {}

void MomentGaussian::clear() {
  gaussian_.log_weight = 0.0;
  std::ranges::fill(gaussian_.mean, 0.0);
  std::ranges::fill(gaussian_.covariance, 0.0);
}

void MomentGaussian::place(const WeightedGaussian& gaussian,
                           std::span<const std::uint32_t> positions) {
  const std::size_t n = positions.size();
  for (std::size_t i = 0; i < n; ++i) {
    gaussian_.mean[positions[i]] = gaussian.mean[i];
    for (std::size_t j = 0; j < n; ++j) {
      gaussian_.covariance[positions[i] * dimension_ + positions[j]] =
          gaussian.covariance[i * n + j];
    }
  }
}

void MomentGaussian::append(const LinearGaussian& kernel, const Places& places) {
  const std::size_t child = kernel.offset.size();
  const std::size_t parents = places.positions.size() - child;
  std::vector<double> across(child * dimension_, 0.0);
  for (std::size_t i = 0; i < child; ++i) {
    double mean = kernel.offset[i];
    for (std::size_t j = 0; j < parents; ++j) {
      const double gain = kernel.gain[i * parents + j];
      const std::uint32_t at = places.positions[j];
      mean += gain * (at == kObserved ? places.values[j] : gaussian_.mean[at]);
      if (at == kObserved || gain == 0.0) continue;
      for (std::size_t k = 0; k < dimension_; ++k) {
        across[i * dimension_ + k] += gain * gaussian_.covariance[at * dimension_ + k];
      }
    }
    gaussian_.mean[places.positions[parents + i]] = mean;
  }
  for (std::size_t i = 0; i < child; ++i) {
    const std::size_t row = places.positions[parents + i];
    for (std::size_t k = 0; k < dimension_; ++k) {
      gaussian_.covariance[row * dimension_ + k] = across[i * dimension_ + k];
      gaussian_.covariance[k * dimension_ + row] = across[i * dimension_ + k];
    }
  }
  for (std::size_t i = 0; i < child; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = kernel.covariance[i * child + j];
      for (std::size_t k = 0; k < parents; ++k) {
        const std::uint32_t at = places.positions[k];
        if (at != kObserved) sum += across[i * dimension_ + at] * kernel.gain[j * parents + k];
      }
      const std::size_t row = places.positions[parents + i];
      const std::size_t column = places.positions[parents + j];
      gaussian_.covariance[row * dimension_ + column] =
          gaussian_.covariance[column * dimension_ + row] = sum;
    }
  }
}

MomentGaussian::Whitened MomentGaussian::whiten(std::vector<std::uint32_t> positions) const {
  if (positions.empty()) return {};
  std::vector<double> block;
  block.reserve(positions.size() * positions.size());
  for (const std::uint32_t i : positions) {
    for (const std::uint32_t j : positions)
      block.push_back(gaussian_.covariance[i * dimension_ + j]);
  }
  const std::size_t n = positions.size();
  return {std::move(positions), halves(factorise_covariance(block, n, kCertainAsComputed))};
}

void MomentGaussian::move(const Whitened& whitened, std::span<const double> mean,
                          std::span<const double> covariance) {
  const Eigen::Index rank = to_index(mean.size());
  if (rank == 0) return;
  const Eigen::Index n = to_index(dimension_);
  Eigen::Map<Matrix> all(gaussian_.covariance.data(), n, n);
  Matrix across(n, to_index(whitened.positions.size()));
  for (Eigen::Index k = 0; k < across.cols(); ++k) {
    across.col(k) = all.col(to_index(whitened.positions[static_cast<std::size_t>(k)]));
  }
  const Matrix outer = across * whitened.halves.whitening.transpose();
  Matrix slope = outer;
  for (Eigen::Index k = 0; k < across.cols(); ++k) {
    slope.row(to_index(whitened.positions[static_cast<std::size_t>(k)])) =
        whitened.halves.noise.row(k);
  }
  const Vector before = all.diagonal();
  all.noalias() -= outer * outer.transpose();
  // The regression leaves nothing of the touched scalars; rounding must not either. Nor of others
  // that follow from them.
  for (const std::uint32_t at : whitened.positions) all(at, at) = 0.0;
  for (Eigen::Index i = 0; i < n; ++i) {
    if (all(i, i) > kRounding * before[i]) continue;
    all.row(i).setZero();
    all.col(i).setZero();
  }
  const Matrix spread = slope * MatrixView(covariance.data(), rank, rank);
  all.noalias() += spread * slope.transpose();
  Eigen::Map<Vector>(gaussian_.mean.data(), n).noalias() += slope * VectorView(mean.data(), rank);
}

Absorbed MomentGaussian::observe(const LinearGaussian& kernel, const Places& places) {
  const std::size_t count = kernel.offset.size();
  const FreeScalars free = free_scalars(places);
  const Innovation seen = innovation(kernel, places, free, gaussian_.mean);
  const Whitened whitened = whiten(free.positions);
  const Eigen::Index rank = whitened.halves.noise.cols();
  const MatrixView noise(kernel.covariance.data(), to_index(count), to_index(count));
  Matrix slope(to_index(count), rank);  // d residual / d u
  Matrix total = noise;
  if (rank > 0) {
    slope.noalias() = seen.slope * whitened.halves.noise;
    total.noalias() += slope * slope.transpose();
  }
  // Without anything unknown it is the kernel's own.
  const double certain = rank == 0 ? certain_as_given(count) : kCertainAsComputed;
  const CovarianceFactor factor = factorise_covariance(entries(total), count, certain);
  if (contradicts(factor, seen)) {
    return factor.rounded_variance > 0.0 ? Absorbed::doubtful : Absorbed::impossible;
  }
  if (factor.rank == 0) return Absorbed::ok;
  const Matrix white = halves(factor).whitening;
  const Vector standard = white * seen.residual;
  const double log_normaliser =
      static_cast<double>(factor.rank) * kLogTwoPi + factor.log_determinant;
  scale(-(log_normaliser + standard.squaredNorm()) / 2.0);
  if (rank == 0) return Absorbed::ok;
  const Matrix gain = -(slope.transpose() * white.transpose()) * white;
  const Matrix keep = Matrix::Identity(rank, rank) + gain * slope;
  const Vector mean = gain * seen.residual;
  Matrix covariance = keep * keep.transpose() + gain * noise * gain.transpose();
  for (Eigen::Index i = 0; i < rank; ++i) {
    if (covariance(i, i) > kGone) continue;
    covariance.row(i).setZero();
    covariance.col(i).setZero();
  }
  move(whitened, {mean.data(), static_cast<std::size_t>(rank)}, entries(covariance));
  return Absorbed::ok;
}

Absorbed MomentGaussian::multiply(const QuadraticForm& form, const Places& places,
                                  std::span<const double> origin) {
  if (form.constant == -kInfinity) return Absorbed::impossible;
  const FreeScalars free = free_scalars(places);
  Vector point(to_index(places.positions.size()));
  for (std::size_t i = 0; i < places.positions.size(); ++i) {
    const std::uint32_t at = places.positions[i];
    point[to_index(i)] = (at == kObserved ? places.values[i] : gaussian_.mean[at]) -
                         (origin.empty() ? 0.0 : origin[i]);
  }
  const LocalQuadratic local = localise(form, point, free);
  scale(local.value);
  const Whitened whitened = whiten(free.positions);
  const Matrix& noise = whitened.halves.noise;
  const Eigen::Index rank = noise.cols();
  if (rank == 0) return Absorbed::ok;
  const Matrix curvature = noise.transpose() * local.precision * noise;
  const Eigen::LLT<Matrix> factor(Matrix::Identity(rank, rank) +
                                  (curvature + curvature.transpose()) / 2.0);
  if (factor.info() != Eigen::Success) return Absorbed::diverges;
  const Vector pulled = noise.transpose() * local.gradient;
  const Vector mean = factor.solve(pulled);
  const Matrix root = factor.matrixL().solve(Matrix::Identity(rank, rank));
  scale(pulled.dot(mean) / 2.0 - factor.matrixLLT().diagonal().array().log().sum());
  move(whitened, {mean.data(), static_cast<std::size_t>(rank)}, entries(root.transpose() * root));
  return Absorbed::ok;
}

void MomentGaussian::replace_marginal(const WeightedGaussian& marginal,
                                      std::span<const std::uint32_t> positions) {
  const Whitened whitened = whiten({positions.begin(), positions.end()});
  const Eigen::Index n = to_index(positions.size());
  const Matrix& white = whitened.halves.whitening;
  if (white.rows() == 0) return;
  Vector away(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    away[i] = marginal.mean[static_cast<std::size_t>(i)] -
              gaussian_.mean[positions[static_cast<std::size_t>(i)]];
  }
  const Vector mean = white * away;
  const Matrix covariance =
      white * MatrixView(marginal.covariance.data(), n, n) * white.transpose();
  move(whitened, {mean.data(), static_cast<std::size_t>(mean.size())}, entries(covariance));
}

}  // namespace credo::gaussian
