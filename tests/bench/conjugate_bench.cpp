// Variational message passing on conjugate models beside the same updates written by hand, and
// Bayesian regression beside its closed form. sweep: seconds per sweep. error: the largest relative
// difference of a parameter from the hand-written one, after the same sweeps from the same start.
// The general engine also computes L in every sweep; the hand-written loops do not.

#include "measure.hpp"

#include <credo/models/bayesian_regression.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

namespace credo::bench {
namespace {

constexpr std::size_t kSweeps = 5;

void report_sweep(benchmark::State& state) {
  state.counters["sweep"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kSweeps),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0.0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    worst = std::max(worst, std::fabs(a[i] - b[i]) / std::max(1.0, std::fabs(b[i])));
  }
  return worst;
}

/// d log Gamma(x) / dx: recurrence to 10 and more, then the asymptotic series.
double digamma(double x) {
  double sum = 0.0;
  for (; x < 10.0; x += 1.0) sum -= 1.0 / x;
  const double s = 1.0 / (x * x);
  return sum + std::log(x) - 0.5 / x -
         s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s / 132))));
}

// A mixture of three Gaussians on the line: pi ~ Dirichlet(1), mu_k ~ N(0, 100), tau_k ~ Gamma(1,
// 1).

constexpr std::size_t kPoints = 100'000;
constexpr std::size_t kComponents = 3;

struct Points {
  std::vector<double> x;
  std::vector<double> start;  ///< responsibilities
};

Points random_points() {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  Points points;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const std::size_t k = i % 5 < 2 ? 0 : i % 5 - 2;
    points.x.push_back(4.0 * static_cast<double>(k) + normal(random) / static_cast<double>(k + 1));
    const std::size_t near = points.x.back() < 2.0 ? 0 : points.x.back() < 6.0 ? 1 : 2;
    for (std::size_t j = 0; j < kComponents; ++j) points.start.push_back(j == near ? 0.8 : 0.1);
  }
  return points;
}

/// Concentration, E[mu], Var[mu], shape and rate of tau, of every component.
std::vector<double> mixture_by_hand(const Points& points) {
  std::vector<double> r = points.start;
  double weight[kComponents];
  double mean[kComponents] = {};
  double variance[kComponents] = {};
  double shape[kComponents];
  double rate[kComponents];
  double precision[kComponents] = {1.0, 1.0, 1.0};
  for (std::size_t sweep = 0; sweep < kSweeps; ++sweep) {
    double count[kComponents] = {};
    double sum[kComponents] = {};
    for (std::size_t i = 0; i < kPoints; ++i) {
      for (std::size_t k = 0; k < kComponents; ++k) {
        count[k] += r[i * kComponents + k];
        sum[k] += r[i * kComponents + k] * points.x[i];
      }
    }
    double squares[kComponents] = {};
    for (std::size_t k = 0; k < kComponents; ++k) {
      weight[k] = 1.0 + count[k];
      variance[k] = 1.0 / (0.01 + precision[k] * count[k]);
      mean[k] = variance[k] * precision[k] * sum[k];
    }
    for (std::size_t i = 0; i < kPoints; ++i) {
      for (std::size_t k = 0; k < kComponents; ++k) {
        const double away = points.x[i] - mean[k];
        squares[k] += r[i * kComponents + k] * (away * away + variance[k]);
      }
    }
    double constant[kComponents];
    for (std::size_t k = 0; k < kComponents; ++k) {
      shape[k] = 1.0 + count[k] / 2.0;
      rate[k] = 1.0 + squares[k] / 2.0;
      precision[k] = shape[k] / rate[k];
      constant[k] = digamma(weight[k]) + (digamma(shape[k]) - std::log(rate[k])) / 2.0;
    }
    for (std::size_t i = 0; i < kPoints; ++i) {
      double log_r[kComponents];
      for (std::size_t k = 0; k < kComponents; ++k) {
        const double away = points.x[i] - mean[k];
        log_r[k] = constant[k] - precision[k] * (away * away + variance[k]) / 2.0;
      }
      const double most = *std::max_element(log_r, log_r + kComponents);
      double total = 0.0;
      for (double& l : log_r) total += l = std::exp(l - most);
      for (std::size_t k = 0; k < kComponents; ++k) r[i * kComponents + k] = log_r[k] / total;
    }
  }
  std::vector<double> all;
  for (const double* part : {weight, mean, variance, shape, rate}) {
    all.insert(all.end(), part, part + kComponents);
  }
  return all;
}

void mixture_sweeps_by_hand(benchmark::State& state) {
  const Points points = random_points();
  const Stopwatch stopwatch;
  for (auto _ : state) benchmark::DoNotOptimize(mixture_by_hand(points));
  stopwatch.report(state);
  report_sweep(state);
}
BENCHMARK(mixture_sweeps_by_hand)->Unit(benchmark::kMillisecond);

ConjugateOptions five_sweeps(AscentSchedule schedule) {
  ConjugateOptions options;
  options.schedule = schedule;
  options.maximum_sweeps = kSweeps;
  options.tolerance = 0.0;
  return options;
}

void mixture_sweeps(benchmark::State& state) {
  const Points points = random_points();
  ConjugateModel model;
  const auto weights =
      model.add_dirichlet("weights", {.concentration = std::vector<double>(kComponents, 1.0)});
  const auto means = model.add_gaussian("means", {.count = kComponents,
                                                  .mean = {{model.fixed_values({0.0})}},
                                                  .precision = model.fixed_positive({0.01})});
  const auto precisions = model.add_gamma(
      "precisions", {.count = kComponents, .shape = 1.0, .rate = model.fixed_positive({1.0})});
  const auto labels = model.add_categorical("labels", {.count = kPoints, .probabilities = weights});
  const auto x = model.add_gaussian("x", {.count = kPoints,
                                          .mean = {{means}},
                                          .precision = precisions,
                                          .selector = ConjugateParent(labels)});
  model.observe(x, points.x);
  ConjugateOptions options = five_sweeps(AscentSchedule::forward);
  options.starts = {{{labels, points.start}}};
  ConjugateResult result;
  const Stopwatch stopwatch;
  for (auto _ : state) result = maximize(model, options);
  stopwatch.report(state);
  report_sweep(state);
  std::vector<double> found;
  for (const std::vector<double>& part :
       {result.posterior(weights).concentration, result.posterior(means).mean,
        result.posterior(means).covariance, result.posterior(precisions).shape,
        result.posterior(precisions).rate}) {
    found.insert(found.end(), part.begin(), part.end());
  }
  report_error(state, relative_difference(found, mixture_by_hand(points)));
}
BENCHMARK(mixture_sweeps)->Unit(benchmark::kMillisecond);

// Regression with known precisions: w ~ N(0, 1), noise ~ N(0, 1/4).

constexpr std::size_t kRows = 10'000;
constexpr std::size_t kInputs = 10;
constexpr double kNoisePrecision = 4.0;

struct Data {
  std::vector<double> inputs;
  std::vector<double> targets;
};

Data random_data() {
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal;
  Data data;
  for (std::size_t n = 0; n < kRows; ++n) {
    double y = 0.5 * normal(random);
    for (std::size_t j = 0; j < kInputs; ++j) {
      data.inputs.push_back(normal(random));
      y += data.inputs.back() * (static_cast<double>(j) - 4.5) / 4.5;
    }
    data.targets.push_back(y);
  }
  return data;
}

/// E[w], then log p(y): (I + tau X'X) E[w] = tau X'y by Cholesky.
std::vector<double> regression_by_hand(const Data& data) {
  constexpr std::size_t d = kInputs;
  std::vector<double> a(d * d, 0.0);
  std::vector<double> w(d, 0.0);
  double squares = 0.0;
  for (std::size_t n = 0; n < kRows; ++n) {
    const double* x = &data.inputs[n * d];
    const double y = data.targets[n];
    squares += kNoisePrecision * y * y;
    for (std::size_t i = 0; i < d; ++i) {
      w[i] += kNoisePrecision * x[i] * y;
      for (std::size_t j = 0; j <= i; ++j) a[i * d + j] += kNoisePrecision * x[i] * x[j];
    }
  }
  double log_determinant = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    a[i * d + i] += 1.0;
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t k = 0; k < j; ++k) a[i * d + j] -= a[i * d + k] * a[j * d + k];
      a[i * d + j] = i == j ? std::sqrt(a[i * d + j]) : a[i * d + j] / a[j * d + j];
    }
    log_determinant += 2.0 * std::log(a[i * d + i]);
    for (std::size_t k = 0; k < i; ++k) w[i] -= a[i * d + k] * w[k];
    w[i] /= a[i * d + i];
    squares -= w[i] * w[i];
  }
  for (std::size_t i = d; i-- > 0;) {
    for (std::size_t k = i + 1; k < d; ++k) w[i] -= a[k * d + i] * w[k];
    w[i] /= a[i * d + i];
  }
  const double normaliser =
      static_cast<double>(kRows) * std::log(kNoisePrecision / (2.0 * std::numbers::pi));
  w.push_back((normaliser - log_determinant - squares) / 2.0);
  return w;
}

void regression_in_closed_form(benchmark::State& state) {
  const Data data = random_data();
  const Stopwatch stopwatch;
  for (auto _ : state) benchmark::DoNotOptimize(regression_by_hand(data));
  stopwatch.report(state);
}
BENCHMARK(regression_in_closed_form)->Unit(benchmark::kMillisecond);

void regression(benchmark::State& state) {
  const Data data = random_data();
  RegressionOptions options;
  options.noise_precision = kNoisePrecision;
  options.weight_precision = 1.0;
  RegressionFit fit;
  const Stopwatch stopwatch;
  for (auto _ : state) fit = bayesian_regression(data.inputs, data.targets, options);
  stopwatch.report(state);
  std::vector<double> found = fit.weights;
  found.push_back(fit.inference.value);
  report_error(state, relative_difference(found, regression_by_hand(data)));
}
BENCHMARK(regression)->Unit(benchmark::kMillisecond);

// A hidden Markov model of three states and four symbols, every row Dirichlet: priors that differ
// by row start it.

constexpr std::size_t kTimes = 2'000;
constexpr std::size_t kStates = 3;
constexpr std::size_t kSymbols = 4;

struct Rows {
  std::vector<double> initial = std::vector<double>(kStates, 1.0);
  std::vector<double> transition = {3, 1, 1, 1, 3, 1, 1, 1, 3};
  std::vector<double> emission = {4, 1, 1, 1, 1, 4, 1, 1, 1, 1, 2, 4};
};

std::vector<std::size_t> random_symbols() {
  std::mt19937_64 random(5);
  std::vector<std::size_t> symbols;
  std::size_t state = 0;
  for (std::size_t t = 0; t < kTimes; ++t) {
    if (random() % 10 < 2) state = random() % kStates;
    symbols.push_back(random() % 10 < 7 ? state : random() % kSymbols);
  }
  return symbols;
}

/// exp(E[log p]) of rows of Dirichlet concentrations.
std::vector<double> weights_of(const std::vector<double>& concentration, std::size_t columns) {
  std::vector<double> weights;
  for (std::size_t begin = 0; begin < concentration.size(); begin += columns) {
    double sum = 0.0;
    for (std::size_t j = 0; j < columns; ++j) sum += concentration[begin + j];
    for (std::size_t j = 0; j < columns; ++j) {
      weights.push_back(std::exp(digamma(concentration[begin + j]) - digamma(sum)));
    }
  }
  return weights;
}

/// One pass of Baum and Welch under these weights: expected counts are added to the priors.
Rows expected_counts(const Rows& rows, const std::vector<std::size_t>& y,
                     std::vector<double>& forward) {
  const std::vector<double> a = weights_of(rows.transition, kStates);
  const std::vector<double> b = weights_of(rows.emission, kSymbols);
  std::vector<double> first = weights_of(rows.initial, kStates);
  forward.resize(kTimes * kStates);
  for (std::size_t t = 0; t < kTimes; ++t) {
    double* f = &forward[t * kStates];
    double total = 0.0;
    for (std::size_t j = 0; j < kStates; ++j) {
      f[j] = t == 0 ? first[j] : 0.0;
      for (std::size_t i = 0; t > 0 && i < kStates; ++i)
        f[j] += f[i - kStates] * a[i * kStates + j];
      f[j] *= b[j * kSymbols + y[t]];
      total += f[j];
    }
    for (std::size_t j = 0; j < kStates; ++j) f[j] /= total;
  }
  Rows counts;
  double backward[kStates] = {1.0, 1.0, 1.0};
  for (std::size_t t = kTimes; t-- > 0;) {
    const double* f = &forward[t * kStates];
    double total = 0.0;
    for (std::size_t i = 0; i < kStates; ++i) total += f[i] * backward[i];
    for (std::size_t i = 0; i < kStates; ++i) {
      const double p = f[i] * backward[i] / total;
      counts.emission[i * kSymbols + y[t]] += p;
      if (t == 0) counts.initial[i] += p;
    }
    if (t == 0) break;
    const double* before = f - kStates;
    double pairs[kStates * kStates];
    double all = 0.0;
    double next[kStates] = {};
    for (std::size_t i = 0; i < kStates; ++i) {
      for (std::size_t j = 0; j < kStates; ++j) {
        const double onward = a[i * kStates + j] * b[j * kSymbols + y[t]] * backward[j];
        next[i] += onward;
        all += pairs[i * kStates + j] = before[i] * onward;
      }
    }
    for (std::size_t k = 0; k < kStates * kStates; ++k) counts.transition[k] += pairs[k] / all;
    const double scale = next[0] + next[1] + next[2];
    for (std::size_t i = 0; i < kStates; ++i) backward[i] = next[i] / scale;
  }
  return counts;
}

Rows hidden_chain_by_hand(const std::vector<std::size_t>& symbols) {
  Rows rows;
  std::vector<double> forward;
  for (std::size_t sweep = 0; sweep < kSweeps; ++sweep) {
    rows = expected_counts(rows, symbols, forward);
  }
  return rows;
}

void hidden_chain_sweeps_by_hand(benchmark::State& state) {
  const std::vector<std::size_t> symbols = random_symbols();
  const Stopwatch stopwatch;
  for (auto _ : state) benchmark::DoNotOptimize(hidden_chain_by_hand(symbols).initial.data());
  stopwatch.report(state);
  report_sweep(state);
}
BENCHMARK(hidden_chain_sweeps_by_hand)->Unit(benchmark::kMillisecond);

void hidden_chain_sweeps(benchmark::State& state) {
  const std::vector<std::size_t> symbols = random_symbols();
  const Rows prior;
  ConjugateModel model;
  const auto initial = model.add_dirichlet("initial", {.concentration = prior.initial});
  const auto transition = model.add_dirichlet(
      "transition", {.count = kStates, .concentration = prior.transition, .states = kStates});
  const auto emission = model.add_dirichlet(
      "emission", {.count = kStates, .concentration = prior.emission, .states = kSymbols});
  const auto chain =
      model.add_chain("chain", {.lengths = {kTimes}, .initial = initial, .transition = transition});
  const auto y = model.add_categorical(
      "y", {.count = kTimes, .probabilities = emission, .selector = ConjugateParent(chain)});
  model.observe_states(y, symbols);
  // Backward: the chain goes first, under the priors of its rows.
  const ConjugateOptions options = five_sweeps(AscentSchedule::backward);
  ConjugateResult result;
  const Stopwatch stopwatch;
  for (auto _ : state) result = maximize(model, options);
  stopwatch.report(state);
  report_sweep(state);
  const Rows expected = hidden_chain_by_hand(symbols);
  report_error(
      state,
      std::max(
          {relative_difference(result.posterior(initial).concentration, expected.initial),
           relative_difference(result.posterior(transition).concentration, expected.transition),
           relative_difference(result.posterior(emission).concentration, expected.emission)}));
}
BENCHMARK(hidden_chain_sweeps)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
