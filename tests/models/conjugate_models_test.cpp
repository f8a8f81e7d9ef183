#include "tests/inference/conjugate_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/models/bayesian_regression.hpp>
#include <credo/models/gaussian_mixture.hpp>
#include <credo/models/learned_hidden_markov_model.hpp>
#include <credo/models/principal_components.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

// Against closed forms (known precision; principal axes of a sample covariance), and long runs of
// Gibbs samplers written here.

namespace {

using credo::Guarantee;
using credo::testing::is_monotone;
using credo::testing::log_normal;
using credo::testing::Numbers;

/// y = 1 + 2 x - x^2 / 2 + noise of standard deviation 0.3, with columns 1, x, x^2.
struct Parabola {
  std::vector<double> inputs;
  std::vector<double> targets;
};

Parabola parabola(std::size_t n, std::uint64_t seed) {
  Numbers numbers(seed);
  Parabola made;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = 4.0 * numbers.uniform() - 2.0;
    made.inputs.insert(made.inputs.end(), {1.0, x, x * x});
    made.targets.push_back(1.0 + 2.0 * x - 0.5 * x * x + 0.3 * numbers.normal());
  }
  return made;
}

/// A gamma variate (Marsaglia and Tsang 2000), shape at least 1.
double draw_gamma(Numbers& numbers, double shape, double rate) {
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = numbers.normal();
    const double v = std::pow(1.0 + c * x, 3.0);
    if (v > 0.0 && std::log(numbers.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return d * v / rate;
    }
  }
}

}  // namespace

TEST_CASE("Bayesian regression: known precisions are exact") {
  const Parabola data = parabola(12, 1);
  credo::RegressionOptions options;
  options.noise_precision = 4.0;
  options.weight_precision = 0.5;
  const credo::RegressionFit fit = credo::bayesian_regression(data.inputs, data.targets, options);
  REQUIRE(fit.ok());
  CHECK(fit.inference.guarantee == Guarantee::exact);
  // y ~ N(0, X X^T / alpha + I / tau).
  std::vector<double> covariance(144, 0.0);
  for (std::size_t i = 0; i < 12; ++i) {
    for (std::size_t j = 0; j < 12; ++j) {
      for (std::size_t a = 0; a < 3; ++a) {
        covariance[i * 12 + j] += data.inputs[i * 3 + a] * data.inputs[j * 3 + a] / 0.5;
      }
    }
    covariance[i * 13] += 0.25;
  }
  const double exact = log_normal(data.targets, std::vector<double>(12, 0.0), covariance);
  CHECK(fit.inference.value == doctest::Approx(exact).epsilon(1e-12));
  // Normal equations: (alpha I + tau X^T X) E[w] = tau X^T y.
  for (std::size_t a = 0; a < 3; ++a) {
    double left = 0.5 * fit.weights[a];
    double right = 0.0;
    for (std::size_t i = 0; i < 12; ++i) {
      const double* const x = &data.inputs[i * 3];
      left += 4.0 * x[a] * (x[0] * fit.weights[0] + x[1] * fit.weights[1] + x[2] * fit.weights[2]);
      right += 4.0 * x[a] * data.targets[i];
    }
    CHECK(left == doctest::Approx(right).epsilon(1e-12));
  }
}

TEST_CASE("Bayesian regression: an unknown noise, bounded by quadrature") {
  const Parabola data = parabola(30, 2);
  credo::RegressionOptions options;
  options.weight_precision = 0.5;
  options.noise_shape = 2.0;
  options.noise_rate = 0.2;
  const credo::RegressionFit fit = credo::bayesian_regression(data.inputs, data.targets, options);
  CHECK(is_monotone(fit.inference.trace));
  CHECK(fit.inference.guarantee == Guarantee::fixed_point);
  // log p(y) = log sum over a grid of log tau of Gamma(tau) p(y given tau), the latter exact.
  std::vector<double> logs;
  const double width = 0.02;
  for (double log_tau = 0.5; log_tau < 4.5; log_tau += width) {
    options.noise_precision = std::exp(log_tau);
    const double log_prior = 2.0 * std::log(0.2) + 2.0 * log_tau - 0.2 * *options.noise_precision;
    logs.push_back(log_prior +
                   credo::bayesian_regression(data.inputs, data.targets, options).inference.value);
  }
  const double exact = credo::log_sum_exp(logs) + std::log(width);
  CHECK(fit.inference.value < exact);
  CHECK(fit.inference.value > exact - 0.15);
  CHECK(std::fabs(1.0 / std::sqrt(fit.noise_precision) - 0.3) < 0.1);
}

TEST_CASE("Bayesian regression: irrelevant inputs are found, missing targets left out") {
  Parabola data = parabola(60, 3);
  Numbers numbers(33);
  std::vector<double> inputs;
  for (std::size_t i = 0; i < 60; ++i) {
    inputs.insert(inputs.end(), {data.inputs[3 * i], data.inputs[3 * i + 1], data.inputs[3 * i + 2],
                                 numbers.normal()});
  }
  credo::RegressionOptions options;
  options.separate_relevance = true;
  const credo::RegressionFit fit = credo::bayesian_regression(inputs, data.targets, options);
  CHECK(is_monotone(fit.inference.trace));
  CHECK(std::fabs(fit.weights[1] - 2.0) < 0.15);
  CHECK(fit.weight_precision[3] > 20.0 * fit.weight_precision[1]);
  const auto there = fit.predict(std::vector<double>{1.0, 1.0, 1.0, 0.0});
  CHECK(std::fabs(there.mean - 2.5) < 0.2);
  CHECK(there.variance > 1.0 / fit.noise_precision);

  std::vector<double> targets = data.targets;
  std::fill(targets.begin() + 40, targets.end(), credo::kNaN);
  const auto with_missing = credo::bayesian_regression(inputs, targets, options);
  inputs.resize(160);
  targets.resize(40);
  const auto without = credo::bayesian_regression(inputs, targets, options);
  CHECK(with_missing.inference.value == doctest::Approx(without.inference.value).epsilon(1e-12));
}

TEST_CASE("Gaussian mixture: components are found, idle ones switched off") {
  Numbers numbers(4);
  std::vector<double> points;
  for (std::size_t i = 0; i < 300; ++i) {
    const double u = numbers.normal();
    const double v = numbers.normal();
    if (i % 3 == 0) {
      points.insert(points.end(), {5.0 + u, 5.0 + 0.9 * u + 0.4 * v});
    } else {
      points.insert(points.end(), {-2.0 + 0.5 * u, 1.0 + 2.0 * v});
    }
  }
  credo::MixtureOptions options;
  options.components = 4;
  options.concentration = 1e-3;
  options.inference.restarts = 4;
  const credo::MixtureFit fit = credo::gaussian_mixture(points, 2, options);
  REQUIRE(fit.ok());
  CHECK(is_monotone(fit.inference.trace));
  CHECK(std::fabs(fit.weights[0] - 2.0 / 3.0) < 0.01);
  CHECK(std::fabs(fit.weights[1] - 1.0 / 3.0) < 0.01);
  CHECK(fit.weights[2] < 1e-3);
  CHECK(std::fabs(fit.means[0] + 2.0) < 0.15);
  CHECK(std::fabs(fit.means[1] - 1.0) < 0.5);
  CHECK(std::fabs(fit.means[2] - 5.0) < 0.3);
  CHECK(std::fabs(fit.covariances[0] - 0.25) < 0.08);
  CHECK(std::fabs(fit.covariances[3] - 4.0) < 0.9);
  CHECK(std::fabs(fit.covariances[5] - 0.9) < 0.35);
  // More components than needed cost, fewer cost more.
  options.components = 1;
  const credo::MixtureFit one = credo::gaussian_mixture(points, 2, options);
  CHECK(one.weights == std::vector<double>{1.0});
  CHECK(one.inference.value < fit.inference.value - 100.0);
}

TEST_CASE("Gaussian mixture: degenerate data and any unit") {
  for (const double scale : {1e-120, 1.0, 1e120}) {
    std::vector<double> points;
    for (const double x : {-1.0, -1.1, 1.0, 1.2, 0.9}) points.push_back(scale * x);
    const credo::MixtureFit fit = credo::gaussian_mixture(points, 1);
    REQUIRE(fit.ok());
    CHECK(is_monotone(fit.inference.trace));
    CHECK(fit.means[0] / scale == doctest::Approx(1.0).epsilon(0.1));
    CHECK(fit.means[1] / scale == doctest::Approx(-1.0).epsilon(0.1));
  }
  CHECK(credo::gaussian_mixture({3.0}, 1).ok());
  CHECK(credo::gaussian_mixture(std::vector<double>(20, 7.0), 2).ok());
  CHECK(credo::gaussian_mixture(std::vector<double>(20, 0.0), 1).ok());
  CHECK_THROWS_AS(static_cast<void>(credo::gaussian_mixture({1.0, credo::kNaN}, 1)),
                  credo::ModelError);
  CHECK_THROWS_AS(static_cast<void>(credo::gaussian_mixture({1.0, 2.0, 3.0}, 2)),
                  credo::ModelError);
}

TEST_CASE("Gaussian mixture: a long Gibbs run agrees") {
  Numbers numbers(6);
  std::vector<double> x;
  for (std::size_t i = 0; i < 60; ++i) x.push_back((i % 3 == 0 ? -3.0 : 3.0) + numbers.normal());
  credo::MixtureOptions options;
  options.mean_precision = 0.01;
  options.within = 0.2;
  options.extra_degrees = 4.0;
  const credo::MixtureFit fit = credo::gaussian_mixture(x, 1, options);
  // The same model, sampled: precision ~ W(4, 1 / (4 within s^2)) is Gamma(2, 2 within s^2).
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / 60.0;
  double variance = 0.0;
  for (const double value : x) variance += (value - mean) * (value - mean) / 60.0;
  std::vector<double> mu{3.0, -3.0}, tau{1.0, 1.0}, weight{0.75, 0.25};
  std::vector<double> mean_sum(2, 0.0), tau_sum(2, 0.0), weight_sum(2, 0.0);
  const int sweeps = 20000;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    std::vector<double> count(2, 0.0), sum(2, 0.0), square(2, 0.0);
    for (const double value : x) {
      double log_odds = std::log(weight[1] / weight[0]) + 0.5 * std::log(tau[1] / tau[0]);
      log_odds += 0.5 * (tau[0] * std::pow(value - mu[0], 2) - tau[1] * std::pow(value - mu[1], 2));
      const std::size_t k = numbers.uniform() < 1.0 / (1.0 + std::exp(-log_odds)) ? 1 : 0;
      count[k] += 1.0;
      sum[k] += value;
      square[k] += value * value;
    }
    const double g0 = draw_gamma(numbers, 1.0 + count[0], 1.0);
    const double g1 = draw_gamma(numbers, 1.0 + count[1], 1.0);
    weight = {g0 / (g0 + g1), g1 / (g0 + g1)};
    for (std::size_t k = 0; k < 2; ++k) {
      const double precision = 0.01 / variance + count[k] * tau[k];
      mu[k] = (0.01 / variance * mean + tau[k] * sum[k]) / precision +
              numbers.normal() / std::sqrt(precision);
      const double error = square[k] - 2.0 * mu[k] * sum[k] + count[k] * mu[k] * mu[k];
      tau[k] = draw_gamma(numbers, 2.0 + 0.5 * count[k], 2.0 * 0.2 * variance + 0.5 * error);
      mean_sum[k] += mu[k] / sweeps;
      tau_sum[k] += tau[k] / sweeps;
      weight_sum[k] += weight[k] / sweeps;
    }
  }
  // The components are far apart: q's factors are nearly independent in the posterior too.
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(std::fabs(fit.means[k] - mean_sum[k]) < 0.03);
    CHECK(std::fabs(fit.weights[k] - weight_sum[k]) < 0.005);
    CHECK(1.0 / fit.covariances[k] == doctest::Approx(tau_sum[k]).epsilon(0.06));
  }
}

TEST_CASE("learned hidden Markov model: rows are found up to labels") {
  const credo::HiddenMarkovModel truth({0.5, 0.5}, {{0.95, 0.05}, {0.1, 0.9}},
                                       {{0.8, 0.15, 0.05}, {0.05, 0.15, 0.8}});
  std::vector<credo::Observations> sequences;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto sample = truth.sample(75, seed);
    sequences.emplace_back(sample.observations.begin(), sample.observations.end());
  }
  sequences[1][7] = std::nullopt;
  credo::LearnedHmmOptions options;
  options.symbols = 3;
  options.inference.restarts = 1;
  options.inference.tolerance = 1e-4;
  const credo::LearnedHmm learned = credo::learn_hidden_markov_model(sequences, options);
  REQUIRE(learned.ok());
  CHECK(is_monotone(learned.inference.trace));
  const credo::HiddenMarkovModel model = learned.mean_model();
  const std::size_t first = model.emission().at(0) > model.emission().at(3) ? 0 : 1;
  CHECK(std::fabs(model.emission().at(3 * first) - 0.8) < 0.08);
  CHECK(std::fabs(model.emission().at(3 * (1 - first) + 2) - 0.8) < 0.08);
  CHECK(std::fabs(model.transition(0).at(3 * first) - 0.95) < 0.05);
  CHECK(learned.states.size() == 4);
  CHECK(learned.states[0].size() == 75);
  // 299 counts and what the priors added.
  const double total = std::accumulate(learned.emission.begin(), learned.emission.end(), 0.0);
  CHECK(total == doctest::Approx(299.0 + 6.0).epsilon(1e-10));
  CHECK_THROWS_AS(static_cast<void>(credo::learn_hidden_markov_model({}, options)),
                  credo::ModelError);
}

TEST_CASE("principal components: the plane of the data, missing numbers filled in") {
  // x = 3 a (1, 1, 0, 0) + b (0, 0, 1, -1) + noise of variance 0.01.
  Numbers numbers(9);
  std::vector<double> points;
  for (std::size_t i = 0; i < 200; ++i) {
    const double a = 3.0 * numbers.normal();
    const double b = numbers.normal();
    for (const double x : {a, a, b, -b}) points.push_back(10.0 + x + 0.1 * numbers.normal());
  }
  credo::ComponentsOptions options;
  options.components = 3;
  options.inference.restarts = 1;
  options.inference.maximum_sweeps = 300;
  const credo::ComponentsFit fit = credo::principal_components(points, 4, options);
  REQUIRE(fit.ok());
  CHECK(is_monotone(fit.inference.trace));
  std::vector<double> sample(16, 0.0), mean(4, 0.0);
  for (std::size_t i = 0; i < points.size(); ++i) mean[i % 4] += points[i] / 200.0;
  for (std::size_t i = 0; i < 200; ++i) {
    for (std::size_t k = 0; k < 16; ++k) {
      sample[k] +=
          (points[4 * i + k / 4] - mean[k / 4]) * (points[4 * i + k % 4] - mean[k % 4]) / 200.0;
    }
  }
  const std::vector<double> covariance = fit.covariance();
  for (std::size_t k = 0; k < 16; ++k) CHECK(std::fabs(covariance[k] - sample[k]) < 0.15);
  CHECK(std::fabs(fit.noise_variance - 0.01) < 0.002);
  // Two columns are used, one is not.
  std::vector<double> relevance = fit.relevance;
  std::ranges::sort(relevance);
  CHECK(relevance[0] < 0.01);
  CHECK(relevance[1] > 0.2);

  // The axes are those of the data: (1, 1, 0, 0) of variance 18, then (0, 0, 1, -1) of 2.
  const credo::PrincipalAxes axes = fit.axes();
  for (std::size_t j = 0; j < 3; ++j) {
    for (std::size_t l = 0; l < j; ++l) {
      double product = 0.0;
      for (std::size_t a = 0; a < 4; ++a) {
        product += axes.loadings[3 * a + j] * axes.loadings[3 * a + l];
      }
      CHECK(std::fabs(product) < 1e-10);
    }
  }
  const double first = std::hypot(axes.loadings[0], axes.loadings[3]);
  CHECK(first * first == doctest::Approx(sample[0] + sample[5]).epsilon(0.01));
  CHECK(axes.loadings[0] / first == doctest::Approx(std::sqrt(0.5)).epsilon(0.01));
  CHECK(axes.loadings[3] / first == doctest::Approx(std::sqrt(0.5)).epsilon(0.01));
  CHECK(axes.loadings[7] / axes.loadings[10] == doctest::Approx(-1.0).epsilon(0.05));
  const std::vector<double> before = fit.reconstruction();
  for (std::size_t i = 0; i < before.size(); ++i) {
    double x = fit.mean[i % 4];
    for (std::size_t j = 0; j < 3; ++j) {
      x += axes.loadings[3 * (i % 4) + j] * axes.latent[3 * (i / 4) + j];
    }
    CHECK(std::fabs(x - before[i]) < 1e-10);
  }

  std::vector<double> holes = points;
  for (std::size_t i = 0; i < holes.size(); i += 7) holes[i] = credo::kNaN;
  options.components = 2;
  const credo::ComponentsFit filled = credo::principal_components(holes, 4, options);
  CHECK(is_monotone(filled.inference.trace));
  const std::vector<double> reconstruction = filled.reconstruction();
  double worst = 0.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    worst = std::max(worst, std::fabs(reconstruction[i] - points[i]));
  }
  CHECK(worst < 1.0);
}

TEST_CASE("principal components: the unit only shifts the bound") {
  std::vector<double> points;
  Numbers numbers(10);
  for (std::size_t i = 0; i < 30; ++i) {
    const double a = numbers.normal();
    points.insert(points.end(), {a + 0.1 * numbers.normal(), 2.0 * a + 0.1 * numbers.normal()});
  }
  const credo::ComponentsFit plain = credo::principal_components(points, 2);
  for (double& x : points) x *= 0x1p400;
  const credo::ComponentsFit large = credo::principal_components(points, 2);
  CHECK(large.inference.value ==
        doctest::Approx(plain.inference.value - 60.0 * 400.0 * std::log(2.0)).epsilon(1e-12));
  CHECK(credo::principal_components(std::vector<double>(6, 4.0), 2).ok());
  CHECK_THROWS_AS(static_cast<void>(credo::principal_components({credo::kNaN}, 1)),
                  credo::ModelError);
}
