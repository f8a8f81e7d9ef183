#include "tests/inference/conjugate_reference.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/conjugate/conjugate.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

// Mixtures and chains, against sums over every assignment of the discrete variables; what the
// engine promises whatever the model; wrong input.

namespace {

using credo::ConjugateModel;
using credo::ConjugateOptions;
using credo::ConjugateParent;
using credo::ConjugateResult;
using credo::Guarantee;
using credo::Status;
using credo::testing::is_monotone;
using credo::testing::log_dirichlet_counts;
using credo::testing::log_normal;
using credo::testing::Numbers;

const std::vector<std::size_t> kSymbols{0, 0, 1, 2, 2, 0, 1, 2};
const std::vector<double> kInitialPrior{1.0, 1.5};
const std::vector<double> kTransitionPrior{3.0, 1.0, 0.8, 2.0};
const std::vector<double> kEmissionPrior{4.0, 1.0, 0.5, 0.6, 1.0, 3.0};

/// Two chains of lengths 5 and 3 with Dirichlet rows, and what they emit.
ConjugateModel hidden_chains() {
  ConjugateModel model;
  const auto initial = model.add_dirichlet("initial", {.concentration = kInitialPrior});
  const auto transition = model.add_dirichlet(
      "transition", {.count = 2, .concentration = kTransitionPrior, .states = 2});
  const auto emission =
      model.add_dirichlet("emission", {.count = 2, .concentration = kEmissionPrior, .states = 3});
  const auto z = model.add_chain("z", {{5, 3}, initial, transition});
  const auto y = model.add_categorical(
      "y", {.count = 8, .probabilities = emission, .selector = ConjugateParent(z)});
  model.observe_states(y, kSymbols);
  return model;
}

/// log p(y) of the same: the Dirichlets integrated out, summed over the 2^8 paths.
double log_evidence_of_chains() {
  std::vector<double> logs;
  for (std::size_t path = 0; path < 256; ++path) {
    std::vector<double> initial(2), emission(6), transition(4);
    for (std::size_t t = 0; t < 8; ++t) {
      const std::size_t z = path >> t & 1;
      emission[z * 3 + kSymbols[t]] += 1.0;
      if (t == 0 || t == 5) {
        initial[z] += 1.0;
      } else {
        transition[(path >> (t - 1) & 1) * 2 + z] += 1.0;
      }
    }
    double sum = log_dirichlet_counts(kInitialPrior, initial);
    for (std::size_t s = 0; s < 2; ++s) {
      const auto row = [s](const std::vector<double>& all, std::size_t width) {
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(s * width);
        return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(width));
      };
      sum += log_dirichlet_counts(row(kTransitionPrior, 2), row(transition, 2));
      sum += log_dirichlet_counts(row(kEmissionPrior, 3), row(emission, 3));
    }
    logs.push_back(sum);
  }
  return credo::log_sum_exp(logs);
}

struct Mixture {
  ConjugateModel model;
  credo::ConjugateNode mean;
  credo::ConjugateNode z;
};

/// Two components of unknown means, precision and weights.
Mixture mixture(const std::vector<double>& x) {
  Mixture made;
  ConjugateModel& model = made.model;
  const auto pi = model.add_dirichlet("pi", {.concentration = {1.0, 1.0}});
  made.mean = model.add_gaussian("mean", {.count = 2,
                                          .mean = {{model.fixed_values({0.0})}},
                                          .precision = model.fixed_positive({0.01})});
  const auto tau =
      model.add_gamma("tau", {.count = 2, .shape = 2.0, .rate = model.fixed_positive({2.0})});
  made.z = model.add_categorical("z", {.count = x.size(), .probabilities = pi});
  const auto data = model.add_gaussian("x", {.count = x.size(),
                                             .mean = {{made.mean}},
                                             .precision = tau,
                                             .selector = ConjugateParent(made.z)});
  model.observe(data, x);
  return made;
}

std::vector<double> two_clusters(std::size_t count, std::uint64_t seed) {
  Numbers numbers(seed);
  std::vector<double> x;
  for (std::size_t i = 0; i < count; ++i) x.push_back((i % 3 == 0 ? -4.0 : 4.0) + numbers.normal());
  return x;
}

}  // namespace

TEST_CASE("conjugate: chains with Dirichlet rows, bounded by every path") {
  ConjugateOptions options;
  options.restarts = 6;
  const ConjugateResult result = credo::maximize(hidden_chains(), options);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::fixed_point);
  CHECK(is_monotone(result.trace));
  const double exact = log_evidence_of_chains();
  CHECK(result.value < exact);
  CHECK(result.value > exact - 1.0);
}

TEST_CASE("conjugate: chains with known rows are exact") {
  ConjugateModel model;
  const std::vector<double> initial{0.3, 0.7};
  const std::vector<double> transition{0.9, 0.1, 0.25, 0.75};
  const std::vector<double> emission{0.5, 0.5, 0.0, 0.1, 0.2, 0.7};
  const auto z = model.add_chain(
      "z",
      {{5, 3}, model.fixed_probabilities(initial, 2), model.fixed_probabilities(transition, 2)});
  const auto y =
      model.add_categorical("y", {.count = 8,
                                  .probabilities = model.fixed_probabilities(emission, 3),
                                  .selector = ConjugateParent(z)});
  model.observe_states(y, kSymbols);
  const ConjugateResult result = credo::maximize(model);
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::exact);
  double total = 0.0;
  std::vector<double> marginals(16, 0.0);
  for (std::size_t path = 0; path < 256; ++path) {
    double p = 1.0;
    for (std::size_t t = 0; t < 8; ++t) {
      const std::size_t s = path >> t & 1;
      p *= emission[s * 3 + kSymbols[t]];
      p *= t == 0 || t == 5 ? initial[s] : transition[(path >> (t - 1) & 1) * 2 + s];
    }
    total += p;
    for (std::size_t t = 0; t < 8; ++t) marginals[2 * t + (path >> t & 1)] += p;
  }
  CHECK(result.value == doctest::Approx(std::log(total)).epsilon(1e-13));
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(std::fabs(result.posterior(z).mean[i] - marginals[i] / total) < 1e-13);
  }
}

TEST_CASE("conjugate: a mixture with known components is exact") {
  ConjugateModel model;
  const auto z = model.add_categorical(
      "z", {.count = 3, .probabilities = model.fixed_probabilities({0.25, 0.75}, 2)});
  const auto x = model.add_gaussian("x", {.count = 3,
                                          .mean = {{model.fixed_values({-1.0, 2.0})}},
                                          .precision = {model.fixed_positive({4.0}), 1, false},
                                          .selector = ConjugateParent(z)});
  const std::vector<double> data{0.4, -3.0, 700.0};
  model.observe(x, data);
  const ConjugateResult result = credo::maximize(model);
  CHECK(result.guarantee == Guarantee::exact);
  double exact = 0.0;
  for (const double value : data) {
    exact += credo::log_add(std::log(0.25) + log_normal({value}, {-1.0}, {0.25}),
                            std::log(0.75) + log_normal({value}, {2.0}, {0.25}));
  }
  CHECK(result.value == doctest::Approx(exact).epsilon(1e-13));
}

TEST_CASE("conjugate: labels of a mixture mean nothing") {
  const std::vector<double> x = two_clusters(60, 5);
  Mixture made = mixture(x);
  ConjugateOptions options;
  std::vector<double> weights;
  for (const double value : x) {
    weights.push_back(value < 0.0 ? 0.9 : 0.1);
    weights.push_back(value < 0.0 ? 0.1 : 0.9);
  }
  options.starts = {{{made.z, weights}, {made.mean, {-1.0, 1.0}}}};
  const ConjugateResult one = credo::maximize(made.model, options);
  for (std::size_t i = 0; i < weights.size(); i += 2) std::swap(weights[i], weights[i + 1]);
  options.starts = {{{made.z, weights}, {made.mean, {1.0, -1.0}}}};
  const ConjugateResult other = credo::maximize(made.model, options);
  CHECK(is_monotone(one.trace));
  CHECK(one.value == doctest::Approx(other.value).epsilon(1e-12));
  const auto& means = one.posterior(made.mean).mean;
  const auto& swapped = other.posterior(made.mean).mean;
  CHECK(std::fabs(means[0] + 4.0) < 0.6);
  CHECK(std::fabs(means[1] - 4.0) < 0.6);
  CHECK(std::fabs(means[0] - swapped[1]) < 1e-9);
  CHECK(std::fabs(means[1] - swapped[0]) < 1e-9);
}

TEST_CASE("conjugate: schedules climb to the same bound, seeds repeat to the bit") {
  const Mixture made = mixture(two_clusters(45, 8));
  ConjugateOptions options;
  options.restarts = 5;
  const ConjugateResult forward = credo::maximize(made.model, options);
  CHECK(credo::maximize(made.model, options).trace == forward.trace);
  for (const auto schedule : {credo::AscentSchedule::backward, credo::AscentSchedule::random}) {
    options.schedule = schedule;
    const ConjugateResult result = credo::maximize(made.model, options);
    CHECK(is_monotone(result.trace));
    CHECK(result.value == doctest::Approx(forward.value).epsilon(1e-9));
  }
}

TEST_CASE("conjugate: stopped early, a lower bound is left") {
  const Mixture made = mixture(two_clusters(45, 8));
  ConjugateOptions options;
  options.maximum_sweeps = 1;
  const ConjugateResult one = credo::maximize(made.model, options);
  CHECK(one.guarantee == Guarantee::unconverged);
  CHECK(one.sweeps == 1);
  options.maximum_sweeps = 1000;
  options.observer = [](const credo::Progress&) { return false; };
  const ConjugateResult cancelled = credo::maximize(made.model, options);
  CHECK(cancelled.status == Status::cancelled);
  options.observer = {};
  options.time_limit_seconds = 0.0;
  const ConjugateResult late = credo::maximize(made.model, options);
  CHECK(late.status == Status::deadline);
  CHECK(late.value < one.value);
}

TEST_CASE("conjugate: impossible data") {
  ConjugateModel model;
  const auto z = model.add_categorical(
      "z", {.count = 2, .probabilities = model.fixed_probabilities({1.0, 0.0}, 2)});
  model.observe_states(z, {0, 1});
  const ConjugateResult result = credo::maximize(model);
  CHECK(result.status == Status::impossible_evidence);
  CHECK(result.value == -credo::kInfinity);
}

TEST_CASE("conjugate: wrong input is named") {
  ConjugateModel model;
  const auto one = model.fixed_positive({1.0});
  const auto zero = model.fixed_values({0.0});
  const auto pi = model.add_dirichlet("pi", {.concentration = {1.0, 1.0}});
  const auto mean = model.add_gaussian("mean", {.count = 3, .mean = {{zero}}, .precision = one});
  using credo::ModelError;
  const auto gaussian = [&](const credo::GaussianPlate& plate) {
    static_cast<void>(model.add_gaussian("x", plate));
  };
  CHECK_THROWS_WITH_AS(
      gaussian({.count = 4, .mean = {{mean}}, .precision = one}),
      "gaussian \"x\": mean \"mean\": expected 3 elements times stride 1 to divide "
      "the plate of 4",
      ModelError);
  CHECK_THROWS_WITH_AS(gaussian({.mean = {{pi}}, .precision = one}),
                       "gaussian \"x\": mean: expected a Gaussian, got the dirichlet \"pi\"",
                       ModelError);
  CHECK_THROWS_AS(gaussian({.mean = {}, .precision = one}), ModelError);
  CHECK_THROWS_AS(gaussian({.mean = {{zero}}, .precision = mean}), ModelError);
  CHECK_THROWS_AS(gaussian({.count = 3, .mean = {{mean, mean}}, .precision = one}), ModelError);
  CHECK_THROWS_AS(gaussian({.mean = {{zero}}, .precision = one, .selector = mean}), ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.fixed_positive({0.0})), ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.fixed_probabilities({0.4, 0.5}, 2)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.fixed_matrices({1.0, 2.0, 2.0, 1.0}, 2)), ModelError);
  CHECK_THROWS_AS(model.observe(mean, {1.0}), ModelError);
  CHECK_THROWS_AS(model.observe(mean, {1.0, 2.0, credo::kInfinity}), ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.find("men")), ModelError);
  ConjugateOptions options;
  options.restarts = 0;
  CHECK_THROWS_AS(static_cast<void>(credo::maximize(model, options)), credo::OptionError);
  gaussian({.count = 3, .mean = {{mean}}, .precision = one});
  CHECK_THROWS_AS(model.observe(mean, {1.0, credo::kNaN, 2.0}), ModelError);
}
