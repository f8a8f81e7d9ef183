#pragma once
// Bayesian linear regression: y_n = w . x_n + noise, w ~ N(0, 1 / alpha), noise ~ N(0, 1 / tau);
// tau and alpha known or gamma. With both known the answer is exact.

#include <credo/inference/conjugate/conjugate.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace credo {

struct RegressionOptions {
  /// tau when known; else tau ~ Gamma(noise_shape, noise_rate).
  std::optional<double> noise_precision;
  double noise_shape = 1e-3;
  double noise_rate = 1e-3;
  /// alpha when known; else alpha ~ Gamma(weight_shape, weight_rate), one for all weights, or one
  /// for each (automatic relevance determination, MacKay 1994).
  std::optional<double> weight_precision;
  double weight_shape = 1e-3;
  double weight_rate = 1e-3;
  bool separate_relevance = false;
  ConjugateOptions inference;
};

struct RegressionFit {
  /// value is the evidence log p(y given inputs), or its lower bound, as guarantee says.
  ConjugateResult inference;
  /// q(w): mean [d], covariance [d, d].
  std::vector<double> weights;
  std::vector<double> covariance;
  /// E[tau], and E[alpha] (1 or d numbers).
  double noise_precision = kNaN;
  std::vector<double> weight_precision;

  [[nodiscard]] bool ok() const noexcept { return inference.ok(); }
  /// E[y] = E[w] . x and Var[y] = x^T Cov[w] x + 1 / E[tau] at new inputs [d]. Throws ModelError on
  /// another number of inputs.
  struct Prediction {
    double mean;
    double variance;
  };
  [[nodiscard]] Prediction predict(std::span<const double> inputs) const;
};

/// inputs [n, d] row by row (add a column of ones for an intercept), targets [n], NaN where
/// missing. Throws ModelError on shapes, OptionError on options. Bishop 2006, section 10.3;
/// Drugowitsch 2013.
[[nodiscard]] RegressionFit bayesian_regression(const std::vector<double>& inputs,
                                                const std::vector<double>& targets,
                                                const RegressionOptions& options = {});

}  // namespace credo
