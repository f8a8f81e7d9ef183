// The exact posterior of a large sparse trajectory: an N x N lake with a slippery
// surface, T decisions. error: |sum of the first state marginal - 1|.

#include "measure.hpp"

#include <credo/models/control/environments.hpp>
#include <credo/models/control/posterior.hpp>

#include <cmath>
#include <numeric>
#include <random>
#include <string>

namespace credo::bench {
namespace {

/// Holes with probability 1/20, none beside the start or the goal's corner.
std::string lake_map(std::size_t side) {
  std::mt19937_64 random(11);
  std::string map;
  for (std::size_t r = 0; r < side; ++r) {
    for (std::size_t c = 0; c < side; ++c) {
      const bool safe = r + c < 3 || r + c + 5 > 2 * side;
      map += !safe && random() % 20 == 0 ? 'H' : 'F';
    }
    map += '\n';
  }
  map.front() = 'S';
  map[map.size() - 2] = 'G';
  return map;
}

void lake_posterior(benchmark::State& state) {
  control::EnvironmentOptions environment;
  environment.map = lake_map(static_cast<std::size_t>(state.range(0)));
  const control::Mdp mdp = control::frozen_lake(environment);
  control::PosteriorOptions options;
  options.temperature = 0.1;
  options.horizon = static_cast<std::size_t>(state.range(1));
  control::Posterior posterior;
  const Stopwatch stopwatch;
  for (auto _ : state) posterior = control::solve_posterior(mdp, options);
  stopwatch.report(state);
  const auto& last = posterior.state_marginals.back();
  report_error(state, std::fabs(std::accumulate(last.begin(), last.end(), 0.0) - 1.0));
  state.counters["entries"] = static_cast<double>(mdp.outcome_count());
}
BENCHMARK(lake_posterior)->Args({8, 100})->Args({100, 200})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
