// Budgets, deadlines, observers and wrong questions.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

#include <string>

using namespace credo;
using namespace credo::testing;

TEST_CASE("limits: the time limit and the observer stop work with their status") {
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.continuous) continue;
    CAPTURE(algorithm.name);
    const FactorGraph graph = grid(4);
    InferOptions options;
    options.algorithm = algorithm.name;
    options.time_limit_seconds = 0.0;
    const Result late = infer(graph, Query::marginals(), options);
    CHECK(late.status == Status::deadline);
    CHECK(late.marginals.empty());
    CHECK(std::isnan(late.log_z));
    CHECK(contains(late.message, "time limit"));
    options.time_limit_seconds = kInfinity;
    int calls = 0;
    options.observer = [&calls](const Progress& progress) {
      ++calls;
      CHECK(progress.fraction >= 0.0);
      CHECK(progress.fraction <= 1.0);
      CHECK_FALSE(progress.phase.empty());
      return false;
    };
    const Result cancelled = infer(graph, Query::marginals(), options);
    CHECK(calls >= 1);
    CHECK(cancelled.status == Status::cancelled);
    CHECK(cancelled.marginals.empty());
    CHECK(contains(cancelled.message, "interrupted"));
    // An observer that lets it run changes nothing.
    options.observer = [](const Progress&) { return true; };
    const Result watched = infer(graph, Query::marginals(), options);
    options.observer = nullptr;
    CHECK(bit_equal(watched, infer(graph, Query::marginals(), options)));
  }
}

TEST_CASE("limits: under a time limit an approximate answer comes first and stands if need be") {
  const FactorGraph graph = grid(5);
  InferOptions options;
  options.time_limit_seconds = 3600.0;
  std::vector<Result> seen;
  options.improvement = [&seen](const Result& better) { seen.push_back(better); };
  const Result exact = infer(graph, Query::marginals(), options);
  CHECK(exact.guarantee == Guarantee::exact);
  CHECK(exact.algorithm_used == "contraction");
  REQUIRE(seen.size() >= 2);
  CHECK(seen.front().guarantee == Guarantee::unconverged);
  CHECK(seen.back().guarantee == Guarantee::fixed_point);
  for (const Result& better : seen) {
    CHECK(better.algorithm_used == "belief_propagation");
    CHECK(better.has_answer(Query::marginals()));
  }
  // Stopped while it contracts, the approximate answer stands.
  options.observer = [](const Progress& progress) { return progress.phase == "messages"; };
  const Result held = infer(graph, Query::marginals(), options);
  CHECK(held.status == Status::cancelled);
  CHECK(held.has_answer(Query::marginals()));
  CHECK(held.guarantee == Guarantee::fixed_point);
  CHECK(held.marginals == seen.back().marginals);
  CHECK(contains(held.message, "approximate, because contraction: interrupted"));
}

TEST_CASE("limits: every assignment handed out is better than the one before") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    ModelClass of;
    of.variables = 14;
    of.factors = 24;
    const FactorGraph graph = random_graph(random, of);
    InferOptions options;
    options.time_limit_seconds = 3600.0;
    double last = -kInfinity;
    options.improvement = [&last](const Result& better) {
      CHECK(better.assignment().log_value > last);
      last = better.assignment().log_value;
    };
    const Result best = infer(graph, Query::map(), options);
    REQUIRE(best.ok());
    CHECK(best.guarantee == Guarantee::exact);
    CHECK(best.assignment().log_value >= last - 1e-9);
  }
}

TEST_CASE("limits: time that was gone before the call counts, and the message names the limit") {
  InferOptions options;
  options.time_limit_seconds = 7.0;
  options.time_spent_seconds = 7.0;
  for (const char* algorithm : {"auto", "contraction", "enumeration", "mean_field"}) {
    options.algorithm = algorithm;
    const Result late = infer(grid(4), Query::log_partition(), options);
    CHECK(late.status == Status::deadline);
    if (options.algorithm != "auto") CHECK(late.message == "stopped at the time limit of 7 s");
    CHECK(contains(late.message, "stopped at the time limit of 7 s"));
  }
  options.time_spent_seconds = -1.0;
  CHECK_THROWS_AS(static_cast<void>(infer(grid(4), Query::log_partition(), options)), OptionError);
}

TEST_CASE("limits: the same options and seed give the same plan, whatever the clock says") {
  const FactorGraph graph = grid(12);
  InferOptions options;
  options.plan.time_fraction = 30.0;
  const Plan plan = infer(graph, Query::log_partition(), options).plan;
  CHECK(plan.orders_tried > 1);
  CHECK(plan.orders_tried < options.plan.restarts);
  for (int repetition = 0; repetition < 5; ++repetition) {
    const Plan again = infer(graph, Query::log_partition(), options).plan;
    CHECK(again.order == plan.order);
    CHECK(again.orders_tried == plan.orders_tried);
  }
}

TEST_CASE("limits: threads change nothing, on steps large enough to be shared out") {
  // Three variables in a triangle: one step of 300^3 joint states.
  constexpr std::size_t kStates = 300;
  Random random(4);
  FactorGraph graph;
  for (const char* name : {"a", "b", "c"}) graph.add_variable(name, kStates);
  for (const Scope& scope : {Scope{0, 1}, Scope{1, 2}, Scope{0, 2}}) {
    std::vector<double> values(kStates * kStates);
    for (double& value : values) value = random.uniform(0.1, 1.0);
    graph.add_factor(scope, std::move(values));
  }
  InferOptions options;
  const Result alone = infer(graph, Query::marginals(), options);
  for (const std::size_t threads : {2U, 3U}) {
    options.threads = threads;
    CHECK(bit_equal(alone, infer(graph, Query::marginals(), options)));
  }
}

TEST_CASE("limits: results say what was requested and what was used") {
  const Result result = infer(grid(3), Query::log_partition());
  CHECK(result.algorithm_requested == "auto");
  CHECK(result.algorithm_used == algorithms().front().name);
  CHECK(result.message == "answered");
  CHECK_FALSE(result.scalar_used.empty());
  CHECK(result.timings.plan_seconds >= 0.0);
  CHECK(result.timings.infer_seconds >= 0.0);
}

TEST_CASE("limits: a result that was not run is poisoned and says so") {
  const Result result;
  CHECK(result.status == Status::not_run);
  CHECK(std::isnan(result.log_z));
  CHECK_THROWS_WITH_AS(static_cast<void>(result.marginal(2)),
                       "marginal of variable 2: not in this result (not-run); not run yet",
                       QueryError);
  CHECK_THROWS_WITH_AS(static_cast<void>(result.assignment()),
                       "assignment: not in this result (not-run); not run yet", QueryError);
}

TEST_CASE("limits: wrong questions are exceptions that name option, given and expected") {
  const FactorGraph graph = grid(2);
  const auto ask = [&graph](const Evidence& evidence, const Query& query, InferOptions options) {
    static_cast<void>(infer(graph, evidence, query, options));
  };
  Evidence unknown;
  unknown.observe(9, 0);
  CHECK_THROWS_AS(ask(unknown, Query::log_partition(), {}), EvidenceError);
  CHECK_THROWS_WITH_AS(ask({}, Query::marginals({7}), {}),
                       "query mar targets: expected variables below 4, got 7", QueryError);
  CHECK_THROWS_WITH_AS(ask({}, Query::marginal_map({1, 1}), {}),
                       "query mmap targets: expected distinct variables, got g1 twice", QueryError);
  CHECK_THROWS_WITH_AS(ask({}, Query::joint({0, 2, 0}), {}),
                       "query mar joint 0: expected distinct variables, got g0 twice", QueryError);
  CHECK_THROWS_AS(ask({}, Query::map(0), {}), QueryError);
  CHECK_THROWS_AS(ask({}, Query::samples(0, 1), {}), QueryError);
  InferOptions options;
  options.memory_limit_bytes = 0.0;
  CHECK_THROWS_AS(ask({}, Query::log_partition(), options), OptionError);
  options = {};
  options.memory_limit_bytes = kNaN;
  CHECK_THROWS_AS(ask({}, Query::log_partition(), options), OptionError);
  options = {};
  options.time_limit_seconds = -1.0;
  CHECK_THROWS_WITH_AS(ask({}, Query::log_partition(), options),
                       "option time_limit_seconds: expected at least 0, got -1", OptionError);
  options = {};
  options.threads = 0;
  CHECK_THROWS_AS(ask({}, Query::log_partition(), options), OptionError);
  options.threads = 1000000;
  CHECK_THROWS_WITH_AS(ask({}, Query::log_partition(), options),
                       "option threads: expected 1 to 1024, got 1000000", OptionError);
  options = {};
  options.plan.restarts = -1;
  CHECK_THROWS_AS(ask({}, Query::log_partition(), options), OptionError);
}

TEST_CASE("limits: the defaults of the options are valid") {
  CHECK_NOTHROW(InferOptions{}.validate());
  CHECK_NOTHROW(PlanOptions{}.validate());
}

TEST_CASE("limits: every algorithm of the table has a name, a summary and functions") {
  REQUIRE(algorithms().size() >= 1);
  for (const Algorithm& algorithm : algorithms()) {
    CHECK_FALSE(algorithm.name.empty());
    CHECK_FALSE(algorithm.summary.empty());
    CHECK(require_algorithm(algorithm.name).name == algorithm.name);
  }
}
