// Linear regression as a conjugate model: targets are Gaussian around dot products of the known
// inputs with one Gaussian vector. Cost per sweep n d^2 + d^3.

#include <credo/core/error.hpp>
#include <credo/models/bayesian_regression.hpp>

#include <fmt/format.h>

#include <utility>

namespace credo {

RegressionFit bayesian_regression(const std::vector<double>& inputs,
                                  const std::vector<double>& targets,
                                  const RegressionOptions& options) {
  const std::size_t n = targets.size();
  if (n == 0 || inputs.empty() || inputs.size() % n != 0) {
    throw ModelError(fmt::format("regression: expected d inputs for each of {} targets, got {}", n,
                                 inputs.size()));
  }
  const std::size_t d = inputs.size() / n;
  ConjugateModel model;
  const std::size_t relevances = options.separate_relevance ? d : 1;
  const ConjugateNode alpha =
      options.weight_precision
          ? model.fixed_positive({*options.weight_precision})
          : model.add_gamma(
                "weight precision",
                {.dimension = relevances,
                 .shape = options.weight_shape,
                 .rate = model.fixed_positive(std::vector<double>(relevances, options.weight_rate),
                                              relevances)});
  const ConjugateNode tau =
      options.noise_precision
          ? model.fixed_positive({*options.noise_precision})
          : model.add_gamma(
                "noise precision",
                {.shape = options.noise_shape, .rate = model.fixed_positive({options.noise_rate})});
  const ConjugateNode w =
      model.add_gaussian("weights", {.dimension = d,
                                     .mean = {{model.fixed_values(std::vector<double>(d, 0.0), d)}},
                                     .precision = alpha});
  const ConjugateNode x = model.fixed_values(inputs, d);
  const ConjugateNode y =
      model.add_gaussian("targets", {.count = n, .mean = {{x, w}}, .precision = tau});
  model.observe(y, targets);

  RegressionFit fit;
  fit.inference = maximize(model, options.inference);
  if (fit.inference.posteriors.empty()) return fit;
  const ConjugatePosterior& weights = fit.inference.posterior(w);
  fit.weights = weights.mean;
  fit.covariance = weights.covariance;
  fit.noise_precision =
      options.noise_precision ? *options.noise_precision : fit.inference.posterior(tau).mean[0];
  fit.weight_precision = options.weight_precision ? std::vector<double>{*options.weight_precision}
                                                  : fit.inference.posterior(alpha).mean;
  return fit;
}

RegressionFit::Prediction RegressionFit::predict(std::span<const double> inputs) const {
  const std::size_t d = weights.size();
  if (inputs.size() != d) {
    throw ModelError(fmt::format("regression: expected {} inputs, got {}", d, inputs.size()));
  }
  Prediction prediction{0.0, 1.0 / noise_precision};
  for (std::size_t i = 0; i < d; ++i) {
    prediction.mean += weights[i] * inputs[i];
    for (std::size_t j = 0; j < d; ++j) {
      prediction.variance += inputs[i] * covariance[i * d + j] * inputs[j];
    }
  }
  return prediction;
}

}  // namespace credo
