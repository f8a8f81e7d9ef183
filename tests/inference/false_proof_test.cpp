// "The evidence has probability zero" is a proof: no engine may say it of a model with Z > 0, and
// no number that is not finite may come out as an answer. Models full of zeros, every approximate
// engine of the table, every schedule, against enumeration.

#include "oracle.hpp"
#include "zero_models.hpp"

#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

using namespace credo;
using namespace credo::testing;

namespace {

#ifdef CREDO_SANITIZED
constexpr std::uint64_t kModelsPerKind = 30;  // twenty times slower
#else
constexpr std::uint64_t kModelsPerKind = 200;
#endif

/// What is known of a question without any engine under test.
struct Known {
  bool possible = false;
  double log_z = kNaN;    ///< NaN where it leaves the doubles
  double log_map = kNaN;  /// likewise
  double lower = 0.0;     ///< of log Z, if possible
  double upper = 0.0;
};

/// 1 where an entry is above zero.
FactorGraph supports_of(const FactorGraph& graph) {
  FactorGraph supports;
  for (const Variable& v : graph.variables()) supports.add_variable(v.name, v.cardinality);
  for (const Factor& f : graph.factors()) {
    const Table table = f.table.densified(f.table.size());
    std::vector<double> ones(table.size());
    for (std::uint64_t i = 0; i < ones.size(); ++i) ones[i] = table.log_at(i) > -kInfinity;
    supports.add_factor(f.scope, std::move(ones));
  }
  return supports;
}

Known bounds_of(const FactorGraph& graph, const Evidence& evidence) {
  Known known;
  for (const Factor& f : graph.factors()) {
    if (f.table.log_largest() == -kInfinity) continue;
    known.lower += f.table.log_smallest();
    known.upper += f.table.log_largest();
  }
  for (const Variable& v : graph.variables()) {
    known.upper += std::log(static_cast<double>(v.cardinality));
  }
  for (const auto& [v, finding] : evidence.findings()) {
    for (const double weight : finding.likelihood) {
      if (!(weight > 0.0)) continue;
      known.lower += std::min(0.0, std::log(weight));
      known.upper += std::max(0.0, std::log(weight));
    }
  }
  return known;
}

Known know(const FactorGraph& graph, const Evidence& evidence) {
  Known known = bounds_of(graph, evidence);
  if (!(std::max(-known.lower, known.upper) < 1e300)) {
    known.possible = truth_of(supports_of(graph), evidence, Query::log_partition()).ok();
    return known;
  }
  const Result sum = truth_of(graph, evidence, Query::log_partition());
  known.possible = sum.ok();
  known.log_z = sum.log_z;
  if (known.possible) {
    known.log_map = truth_of(graph, evidence, Query::map()).assignment().log_value;
  }
  return known;
}

void check_marginals(const FactorGraph& graph, const Result& result) {
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    double sum = 0.0;
    for (const double p : result.marginal(v)) {
      CHECK((p >= 0.0 && p <= 1.0));
      sum += p;
    }
    CHECK(sum == doctest::Approx(1.0).epsilon(1e-12));
  }
}

/// One answer, final or on the way.
void check_answer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                  const Known& known, const Result& result) {
  CAPTURE(result.message);
  CAPTURE(result.algorithm_used);
  if (result.status == Status::impossible_evidence) {
    CHECK_FALSE(known.possible);
    return;
  }
  if (!result.has_answer(query)) {
    CHECK(result.status != Status::ok);
    CHECK_FALSE(result.message.empty());
    return;
  }
  const bool exact = result.guarantee == Guarantee::exact;
  const double slack = 1e-11 * (1.0 + std::fabs(known.lower) + std::fabs(known.upper));
  if (query.task == Task::map) {
    const Assignment& best = result.assignment();
    CHECK(best.log_value == log_value_of(graph, evidence, best.states));
    CHECK(std::isfinite(best.log_value));
    if (!std::isnan(known.log_map)) CHECK(best.log_value <= known.log_map + slack);
    if (exact) CHECK_FALSE(best.log_value < known.log_map - slack);
    return;
  }
  CHECK(std::isfinite(result.log_z));
  CHECK(result.log_z >= known.lower - slack);
  CHECK(result.log_z <= known.upper + slack);
  if (result.guarantee == Guarantee::lower_bound) CHECK_FALSE(result.log_z > known.log_z + slack);
  if (exact) {
    CHECK(known.possible);
    if (!std::isnan(known.log_z)) CHECK(std::fabs(result.log_z - known.log_z) <= slack);
  }
  if (query.task == Task::marginals) check_marginals(graph, result);
}

void ask(const FactorGraph& graph, const Evidence& evidence, const Query& query, const Known& known,
         InferOptions options) {
  options.explain_conflict = false;
  options.improvement = [&](const Result& so_far) {
    check_answer(graph, evidence, query, known, so_far);
  };
  check_answer(graph, evidence, query, known, infer(graph, evidence, query, options));
}

/// Schedules and damping in turn.
IterationOptions iteration_of(std::uint64_t turn) {
  constexpr std::array kSchedules{MessageSchedule::sequential, MessageSchedule::parallel,
                                  MessageSchedule::residual};
  IterationOptions iteration;
  iteration.schedule = kSchedules[turn % 3];
  iteration.damping = turn / 3 % 2 == 0 ? 0.0 : 0.4;
  iteration.maximum_iterations = turn % 5 == 0 ? 1500 : 60;
  return iteration;
}

InferOptions belief_propagation(MessageSchedule schedule) {
  InferOptions options;
  options.algorithm = "belief_propagation";
  options.iteration.schedule = schedule;
  return options;
}

}  // namespace

TEST_CASE("zeros: no approximate engine calls possible evidence impossible, and all numbers are") {
  std::size_t possible = 0;
  std::size_t models = 0;
  for (const ZeroModel& kind : zero_models()) {
    CAPTURE(kind.name);
    for (std::uint64_t seed = 1; seed <= kModelsPerKind; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = kind.draw(random);
      const Evidence evidence =
          random.chance(0.3) ? random_evidence(random, graph, 0.2) : Evidence{};
      const Known known = know(graph, evidence);
      ++models;
      possible += known.possible ? 1 : 0;
      for (const Query& query : {Query::marginals(), Query::map()}) {
        for (const Algorithm& algorithm : algorithms()) {
          if (algorithm.guarantee == Guarantee::exact) continue;
          InferOptions options;
          options.algorithm = algorithm.name;
          options.iteration = iteration_of(seed);
          ask(graph, evidence, query, known, options);
        }
      }
    }
  }
  // The test is about both.
  CHECK(possible > models / 4);
  CHECK(models - possible > models / 10);
}

TEST_CASE("zeros: automatic choice under limits says nothing false") {
  for (const ZeroModel& kind : zero_models()) {
    CAPTURE(kind.name);
    for (std::uint64_t seed = 1; seed <= kModelsPerKind / 6; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = kind.draw(random);
      const Known known = know(graph, {});
      if (std::isnan(known.log_z)) continue;
      for (const Query& query : {Query::marginals(), Query::map()}) {
        InferOptions options;
        options.iteration = iteration_of(seed);
        options.time_limit_seconds = 10.0;
        ask(graph, {}, query, known, options);
      }
    }
  }
}

TEST_CASE("zeros: automatic choice over its budget calls a planted state possible") {
  std::size_t approximate = 0;
  for (std::uint64_t seed = 1; seed <= kModelsPerKind / 5; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const FactorGraph graph = planted(random);
    Known known = bounds_of(graph, {});
    known.possible = true;
    for (const Query& query : {Query::marginals(), Query::map()}) {
      InferOptions options;
      options.iteration = iteration_of(seed);
      options.plan.restarts = 1;
      options.memory_limit_bytes = 100e3;
      ask(graph, {}, query, known, options);
      options.time_limit_seconds = 0.05;
      ask(graph, {}, query, known, options);
      options.time_limit_seconds = kInfinity;
      const Result result = infer(graph, {}, query, options);
      if (result.guarantee != Guarantee::exact) ++approximate;
    }
  }
  CHECK(approximate > kModelsPerKind / 5);
}

TEST_CASE("zeros: forests of any range are exact") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const FactorGraph graph = wide_forest(random);
    const Known known = know(graph, {});
    for (const Query& query : {Query::marginals(), Query::map()}) {
      InferOptions options = belief_propagation(seed % 2 == 0 ? MessageSchedule::automatic
                                                              : iteration_of(seed).schedule);
      options.explain_conflict = false;
      const Result result = infer(graph, {}, query, options);
      CHECK((result.status == Status::impossible_evidence) == !known.possible);
      CHECK(result.guarantee == Guarantee::exact);
      check_answer(graph, {}, query, known, result);
    }
  }
}
