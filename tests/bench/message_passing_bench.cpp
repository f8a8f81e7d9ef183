// Messages on the factor graph: a tree beside exact contraction (ratio: time over contraction's in
// the same run), and grids with cycles by every schedule (error: largest difference of a marginal
// from the exact one, where that is affordable).

#include "measure.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/infer.hpp>
#include <credo/inference/message_passing/message_passing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace credo::bench {
namespace {

/// A random tree of pair tables.
FactorGraph tree(std::size_t variables, std::size_t states) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> entry(0.1, 1.0);
  FactorGraph graph;
  for (std::size_t v = 0; v < variables; ++v) graph.add_variable(fmt::format("x{}", v), states);
  for (std::size_t v = 1; v < variables; ++v) {
    std::vector<double> values(states * states);
    for (double& value : values) value = entry(random);
    const std::size_t above = std::uniform_int_distribution<std::size_t>(0, v - 1)(random);
    graph.add_factor({static_cast<VariableId>(above), static_cast<VariableId>(v)}, values);
  }
  return graph;
}

/// Spins with couplings and fields of both signs.
FactorGraph spin_grid(std::size_t rows, std::size_t columns, double strength) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> uniform(-strength, strength);
  FactorGraph graph;
  const auto couple = [&](std::size_t a, std::size_t b) {
    const double j = uniform(random);
    graph.add_factor({static_cast<VariableId>(a), static_cast<VariableId>(b)},
                     Table::dense({2, 2}, {j, -j, -j, j}, Domain::log));
  };
  for (std::size_t i = 0; i < rows * columns; ++i) {
    graph.add_variable(fmt::format("s{}", i), 2);
    graph.add_factor({static_cast<VariableId>(i)},
                     Table::dense({2}, {0.0, uniform(random)}, Domain::log));
  }
  for (std::size_t i = 0; i < rows * columns; ++i) {
    if ((i + 1) % columns != 0) couple(i, i + 1);
    if (i + columns < rows * columns) couple(i, i + columns);
  }
  return graph;
}

double largest_difference(const std::vector<std::vector<double>>& a,
                          const std::vector<std::vector<double>>& b) {
  double largest = 0.0;
  for (std::size_t v = 0; v < a.size(); ++v) {
    for (std::size_t x = 0; x < a[v].size(); ++x) {
      largest = std::max(largest, std::fabs(a[v][x] - b[v][x]));
    }
  }
  return largest;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void tree_marginals(benchmark::State& state) {
  const FactorGraph graph = tree(20000, static_cast<std::size_t>(state.range(0)));
  InferOptions exact;
  exact.algorithm = "contraction";
  InferOptions messages;
  messages.algorithm = "belief_propagation";
  Result truth;
  Result passed;
  double contraction_seconds = kInfinity;
  double message_seconds = kInfinity;
  for (auto _ : state) {
    const double seconds = seconds_of([&] { passed = infer(graph, Query::marginals(), messages); });
    message_seconds = std::min(message_seconds, seconds);
    state.SetIterationTime(seconds);
    contraction_seconds = std::min(
        contraction_seconds, seconds_of([&] { truth = infer(graph, Query::marginals(), exact); }));
  }
  state.counters["ratio"] = message_seconds / contraction_seconds;
  report_error(state, largest_difference(passed.marginals, truth.marginals));
}
BENCHMARK(tree_marginals)
    ->Name("messages/tree_of_20000")
    ->Arg(2)
    ->Arg(8)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

/// range: schedule, rows, columns; strength in tenths.
void grid_marginals(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(1));
  const auto columns = static_cast<std::size_t>(state.range(2));
  const FactorGraph graph = spin_grid(rows, columns, 0.1 * static_cast<double>(state.range(3)));
  MessagePassingOptions options;
  options.iteration.schedule = static_cast<MessageSchedule>(state.range(0));
  options.iteration.tolerance = 1e-6;
  MessagePassingResult passed;
  for (auto _ : state) passed = propagate(graph, {}, options);
  state.SetLabel(fmt::format("{}, {}", passed.schedule_used, guarantee_name(passed.guarantee)));
  state.counters["updates"] = static_cast<double>(passed.updates);
  constexpr std::size_t kAffordable = 14;
  if (std::min(rows, columns) > kAffordable) return;
  const Result truth = infer_exactly(graph, {}, Query::marginals());
  report_error(state, largest_difference(passed.marginals, truth.marginals));
}
BENCHMARK(grid_marginals)
    ->Name("messages/grid")
    ->ArgNames({"schedule", "rows", "columns", "strength"})
    ->ArgsProduct({{static_cast<int>(MessageSchedule::sequential),
                    static_cast<int>(MessageSchedule::parallel),
                    static_cast<int>(MessageSchedule::residual)},
                   {50},
                   {12, 50},
                   {5, 10}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
