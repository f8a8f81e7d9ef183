// What is left when work is stopped, and large sparse tables that are never spelled out.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

using namespace credo;
using namespace credo::testing;

namespace {

/// One sparse table over 40 binary variables with four entries, of weights 1, 2, 3 and 4.
FactorGraph sparse_forty() {
  FactorGraph graph;
  Scope scope;
  for (int v = 0; v < 40; ++v) scope.push_back(graph.add_variable("x" + std::to_string(v), 2));
  std::vector<SparseEntry> entries;
  for (const std::uint64_t i : {0U, 1U, 2U, 3U}) {
    entries.push_back({i * ((std::uint64_t{1} << 38U) + 12345U), static_cast<double>(i + 1)});
  }
  graph.add_factor(std::move(scope),
                   Table::sparse(std::vector<std::size_t>(40, 2), std::move(entries)));
  return graph;
}

/// Three variables in a triangle: one step of states^3 joint states.
FactorGraph triangle(std::size_t states) {
  FactorGraph graph;
  for (const char* name : {"a", "b", "c"}) graph.add_variable(name, states);
  for (const Scope& scope : {Scope{0, 1}, Scope{1, 2}, Scope{0, 2}}) {
    std::vector<double> values(states * states);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 + static_cast<double>(i % 7);
    graph.add_factor(scope, std::move(values));
  }
  return graph;
}

}  // namespace

TEST_CASE("interruption: a large sparse table is sampled and ranked by its stored entries") {
  const FactorGraph graph = sparse_forty();
  InferOptions options;
  options.memory_limit_bytes = 1e8;
  options.algorithm = "contraction";
  const Result drawn = infer(graph, Query::samples(1000, 3), options);
  REQUIRE_MESSAGE(drawn.ok(), drawn.message);
  REQUIRE(drawn.samples.size() == 1000);
  for (const std::vector<std::size_t>& states : drawn.samples) {
    REQUIRE(graph.log_weight(states) > -kInfinity);
  }
  const Result best = infer(graph, Query::map(10), options);
  REQUIRE_MESSAGE(best.ok(), best.message);
  REQUIRE(best.assignments.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(best.assignments[i].log_value ==
          doctest::Approx(std::log(4.0 - static_cast<double>(i))).epsilon(1e-14));
  }
  // All variables observed: one entry is read.
  Evidence all;
  for (VariableId v = 0; v < 40; ++v) all.observe(v, best.assignments.front().states[v]);
  CHECK(infer(graph, all, Query::log_partition(), options).log_z ==
        doctest::Approx(std::log(4.0)).epsilon(1e-14));
  const Result slopes = infer(graph, all, Query::sensitivity(), options);
  REQUIRE_MESSAGE(slopes.ok(), slopes.message);
  CHECK(slopes.sensitivity.front() == std::vector<double>{0.0, 0.0, 0.0, 0.25});
}

TEST_CASE("interruption: no work is done long after the observer said no, with any threads") {
  const FactorGraph graph = triangle(600);
  for (const std::size_t threads : {1U, 2U}) {
    InferOptions options;
    options.algorithm = "contraction";
    options.threads = threads;
    int contracting = 0;
    options.observer = [&contracting](const Progress& progress) {
      if (progress.phase == "contract") ++contracting;
      return progress.phase != "contract";
    };
    const Result stopped = infer(graph, Query::log_partition(), options);
    CHECK(stopped.status == Status::cancelled);
    CHECK(stopped.message == "interrupted");
    CHECK(contracting == 1);
  }
}

TEST_CASE("interruption: what an observer throws comes out, with any threads") {
  const FactorGraph graph = triangle(600);
  for (const std::size_t threads : {1U, 2U}) {
    InferOptions options;
    options.threads = threads;
    options.algorithm = "contraction";
    options.observer = [](const Progress& progress) -> bool {
      if (progress.phase == "contract") throw QueryError("no more");
      return true;
    };
    CHECK_THROWS_WITH_AS(static_cast<void>(infer(graph, Query::log_partition(), options)),
                         "no more", QueryError);
  }
}

TEST_CASE("interruption: samples drawn before a stop are an answer, the first of those asked for") {
  const FactorGraph graph = grid(4);
  for (const char* algorithm : {"contraction", "enumeration"}) {
    CAPTURE(algorithm);
    InferOptions options;
    options.algorithm = algorithm;
    const Result few = infer(graph, Query::samples(5, 9), options);
    int looks = 0;
    options.observer = [&looks](const Progress& progress) {
      return progress.phase != "draw" && !(progress.phase == "enumerate" && ++looks > 400);
    };
    const Query query = Query::samples(10000000, 9);
    const Result part = infer(graph, query, options);
    REQUIRE(part.status == Status::cancelled);
    REQUIRE(part.has_answer(query));
    CHECK(part.guarantee == Guarantee::exact);
    CHECK(contains(part.message, "of 10000000 samples drawn: interrupted"));
    REQUIRE(part.samples.size() > 5);
    CHECK(part.samples.size() < 10000000);
    for (std::size_t i = 0; i < 5; ++i) CHECK(part.samples[i] == few.samples[i]);
  }
}

TEST_CASE("interruption: without a time limit an approximate answer stands, and labels itself") {
  const FactorGraph graph = grid(5);
  InferOptions options;
  options.observer = [](const Progress& progress) { return progress.phase == "messages"; };
  for (const Query& query : {Query::log_partition(), Query::marginals()}) {
    const Result held = infer(graph, query, options);
    CHECK(held.status == Status::cancelled);
    CHECK(held.has_answer(query));
    CHECK(held.guarantee != Guarantee::exact);
    CHECK(contains(held.message, "approximate"));
    CHECK(contains(held.message, "contraction: interrupted"));
  }
  // Nothing approximate draws.
  CHECK(infer(graph, Query::samples(3, 1), options).status == Status::cancelled);
}

TEST_CASE("interruption: when time is up before anything began, log Z has a bound") {
  const FactorGraph graph = grid(4);
  const double truth = infer(graph, Query::log_partition()).log_z;
  InferOptions options;
  options.time_limit_seconds = 0.0;
  const Result late = infer(graph, Query::log_partition(), options);
  CHECK(late.status == Status::deadline);
  CHECK(late.guarantee == Guarantee::upper_bound);
  CHECK(late.log_z >= truth);
  CHECK(late.log_z_upper == late.log_z);
  const Result beliefs = infer(graph, Query::marginals(), options);
  CHECK(beliefs.has_answer(Query::marginals()));
  CHECK(beliefs.guarantee == Guarantee::none);
  CHECK(std::isnan(beliefs.log_z));
  // The limit that was asked, not a share of it; stopped, not refused.
  const Result map = infer(graph, Query::map(), options);
  CHECK(map.status == Status::deadline);
  CHECK(contains(map.message, "stopped at the time limit of 0 s"));
}

TEST_CASE("interruption: logarithms that no sum may leave are answered, larger ones are no model") {
  FactorGraph graph;
  graph.add_variable("x", 2);
  const std::vector<double> beyond{-1e308, -1e308};
  CHECK_THROWS_WITH_AS(graph.add_factor({0}, Table::dense({2}, beyond, Domain::log)),
                       doctest::Contains("1e+300"), ModelError);
  for (int i = 0; i < 3; ++i) {
    graph.add_factor({0}, Table::dense({2}, {-1e300, -1e300}, Domain::log));
  }
  for (const Query& query : {Query::log_partition(), Query::marginals(), Query::map()}) {
    const Result result = infer(graph, query);
    CHECK(result.ok());
    const double value = query.task == Task::map ? result.assignments[0].log_value : result.log_z;
    CHECK(value == doctest::Approx(-3e300).epsilon(1e-14));
  }
  // Large ones that add up are answered; linear arithmetic would lose their digits.
  FactorGraph large;
  large.add_variable("x", 2);
  for (int i = 0; i < 6; ++i) {
    large.add_factor({0}, Table::dense({2}, {-3.3e18, -3.3e18}, Domain::log));
  }
  CHECK(infer(large, Query::log_partition()).log_z == doctest::Approx(-6 * 3.3e18).epsilon(1e-14));
}

TEST_CASE("interruption: counts beyond any memory are refused, or are no more than there are") {
  const FactorGraph graph = grid(3);
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  const Result draws = infer(graph, Query::samples(most, 1));
  CHECK(draws.status == Status::refused);
  CHECK(contains(draws.message, "samples"));
  const Result best = infer(graph, Query::map(most));
  CHECK(best.ok());
  CHECK(best.assignments.size() == 512);
  const FactorGraph wide = grid(12);
  CHECK(infer(wide, Query::map(most)).status == Status::refused);
}

TEST_CASE(
    "interruption: a batch agrees with single runs up to rounding, what was moved from says so") {
  Random random(12);
  const FactorGraph graph = grid(4);
  const Evidence pattern = random_evidence(random, graph, 0.3);
  std::vector<Evidence> evidences;
  for (int i = 0; i < 20; ++i) evidences.push_back(same_pattern(random, graph, pattern));
  CompiledQuery compiled(graph, pattern, Query::marginals());
  const std::vector<Result> batch = compiled.run_batch(evidences);
  const std::vector<Result> again = compiled.run_batch(evidences);
  for (std::size_t i = 0; i < evidences.size(); ++i) {
    CHECK(bit_equal(batch[i], again[i]));
    const Result alone = compiled.run(evidences[i]);
    REQUIRE(batch[i].status == alone.status);
    if (alone.ok()) CHECK(batch[i].log_z == doctest::Approx(alone.log_z).epsilon(4e-15));
  }
  const CompiledQuery taken = std::move(compiled);
  CHECK_THROWS_AS(static_cast<void>(compiled.plan()), QueryError);
  CHECK_THROWS_AS(static_cast<void>(compiled.run(evidences.front())), QueryError);
  CHECK_THROWS_AS(static_cast<void>(compiled.run_batch(evidences)), QueryError);
  CHECK_THROWS_AS(compiled.rebind(graph), QueryError);
}
