#pragma once
// Probabilistic principal components with priors on everything: x_n = W z_n + mu + noise,
// z_n ~ N(0, I) in R^q, noise ~ N(0, I / tau), columns of W ~ N(0, I / alpha_j) with gamma
// precisions alpha and tau, so that columns which explain nothing are switched off.

#include <credo/inference/conjugate/conjugate.hpp>
#include <credo/models/principal_axes.hpp>

#include <cstddef>
#include <vector>

namespace credo {

struct ComponentsOptions {
  /// q, at most d - 1 make sense.
  std::size_t components = 1;
  /// Of every gamma prior; precisions are in units of 1 / (mean variance of the coordinates).
  double shape = 1e-3;
  double rate = 1e-3;
  /// The first start is at the principal axes, others are random, unless `starts` says otherwise.
  ConjugateOptions inference;
};

struct ComponentsFit {
  /// value is a lower bound of log p(x); posteriors are those of the data shifted to mean 0 and
  /// divided by their common scale, which the priors are meant for.
  ConjugateResult inference;
  std::size_t dimension = 0;
  std::vector<double> mean;  ///< E[mu] [d]
  std::vector<double>
      loadings;  ///< E[W] [d, q]: determined up to a rotation, but for alpha: see axes()
  std::vector<double> relevance;  ///< 1 / E[alpha] [q]: mean square of a column's entries
  double noise_variance = kNaN;   ///< 1 / E[tau]
  std::vector<double> latent;     ///< E[z] [n, q]

  [[nodiscard]] bool ok() const noexcept { return inference.ok(); }
  /// The same turned to the principal axes: columns orthogonal, longest first, each with a positive
  /// largest entry; W z and covariance() stay. A column's squared length is the variance that it
  /// explains beyond the noise.
  [[nodiscard]] PrincipalAxes axes() const;
  /// E[W] E[W]^T + noise_variance I [d, d]: which no rotation changes.
  [[nodiscard]] std::vector<double> covariance() const;
  /// E[W] E[z_n] + E[mu] [n, d]: also where data are missing.
  [[nodiscard]] std::vector<double> reconstruction() const;
};

/// points [n, dimension] row by row, NaN where missing. Throws ModelError on shapes and values,
/// OptionError on options. Cost per sweep n d q^2. Tipping and Bishop 1999; Bishop 1999.
[[nodiscard]] ComponentsFit principal_components(const std::vector<double>& points,
                                                 std::size_t dimension,
                                                 const ComponentsOptions& options = {});

}  // namespace credo
