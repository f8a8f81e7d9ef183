// Compiled queries: one plan, many evidences, one by one and in a batch.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>

#include <doctest/doctest.h>

#include <cmath>

using namespace credo;
using namespace credo::testing;

namespace credo::testing {

void check_compiled(const FactorGraph& graph, const std::vector<Evidence>& evidences,
                    const Query& query, Tolerance tolerance) {
  InferOptions options;
  options.explain_conflict = false;
  options.plan.restarts = 4;
  const CompiledQuery compiled(graph, evidences.front(), query, options);
  const std::vector<Result> batch = compiled.run_batch(evidences);
  REQUIRE(batch.size() == evidences.size());
  for (std::size_t i = 0; i < evidences.size(); ++i) {
    const std::string question = describe_question(graph, evidences[i], query);
    INFO(question);
    const Result alone = compiled.run(evidences[i]);
    if (alone.status == Status::refused) {
      CHECK(batch[i].status == Status::refused);
      continue;
    }
    const Result truth = truth_of(graph, evidences[i], query);
    check_same_answer(graph, evidences[i], query, truth, alone, tolerance);
    check_same_answer(graph, evidences[i], query, truth, batch[i], tolerance);
    CHECK_MESSAGE(bit_equal(alone, compiled.run(evidences[i])), "a second run differs");
  }
}

}  // namespace credo::testing

TEST_CASE("compiled: every class and task, run and batch against enumeration") {
  for (const ModelClass& of : model_classes()) {
    SUBCASE(of.name.c_str()) {
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        Random random(seed);
        const FactorGraph graph = random_graph(random, of);
        const Evidence pattern = random_evidence(random, graph, 0.4);
        std::vector<Evidence> evidences;
        for (int i = 0; i < 5; ++i) evidences.push_back(same_pattern(random, graph, pattern));
        for (const Query& query : every_task(random, graph)) {
          check_compiled(graph, evidences, query);
        }
      }
    }
  }
}

TEST_CASE("compiled: degenerate models, run and batch") {
  for (const NamedGraph& corner : degenerate_graphs()) {
    SUBCASE(corner.name.c_str()) {
      Random random(2);
      for (const Query& query : every_task(random, corner.graph)) {
        const Evidence pattern = random_evidence(random, corner.graph, 0.5);
        check_compiled(corner.graph, {pattern, same_pattern(random, corner.graph, pattern)}, query);
      }
    }
  }
}

TEST_CASE("compiled: a batch of a thousand, each as one by one") {
  Random random(8);
  const ModelClass of{.name = "network", .variables = 25, .bayesian_network = true};
  const FactorGraph graph = random_graph(random, of);
  const Evidence pattern = random_evidence(random, graph, 0.3);
  std::vector<Evidence> evidences;
  for (int i = 0; i < 1000; ++i) evidences.push_back(same_pattern(random, graph, pattern));
  const CompiledQuery compiled(graph, pattern, Query::marginals());
  const std::vector<Result> batch = compiled.run_batch(evidences);
  REQUIRE(batch.size() == 1000);
  for (std::size_t i = 0; i < evidences.size(); i += 37) {
    const Result alone = compiled.run(evidences[i]);
    REQUIRE(status_name(batch[i].status) == status_name(alone.status));
    if (!alone.ok()) continue;
    CHECK(std::fabs(batch[i].log_z - alone.log_z) < 1e-12);
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      for (std::size_t x = 0; x < graph.cardinality(v); ++x) {
        CHECK(std::fabs(batch[i].marginal(v)[x] - alone.marginal(v)[x]) < 1e-13);
      }
    }
  }
}

TEST_CASE("compiled: batches of any size, impossible evidence among them, used twice") {
  for (const ModelClass& of : model_classes()) {
    CAPTURE(of.name);
    Random random(31);
    const FactorGraph graph = random_graph(random, of);
    const Evidence pattern = random_evidence(random, graph, 0.5);
    for (const std::size_t size : {1U, 7U, 16U, 33U}) {
      std::vector<Evidence> evidences;
      for (std::size_t i = 0; i < size; ++i) {
        // Within one batch likelihoods differ by more than a double holds.
        const double log_scale = i % 3 == 0 ? 450.0 : 0.0;
        evidences.push_back(same_pattern(random, graph, pattern, log_scale));
      }
      check_compiled(graph, evidences, Query::marginals());
      check_compiled(graph, evidences, Query::log_partition());
    }
  }
}

TEST_CASE("compiled: a likelihood that underflows beside another is not an impossible one") {
  // The second lane is 2^-1087 of the first; 2^99 in a factor must not make it look safe.
  FactorGraph graph;
  graph.add_variable("x", 2);
  graph.add_factor({0}, {8e29, 7e29});
  std::vector<Evidence> evidences(2);
  evidences[0].observe_likelihood(0, {9e199, 2e199});
  evidences[1].observe_likelihood(0, {1e-127, 3e-127});
  check_compiled(graph, evidences, Query::marginals());
}

TEST_CASE("compiled: large factors whose product leaves the range of doubles") {
  FactorGraph graph;
  graph.add_variable("x", 2);
  graph.add_variable("y", 2);
  for (int i = 0; i < 16; ++i) graph.add_factor({0, 1}, {5e29, 1.0, 5e29, 1.0});
  graph.add_factor({0, 1}, {0.0, 1.0, 0.0, 2.0});
  Random random(1);
  for (const Query& query : every_task(random, graph)) check_compiled(graph, {Evidence{}}, query);
}

TEST_CASE("compiled: findings outside the pattern are errors") {
  Random random(1);
  const FactorGraph graph =
      random_graph(random, ModelClass{.name = "dense", .smallest_cardinality = 2});
  Evidence pattern;
  pattern.observe(0, 0);
  const CompiledQuery compiled(graph, pattern, Query::log_partition());
  CHECK_NOTHROW(static_cast<void>(compiled.run(pattern)));
  Evidence other = pattern;
  other.observe(1, 0);
  CHECK_THROWS_AS(static_cast<void>(compiled.run(other)), EvidenceError);
  CHECK_THROWS_AS(static_cast<void>(compiled.run(Evidence{})), EvidenceError);
  Evidence soft;
  soft.observe_likelihood(0, std::vector<double>(graph.cardinality(0), 1.0));
  CHECK_THROWS_AS(static_cast<void>(compiled.run(soft)), EvidenceError);
  Evidence outside;
  outside.observe(0, 99);
  CHECK_THROWS_AS(static_cast<void>(compiled.run(outside)), EvidenceError);
  Evidence unknown;
  unknown.observe(77, 0);
  CHECK_THROWS_AS(CompiledQuery(graph, unknown, Query::log_partition()), EvidenceError);
  CHECK_THROWS_AS(CompiledQuery(graph, pattern, Query::marginals({77})), QueryError);
}
