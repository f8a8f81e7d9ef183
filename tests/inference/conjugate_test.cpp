#include "tests/inference/conjugate_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/conjugate/conjugate.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

// Closed forms: conjugate pairs, whose evidence is known exactly, and integrals done by quadrature.

namespace {

using credo::ConjugateModel;
using credo::ConjugateOptions;
using credo::ConjugateResult;
using credo::Guarantee;
using credo::Status;
using credo::testing::is_monotone;
using credo::testing::log_normal;
using credo::testing::Numbers;

const std::vector<double> kSample{1.2, -0.4, 0.9, 2.3, 0.1, 1.7, 0.8, -1.1, 0.6, 1.4};

struct MeanAndPrecision {
  ConjugateModel model;
  credo::ConjugateNode mean;
  credo::ConjugateNode precision;
};

/// x ~ N(mu, 1 / tau), mu ~ N(0, 1 / mean_precision), tau ~ Gamma(shape, rate), all independent.
MeanAndPrecision unknown_mean_and_precision(const std::vector<double>& x, double mean_precision,
                                            double shape, double rate) {
  MeanAndPrecision made;
  ConjugateModel& model = made.model;
  made.mean = model.add_gaussian("mu", {.mean = {{model.fixed_values({0.0})}},
                                        .precision = model.fixed_positive({mean_precision})});
  made.precision = model.add_gamma("tau", {.shape = shape, .rate = model.fixed_positive({rate})});
  const auto data = model.add_gaussian(
      "x", {.count = x.size(), .mean = {{made.mean}}, .precision = made.precision});
  model.observe(data, x);
  return made;
}

/// log integral of Gamma(tau) N(x | 0, I / tau + 1 1^T / mean_precision), by the midpoint rule in
/// log tau.
double log_evidence_by_quadrature(const std::vector<double>& x, double mean_precision, double shape,
                                  double rate) {
  const std::size_t n = x.size();
  std::vector<double> logs;
  const int steps = 4000;
  const double low = -12.0;
  const double width = 20.0 / steps;
  for (int i = 0; i < steps; ++i) {
    const double log_tau = low + (i + 0.5) * width;
    const double tau = std::exp(log_tau);
    std::vector<double> covariance(n * n, 1.0 / mean_precision);
    for (std::size_t j = 0; j < n; ++j) covariance[j * n + j] += 1.0 / tau;
    const double prior = shape * std::log(rate) - std::lgamma(shape) + shape * log_tau - rate * tau;
    logs.push_back(prior + log_normal(x, std::vector<double>(n, 0.0), covariance));
  }
  return credo::log_sum_exp(logs) + std::log(width);
}

}  // namespace

TEST_CASE("conjugate: a Gaussian's mean and precision, bounded by quadrature") {
  const auto made = unknown_mean_and_precision(kSample, 0.5, 2.0, 1.5);
  ConjugateOptions options;
  options.tolerance = 1e-13;
  const ConjugateResult result = credo::maximize(made.model, options);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::fixed_point);
  CHECK(is_monotone(result.trace));
  const double exact = log_evidence_by_quadrature(kSample, 0.5, 2.0, 1.5);
  CHECK(result.value < exact);
  CHECK(result.value > exact - 0.05);
  // The updates of the two factors hold at the fixed point.
  const auto& mu = result.posterior(made.mean);
  const auto& tau = result.posterior(made.precision);
  double sum = 0.0;
  double square = 0.0;
  for (const double x : kSample) {
    sum += x;
    square += (x - mu.mean[0]) * (x - mu.mean[0]) + mu.covariance[0];
  }
  CHECK(mu.covariance[0] == doctest::Approx(1.0 / (0.5 + 10.0 * tau.mean[0])).epsilon(1e-6));
  CHECK(mu.mean[0] == doctest::Approx(mu.covariance[0] * tau.mean[0] * sum).epsilon(1e-6));
  CHECK(tau.shape[0] == doctest::Approx(2.0 + 5.0).epsilon(1e-14));
  CHECK(tau.rate[0] == doctest::Approx(1.5 + 0.5 * square).epsilon(1e-6));
}

TEST_CASE("conjugate: vague priors give the unbiased variance") {
  // Bishop 2006, equation 10.31: 1 / E[tau] = N / (N - 1) (mean of x^2 - (mean of x)^2).
  const auto made = unknown_mean_and_precision(kSample, 1e-12, 1e-12, 1e-12);
  ConjugateOptions options;
  options.tolerance = 1e-13;
  const ConjugateResult result = credo::maximize(made.model, options);
  const double n = 10.0;
  double mean = 0.0;
  for (const double x : kSample) mean += x / n;
  double variance = 0.0;
  for (const double x : kSample) variance += (x - mean) * (x - mean) / (n - 1.0);
  CHECK(1.0 / result.posterior(made.precision).mean[0] == doctest::Approx(variance).epsilon(1e-6));
  CHECK(result.posterior(made.mean).mean[0] == doctest::Approx(mean).epsilon(1e-9));
}

TEST_CASE("conjugate: any unit of measurement") {
  // Scaling x by c and the priors with it adds -n log c to L and changes nothing else.
  const auto plain = credo::maximize(unknown_mean_and_precision(kSample, 0.5, 2.0, 1.5).model);
  for (const double c : {1e-150, 1e-75, 1e75, 1e150}) {
    std::vector<double> x = kSample;
    for (double& value : x) value *= c;
    const auto made = unknown_mean_and_precision(x, 0.5 / c / c, 2.0, 1.5 * c * c);
    const ConjugateResult result = credo::maximize(made.model);
    REQUIRE(result.ok());
    CHECK(is_monotone(result.trace));
    CHECK(result.value == doctest::Approx(plain.value - 10.0 * std::log(c)).epsilon(1e-11));
    CHECK(result.posterior(made.mean).mean[0] / c ==
          doctest::Approx(plain.posterior(made.mean).mean[0]).epsilon(1e-6));
  }
}

TEST_CASE("conjugate: one observation, equal observations, none") {
  for (const std::vector<double>& x :
       {std::vector<double>{3.0}, std::vector<double>(50, 3.0), std::vector<double>{0.0}}) {
    const auto made = unknown_mean_and_precision(x, 0.5, 2.0, 1.5);
    const ConjugateResult result = credo::maximize(made.model);
    REQUIRE(result.ok());
    CHECK(is_monotone(result.trace));
    const double exact = log_evidence_by_quadrature(x, 0.5, 2.0, 1.5);
    CHECK(result.value < exact);
    CHECK(result.value > exact - 0.3);
  }
  const auto missing = unknown_mean_and_precision({credo::kNaN}, 0.5, 2.0, 1.5);
  const ConjugateResult result = credo::maximize(missing.model);
  CHECK(std::fabs(result.value) < 1e-12);
  CHECK(result.posterior(missing.precision).rate[0] == 1.5);
}

TEST_CASE("conjugate: a Dirichlet and its counts, exactly") {
  ConjugateModel model;
  const std::vector<double> prior{0.5, 2.0, 1.0};
  const auto pi = model.add_dirichlet("pi", {.concentration = prior});
  const auto z = model.add_categorical("z", {.count = 7, .probabilities = pi});
  model.observe_states(z, {0, 1, 1, 2, 1, 1, ConjugateModel::kMissing});
  const ConjugateResult result = credo::maximize(model);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::exact);
  const double exact = credo::testing::log_dirichlet_counts(prior, {1.0, 4.0, 1.0});
  CHECK(result.value == doctest::Approx(exact).epsilon(1e-13));
  CHECK(result.posterior(pi).concentration == std::vector<double>{1.5, 6.0, 2.0});
  CHECK(result.posterior(pi).mean[1] == doctest::Approx(6.0 / 9.5).epsilon(1e-14));
}

TEST_CASE("conjugate: a beta and its coin, exactly") {
  ConjugateModel model;
  const auto p = model.add_beta("p", 2.0, 3.0);
  model.observe_states(model.add_categorical("heads", {.count = 4, .probabilities = p}),
                       {1, 1, 0, 1});
  const ConjugateResult result = credo::maximize(model);
  // B(2 + 3, 3 + 1) / B(2, 3) = (4! 3! / 8!) / (1! 2! / 4!) = 3 / 70.
  CHECK(result.value == doctest::Approx(std::log(3.0 / 70.0)).epsilon(1e-13));
  CHECK(result.posterior(p).mean[1] == doctest::Approx(5.0 / 9.0).epsilon(1e-14));
}

TEST_CASE("conjugate: gamma parents of a Gaussian and of a gamma, exactly") {
  // x ~ N(0, 1 / tau): Student. y ~ Gamma(3, rate), rate ~ Gamma(2, 0.5).
  ConjugateModel model;
  const auto tau = model.add_gamma("tau", {.shape = 1.5, .rate = model.fixed_positive({0.7})});
  model.observe(model.add_gaussian(
                    "x", {.count = 10, .mean = {{model.fixed_values({0.0})}}, .precision = tau}),
                kSample);
  const auto rate = model.add_gamma("rate", {.shape = 2.0, .rate = model.fixed_positive({0.5})});
  const std::vector<double> y{0.3, 2.0, 1.1};
  model.observe(model.add_gamma("y", {.count = 3, .shape = 3.0, .rate = rate}), y);
  const ConjugateResult result = credo::maximize(model);
  CHECK(result.guarantee == Guarantee::exact);
  double square = 0.0;
  for (const double x : kSample) square += x * x;
  double exact = -5.0 * std::log(2.0 * std::numbers::pi) + std::lgamma(6.5) - std::lgamma(1.5) +
                 1.5 * std::log(0.7) - 6.5 * std::log(0.7 + 0.5 * square);
  double total = 0.5;
  for (const double value : y) {
    total += value;
    exact += 2.0 * std::log(value) - std::lgamma(3.0);
  }
  exact += 2.0 * std::log(0.5) - std::lgamma(2.0) + std::lgamma(11.0) - 11.0 * std::log(total);
  CHECK(result.value == doctest::Approx(exact).epsilon(1e-12));
}

TEST_CASE("conjugate: a Wishart precision, exactly") {
  const std::size_t n = 4;
  const std::vector<double> x{1.0, 0.5, -0.3, 0.8, 0.2, -1.1, 0.9, 1.4};
  const std::vector<double> prior{2.0, 0.3, 0.3, 1.0};
  ConjugateModel model;
  const auto lambda =
      model.add_wishart("lambda", {.dimension = 2, .degrees = 3.5, .inverse_scale = prior});
  const auto zero = model.fixed_values({0.0, 0.0}, 2);
  model.observe(
      model.add_gaussian("x", {.count = n, .dimension = 2, .mean = {{zero}}, .precision = lambda}),
      x);
  const ConjugateResult result = credo::maximize(model);
  CHECK(result.guarantee == Guarantee::exact);
  std::vector<double> after = prior;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < 4; ++a) after[a] += x[2 * i + a / 2] * x[2 * i + a % 2];
  }
  const auto log_det = [](const std::vector<double>& m) {
    return std::log(m[0] * m[3] - m[1] * m[2]);
  };
  // Gamma_2(a) is proportional to Gamma(a) Gamma(a - 1/2).
  const auto log_gamma_2 = [](double a) { return std::lgamma(a) + std::lgamma(a - 0.5); };
  const double exact = -static_cast<double>(n) * std::log(std::numbers::pi) + log_gamma_2(3.75) -
                       log_gamma_2(1.75) + 1.75 * log_det(prior) - 3.75 * log_det(after);
  CHECK(result.value == doctest::Approx(exact).epsilon(1e-13));
  CHECK(result.posterior(lambda).degrees[0] == 7.5);
  for (std::size_t a = 0; a < 4; ++a) {
    CHECK(result.posterior(lambda).inverse_scale[a] == doctest::Approx(after[a]).epsilon(1e-14));
  }
}

TEST_CASE("conjugate: known loadings make factors exact") {
  // x_nd = w_d . z_n + noise / sqrt(d + 1): N(0, W W^T + diag) for every n.
  const std::vector<double> w{1.0, 0.5, -0.7, 0.2, 0.3, 1.5};
  const std::vector<double> x{0.4, -1.0, 0.8, 1.9, 0.1, -0.6};
  ConjugateModel model;
  const auto z = model.add_gaussian("z", {.count = 2,
                                          .dimension = 2,
                                          .mean = {{model.fixed_values({0.0, 0.0}, 2)}},
                                          .precision = model.fixed_positive({1.0})});
  const auto loadings = model.fixed_values(w, 2);
  const auto noise = model.fixed_positive({1.0, 2.0, 3.0});
  const auto data = model.add_gaussian(
      "x", {.count = 6, .mean = {{loadings, credo::ConjugateParent(z, 3)}}, .precision = noise});
  model.observe(data, x);
  const ConjugateResult result = credo::maximize(model);
  CHECK(result.guarantee == Guarantee::exact);
  std::vector<double> covariance(9, 0.0);
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      covariance[a * 3 + b] = w[2 * a] * w[2 * b] + w[2 * a + 1] * w[2 * b + 1];
    }
    covariance[a * 3 + a] += 1.0 / static_cast<double>(a + 1);
  }
  const double exact = log_normal({x[0], x[1], x[2]}, {0.0, 0.0, 0.0}, covariance) +
                       log_normal({x[3], x[4], x[5]}, {0.0, 0.0, 0.0}, covariance);
  CHECK(result.value == doctest::Approx(exact).epsilon(1e-13));
}

TEST_CASE("conjugate: sums of terms, diagonal precisions and nested means") {
  // a ~ N(0, I), b ~ N(a + c, diag(1, 4)^-1) observed: N(c, I + diag(1, 1/4)).
  ConjugateModel model;
  const auto a = model.add_gaussian("a", {.dimension = 2,
                                          .mean = {{model.fixed_values({0.0, 0.0}, 2)}},
                                          .precision = model.fixed_positive({1.0})});
  const auto c = model.fixed_values({0.5, -1.0}, 2);
  const auto b = model.add_gaussian(
      "b", {.dimension = 2, .mean = {{a}, {c}}, .precision = model.fixed_positive({1.0, 4.0}, 2)});
  model.observe(b, {2.0, 0.3});
  const ConjugateResult result = credo::maximize(model);
  CHECK(result.guarantee == Guarantee::exact);
  CHECK(result.value ==
        doctest::Approx(log_normal({2.0, 0.3}, {0.5, -1.0}, {2.0, 0.0, 0.0, 1.25})).epsilon(1e-14));
  CHECK(result.posterior(a).mean[0] == doctest::Approx(0.75).epsilon(1e-14));
  CHECK(result.posterior(a).mean[1] == doctest::Approx(1.3 * 0.8).epsilon(1e-14));
}
