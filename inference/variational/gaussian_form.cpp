// The rules of the reverse sweep on quadratic scores.
//
// With y = F z + f + G e, e standard normal, a score J(y, z) becomes rest(z) + b(z)' e - e' S e /
// 2, S = G' P_yy G and b(z) = b0 - B z. Then
//   clamped   rest - tr S / 2
//   charged   rest + b' (rho A)^-1 b / 2 - rho log det A / 2,  A = I + S / rho,  e ~ N((rho A)^-1
//   b,
//             A^-1); for P the curvature in y, A^-1 turns P into (I + P W / rho)^-1 P (Whittle
//             1981; Jacobson 1973), and nothing is divided by W
//   free      the same with F = 0, f = 0, G = I and A = S / w, plus w n log(2 pi) / 2; a kernel
//   among
//             its scores is charged with rho = w and noise w W instead
//   largest   rest + b' S^-1 b / 2, with I + S in place of S when a kernel's density is maximised
//   too
// The integrals exist when A is positive definite, which its scaled Cholesky factorisation decides.
// Cost: (dim y + dim z)^3.

#include <credo/core/covariance_factor.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_form.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>

#include <cassert>
#include <cmath>
#include <numbers>
#include <vector>

namespace credo::variational {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);
/// Eigenvalues below this, relative to the diagonal, are rounding.
constexpr double kRounding = 1e-13;

Index size_of(std::size_t n) { return static_cast<Index>(n); }

MatrixXd matrix_of(const std::vector<double>& entries, Index rows, Index columns) {
  return Eigen::Map<const RowMajor>(entries.data(), rows, columns);
}

VectorXd vector_of(const std::vector<double>& entries) {
  return Eigen::Map<const VectorXd>(entries.data(), size_of(entries.size()));
}

std::vector<double> entries_of(const MatrixXd& matrix) {
  std::vector<double> entries(static_cast<std::size_t>(matrix.size()));
  Eigen::Map<RowMajor>(entries.data(), matrix.rows(), matrix.cols()) = matrix;
  return entries;
}

void symmetrise(MatrixXd& matrix) { matrix = (matrix + matrix.transpose()).eval() / 2.0; }

/// G with G G' = covariance and full column rank.
MatrixXd root_of(const MatrixXd& covariance) {
  const Index n = covariance.rows();
  const CovarianceFactor factor =
      factorise_covariance({covariance.data(), static_cast<std::size_t>(covariance.size())},
                           static_cast<std::size_t>(n), kCertainAsComputed);
  const MatrixXd noise = matrix_of(factor.noise, n, size_of(factor.rank));
  if (factor.rotation.empty()) return noise;
  return matrix_of(factor.rotation, n, n).transpose() * noise;
}

/// log |det| of a square matrix.
double log_determinant(const MatrixXd& matrix) {
  return matrix.rows() == 0 ? 0.0
                            : matrix.partialPivLu().matrixLU().diagonal().array().abs().log().sum();
}

/// J after y = F z + f + G e.
struct Substituted {
  Form rest;
  MatrixXd s;
  VectorXd b0;
  MatrixXd b;
};

Substituted split(const Form& j, Index child) {
  const Index n = j.dimension() - child;
  Substituted result;
  result.rest.precision = j.precision.bottomRightCorner(n, n);
  result.rest.linear = j.linear.tail(n);
  result.rest.constant = j.constant;
  result.s = j.precision.topLeftCorner(child, child);
  result.b0 = j.linear.head(child);
  result.b = j.precision.topRightCorner(child, n);
  return result;
}

Substituted substitute(const Form& j, const Kernel& k) {
  const Index m = k.offset.size();
  Substituted parts = split(j, m);
  const MatrixXd cross = parts.s * k.gain + parts.b;  // P_yy F + P_yz
  const VectorXd at_offset = parts.b0 - parts.s * k.offset;
  Substituted result;
  result.rest.precision =
      parts.rest.precision + k.gain.transpose() * cross + parts.b.transpose() * k.gain;
  symmetrise(result.rest.precision);
  result.rest.linear =
      parts.rest.linear + k.gain.transpose() * at_offset - parts.b.transpose() * k.offset;
  result.rest.constant =
      parts.rest.constant + k.offset.dot(parts.b0) - k.offset.dot(parts.s * k.offset) / 2.0;
  result.s = k.root.transpose() * parts.s * k.root;
  result.b0 = k.root.transpose() * at_offset;
  result.b = k.root.transpose() * cross;
  return result;
}

/// Cholesky of a symmetric matrix scaled to a unit diagonal.
class ScaledCholesky {
 public:
  explicit ScaledCholesky(const MatrixXd& matrix) : inverse_scale_(matrix.rows()) {
    for (Index i = 0; i < matrix.rows(); ++i) {
      if (!(matrix(i, i) > 0.0)) {
        curvature_ = std::min(matrix(i, i), 0.0);
        return;
      }
      inverse_scale_[i] = 1.0 / std::sqrt(matrix(i, i));
    }
    const MatrixXd scaled = inverse_scale_.asDiagonal() * matrix * inverse_scale_.asDiagonal();
    factor_.compute(scaled);
    const bool positive =
        factor_.info() == Eigen::Success &&
        (matrix.rows() == 0 || factor_.matrixLLT().diagonal().minCoeff() > std::sqrt(kRounding));
    curvature_ = positive ? 1.0 : smallest_eigenvalue(scaled);
  }

  [[nodiscard]] double curvature() const { return curvature_; }
  [[nodiscard]] MatrixXd solve(const MatrixXd& right) const {
    if (right.size() == 0) return right;  // Eigen's solvers look at the first entry
    return inverse_scale_.asDiagonal() * factor_.solve(inverse_scale_.asDiagonal() * right);
  }
  [[nodiscard]] double log_determinant() const {
    return 2.0 * (factor_.matrixLLT().diagonal().array().log().sum() -
                  inverse_scale_.array().log().sum());
  }
  /// R with R R' = the inverse.
  [[nodiscard]] MatrixXd inverse_root() const {
    const Index n = inverse_scale_.size();
    if (n == 0) return MatrixXd(0, 0);
    return inverse_scale_.asDiagonal() * factor_.matrixU().solve(MatrixXd::Identity(n, n));
  }

 private:
  /// Not above 0, since the factorisation failed.
  static double smallest_eigenvalue(const MatrixXd& matrix) {
    if (!matrix.allFinite()) return -kInfinity;
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(matrix, Eigen::EigenvaluesOnly);
    const double smallest = solver.eigenvalues()[0];
    return smallest > -std::sqrt(kRounding) ? 0.0 : smallest;
  }

  VectorXd inverse_scale_;
  Eigen::LLT<MatrixXd> factor_;
  double curvature_ = 0.0;
};

/// w log of what k^(1/w) integrates to: nothing for w = 1.
double power_constant(const Kernel& kernel, double weight) {
  if (weight == 1.0) return 0.0;
  assert(kernel.regular());
  const double n = static_cast<double>(kernel.root.rows());
  const double log_determinant_of = 2.0 * log_determinant(kernel.root);
  return (weight * n * (kLogTwoPi + std::log(weight)) + weight * log_determinant_of -
          n * kLogTwoPi - log_determinant_of) /
         2.0;
}

/// log of the largest density, on the support.
double largest_log_density(const Kernel& kernel) {
  const MatrixXd gram = kernel.root.transpose() * kernel.root;
  return -(static_cast<double>(gram.rows()) * kLogTwoPi + log_determinant(gram)) / 2.0;
}

}  // namespace

Form Form::zero(Index dimension) {
  return {MatrixXd::Zero(dimension, dimension), VectorXd::Zero(dimension), 0.0};
}

Form Form::infeasible(Index dimension) {
  Form form = zero(dimension);
  form.constant = -kInfinity;
  return form;
}

bool Form::feasible() const { return constant != -kInfinity; }

void Form::add(const Form& part, std::span<const Index> places, double factor) {
  constant += factor * part.constant;
  for (Index i = 0; i < part.dimension(); ++i) {
    const Index row = places[static_cast<std::size_t>(i)];
    linear[row] += factor * part.linear[i];
    for (Index k = 0; k < part.dimension(); ++k) {
      precision(row, places[static_cast<std::size_t>(k)]) += factor * part.precision(i, k);
    }
  }
}

Form Form::at(Index first, const VectorXd& value) const {
  const Index m = value.size();
  Form moved = Form::zero(dimension());  // the observed coordinates first
  std::vector<Index> places;
  for (Index i = 0; i < dimension(); ++i) {
    places.push_back(i < first ? i + m : i < first + m ? i - first : i);
  }
  moved.add(*this, places);
  Kernel point;
  point.gain = MatrixXd::Zero(m, dimension() - m);
  point.offset = value;
  point.root = MatrixXd(m, 0);
  return substitute(moved, point).rest;
}

Form Kernel::log_density() const {
  assert(regular());
  const Index m = offset.size();
  const Index n = gain.cols();
  const MatrixXd whitening = root.partialPivLu().inverse();  // e = whitening (y - F z - f)
  MatrixXd residual(m, n + m);
  residual << -whitening * gain, whitening;
  const VectorXd shift = whitening * offset;
  Form form;
  form.precision = residual.transpose() * residual;
  form.linear = residual.transpose() * shift;
  form.constant =
      -shift.squaredNorm() / 2.0 - static_cast<double>(m) * kLogTwoPi / 2.0 - log_determinant(root);
  return form;
}

double Kernel::entropy() const {
  return static_cast<double>(root.rows()) * (kLogTwoPi + 1.0) / 2.0 + log_determinant(root);
}

Kernel Kernel::at(Index first, const VectorXd& value) const {
  const Index m = value.size();
  const Index after = gain.cols() - first - m;
  Kernel kernel;
  kernel.gain.resize(gain.rows(), gain.cols() - m);
  kernel.gain << gain.leftCols(first), gain.rightCols(after);
  kernel.offset = offset + gain.middleCols(first, m) * value;
  kernel.root = root;
  return kernel;
}

Form form_of(const QuadraticForm& form) {
  const Index n = size_of(form.linear.size());
  return {matrix_of(form.precision, n, n), vector_of(form.linear), form.constant};
}

QuadraticForm quadratic_form_of(const Form& form) {
  return {entries_of(form.precision), entries_of(form.linear), form.constant};
}

Kernel kernel_of(const LinearGaussian& kernel) {
  const Index m = size_of(kernel.offset.size());
  const Index n = size_of(kernel.gain.size()) / m;
  return {matrix_of(kernel.gain, m, n), vector_of(kernel.offset),
          root_of(matrix_of(kernel.covariance, m, m))};
}

LinearGaussian linear_gaussian_of(const Kernel& kernel) {
  MatrixXd covariance = kernel.root * kernel.root.transpose();
  symmetrise(covariance);
  return {entries_of(kernel.gain), entries_of(kernel.offset), entries_of(covariance)};
}

Form expectation(const Form& j, const Kernel& kernel) {
  Substituted parts = substitute(j, kernel);
  parts.rest.constant -= parts.s.trace() / 2.0;
  return std::move(parts.rest);
}

std::optional<Form> divergence(const Kernel& q, const Kernel& p) {
  if (q.root.cols() != p.root.cols()) return std::nullopt;
  const Index rank = p.root.cols();
  Form form = Form::zero(p.gain.cols());
  const MatrixXd gain = q.gain - p.gain;
  const VectorXd offset = q.offset - p.offset;
  const auto within = [](const MatrixXd& part, double scale) {
    return part.size() == 0 || part.cwiseAbs().maxCoeff() <= 1e-8 * scale;
  };
  const double scale =
      1e-300 + p.gain.cwiseAbs().sum() + p.offset.cwiseAbs().sum() + p.root.cwiseAbs().sum();
  if (rank == 0) {
    return within(gain, scale) && within(offset, scale) ? std::optional(form) : std::nullopt;
  }
  const Eigen::ColPivHouseholderQR<MatrixXd> whiten(p.root);
  const MatrixXd slope = gain.cols() == 0 ? MatrixXd(rank, 0) : MatrixXd(whiten.solve(gain));
  const VectorXd shift = whiten.solve(offset);
  const MatrixXd spread = whiten.solve(q.root);
  if ((gain.cols() > 0 && !within(p.root * slope - gain, scale)) ||
      !within(p.root * shift - offset, scale) || !within(p.root * spread - q.root, scale)) {
    return std::nullopt;
  }
  form.precision = -slope.transpose() * slope;
  form.linear = slope.transpose() * shift;
  form.constant = (shift.squaredNorm() + spread.squaredNorm() - static_cast<double>(rank)) / 2.0 -
                  log_determinant(spread);
  return form;
}

Kernel conditional_of(const VectorXd& mean, const MatrixXd& covariance,
                      std::span<const Index> others, std::span<const Index> given) {
  const std::vector<Index> y(others.begin(), others.end());
  const std::vector<Index> z(given.begin(), given.end());
  if (y.empty() || z.empty()) {
    return {MatrixXd::Zero(size_of(y.size()), size_of(z.size())), mean(y),
            y.empty() ? MatrixXd(0, 0) : root_of(covariance(y, y))};
  }
  const MatrixXd cross = covariance(y, z);
  const MatrixXd own = covariance(z, z);
  // Scaled, so that small variances are not taken for none.
  const VectorXd scale = own.diagonal().cwiseMax(0.0).cwiseSqrt();
  const VectorXd inverse = scale.unaryExpr([](double s) { return s > 0.0 ? 1.0 / s : 0.0; });
  const MatrixXd correlation = inverse.asDiagonal() * own * inverse.asDiagonal();
  Eigen::CompleteOrthogonalDecomposition<MatrixXd> solver;
  solver.setThreshold(kRounding);
  solver.compute(correlation);
  Kernel kernel;
  kernel.gain =
      (solver.solve(inverse.asDiagonal() * cross.transpose())).transpose() * inverse.asDiagonal();
  kernel.offset = mean(y) - kernel.gain * mean(z);
  MatrixXd left = covariance(y, y) - kernel.gain * cross.transpose();
  symmetrise(left);
  kernel.root = root_of(left);
  return kernel;
}

Optimum optimum(const Form& j, Index child, const Kernel* kernel, Rule rule, double weight) {
  Kernel noise;
  if (kernel != nullptr) {
    noise = *kernel;
    if (rule == Rule::entropic) noise.root *= std::sqrt(weight);
  } else {
    noise.gain = MatrixXd::Zero(child, j.dimension() - child);
    noise.offset = VectorXd::Zero(child);
    noise.root = MatrixXd::Identity(child, child);
  }
  Substituted parts = kernel != nullptr ? substitute(j, noise) : split(j, child);
  const double w = rule == Rule::largest ? 1.0 : weight;
  MatrixXd a = parts.s / w;
  if (kernel != nullptr) a.diagonal().array() += 1.0;
  symmetrise(a);
  const ScaledCholesky cholesky(a);
  Optimum result;
  result.curvature = cholesky.curvature();
  if (!(result.curvature > 0.0)) return result;
  const VectorXd e0 = cholesky.solve(parts.b0) / w;
  const MatrixXd slope = cholesky.solve(parts.b) / w;
  result.message = std::move(parts.rest);
  result.message.precision -= parts.b.transpose() * slope;
  symmetrise(result.message.precision);
  result.message.linear -= parts.b.transpose() * e0;
  result.message.constant += parts.b0.dot(e0) / 2.0;
  if (rule != Rule::largest) result.message.constant -= w * cholesky.log_determinant() / 2.0;
  if (kernel == nullptr && rule == Rule::entropic) {
    result.message.constant += w * static_cast<double>(child) * kLogTwoPi / 2.0;
  }
  if (kernel != nullptr && rule == Rule::entropic) {
    result.message.constant += power_constant(*kernel, weight);
  }
  if (kernel != nullptr && rule == Rule::largest) {
    result.message.constant += largest_log_density(*kernel);
  }
  result.q.gain = noise.gain - noise.root * slope;
  result.q.offset = noise.offset + noise.root * e0;
  result.q.root =
      rule == Rule::largest ? MatrixXd(child, 0) : MatrixXd(noise.root * cholesky.inverse_root());
  return result;
}

}  // namespace credo::variational
