#pragma once
// When Gaussian message passing converges: the spectral radius of a network's couplings.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/message_passing/gaussian_network.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace credo::message_passing {

/// Bounds of rho(N), N_ij = |R_ij|_2 the spectral norms of the whitened blocks R_ij = -z-couplings
/// (for scalars |R|, R = I - D^-1/2 J D^-1/2). Below 1 the network is walk-summable: messages
/// converge from zero, and J is positive definite.
struct SpectralRadius {
  double lower = 0.0;
  double upper = kInfinity;

  [[nodiscard]] bool is_walk_summable() const { return upper < 1.0; }
};

[[nodiscard]] SpectralRadius bound_spectral_radius(const GaussianNetwork& network,
                                                   contraction::Monitor& monitor);

/// Whether J has a direction that curves the wrong way, as far as conjugate gradients see.
struct Curvature {
  enum class Sign : std::uint8_t {
    positive,   ///< a full run found none
    negative,   ///< found one, mostly along `node`
    unsettled,  ///< too many steps
  };
  Sign sign = Sign::unsettled;
  std::uint32_t node = kNoNode;
  /// Of the direction, over its length: at most 0 where negative.
  double value = kNaN;
};

[[nodiscard]] Curvature search_curvature(const GaussianNetwork& network,
                                         contraction::Monitor& monitor);

/// Of a symmetric matrix, row-major (the lower triangle is read).
[[nodiscard]] double smallest_eigenvalue(std::span<const double> matrix, std::size_t dimension);

}  // namespace credo::message_passing
