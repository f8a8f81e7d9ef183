// Exact queries on real networks: alarm planned and answered once, answered for a
// thousand evidences with one compiled query, and competition models whose
// references come with them.

#include "measure.hpp"

#include <credo/core/formats/format.hpp>
#include <credo/core/formats/uai_evidence.hpp>
#include <credo/inference/infer.hpp>
#include <credo/models/bayesian_network.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/markov_network.hpp>
#include <credo/models/random.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

namespace credo::bench {
namespace {

constexpr VariableId kFindings[] = {0, 3, 7, 10, 13, 16, 20, 25, 30, 35};

/// Random states on the same ten variables: one pattern.
Evidence ten_findings(const FactorGraph& graph, std::mt19937_64& random) {
  Evidence evidence;
  for (const VariableId v : kFindings) evidence.observe(v, random() % graph.cardinality(v));
  return evidence;
}

/// As ten_findings, and possible.
std::vector<Evidence> possible_evidences(const FactorGraph& graph, std::size_t count) {
  std::mt19937_64 random(1);
  InferOptions options;
  options.explain_conflict = false;
  std::vector<Evidence> evidences;
  while (evidences.size() < count) {
    Evidence evidence = ten_findings(graph, random);
    if (infer(graph, evidence, Query::log_partition(), options).ok()) {
      evidences.push_back(std::move(evidence));
    }
  }
  return evidences;
}

double largest_difference(const Result& a, const Result& b) {
  double worst = 0.0;
  for (std::size_t v = 0; v < a.marginals.size(); ++v) {
    for (std::size_t x = 0; x < a.marginals[v].size(); ++x) {
      worst = std::max(worst, std::fabs(a.marginals[v][x] - b.marginals[v][x]));
    }
  }
  return worst;
}

void alarm_plan_and_infer(benchmark::State& state) {
  const FactorGraph graph = read_model(data_path("bif/alarm.bif.gz"));
  const Evidence evidence = possible_evidences(graph, 1).front();
  const Stopwatch stopwatch;
  for (auto _ : state) {
    benchmark::DoNotOptimize(infer(graph, evidence, Query::marginals()));
  }
  stopwatch.report(state);
}
BENCHMARK(alarm_plan_and_infer)->Unit(benchmark::kMicrosecond);

/// One iteration answers all evidences; error: against one query at a time.
void alarm_batch(benchmark::State& state) {
  const FactorGraph graph = read_model(data_path("bif/alarm.bif.gz"));
  const auto evidences = possible_evidences(graph, static_cast<std::size_t>(state.range(0)));
  const CompiledQuery compiled(graph, evidences.front(), Query::marginals());
  std::vector<Result> results;
  const Stopwatch stopwatch;
  for (auto _ : state) results = compiled.run_batch(evidences);
  stopwatch.report(state);
  double error = 0.0;
  for (std::size_t i = 0; i < evidences.size(); i += 10) {
    error = std::max(
        error, largest_difference(results[i], infer(graph, evidences[i], Query::marginals())));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  report_error(state, error);
}
BENCHMARK(alarm_batch)->Arg(1000)->Unit(benchmark::kMillisecond);

void alarm_one_by_one(benchmark::State& state) {
  const FactorGraph graph = read_model(data_path("bif/alarm.bif.gz"));
  const auto evidences = possible_evidences(graph, static_cast<std::size_t>(state.range(0)));
  const CompiledQuery compiled(graph, evidences.front(), Query::marginals());
  const Stopwatch stopwatch;
  for (auto _ : state) {
    for (const Evidence& evidence : evidences) benchmark::DoNotOptimize(compiled.run(evidence));
  }
  stopwatch.report(state);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(alarm_one_by_one)->Arg(1000)->Unit(benchmark::kMillisecond);

/// Two thousand cases of alarm of which a few variables are sometimes unknown.
DataTable cases_with_missing_values(const FactorGraph& graph) {
  Random random(4);
  DataTable data(graph);
  for (const auto& sample : BayesianNetwork(graph).sample(2000, 4)) {
    std::vector<std::uint32_t> row(sample.begin(), sample.end());
    for (const VariableId v : kFindings) {
      if (random.uniform() < 0.2) row[v] = DataTable::kMissing;
    }
    data.add_row(row);
  }
  return data;
}

/// One iteration of expectation maximisation: what planning each pattern once saves.
void alarm_expected_counts(benchmark::State& state, bool plan_once) {
  const FactorGraph graph = read_model(data_path("bif/alarm.bif.gz"));
  const DataTable data = cases_with_missing_values(graph);
  ExpectedCounter counter(data);
  double log_weight = counter.count(graph).log_weight;
  const double expected = log_weight;
  const Stopwatch stopwatch;
  for (auto _ : state) {
    log_weight =
        plan_once ? counter.count(graph).log_weight : expected_counts(graph, data).log_weight;
  }
  stopwatch.report(state);
  state.counters["patterns"] = static_cast<double>(counter.pattern_count());
  report_error(state, std::fabs(log_weight - expected));
}
BENCHMARK_CAPTURE(alarm_expected_counts, planned_once, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(alarm_expected_counts, planned_anew, false)->Unit(benchmark::kMillisecond);

/// All marginals of a competition model; error: against the published marginals.
void competition_marginals(benchmark::State& state, const std::string& name) {
  const std::string path = data_path("uai/" + name + ".uai");
  const FactorGraph graph = read_model(path);
  const Evidence evidence = read_uai_evidence(path + ".evid", graph);
  Result result;
  const Stopwatch stopwatch;
  for (auto _ : state) result = infer(graph, evidence, Query::marginals());
  stopwatch.report(state);
  if (!result.ok()) throw std::runtime_error(result.message);
  Result published;
  published.marginals = read_uai_marginals(path + ".MAR").marginals;
  report_error(state, largest_difference(result, published));
  state.counters["operations/s"] =
      benchmark::Counter(result.plan.operations, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(competition_marginals, Alchemy_11, "Alchemy_11")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, CSP_11, "CSP_11")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, DBN_11, "DBN_11")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, Grids_11, "Grids_11")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, ObjectDetection_11, "ObjectDetection_11")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, Pedigree_11, "Pedigree_11")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, Promedus_27, "Promedus_27")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(competition_marginals, Segmentation_11, "Segmentation_11")
    ->Unit(benchmark::kMillisecond);

/// The same grid in scaled doubles and in logarithms: what the fallback costs.
void ising_grid_log_z(benchmark::State& state, Scalar scalar) {
  GridOptions grid;
  grid.rows = grid.columns = 14;
  grid.coupling = {0.5, Spread::mixed};
  grid.field = {0.5, Spread::mixed};
  const FactorGraph graph = ising_grid(grid);
  InferOptions options;
  options.scalar = scalar;
  double log_z = 0.0;
  const Stopwatch stopwatch;
  for (auto _ : state) log_z = infer(graph, Query::log_partition(), options).log_z;
  stopwatch.report(state);
  options.scalar = scalar == Scalar::log_double ? Scalar::scaled_double : Scalar::log_double;
  report_error(state, std::fabs(infer(graph, Query::log_partition(), options).log_z - log_z));
}
BENCHMARK_CAPTURE(ising_grid_log_z, scaled_doubles, Scalar::scaled_double)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ising_grid_log_z, logarithms, Scalar::log_double)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace credo::bench
