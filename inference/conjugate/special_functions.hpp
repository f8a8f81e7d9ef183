#pragma once
// The gamma function and its relatives, as the entropies of conjugate families need them.

#include <cstddef>

namespace credo::conjugate {

/// log Gamma(x), x > 0.
[[nodiscard]] double log_gamma(double x);
/// psi(x) = d log Gamma(x) / dx, x > 0.
[[nodiscard]] double digamma(double x);
/// log of the multivariate gamma function Gamma_d(x), x > (d - 1) / 2 (Muirhead 1982, theorem
/// 2.1.12).
[[nodiscard]] double log_multivariate_gamma(double x, std::size_t dimension);
/// Its derivative, sum_{i=0}^{d-1} psi(x - i / 2).
[[nodiscard]] double multivariate_digamma(double x, std::size_t dimension);

}  // namespace credo::conjugate
