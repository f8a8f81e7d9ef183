// The exact posterior of a large sparse trajectory: an N x N lake with a slippery
// surface, T decisions. error: |sum of the first state marginal - 1|.

#include "measure.hpp"

#include <credo/models/control/environments.hpp>
#include <credo/models/control/posterior.hpp>

#include <cmath>
#include <numeric>

namespace credo::bench {
namespace {

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
