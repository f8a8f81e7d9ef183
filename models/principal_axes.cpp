// Eigenvectors of the sample covariance. A column that explains nothing keeps a small length, so
// that messages can still move it.

#include <credo/models/principal_axes.hpp>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace credo {

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Least part of an eigenvalue that a column keeps.
constexpr double kLeast = 1e-3;

}  // namespace

PrincipalAxes principal_axes(const std::vector<double>& points, std::size_t dimension,
                             std::size_t components) {
  const auto d = static_cast<Eigen::Index>(dimension);
  const auto q = static_cast<Eigen::Index>(components);
  const auto n = static_cast<Eigen::Index>(points.size() / dimension);
  Matrix x = Eigen::Map<const Matrix>(points.data(), n, d);
  x = x.unaryExpr([](double value) { return std::isnan(value) ? 0.0 : value; });
  const Matrix covariance = x.transpose() * x / static_cast<double>(n);
  // Increasing eigenvalues.
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
  const auto& values = solver.eigenvalues();
  double noise = 0.0;
  for (Eigen::Index j = 0; j < d - q; ++j) noise += values(j) / static_cast<double>(d - q);
  noise = std::max(noise, 1e-6 * std::max(values(d - 1), 1e-300));
  Matrix loadings = Matrix::Zero(d, q);
  Matrix latent = Matrix::Zero(n, q);
  for (Eigen::Index j = 0; j < std::min(q, d); ++j) {
    const double value = std::max(values(d - 1 - j), 0.0);
    const double square = std::max(value - noise, kLeast * value);
    loadings.col(j) = solver.eigenvectors().col(d - 1 - j) * std::sqrt(square);
    latent.col(j) = x * loadings.col(j) / (square + noise);
  }
  return {{loadings.data(), loadings.data() + d * q}, {latent.data(), latent.data() + n * q}};
}

PrincipalAxes turned_to_axes(const PrincipalAxes& given, std::size_t components) {
  const auto q = static_cast<Eigen::Index>(components);
  const auto rows = [q](const std::vector<double>& entries) {
    return Eigen::Map<const Matrix>(entries.data(), static_cast<Eigen::Index>(entries.size()) / q,
                                    q);
  };
  const auto w = rows(given.loadings);
  // W R is orthogonal where R' W' W R is diagonal.
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(w.transpose() * w);
  Matrix turn = solver.eigenvectors().rowwise().reverse();
  Matrix loadings = w * turn;
  for (Eigen::Index j = 0; j < q; ++j) {
    Eigen::Index largest = 0;
    loadings.col(j).cwiseAbs().maxCoeff(&largest);
    if (loadings(largest, j) < 0.0) turn.col(j) *= -1.0;
  }
  loadings = w * turn;
  const Matrix latent = rows(given.latent) * turn;
  return {{loadings.data(), loadings.data() + loadings.size()},
          {latent.data(), latent.data() + latent.size()}};
}

}  // namespace credo
