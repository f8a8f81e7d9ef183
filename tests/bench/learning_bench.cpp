// Learners against the engine, longer than tests run: steps of the environment per second, and how
// far from the exact answer they end. soft_q_*: largest error of Q(s, a), which falls as 1 /
// sqrt(steps) (the argument is their number); the others: of pi(a given s), on a lake without ice
// (path consistency: of V, too). pole_*: mean return of the last episodes, 500 at most.

#include "measure.hpp"

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/classic_control.hpp>
#include <credo/models/control/learning/path_consistency.hpp>
#include <credo/models/control/learning/policy_gradient.hpp>
#include <credo/models/control/learning/reference.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

namespace credo::bench {
namespace {

using namespace control::learning;
using control::Mdp;

void report_rate(benchmark::State& state, std::size_t steps) {
  state.counters["steps_per_second"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsIterationInvariantRate);
}

void soft_q(benchmark::State& state, const Mdp& mdp, const Objective& objective) {
  SoftQOptions options;
  options.objective = objective;
  options.exploration = 1.0;
  options.run.steps = static_cast<std::size_t>(state.range(0));
  const ExactReference exact(mdp, objective);
  double error = kNaN;
  for (auto _ : state) {
    TabularEnvironment environment(mdp, {.time_limit = 10, .exploring_starts = true});
    const SoftQResult found = learn_soft_q(environment, options);
    error = exact.error_of(found.action_value, TableKind::action_value);
  }
  report_error(state, error);
  report_rate(state, options.run.steps);
}

void soft_q_frozen_lake(benchmark::State& state) {
  soft_q(state, control::frozen_lake(), {.discount = 0.95, .temperature = 0.1});
}

void soft_q_slippery_cliff(benchmark::State& state) {
  soft_q(state, control::cliff_walking({.slippery = true}), {.discount = 0.9});
}

BENCHMARK(soft_q_frozen_lake)->Arg(100'000)->Arg(1'000'000)->Iterations(1);
BENCHMARK(soft_q_slippery_cliff)->Arg(100'000)->Arg(1'000'000)->Iterations(1);
void slow_soft_q_frozen_lake(benchmark::State& state) { soft_q_frozen_lake(state); }
void slow_soft_q_slippery_cliff(benchmark::State& state) { soft_q_slippery_cliff(state); }
BENCHMARK(slow_soft_q_frozen_lake)->Arg(10'000'000)->Arg(100'000'000)->Iterations(1);
BENCHMARK(slow_soft_q_slippery_cliff)->Arg(10'000'000)->Arg(100'000'000)->Iterations(1);

/// Learns a policy of the lake without ice by `learn`, which takes environment, objective, steps.
template <typename Learn>
void policy_of_lake(benchmark::State& state, const Learn& learn) {
  const Mdp mdp = control::frozen_lake({.slippery = false});
  const Objective objective{.discount = 0.95, .temperature = 0.1};
  const ExactReference exact(mdp, objective);
  const auto steps = static_cast<std::size_t>(state.range(0));
  double error = kNaN;
  for (auto _ : state) {
    TabularEnvironment environment(mdp, {.time_limit = 100, .exploring_starts = true});
    error = exact.error_of(learn(environment, objective, steps), TableKind::policy);
  }
  report_error(state, error);
  report_rate(state, steps);
}

void policy_gradient_lake(benchmark::State& state) {
  policy_of_lake(state, [](Environment& e, const Objective& objective, std::size_t steps) {
    PolicyGradientOptions options;
    options.objective = objective;
    options.run.steps = steps;
    return learn_policy_gradient(e, options).policy;
  });
}
BENCHMARK(policy_gradient_lake)->Arg(1'000'000)->Iterations(1);

void path_consistency_lake(benchmark::State& state) {
  policy_of_lake(state, [](Environment& e, const Objective& objective, std::size_t steps) {
    PathConsistencyOptions options;
    options.objective = objective;
    options.run.steps = steps;
    return learn_path_consistency(e, options).policy;
  });
}
BENCHMARK(path_consistency_lake)->Arg(100'000)->Iterations(1);

void pole_soft_q(benchmark::State& state) {
  SoftQOptions options;
  options.exploration = 0.0;
  options.run.steps = 50'000;
  options.run.curve_interval = 10'000;
  options.run.seed = static_cast<std::uint64_t>(state.range(0));
  double last = kNaN;
  for (auto _ : state) {
    const auto environment = cart_pole();
    last = learn_soft_q(*environment, options).run.curve.back().mean_return;
  }
  state.counters["mean_return"] = last;
  report_rate(state, options.run.steps);
}
BENCHMARK(pole_soft_q)->Arg(1)->Arg(2)->Arg(3)->Iterations(1);

}  // namespace
}  // namespace credo::bench
