#pragma once
// Weak marginals: a mixture of Gaussians replaced by the Gaussian of its mass, mean and covariance.

#include <credo/core/numerics.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::gaussian {

/// exp(log_weight) N(mean, covariance), natural logarithm; a number alone where mean is empty.
/// Weight zero (log_weight -infinity): mean and covariance say nothing.
struct WeightedGaussian {
  double log_weight = -kInfinity;
  std::vector<double> mean;
  std::vector<double> covariance;  ///< row-major
};

/// The marginal of the scalars at positions, of the same weight.
[[nodiscard]] WeightedGaussian sub_gaussian(const WeightedGaussian& whole,
                                            std::span<const std::uint32_t> positions);

struct Collapsed {
  WeightedGaussian gaussian;
  /// Components of weight above zero; 1 where they are the same Gaussian, so that the collapse is
  /// exact at 1 (and at 0, the zero function).
  std::size_t components = 0;
};

/// log_weight = log sum_k w_k, mean = sum_k p_k m_k, covariance = sum_k p_k (C_k + (m_k - mean)
/// (m_k - mean)') with p_k = w_k / sum w. Differences are taken from the heaviest component, so
/// that a common offset costs no digits.
[[nodiscard]] Collapsed collapse(std::span<const WeightedGaussian> mixture);

/// An upper bound, in nats, of KL(mixture, its collapse): sum_k p_k log(det C / det C_k) / 2,
/// because the entropy of a mixture is at least the mean of its components' entropies. +infinity
/// where a component is certain in a direction in which the mixture is not.
[[nodiscard]] double collapse_loss_bound(std::span<const WeightedGaussian> mixture,
                                         const WeightedGaussian& collapsed);

}  // namespace credo::gaussian
