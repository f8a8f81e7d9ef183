// Sums of Gaussian parents and dot products. Terms are independent under q (different nodes), hence
//   E[sum] = sum E,   Cov[sum] = sum Cov,
//   E[a.b] = E[a].E[b],   Var[a.b] = E[a]^T Cov[b] E[a] + E[b]^T Cov[a] E[b] + tr(Cov[a] Cov[b]).
// Cost per element: terms x dimension^2.

#include <credo/inference/conjugate/gaussian_mean.hpp>

#include <algorithm>

namespace credo::conjugate {

namespace {

/// E[a]^T Cov[b] E[a] + tr(Cov[a] Cov[b]).
double spread(const VectorMoments& a, const VectorMoments& b, std::size_t dimension) {
  if (b.covariance == nullptr) return 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < dimension; ++i) {
    for (std::size_t j = 0; j < dimension; ++j) {
      const double c = a.covariance == nullptr ? 0.0 : a.covariance[i * dimension + j];
      sum += b.covariance[i * dimension + j] * (a.mean[i] * a.mean[j] + c);
    }
  }
  return sum;
}

}  // namespace

GaussianMean::GaussianMean(const ConjugatePlate& plate, const Nodes& nodes)
    : dimension_(plate.dimension),
      mean_(plate.dimension),
      covariance_(plate.dimension * plate.dimension) {
  const std::size_t states = Selection(plate, nodes).states();
  for (const ConjugateTerm& term : plate.terms) {
    MeanTerm made{Link(term.parent, nodes, states), std::nullopt};
    if (term.times) made.times.emplace(*term.times, nodes, states);
    terms_.push_back(made);
  }
}

VectorMoments GaussianMean::operator()(std::size_t i, std::size_t k, std::size_t skip) const {
  if (terms_.size() == 1 && !terms_[0].times && skip == kAll) {
    const Link& parent = terms_[0].parent;
    return element_moments(parent.node(), parent.element(i, k), dimension_);
  }
  std::ranges::fill(mean_, 0.0);
  std::ranges::fill(covariance_, 0.0);
  for (std::size_t t = 0; t < terms_.size(); ++t) {
    if (t != skip) add_term(terms_[t], i, k);
  }
  return {mean_.data(), covariance_.data()};
}

void GaussianMean::add_term(const MeanTerm& term, std::size_t i, std::size_t k) const {
  const Node& node = term.parent.node();
  const std::size_t d = node.plate().dimension;
  const VectorMoments a = element_moments(node, term.parent.element(i, k), d);
  if (!term.times) {
    for (std::size_t j = 0; j < d; ++j) mean_[j] += a.mean[j];
    for (std::size_t j = 0; a.covariance != nullptr && j < d * d; ++j) {
      covariance_[j] += a.covariance[j];
    }
    return;
  }
  const VectorMoments b = element_moments(term.times->node(), term.times->element(i, k), d);
  for (std::size_t j = 0; j < d; ++j) mean_[0] += a.mean[j] * b.mean[j];
  if (b.covariance != nullptr) covariance_[0] += spread(a, b, d);
  if (a.covariance != nullptr) covariance_[0] += spread({b.mean, nullptr}, a, d);
}

}  // namespace credo::conjugate
