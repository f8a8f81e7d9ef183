// Principal components as a conjugate model: the n x d table is one plate of numbers, whose means
// are dot products of a plate by rows (z) with one by columns (W). Points are first shifted to mean
// 0 and divided by one common scale, so that the priors mean the same for any unit.

#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/models/principal_axes.hpp>
#include <credo/models/principal_components.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace credo {

namespace {

/// Of the start at the principal axes: what is not yet known about W and z must not pass for noise.
constexpr double kNarrow = 1e-6;

/// Standardised points, and how to go back.
struct Standardised {
  std::vector<double> points;
  std::vector<double> means;
  double scale = 1.0;
  std::size_t known = 0;  ///< numbers that are not missing
};

Standardised standardise(const std::vector<double>& points, std::size_t d) {
  Standardised made{points, std::vector<double>(d, 0.0)};
  double square = 0.0;
  double largest = 0.0;
  for (std::size_t j = 0; j < d; ++j) {
    double count = 0.0;
    for (std::size_t i = j; i < points.size(); i += d) {
      if (std::isnan(points[i])) continue;
      count += 1.0;
      made.means[j] += (points[i] - made.means[j]) / count;
      largest = std::fmax(largest, std::fabs(points[i]));
    }
    for (std::size_t i = j; i < points.size(); i += d) {
      if (std::isnan(points[i])) continue;
      ++made.known;
      made.points[i] = points[i] - made.means[j];
      square += made.points[i] * made.points[i];
    }
  }
  const double spread = std::sqrt(square / static_cast<double>(made.known));
  if (spread > 1e-12 * largest) made.scale = spread;
  for (double& x : made.points) x /= made.scale;
  return made;
}

struct Nodes {
  ConjugateNode relevance;
  ConjugateNode loadings;
  ConjugateNode latent;
  ConjugateNode mean;
  ConjugateNode noise;
};

Nodes build(ConjugateModel& model, std::vector<double> points, std::size_t d,
            const ComponentsOptions& options) {
  const std::size_t q = options.components;
  const std::size_t n = points.size() / d;
  const ConjugateNode zeros = model.fixed_values(std::vector<double>(q, 0.0), q);
  const ConjugateNode one = model.fixed_positive({1.0});
  Nodes nodes;
  // In the order of the updates: from a good start for W and z first what is noise.
  nodes.noise = model.add_gamma(
      "noise precision", {.shape = options.shape, .rate = model.fixed_positive({options.rate})});
  nodes.relevance = model.add_gamma(
      "relevance", {.dimension = q,
                    .shape = options.shape,
                    .rate = model.fixed_positive(std::vector<double>(q, options.rate), q)});
  nodes.mean = model.add_gaussian(
      "mean", {.count = d, .mean = {{model.fixed_values({0.0})}}, .precision = one});
  nodes.latent = model.add_gaussian(
      "latent", {.count = n, .dimension = q, .mean = {{zeros}}, .precision = one});
  nodes.loadings = model.add_gaussian(
      "loadings", {.count = d, .dimension = q, .mean = {{zeros}}, .precision = nodes.relevance});
  const ConjugateNode x = model.add_gaussian(
      "points", {.count = n * d,
                 .mean = {{nodes.loadings, ConjugateParent(nodes.latent, d)}, {nodes.mean}},
                 .precision = nodes.noise});
  model.observe(x, std::move(points));
  return nodes;
}

/// Symmetric numbers of the size of the data.
std::vector<double> random_numbers(std::size_t count, Random& random) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(random.uniform(-1.0, 1.0));
  return numbers;
}

}  // namespace

ComponentsFit principal_components(const std::vector<double>& points, std::size_t dimension,
                                   const ComponentsOptions& options) {
  const std::size_t d = dimension;
  const std::size_t q = options.components;
  if (d == 0 || points.empty() || points.size() % d != 0) {
    throw ModelError(
        fmt::format("principal components: expected points of {} numbers each, got "
                    "{} numbers",
                    d, points.size()));
  }
  if (q == 0) throw OptionError("option components: expected at least 1, got 0");
  options.inference.validate();
  require_expandable(
      "principal components, loadings and coordinates",
      static_cast<double>(q) * static_cast<double>(q) *
          (static_cast<double>(points.size()) / static_cast<double>(d) + static_cast<double>(d)),
      kExpansionLimit, "choose fewer components");
  Standardised data = standardise(points, d);
  if (data.known == 0) throw ModelError("principal components: expected numbers, all are missing");
  ConjugateModel model;
  const std::vector<double> standard = data.points;
  const Nodes nodes = build(model, std::move(data.points), d, options);
  ConjugateOptions inference = options.inference;
  Random random(inference.seed);
  if (inference.starts.empty()) {
    PrincipalAxes axes = principal_axes(standard, d, q);
    inference.starts.push_back({{nodes.loadings, std::move(axes.loadings), kNarrow},
                                {nodes.latent, std::move(axes.latent), kNarrow},
                                {nodes.mean, std::vector<double>(d, 0.0), kNarrow}});
  }
  while (inference.starts.size() < inference.restarts) {
    inference.starts.push_back({{nodes.loadings, random_numbers(d * q, random)},
                                {nodes.latent, random_numbers(points.size() / d * q, random)},
                                {nodes.mean, std::vector<double>(d, 0.0)}});
  }
  ComponentsFit fit;
  fit.dimension = d;
  fit.inference = maximize(model, inference);
  if (fit.inference.posteriors.empty()) return fit;
  // In the data's own unit; log p(x) changes by the log of the scale per number.
  const double shift = -static_cast<double>(data.known) * std::log(data.scale);
  fit.inference.value += shift;
  fit.inference.log_z_lower += shift;
  fit.inference.terms.back() += shift;
  for (double& value : fit.inference.trace) value += shift;
  for (std::size_t j = 0; j < d; ++j) {
    fit.mean.push_back(data.means[j] + data.scale * fit.inference.posterior(nodes.mean).mean[j]);
  }
  for (const double w : fit.inference.posterior(nodes.loadings).mean) {
    fit.loadings.push_back(data.scale * w);
  }
  for (const double alpha : fit.inference.posterior(nodes.relevance).mean) {
    fit.relevance.push_back(data.scale * data.scale / alpha);
  }
  fit.noise_variance = data.scale * data.scale / fit.inference.posterior(nodes.noise).mean[0];
  fit.latent = fit.inference.posterior(nodes.latent).mean;
  return fit;
}

PrincipalAxes ComponentsFit::axes() const {
  return turned_to_axes({loadings, latent}, loadings.size() / dimension);
}

std::vector<double> ComponentsFit::covariance() const {
  const std::size_t q = loadings.size() / dimension;
  std::vector<double> result(dimension * dimension, 0.0);
  for (std::size_t a = 0; a < dimension; ++a) {
    result[a * dimension + a] = noise_variance;
    for (std::size_t b = 0; b < dimension; ++b) {
      for (std::size_t j = 0; j < q; ++j) {
        result[a * dimension + b] += loadings[a * q + j] * loadings[b * q + j];
      }
    }
  }
  return result;
}

std::vector<double> ComponentsFit::reconstruction() const {
  const std::size_t q = loadings.size() / dimension;
  std::vector<double> result;
  for (std::size_t n = 0; n < latent.size() / q; ++n) {
    for (std::size_t a = 0; a < dimension; ++a) {
      double x = mean[a];
      for (std::size_t j = 0; j < q; ++j) x += loadings[a * q + j] * latent[n * q + j];
      result.push_back(x);
    }
  }
  return result;
}

}  // namespace credo
