// A mixture as a conjugate model: the points are one plate, whose selector is the plate of labels.
// Cost per sweep n k d^2.

#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/gaussian_mixture.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo {

namespace {

/// Mean and variance of every coordinate; what does not vary gets a variance that is small beside
/// its mean.
struct Spread {
  std::vector<double> means;
  std::vector<double> variances;
};

Spread spread_of(const std::vector<double>& points, std::size_t d) {
  const std::size_t n = points.size() / d;
  Spread spread{std::vector<double>(d, 0.0), std::vector<double>(d, 0.0)};
  for (std::size_t j = 0; j < d; ++j) {
    double largest = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      spread.means[j] += points[i * d + j] / static_cast<double>(n);
      largest = std::fmax(largest, std::fabs(points[i * d + j]));
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double error = points[i * d + j] - spread.means[j];
      spread.variances[j] += error * error / static_cast<double>(n);
    }
    const double least = largest == 0.0 ? 1.0 : 1e-3 * largest;
    if (spread.variances[j] <= 1e-12 * largest * largest) spread.variances[j] = least * least;
  }
  return spread;
}

/// Responsibilities of the nearest of k points, each chosen with a probability in proportion to the
/// squared distance (in units of the spread) from those chosen before.
std::vector<double> seeded(const std::vector<double>& points, const Spread& spread, std::size_t k,
                           Random& random) {
  const std::size_t d = spread.means.size();
  const std::size_t n = points.size() / d;
  std::vector<double> nearest(n, kInfinity);
  std::vector<std::size_t> label(n, 0);
  std::size_t centre = random.below(n);
  for (std::size_t c = 0; c < k; ++c) {
    double total = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      double distance = 0.0;
      for (std::size_t j = 0; j < d; ++j) {
        const double difference = points[i * d + j] - points[centre * d + j];
        distance += difference * difference / spread.variances[j];
      }
      if (distance < nearest[i]) {
        nearest[i] = distance;
        label[i] = c;
      }
      total += nearest[i];
    }
    centre = total > 0.0 ? random.categorical(nearest) : random.below(n);
  }
  std::vector<double> responsibilities(n * k, 0.0);
  for (std::size_t i = 0; i < n; ++i) responsibilities[i * k + label[i]] = 1.0;
  return responsibilities;
}

struct Nodes {
  ConjugateNode weights;
  ConjugateNode means;
  ConjugateNode precisions;
  ConjugateNode labels;
};

Nodes build(ConjugateModel& model, const std::vector<double>& points, const Spread& spread,
            const MixtureOptions& options) {
  const std::size_t d = spread.means.size();
  const std::size_t k = options.components;
  const std::size_t n = points.size() / d;
  const double degrees = static_cast<double>(d) - 1.0 + options.extra_degrees;
  std::vector<double> precisions;
  std::vector<double> inverse_scale(d * d, 0.0);
  for (std::size_t j = 0; j < d; ++j) {
    precisions.push_back(options.mean_precision / spread.variances[j]);
    inverse_scale[j * d + j] = degrees * options.within * spread.variances[j];
  }
  Nodes nodes;
  nodes.weights = model.add_dirichlet(
      "weights", {.concentration = std::vector<double>(k, options.concentration)});
  nodes.means = model.add_gaussian("means", {.count = k,
                                             .dimension = d,
                                             .mean = {{model.fixed_values(spread.means, d)}},
                                             .precision = model.fixed_positive(precisions, d)});
  nodes.precisions = model.add_wishart(
      "precisions",
      {.count = k, .dimension = d, .degrees = degrees, .inverse_scale = inverse_scale});
  nodes.labels = model.add_categorical("labels", {.count = n, .probabilities = nodes.weights});
  const ConjugateNode x = model.add_gaussian("points", {.count = n,
                                                        .dimension = d,
                                                        .mean = {{nodes.means}},
                                                        .precision = nodes.precisions,
                                                        .selector = ConjugateParent(nodes.labels)});
  model.observe(x, points);
  return nodes;
}

void read(const Nodes& nodes, std::size_t k, MixtureFit& fit) {
  const ConjugatePosterior& weights = fit.inference.posterior(nodes.weights);
  const ConjugatePosterior& means = fit.inference.posterior(nodes.means);
  const ConjugatePosterior& precisions = fit.inference.posterior(nodes.precisions);
  const ConjugatePosterior& labels = fit.inference.posterior(nodes.labels);
  std::vector<std::size_t> order(k);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const double first = weights.mean[a];
    const double second = weights.mean[b];
    return first != second ? first > second : a < b;
  });
  for (const std::size_t c : order) {
    fit.weights.push_back(weights.mean[c]);
    const auto mean = means.element(means.mean, c);
    fit.means.insert(fit.means.end(), mean.begin(), mean.end());
    for (const double entry : precisions.element(precisions.inverse_scale, c)) {
      fit.covariances.push_back(entry / precisions.degrees[c]);
    }
  }
  for (std::size_t i = 0; i < labels.count; ++i) {
    for (const std::size_t c : order) fit.responsibilities.push_back(labels.mean[i * k + c]);
  }
}

}  // namespace

MixtureFit gaussian_mixture(const std::vector<double>& points, std::size_t dimension,
                            const MixtureOptions& options) {
  if (dimension == 0 || points.empty() || points.size() % dimension != 0) {
    throw ModelError(fmt::format("mixture: expected points of {} numbers each, got {} numbers",
                                 dimension, points.size()));
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::isfinite(points[i])) continue;
    throw ModelError(fmt::format("mixture, point {}: expected finite numbers, got {}",
                                 i / dimension, points[i]));
  }
  if (options.components == 0) throw OptionError("option components: expected at least 1, got 0");
  options.inference.validate();
  const auto k = static_cast<double>(options.components);
  const auto d = static_cast<double>(dimension);
  require_expandable("mixture, responsibilities and covariances",
                     k * (static_cast<double>(points.size()) / d + d * d), kExpansionLimit,
                     "choose fewer components");
  const Spread spread = spread_of(points, dimension);
  ConjugateModel model;
  const Nodes nodes = build(model, points, spread, options);
  ConjugateOptions inference = options.inference;
  Random random(inference.seed);
  while (inference.starts.size() < inference.restarts) {
    inference.starts.push_back(
        {{nodes.labels, seeded(points, spread, options.components, random)}});
  }
  MixtureFit fit;
  fit.dimension = dimension;
  fit.inference = maximize(model, inference);
  if (!fit.inference.posteriors.empty()) read(nodes, options.components, fit);
  return fit;
}

}  // namespace credo
