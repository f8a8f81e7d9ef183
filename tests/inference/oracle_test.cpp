// Every algorithm, task and scalar against enumeration on random and degenerate models.

#include "oracle.hpp"
#include "random_models.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace credo;
using namespace credo::testing;

namespace {

#ifdef CREDO_SANITIZED
constexpr std::uint64_t kModelsPerClass = 3;  // twenty times slower
#else
constexpr std::uint64_t kModelsPerClass = 12;
#endif

void check_every_task(const FactorGraph& graph, Random& random) {
  for (const double evidence_chance : {0.0, 0.35}) {
    const Evidence evidence = random_evidence(random, graph, evidence_chance);
    for (const Query& query : every_task(random, graph)) {
      check_against_enumeration(graph, evidence, query);
    }
  }
}

}  // namespace

TEST_CASE("oracle: every class of random models, every task") {
  for (const ModelClass& of : model_classes()) {
    SUBCASE(of.name.c_str()) {
      for (std::uint64_t seed = 1; seed <= kModelsPerClass; ++seed) {
        CAPTURE(seed);
        Random random(seed);
        check_every_task(random_graph(random, of), random);
      }
    }
  }
}

TEST_CASE("oracle: degenerate models, every task") {
  for (const NamedGraph& corner : degenerate_graphs()) {
    SUBCASE(corner.name.c_str()) {
      for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        Random random(seed);
        check_every_task(corner.graph, random);
      }
    }
  }
}

TEST_CASE("oracle: enumeration itself agrees with a direct sum of log_weight") {
  for (const ModelClass& of : model_classes()) {
    CAPTURE(of.name);
    Random random(99);
    const FactorGraph graph = random_graph(random, of);
    const Evidence evidence = random_evidence(random, graph, 0.3);
    std::vector<double> logs;
    std::vector<std::size_t> states(graph.variable_count(), 0);
    std::vector<std::vector<double>> sums(graph.variable_count());
    for (VariableId v = 0; v < sums.size(); ++v) sums[v].resize(graph.cardinality(v), -kInfinity);
    for (bool done = false; !done;) {
      logs.push_back(log_value_of(graph, evidence, states));
      for (VariableId v = 0; v < sums.size(); ++v) {
        sums[v][states[v]] = log_add(sums[v][states[v]], logs.back());
      }
      std::size_t v = 0;
      while (v < states.size() && ++states[v] == graph.cardinality(static_cast<VariableId>(v))) {
        states[v++] = 0;
      }
      done = v == states.size();
    }
    const Result truth = truth_of(graph, evidence, Query::marginals());
    const double log_z = log_sum_exp(logs);
    if (log_z == -kInfinity) {
      CHECK(truth.status == Status::impossible_evidence);
      continue;
    }
    CHECK(truth.log_z == doctest::Approx(log_z).epsilon(1e-12));
    for (VariableId u = 0; u < sums.size(); ++u) {
      for (std::size_t x = 0; x < sums[u].size(); ++x) {
        CHECK(truth.marginal(u)[x] ==
              doctest::Approx(std::exp(sums[u][x] - log_z)).epsilon(1e-10).scale(1e-3));
      }
    }
  }
}
