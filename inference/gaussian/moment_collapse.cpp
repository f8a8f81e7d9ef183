// Moment matching: among all Gaussians the one of the mixture's mean and covariance has the least
// KL(mixture, Gaussian). Cost O(components dimension^2); the bound of the loss dimension^3.
// Source: Lauritzen, Propagation of probabilities, means, and variances in mixed graphical
// association models, JASA 87, 1992, section 5 (weak marginals).

#include <credo/core/covariance_factor.hpp>
#include <credo/inference/gaussian/moment_collapse.hpp>

#include <algorithm>

namespace credo::gaussian {

namespace {

std::vector<double> shares(std::span<const WeightedGaussian> mixture) {
  std::vector<double> logs;
  logs.reserve(mixture.size());
  for (const WeightedGaussian& part : mixture) logs.push_back(part.log_weight);
  return softmax(logs);
}

double log_mass(std::span<const WeightedGaussian> mixture) {
  std::vector<double> logs;
  logs.reserve(mixture.size());
  for (const WeightedGaussian& part : mixture) logs.push_back(part.log_weight);
  return log_sum_exp(logs);
}

bool same_gaussian(const WeightedGaussian& a, const WeightedGaussian& b) {
  return a.mean == b.mean && a.covariance == b.covariance;
}

}  // namespace

WeightedGaussian sub_gaussian(const WeightedGaussian& whole,
                              std::span<const std::uint32_t> positions) {
  WeightedGaussian part;
  part.log_weight = whole.log_weight;
  part.mean.reserve(positions.size());
  part.covariance.reserve(positions.size() * positions.size());
  for (const std::uint32_t i : positions) {
    part.mean.push_back(whole.mean[i]);
    for (const std::uint32_t j : positions) {
      part.covariance.push_back(whole.covariance[i * whole.mean.size() + j]);
    }
  }
  return part;
}

Collapsed collapse(std::span<const WeightedGaussian> mixture) {
  Collapsed result;
  const WeightedGaussian* heaviest = nullptr;
  bool same = true;
  for (const WeightedGaussian& part : mixture) {
    if (part.log_weight == -kInfinity) continue;
    ++result.components;
    same = same && (heaviest == nullptr || same_gaussian(part, *heaviest));
    if (heaviest == nullptr || part.log_weight > heaviest->log_weight) heaviest = &part;
  }
  if (heaviest == nullptr) return result;
  result.gaussian = *heaviest;
  result.gaussian.log_weight = log_mass(mixture);
  if (same) {
    result.components = 1;
    return result;
  }
  const std::vector<double> share = shares(mixture);
  const std::vector<double>& origin = heaviest->mean;
  const std::size_t n = origin.size();
  std::vector<double> shift(n, 0.0);
  for (std::size_t k = 0; k < mixture.size(); ++k) {
    if (!(share[k] > 0.0)) continue;
    for (std::size_t i = 0; i < n; ++i) shift[i] += share[k] * (mixture[k].mean[i] - origin[i]);
  }
  for (std::size_t i = 0; i < n; ++i) result.gaussian.mean[i] += shift[i];
  std::ranges::fill(result.gaussian.covariance, 0.0);
  std::vector<double> away(n);
  for (std::size_t k = 0; k < mixture.size(); ++k) {
    if (!(share[k] > 0.0)) continue;
    for (std::size_t i = 0; i < n; ++i) away[i] = mixture[k].mean[i] - origin[i] - shift[i];
    for (std::size_t i = 0; i < n * n; ++i) {
      result.gaussian.covariance[i] +=
          share[k] * (mixture[k].covariance[i] + away[i / n] * away[i % n]);
    }
  }
  return result;
}

double collapse_loss_bound(std::span<const WeightedGaussian> mixture,
                           const WeightedGaussian& collapsed) {
  const std::size_t n = collapsed.mean.size();
  if (n == 0) return 0.0;
  const CovarianceFactor whole = factorise_covariance(collapsed.covariance, n, kCertainAsComputed);
  const std::vector<double> share = shares(mixture);
  double bound = 0.0;
  for (std::size_t k = 0; k < mixture.size(); ++k) {
    if (!(share[k] > 0.0)) continue;
    const CovarianceFactor part =
        factorise_covariance(mixture[k].covariance, n, kCertainAsComputed);
    if (part.rank < whole.rank) return kInfinity;
    bound += share[k] * (whole.log_determinant - part.log_determinant) / 2.0;
  }
  return std::max(bound, 0.0);
}

}  // namespace credo::gaussian
