// Minimal conflicts: each is impossible, and possible without any one of its findings.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/inference/conflict.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace credo;
using namespace credo::testing;

namespace {

Evidence only(const Evidence& evidence, const std::vector<Finding>& findings, std::size_t without) {
  Evidence some = evidence;
  for (const auto& [v, finding] : evidence.findings()) {
    bool keep = false;
    for (std::size_t i = 0; i < findings.size(); ++i) {
      keep = keep || (i != without && findings[i] == finding);
    }
    if (!keep) some.retract(v);
  }
  return some;
}

bool impossible(const FactorGraph& graph, const Evidence& evidence) {
  return truth_of(graph, evidence, Query::log_partition()).status == Status::impossible_evidence;
}

}  // namespace

TEST_CASE("conflict: minimal on random models with zeros") {
  std::size_t conflicts = 0;
  std::size_t largest = 0;
  const ModelClass zeros{.name = "zeros", .variables = 9, .factors = 9, .zero_fraction = 0.35};
  const ModelClass functions{.name = "functions",
                             .variables = 9,
                             .smallest_cardinality = 2,
                             .bayesian_network = true,
                             .deterministic = true};
  for (const ModelClass& of : {zeros, functions}) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      Random random(seed);
      const FactorGraph graph = random_graph(random, of);
      const Evidence evidence = random_evidence(random, graph, 0.7);
      const Result result = infer(graph, evidence, Query::log_partition());
      CAPTURE(of.name);
      CAPTURE(seed);
      CHECK((result.status == Status::impossible_evidence) == impossible(graph, evidence));
      if (result.status != Status::impossible_evidence) continue;
      if (impossible(graph, {})) {
        CHECK(result.conflict.empty());
        CHECK(result.message.find("without any evidence") != std::string::npos);
        continue;
      }
      ++conflicts;
      largest = std::max(largest, result.conflict.size());
      REQUIRE(!result.conflict.empty());
      CHECK(impossible(graph, only(evidence, result.conflict, result.conflict.size())));
      for (std::size_t i = 0; i < result.conflict.size(); ++i) {
        CHECK_FALSE(impossible(graph, only(evidence, result.conflict, i)));
      }
    }
  }
  // The test is about conflicts, also of several findings.
  CHECK(conflicts >= 40);
  CHECK(largest >= 2);
}

TEST_CASE("conflict: the parity of five is a conflict of all six, whatever else is known") {
  FactorGraph graph;
  for (int i = 0; i < 10; ++i) graph.add_variable(fmt::format("x{}", i), 2);
  std::vector<double> parity(64);
  for (unsigned x = 0; x < 64; ++x) parity[x] = __builtin_parity(x) == 0 ? 1.0 : 0.0;
  graph.add_factor({9, 1, 2, 6, 4, 5}, parity);
  Evidence evidence;
  for (VariableId v = 0; v < 10; ++v) evidence.observe(v, v == 9 ? 1 : 0);
  for (const Algorithm& algorithm : algorithms()) {
    if (algorithm.continuous) continue;
    InferOptions options;
    options.algorithm = algorithm.name;
    const Result result = infer(graph, evidence, Query::log_partition(), options);
    CHECK(result.status == Status::impossible_evidence);
    std::vector<VariableId> variables;
    for (const Finding& finding : result.conflict) variables.push_back(finding.variable);
    CHECK(variables == std::vector<VariableId>{1, 2, 4, 5, 6, 9});
  }
}

TEST_CASE("conflict: a likelihood of zeros is a conflict by itself") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 2);
  Evidence evidence;
  evidence.observe(0, 1);
  evidence.observe_likelihood(1, {0.0, 0.0});
  const Result result = infer(graph, evidence, Query::map());
  CHECK(result.status == Status::impossible_evidence);
  REQUIRE(result.conflict.size() == 1);
  CHECK(result.conflict.front().variable == 1);
  CHECK(result.message == "the evidence has probability zero; a minimal conflict is {b ~ (0, 0)}");
}

TEST_CASE("conflict: not searched when not wanted, given up when there is no time") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_factor({0}, {1.0, 0.0});
  Evidence evidence;
  evidence.observe(0, 1);
  InferOptions options;
  options.explain_conflict = false;
  const Result result = infer(graph, evidence, Query::log_partition(), options);
  CHECK(result.status == Status::impossible_evidence);
  CHECK(result.conflict.empty());
  CHECK(result.message == "the evidence has probability zero");
  options.time_limit_seconds = 0.0;
  const Conflict none = find_conflict(graph, evidence, options);
  CHECK_FALSE(none.complete);
  CHECK(none.findings.empty());
  const Conflict found = find_conflict(graph, evidence);
  CHECK(found.complete);
  CHECK(found.findings.size() == 1);
}
