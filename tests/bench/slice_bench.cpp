// The repeating slice. slice_sweeps: one soft sweep compiled from a two-slice graph, beside one
// written by hand for exactly these sizes and beside a hard sweep of the same data, in turns; the
// counters are least processor times and their ratios. slice_memory: peak memory of a slice of a
// million contexts (run alone: a peak is of the whole process). to_fixed_point_*: time to a
// certified fixed point, by each method.

#include "hand_written_sweep.hpp"
#include "measure.hpp"

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/stationary.hpp>
#include <credo/models/control/environments.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace credo::bench {
namespace {

constexpr std::size_t kRowEntries = kHandSuccessors;

double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

struct RandomRows {
  std::vector<std::uint32_t> next;  ///< increasing and distinct in a row
  std::vector<double> probability;
  std::vector<double> score;
};

RandomRows random_rows(std::size_t contexts) {
  std::mt19937_64 random(17);
  RandomRows rows;
  for (std::size_t r = 0; r < contexts * kHandChoices; ++r) {
    std::uint32_t next[kRowEntries];
    do {
      for (std::uint32_t& x : next) x = static_cast<std::uint32_t>(random() % contexts);
      std::sort(next, next + kRowEntries);
    } while (std::adjacent_find(next, next + kRowEntries) != next + kRowEntries);
    double p[kRowEntries];
    for (double& x : p) x = 0.05 + uniform(random);
    normalize(p);
    rows.next.insert(rows.next.end(), next, next + kRowEntries);
    rows.probability.insert(rows.probability.end(), p, p + kRowEntries);
    rows.score.push_back(-uniform(random));
  }
  return rows;
}

/// Through the engine: a graph over x, d, x', a family that clamps x' and frees or maximises d.
Slice compiled(std::size_t contexts, const RandomRows& rows, bool soft) {
  FactorGraph graph;
  const VariableId x = graph.add_variable("x", contexts);
  const VariableId d = graph.add_variable("d", kHandChoices);
  const VariableId y = graph.add_variable("y", contexts);
  std::vector<SparseEntry> entries;
  entries.reserve(rows.next.size());
  for (std::size_t e = 0; e < rows.next.size(); ++e) {
    entries.push_back({e / kRowEntries * contexts + rows.next[e], rows.probability[e]});
  }
  const FactorId kernel = graph.add_conditional(
      {x, d, y}, y, Table::sparse({contexts, kHandChoices, contexts}, std::move(entries)));
  graph.add_factor({x, d}, Table::dense({contexts, kHandChoices}, rows.score, Domain::log));
  Family family(graph);
  family.clamp(kernel);
  if (soft) {
    family.free(d, {x});
  } else {
    family.arg_max(d, {x});
  }
  return Slice(compile_slice(graph, {}, family, x, y));
}

/// Processor seconds of this thread: what waits for others does not count.
double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Least seconds of one of several things done in turns.
class Least {
 public:
  template <typename Work>
  void time(Work work) {
    const double start = processor_seconds();
    work();
    seconds_ = std::min(seconds_, processor_seconds() - start);
  }
  [[nodiscard]] double seconds() const { return seconds_; }
  [[nodiscard]] double milliseconds() const { return 1e3 * seconds_; }

 private:
  double seconds_ = 1e9;
};

/// error: largest difference between the compiled and the hand-written sweep, soft and hard.
void slice_sweeps(benchmark::State& state) {
  const auto contexts = static_cast<std::size_t>(state.range(0));
  const RandomRows rows = random_rows(contexts);
  const Slice soft = compiled(contexts, rows, true);
  const Slice hard = compiled(contexts, rows, false);
  const HandWrittenSlice hand = arrange_by_hand(contexts, rows.next, rows.probability, rows.score);
  std::vector<double> v(contexts);
  for (std::size_t x = 0; x < contexts; ++x) v[x] = -std::fabs(std::sin(static_cast<double>(x)));
  std::vector<double> u(contexts), hand_u(contexts), hard_u(contexts), hand_hard_u(contexts);
  Least soft_time, hand_time, hard_time, hand_hard_time;
  for (auto _ : state) {
    soft_time.time([&] { soft.apply(v, u); });
    hand_time.time([&] { hand_written_soft(hand, v.data(), hand_u.data()); });
    hard_time.time([&] { hard.apply(v, hard_u); });
    hand_hard_time.time([&] { hand_written_hard(hand, v.data(), hand_hard_u.data()); });
  }
  double error = 0.0;
  for (std::size_t x = 0; x < contexts; ++x) {
    error = std::max({error, std::fabs(u[x] - hand_u[x]), std::fabs(hard_u[x] - hand_hard_u[x])});
  }
  report_error(state, error);
  state.counters["soft_ms"] = soft_time.milliseconds();
  state.counters["hard_ms"] = hard_time.milliseconds();
  state.counters["hand_ms"] = hand_time.milliseconds();
  state.counters["hand_hard_ms"] = hand_hard_time.milliseconds();
  state.counters["soft/hand"] = soft_time.seconds() / hand_time.seconds();
  state.counters["soft/hard"] = soft_time.seconds() / hard_time.seconds();
  state.counters["soft/hand_hard"] = soft_time.seconds() / hand_hard_time.seconds();
}
BENCHMARK(slice_sweeps)->Arg(10000)->Arg(100000)->Arg(1000000)->Unit(benchmark::kMillisecond);

/// K weights at once against K sweeps one by one.
void slice_lanes(benchmark::State& state) {
  const auto contexts = static_cast<std::size_t>(state.range(0));
  SliceLanes lanes;
  lanes.count = static_cast<std::size_t>(state.range(1));
  for (std::size_t k = 0; k < lanes.count; ++k)
    lanes.weight.push_back(0.1 * static_cast<double>(k + 1));
  const Slice slice = compiled(contexts, random_rows(contexts), true);
  const std::vector<double> v(contexts * lanes.count, -1.0);
  const std::vector<double> one(contexts, -1.0);
  std::vector<double> u(v.size());
  std::vector<double> single(contexts);
  Least together, alone;
  for (auto _ : state) {
    together.time([&] { slice.apply(lanes, v, u); });
    alone.time([&] { slice.apply(one, single); });
  }
  state.counters["batch_ms"] = together.milliseconds();
  state.counters["batch/single"] =
      together.seconds() / (static_cast<double>(lanes.count) * alone.seconds());
}
BENCHMARK(slice_lanes)->ArgsProduct({{1000, 100000}, {8, 32}})->Unit(benchmark::kMillisecond);

/// A million contexts, four choices, five successors, built row by row, swept to a bound.
void slice_memory(benchmark::State& state) {
  constexpr std::size_t kContexts = 1000000;
  StationaryResult result;
  double bytes = 0.0;
  for (auto _ : state) {
    SliceDescription d;
    d.contexts = kContexts;
    d.choices = kHandChoices;
    d.begin.reserve(kContexts * kHandChoices + 1);
    d.next.reserve(kContexts * kHandChoices * kRowEntries);
    d.probability.reserve(d.next.capacity());
    d.row_score.reserve(kContexts * kHandChoices);
    d.begin.push_back(0);
    std::mt19937_64 random(17);
    for (std::size_t r = 0; r < kContexts * kHandChoices; ++r) {
      for (std::size_t j = 0; j < kRowEntries; ++j) {
        d.next.push_back(static_cast<std::uint32_t>(random() % kContexts));
        d.probability.push_back(0.99 / kRowEntries);
      }
      d.begin.push_back(d.next.size());
      d.row_score.push_back(-uniform(random));
    }
    const Slice slice(std::move(d));
    bytes = slice.bytes();
    StationaryOptions options;
    options.tolerance = 1e-6;
    options.conditional = false;
    result = solve_stationary(slice, options);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MB"] = static_cast<double>(usage.ru_maxrss) / 1024.0;
  state.counters["slice_MB"] = bytes / 1024.0 / 1024.0;
  state.counters["sweeps"] = static_cast<double>(result.sweeps);
  report_error(state, result.error_bound);
}
BENCHMARK(slice_memory)->Iterations(1)->Unit(benchmark::kMillisecond);

// ---- to a certified fixed point

/// Outcomes of a process as rows: rewards in expectation, what ends or is discounted as the end.
SliceDescription rows_of(const control::Mdp& mdp, double discount) {
  SliceDescription d;
  d.contexts = mdp.state_count();
  d.choices = mdp.action_count();
  d.begin.push_back(0);
  for (std::size_t s = 0; s < d.contexts; ++s) {
    for (std::size_t a = 0; a < d.choices; ++a) {
      double score = 0.0;
      for (const control::Outcome& o : mdp.outcomes(s, a)) {
        if (mdp.is_terminal(s)) continue;
        score += o.probability * o.reward;
        if (mdp.is_terminal(o.next)) continue;
        d.next.push_back(o.next);
        d.probability.push_back(discount * o.probability);
      }
      d.begin.push_back(d.next.size());
      d.row_score.push_back(mdp.is_terminal(s) && a > 0 ? -kInfinity : score);
      d.log_base.push_back(mdp.is_terminal(s) ? 0.0 : -std::log(static_cast<double>(d.choices)));
    }
  }
  return d;
}

SliceDescription random_problem(std::size_t contexts, double discount) {
  const RandomRows rows = random_rows(contexts);
  SliceDescription d;
  d.contexts = contexts;
  d.choices = kHandChoices;
  for (std::size_t r = 0; r <= contexts * kHandChoices; ++r) d.begin.push_back(r * kRowEntries);
  d.next = rows.next;
  d.probability = rows.probability;
  for (double& p : d.probability) p *= discount;
  d.row_score = rows.score;
  return d;
}

/// An open square with one goal in the far corner; moves slip to either side.
SliceDescription grid_problem(std::size_t side, double discount) {
  std::string map;
  for (std::size_t r = 0; r < side; ++r) map += std::string(side, '.') + '\n';
  map.front() = 'S';
  map[map.size() - 2] = 'G';
  control::EnvironmentOptions options;
  options.map = map;
  options.slippery = true;
  options.success_rate = 0.8;
  return rows_of(control::grid(options), discount);
}

SliceDescription lake_problem(std::size_t side, double discount) {
  control::EnvironmentOptions options;
  options.map = lake_map(side);
  return rows_of(control::frozen_lake(options), discount);
}

/// Arguments: size, discount x 1000, hard (1) or soft (0) with weight 0.1.
void to_fixed_point(benchmark::State& state, SliceDescription (*make)(std::size_t, double),
                    StationaryMethod method) {
  SliceDescription d =
      make(static_cast<std::size_t>(state.range(0)), 0.001 * static_cast<double>(state.range(1)));
  d.weight = 0.1;
  if (state.range(2) == 1) d.choice_kind = ChoiceKind::arg_max;
  const Slice slice(std::move(d));
  StationaryOptions options;
  options.method = method;
  options.tolerance = 1e-6;
  options.conditional = false;
  options.time_limit_seconds = 1800.0;
  StationaryResult result;
  Least least;
  for (auto _ : state) {
    least.time([&] { result = solve_stationary(slice, options); });
  }
  if (!result.ok()) state.SkipWithError(result.message.c_str());
  state.counters["least_ms"] = least.milliseconds();
  state.counters["sweeps"] = static_cast<double>(result.sweeps);
  state.counters["newton"] = static_cast<double>(result.newton_steps);
  report_error(state, result.error_bound);
}

struct Problem {
  const char* name;
  SliceDescription (*make)(std::size_t, double);
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> slow_sizes;
};

void add(const std::string& name, const Problem& problem, StationaryMethod method,
         const std::vector<std::int64_t>& sizes) {
  auto* benchmark = benchmark::RegisterBenchmark(
      (name + problem.name + "_" + std::string(stationary_method_name(method))).c_str(),
      [=](benchmark::State& state) { to_fixed_point(state, problem.make, method); });
  benchmark->Unit(benchmark::kMillisecond)->Iterations(name.starts_with("slow") ? 1 : 3);
  for (const std::int64_t size : sizes) {
    for (const std::int64_t discount : {990, 999}) benchmark->Args({size, discount, 0});
    benchmark->Args({size, 999, 1});
  }
}

/// to_fixed_point_<problem>_<method>/<size>/<1000 discount>/<hard>, and slow_to_... for minutes.
const bool kAdded = [] {
  const std::vector<Problem> problems = {{"random", random_problem, {2000, 20000}, {200000}},
                                         {"grid", grid_problem, {100}, {300, 1000}},
                                         {"lake", lake_problem, {8, 100}, {300}}};
  for (const Problem& problem : problems) {
    for (const StationaryMethod method :
         {StationaryMethod::automatic, StationaryMethod::sweeps, StationaryMethod::newton}) {
      add("to_fixed_point_", problem, method, problem.sizes);
      add("slow_to_fixed_point_", problem, method, problem.slow_sizes);
    }
  }
  return true;
}();

}  // namespace
}  // namespace credo::bench
