// Smoothing a 2-dimensional linear-Gaussian chain of 10,000 steps: the generic elimination beside a
// Kalman filter and Rauch-Tung-Striebel smoother written by hand. error: the largest difference
// of any mean or covariance from the latter. step: seconds per step.
// A noisy picture of 100 x 100 points smoothed by its neighbours: elimination beside Gaussian
// belief propagation. error: the largest difference of any mean from elimination's.

#include "measure.hpp"

#include <credo/inference/gaussian/compiled_gaussian.hpp>
#include <credo/inference/infer.hpp>
#include <credo/models/state_space/state_space.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

namespace credo::bench {
namespace {

constexpr std::size_t kSteps = 10000;

using Matrix = std::array<double, 4>;  // row-major 2 x 2
using Vector = std::array<double, 2>;

/// x' = A x + w, w ~ N(0, Q); y = x[0] + v, v ~ N(0, r); x_0 ~ N(0, I).
struct Chain {
  Matrix a{1.0, 0.1, -0.05, 0.97};
  Matrix q{0.02, 0.005, 0.005, 0.05};
  double r = 0.3;
  std::vector<double> y;
};

struct Moments {
  std::vector<Vector> mean;
  std::vector<Matrix> covariance;
  double log_likelihood = 0.0;
};

Matrix times(const Matrix& a, const Matrix& b) {
  return {a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2],
          a[2] * b[1] + a[3] * b[3]};
}
Matrix transposed(const Matrix& a) { return {a[0], a[2], a[1], a[3]}; }
Matrix plus(const Matrix& a, const Matrix& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]};
}
Matrix minus(const Matrix& a, const Matrix& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]};
}
Vector times(const Matrix& a, const Vector& x) {
  return {a[0] * x[0] + a[1] * x[1], a[2] * x[0] + a[3] * x[1]};
}
Matrix inverse(const Matrix& a) {
  const double d = 1.0 / (a[0] * a[3] - a[1] * a[2]);
  return {a[3] * d, -a[1] * d, -a[2] * d, a[0] * d};
}

/// The textbook's filter forward and smoother backward; buffers are the caller's.
void smooth_by_hand(const Chain& chain, Moments& filtered, Moments& predicted, Moments& smoothed) {
  Vector m{0.0, 0.0};
  Matrix p{1.0, 0.0, 0.0, 1.0};
  double log_likelihood = 0.0;
  for (std::size_t t = 0; t < kSteps; ++t) {
    if (t > 0) {
      m = times(chain.a, m);
      p = plus(times(times(chain.a, p), transposed(chain.a)), chain.q);
    }
    predicted.mean[t] = m;
    predicted.covariance[t] = p;
    const double s = p[0] + chain.r;
    const double residual = chain.y[t] - m[0];
    const Vector gain{p[0] / s, p[2] / s};
    m = {m[0] + gain[0] * residual, m[1] + gain[1] * residual};
    p = minus(p, {gain[0] * p[0], gain[0] * p[1], gain[1] * p[0], gain[1] * p[1]});
    log_likelihood -= (residual * residual / s + std::log(2.0 * std::numbers::pi * s)) / 2.0;
    filtered.mean[t] = m;
    filtered.covariance[t] = p;
  }
  smoothed.log_likelihood = log_likelihood;
  smoothed.mean[kSteps - 1] = m;
  smoothed.covariance[kSteps - 1] = p;
  for (std::size_t t = kSteps - 1; t-- > 0;) {
    const Matrix g = times(times(filtered.covariance[t], transposed(chain.a)),
                           inverse(predicted.covariance[t + 1]));
    const Vector ahead{smoothed.mean[t + 1][0] - predicted.mean[t + 1][0],
                       smoothed.mean[t + 1][1] - predicted.mean[t + 1][1]};
    const Vector step = times(g, ahead);
    smoothed.mean[t] = {filtered.mean[t][0] + step[0], filtered.mean[t][1] + step[1]};
    const Matrix excess = minus(smoothed.covariance[t + 1], predicted.covariance[t + 1]);
    smoothed.covariance[t] = plus(filtered.covariance[t], times(times(g, excess), transposed(g)));
  }
}

Moments room() { return {std::vector<Vector>(kSteps), std::vector<Matrix>(kSteps), 0.0}; }

Chain random_chain() {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  Chain chain;
  double level = 0.0;
  for (std::size_t t = 0; t < kSteps; ++t) {
    level = 0.95 * level + 0.3 * normal(random);
    chain.y.push_back(level + std::sqrt(chain.r) * normal(random));
  }
  return chain;
}

struct ChainGraph {
  FactorGraph graph;
  Evidence evidence;
};

GaussianTable prior_of(const Chain& /*chain*/) {
  return GaussianTable::conditional({}, {2}, {{{}, {0, 0}, {1, 0, 0, 1}}});
}
GaussianTable transition_of(const Chain& chain) {
  return GaussianTable::conditional(
      {}, {2, 2}, {{{chain.a.begin(), chain.a.end()}, {0, 0}, {chain.q.begin(), chain.q.end()}}});
}
GaussianTable observation_of(const Chain& chain) {
  return GaussianTable::conditional({}, {2, 1}, {{{1.0, 0.0}, {0.0}, {chain.r}}});
}

ChainGraph graph_of(const Chain& chain) {
  ChainGraph result;
  FactorGraph& graph = result.graph;
  const GaussianTable prior = prior_of(chain);
  const GaussianTable transition = transition_of(chain);
  const GaussianTable observation = observation_of(chain);
  for (std::size_t t = 0; t < kSteps; ++t) {
    const VariableId x = graph.add_continuous_variable(fmt::format("x{}", t), 2);
    const VariableId y = graph.add_continuous_variable(fmt::format("y{}", t));
    if (t == 0) {
      graph.add_gaussian_factor({x}, prior);
    } else {
      graph.add_gaussian_factor({x - 2, x}, transition);
    }
    graph.add_gaussian_factor({x, y}, observation);
    result.evidence.observe_value(y, {chain.y[t]});
  }
  return result;
}

void report_step(benchmark::State& state) {
  state.counters["step"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kSteps),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void smoother_by_hand(benchmark::State& state) {
  const Chain chain = random_chain();
  Moments filtered = room();
  Moments predicted = room();
  Moments smoothed = room();
  const Stopwatch stopwatch;
  for (auto _ : state) {
    smooth_by_hand(chain, filtered, predicted, smoothed);
    benchmark::DoNotOptimize(smoothed.mean.data());
  }
  stopwatch.report(state);
  report_step(state);
}
BENCHMARK(smoother_by_hand)->Unit(benchmark::kMillisecond);

double largest_error(const Moments& smoothed, const CompiledGaussian& compiled,
                     const GaussianAnswer& answer) {
  double error =
      std::fabs(answer.log_z - smoothed.log_likelihood) / std::fabs(smoothed.log_likelihood);
  for (std::size_t t = 0; t < kSteps; ++t) {
    const auto x = static_cast<VariableId>(2 * t);
    for (std::size_t i = 0; i < 2; ++i) {
      error = std::max(error,
                       std::fabs(answer.means[compiled.mean_offset(x) + i] - smoothed.mean[t][i]));
    }
    for (std::size_t i = 0; i < 4; ++i) {
      error = std::max(error, std::fabs(answer.covariances[compiled.covariance_offset(x) + i] -
                                        smoothed.covariance[t][i]));
    }
  }
  return error;
}

enum class Fresh {
  values,  ///< other observations
  tables,  ///< other tables, each for all times
  times,   ///< other tables, different ones for every time
};

std::vector<GaussianTable> tables_of(const Chain& chain, bool for_every_time) {
  std::vector<GaussianTable> tables{prior_of(chain)};
  tables.reserve(2 * kSteps);
  GaussianTable transition = transition_of(chain);
  GaussianTable observation = observation_of(chain);
  tables.push_back(observation);
  for (std::size_t t = 1; t < kSteps; ++t) {
    if (for_every_time) {
      transition = transition_of(chain);
      observation = observation_of(chain);
    }
    tables.push_back(transition);
    tables.push_back(observation);
  }
  return tables;
}

/// The order of CompiledSmoother: neither half waits for the other's divisions.
std::vector<VariableId> from_both_ends() {
  std::vector<VariableId> order;
  for (std::size_t first = 0, last = kSteps; first < last;) {
    order.push_back(static_cast<VariableId>(2 * first++));
    if (first < last) order.push_back(static_cast<VariableId>(2 * --last));
  }
  return order;
}

void smoother_by_elimination(benchmark::State& state, Fresh fresh) {
  const Chain chain = random_chain();
  const ChainGraph model = graph_of(chain);
  InferOptions options;
  options.plan.order = from_both_ends();
  CompiledGaussian compiled(model.graph, model.evidence, options);
  GaussianAnswer answer;
  const bool for_every_time = fresh == Fresh::times;
  const std::vector<GaussianTable> tables[] = {tables_of(chain, for_every_time),
                                               tables_of(chain, for_every_time)};
  std::size_t turn = 0;
  const Stopwatch stopwatch;
  for (auto _ : state) {
    if (fresh != Fresh::values) compiled.load(tables[turn++ % 2]);
    compiled.run(chain.y, answer);
    benchmark::DoNotOptimize(answer.means.data());
  }
  stopwatch.report(state);
  report_step(state);
  Moments filtered = room();
  Moments predicted = room();
  Moments smoothed = room();
  smooth_by_hand(chain, filtered, predicted, smoothed);
  report_error(state, largest_error(smoothed, compiled, answer));
}
BENCHMARK_CAPTURE(smoother_by_elimination, new_values, Fresh::values)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(smoother_by_elimination, new_numbers, Fresh::tables)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(smoother_by_elimination, new_numbers_every_time, Fresh::times)
    ->Unit(benchmark::kMillisecond);

/// Neighbours differ by N(0, 1), points are seen with noise of variance 2: rho(|R|) = 8 / 9 or
/// less.
FactorGraph noisy_picture(std::size_t side) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  FactorGraph graph;
  const auto alike =
      GaussianTable::quadratic({}, {1, 1}, {{{1.0, -1.0, -1.0, 1.0}, {0.0, 0.0}, 0.0}});
  for (std::size_t i = 0; i < side * side; ++i) {
    const VariableId v = graph.add_continuous_variable(fmt::format("x{}", i));
    const double seen = static_cast<double>(i / side) / 10.0 + 1.5 * normal(random);
    graph.add_gaussian_factor({v}, GaussianTable::conditional({}, {1}, {{{}, {seen}, {2.0}}}));
    if (i % side > 0) graph.add_gaussian_factor({v - 1, v}, alike);
    if (i >= side) graph.add_gaussian_factor({v - static_cast<VariableId>(side), v}, alike);
  }
  return graph;
}

Result smooth(const FactorGraph& graph, const char* algorithm) {
  InferOptions options;
  options.algorithm = algorithm;
  return infer(graph, Query::marginals(), options);
}

void picture(benchmark::State& state, const char* algorithm) {
  const FactorGraph graph = noisy_picture(100);
  Result result;
  const Stopwatch stopwatch;
  for (auto _ : state) result = smooth(graph, algorithm);
  stopwatch.report(state);
  const Result truth = smooth(graph, "gaussian_elimination");
  double error = 0.0;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    error = std::max(
        error, std::fabs(result.gaussian_marginal(v).mean[0] - truth.gaussian_marginal(v).mean[0]));
  }
  report_error(state, error);
  state.counters["iterations"] = static_cast<double>(result.iterations);
}
BENCHMARK_CAPTURE(picture, elimination, "gaussian_elimination")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(picture, messages, "gaussian_belief_propagation")->Unit(benchmark::kMillisecond);

StateSpaceModel model_of(const Chain& chain) {
  StateSpaceModel model{.states = 2, .observations = 1};
  model.steps = {{.transition = {chain.a.begin(), chain.a.end()},
                  .noise = {chain.q.begin(), chain.q.end()},
                  .observation = {1.0, 0.0},
                  .observation_noise = {chain.r}}};
  model.initial_covariance = {1.0, 0.0, 0.0, 1.0};
  return model;
}

ObservationSequence sequence_of(const Chain& chain) {
  ObservationSequence sequence;
  for (const double y : chain.y) sequence.push_back({y});
  return sequence;
}

double largest_error(const Moments& expected, const StateSpaceAnswer& answer) {
  double error = std::fabs(answer.log_likelihood / expected.log_likelihood - 1.0);
  for (std::size_t t = 0; t < kSteps; ++t) {
    for (std::size_t i = 0; i < 2; ++i) {
      error = std::max(error, std::fabs(answer.means[t][i] - expected.mean[t][i]));
    }
    for (std::size_t i = 0; i < 4; ++i) {
      error = std::max(error, std::fabs(answer.covariances[t][i] - expected.covariance[t][i]));
    }
  }
  return error;
}

/// Model and observations in, answer out: nothing is kept between iterations.
template <typename Ask>
void one_call(benchmark::State& state, Ask ask, bool filtered_only) {
  const Chain chain = random_chain();
  const StateSpaceModel model = model_of(chain);
  const ObservationSequence sequence = sequence_of(chain);
  StateSpaceAnswer answer;
  const Stopwatch stopwatch;
  for (auto _ : state) answer = ask(model, sequence);
  stopwatch.report(state);
  report_step(state);
  Moments filtered = room();
  Moments predicted = room();
  Moments smoothed = room();
  smooth_by_hand(chain, filtered, predicted, smoothed);
  filtered.log_likelihood = smoothed.log_likelihood;
  report_error(state, largest_error(filtered_only ? filtered : smoothed, answer));
}

void smoother_in_one_call(benchmark::State& state) {
  one_call(state, [](const auto& model, const auto& y) { return smooth(model, y); }, false);
}
BENCHMARK(smoother_in_one_call)->Unit(benchmark::kMillisecond);

void filter_in_one_call(benchmark::State& state) {
  one_call(state, [](const auto& model, const auto& y) { return filter(model, y); }, true);
}
BENCHMARK(filter_in_one_call)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
