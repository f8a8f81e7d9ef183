#pragma once
// A mixture of Gaussians with unknown weights, means and precision matrices: z_n ~ Categorical(pi),
// x_n ~ N(mu_z, Lambda_z^-1), pi ~ Dirichlet, mu_k ~ N, Lambda_k ~ Wishart.

#include <credo/inference/conjugate/conjugate.hpp>

#include <cstddef>
#include <vector>

namespace credo {

/// Priors follow the data's scale: with s_j^2 the variance of coordinate j and m its mean,
///   mu_k ~ N(m, diag(s^2) / mean_precision),   E[Lambda_k] = diag(1 / (within s^2)).
struct MixtureOptions {
  std::size_t components = 2;
  /// Of the Dirichlet, per component; below 1 components are switched off more readily.
  double concentration = 1.0;
  double mean_precision = 0.01;
  /// Prior guess of the variance within a component as a part of the whole.
  double within = 0.1;
  /// Of the Wishart above its least: degrees = d - 1 + extra_degrees.
  double extra_degrees = 2.0;
  /// restarts: starts from responsibilities by k-means++ seeding (Arthur and Vassilvitskii 2007),
  /// unless `starts` says otherwise.
  ConjugateOptions inference{.restarts = 10};
};

/// Components in decreasing order of weight.
struct MixtureFit {
  /// value is a lower bound of log p(x).
  ConjugateResult inference;
  std::size_t dimension = 0;
  std::vector<double> weights;           ///< E[pi] [k]
  std::vector<double> means;             ///< E[mu] [k, d]
  std::vector<double> covariances;       ///< E[Lambda]^-1 [k, d, d]
  std::vector<double> responsibilities;  ///< q(z_n = k) [n, k]

  [[nodiscard]] bool ok() const noexcept { return inference.ok(); }
};

/// points [n, dimension] row by row. Throws ModelError on shapes and values, OptionError on
/// options. Attias 2000; Winn and Bishop 2005.
[[nodiscard]] MixtureFit gaussian_mixture(const std::vector<double>& points, std::size_t dimension,
                                          const MixtureOptions& options = {});

}  // namespace credo
