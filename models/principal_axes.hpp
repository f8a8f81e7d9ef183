#pragma once
// Classical principal components: where the Bayesian ones start.

#include <cstddef>
#include <vector>

namespace credo {

struct PrincipalAxes {
  std::vector<double> loadings;  ///< W [d, q]
  std::vector<double> latent;    ///< E[z given x, W] [n, q]
};

/// Orthogonal columns. The maximum likelihood solution of centred points [n, d], NaN (missing) read
/// as 0: columns of W along the leading eigenvectors of the covariance S, of squared length
/// lambda_j - s^2, with s^2 the mean of the other eigenvalues. Cost n d^2 + d^3. Tipping and Bishop
/// 1999, equations 7 and 8.
[[nodiscard]] PrincipalAxes principal_axes(const std::vector<double>& points, std::size_t dimension,
                                           std::size_t components);

/// Columns of W [d, q] turned until they are orthogonal, longest first, and z [n, q] with them: W z
/// stays. Each column's largest entry is positive. Cost (n + d) q^2 + q^3.
[[nodiscard]] PrincipalAxes turned_to_axes(const PrincipalAxes& given, std::size_t components);

}  // namespace credo
