// Long chains, beside a forward and backward recursion written for the purpose: the
// price of a general engine. error: largest difference of any marginal from it.

#include "measure.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/infer.hpp>
#include <credo/models/hidden_markov_model.hpp>
#include <credo/models/learned_hidden_markov_model.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace credo::bench {
namespace {

using Rows = std::vector<std::vector<double>>;

/// Pairwise potentials of a binary chain: 2 x 2 each, row-major.
using Potentials = std::vector<std::vector<double>>;

Potentials potentials(std::size_t variables, double smallest) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(std::log(smallest), 0.0);
  Potentials result(variables - 1, std::vector<double>(4));
  for (auto& table : result) {
    for (double& entry : table) entry = std::exp(exponent(random));
  }
  return result;
}

FactorGraph chain(const Potentials& tables) {
  FactorGraph graph;
  for (std::size_t i = 0; i <= tables.size(); ++i) {
    graph.add_variable(fmt::format("x{}", i), 2);
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    graph.add_factor({static_cast<VariableId>(i), static_cast<VariableId>(i + 1)},
                     Table::dense({2, 2}, tables[i]));
  }
  return graph;
}

/// p(x_i = 1), by normalised messages from both ends.
std::vector<double> forward_backward(const Potentials& tables) {
  const std::size_t n = tables.size() + 1;
  std::vector<double> forward(2 * n, 1.0);
  std::vector<double> backward(2 * n, 1.0);
  for (std::size_t i = 1; i < n; ++i) {
    const auto& f = tables[i - 1];
    const double* a = &forward[2 * (i - 1)];
    const double zero = a[0] * f[0] + a[1] * f[2];
    const double one = a[0] * f[1] + a[1] * f[3];
    forward[2 * i] = zero / (zero + one);
    forward[2 * i + 1] = one / (zero + one);
  }
  for (std::size_t i = n - 1; i-- > 0;) {
    const auto& f = tables[i];
    const double* b = &backward[2 * (i + 1)];
    const double zero = f[0] * b[0] + f[1] * b[1];
    const double one = f[2] * b[0] + f[3] * b[1];
    backward[2 * i] = zero / (zero + one);
    backward[2 * i + 1] = one / (zero + one);
  }
  std::vector<double> result(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double zero = forward[2 * i] * backward[2 * i];
    const double one = forward[2 * i + 1] * backward[2 * i + 1];
    result[i] = one / (zero + one);
  }
  return result;
}

void chain_by_hand(benchmark::State& state) {
  const Potentials tables = potentials(static_cast<std::size_t>(state.range(0)), 0.1);
  const Stopwatch stopwatch;
  for (auto _ : state) benchmark::DoNotOptimize(forward_backward(tables));
  stopwatch.report(state);
}
BENCHMARK(chain_by_hand)->Arg(20000)->Unit(benchmark::kMillisecond);

void chain_marginals(benchmark::State& state, double smallest) {
  const Potentials tables = potentials(static_cast<std::size_t>(state.range(0)), smallest);
  const FactorGraph graph = chain(tables);
  Result result;
  const Stopwatch stopwatch;
  for (auto _ : state) result = infer(graph, Query::marginals());
  stopwatch.report(state);
  const std::vector<double> expected = forward_backward(tables);
  double error = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error = std::max(error, std::fabs(result.marginals[i][1] - expected[i]));
  }
  report_error(state, error);
}
BENCHMARK_CAPTURE(chain_marginals, positive, 0.1)->Arg(20000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(chain_marginals, entries_to_1e_300, 1e-300)
    ->Arg(20000)
    ->Unit(benchmark::kMillisecond);

Rows random_rows(std::size_t rows, std::size_t columns) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> weight(0.05, 1.0);
  Rows result(rows, std::vector<double>(columns));
  for (auto& row : result) {
    for (double& p : row) p = weight(random);
    normalize(row);
  }
  return result;
}

/// error: of the probabilities' sums; the smoother itself is checked by the tests.
void hidden_markov_smooth(benchmark::State& state) {
  const auto states = static_cast<std::size_t>(state.range(1));
  const HiddenMarkovModel model(std::vector<double>(states, 1.0 / static_cast<double>(states)),
                                random_rows(states, states), random_rows(states, 8));
  const auto sequence = model.sample(static_cast<std::size_t>(state.range(0)), 7);
  const Observations observations(sequence.observations.begin(), sequence.observations.end());
  Smoothed smoothed;
  const Stopwatch stopwatch;
  for (auto _ : state) smoothed = model.smooth(observations);
  stopwatch.report(state);
  double error = 0.0;
  for (const auto& p : smoothed.states) {
    double sum = 0.0;
    for (const double x : p) sum += x;
    error = std::max(error, std::fabs(sum - 1.0));
  }
  report_error(state, error);
}
BENCHMARK(hidden_markov_smooth)->Args({5000, 2})->Args({5000, 20})->Unit(benchmark::kMillisecond);

/// Ten sweeps over the rows of a model, each with a Dirichlet prior, and its hidden chain. error:
/// by how much the bound falls.
void hidden_markov_learn(benchmark::State& state) {
  LearnedHmmOptions options;
  options.states = static_cast<std::size_t>(state.range(1));
  options.symbols = 8;
  options.inference = {.tolerance = 0.0, .maximum_sweeps = 10};
  const HiddenMarkovModel model(
      std::vector<double>(options.states, 1.0 / static_cast<double>(options.states)),
      random_rows(options.states, options.states), random_rows(options.states, options.symbols));
  const auto sequence = model.sample(static_cast<std::size_t>(state.range(0)), 7);
  const std::vector<Observations> data{
      {sequence.observations.begin(), sequence.observations.end()}};
  LearnedHmm learned;
  const Stopwatch stopwatch;
  for (auto _ : state) learned = learn_hidden_markov_model(data, options);
  stopwatch.report(state);
  double fall = 0.0;
  for (std::size_t i = 1; i < learned.inference.trace.size(); ++i) {
    fall = std::max(fall, learned.inference.trace[i - 1] - learned.inference.trace[i]);
  }
  report_error(state, fall);
}
BENCHMARK(hidden_markov_learn)->Args({2000, 5})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
