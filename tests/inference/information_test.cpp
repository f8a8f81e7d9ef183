// Entropies, mutual information and divergences against sums over the joint posterior.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>
#include <credo/inference/information.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>

using namespace credo;
using namespace credo::testing;

namespace {

/// p(x) of every joint state, the definition.
std::map<std::vector<std::size_t>, double> joint(const FactorGraph& graph,
                                                 const Evidence& evidence) {
  Scope all;
  for (VariableId v = 0; v < graph.variable_count(); ++v) all.push_back(v);
  const Result result = truth_of(graph, evidence, Query::joint(all));
  std::map<std::vector<std::size_t>, double> p;
  if (!result.ok()) return p;
  const Table& table = result.joints.front().table;
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    std::vector<std::size_t> states(all.size());
    std::uint64_t rest = i;
    for (std::size_t d = all.size(); d-- > 0;) {
      states[d] = rest % graph.cardinality(all[d]);
      rest /= graph.cardinality(all[d]);
    }
    p[states] = table.at(i);
  }
  return p;
}

std::map<std::vector<std::size_t>, double> marginal(
    const std::map<std::vector<std::size_t>, double>& p, const Scope& scope) {
  std::map<std::vector<std::size_t>, double> sums;
  for (const auto& [states, probability] : p) {
    std::vector<std::size_t> some;
    for (const VariableId v : scope) some.push_back(states[v]);
    sums[some] += probability;
  }
  return sums;
}

double entropy_of(const std::map<std::vector<std::size_t>, double>& p) {
  double h = 0.0;
  for (const auto& [states, q] : p) h -= q > 0.0 ? q * std::log(q) : 0.0;
  return h;
}

double divergence_of(const std::map<std::vector<std::size_t>, double>& p,
                     const std::map<std::vector<std::size_t>, double>& q) {
  double d = 0.0;
  for (const auto& [states, a] : p) d += a > 0.0 ? a * std::log(a / q.at(states)) : 0.0;
  return d;
}

void check_quantity(const Quantity& got, double expected) {
  CHECK(got.status == Status::ok);
  CHECK(std::fabs(got.value - expected) < 1e-9 * (1.0 + std::fabs(expected)));
}

void check_information(const FactorGraph& graph, const Evidence& evidence, Random& random) {
  const auto prior = joint(graph, {});
  const auto posterior = joint(graph, evidence);
  if (prior.empty() || posterior.empty()) {
    const Quantity none = entropy(graph, evidence);
    CHECK((posterior.empty() ? none.status == Status::impossible_evidence : none.value >= 0.0));
    if (posterior.empty()) CHECK(std::isnan(none.value));
    return;
  }
  check_quantity(entropy(graph, evidence), entropy_of(posterior));
  const std::vector<VariableId> some = random.subset(graph.variable_count(), 4);
  const Scope a{some[0]};
  const Scope b{some[1], some[2]};
  const Scope both{some[0], some[1], some[2]};
  check_quantity(entropy(graph, evidence, b), entropy_of(marginal(posterior, b)));
  check_quantity(mutual_information(graph, evidence, a, b),
                 entropy_of(marginal(posterior, a)) + entropy_of(marginal(posterior, b)) -
                     entropy_of(marginal(posterior, both)));
  const double log_probability = truth_of(graph, evidence, Query::log_partition()).log_z -
                                 truth_of(graph, {}, Query::log_partition()).log_z;
  check_quantity(log_probability_of_evidence(graph, evidence), log_probability);
  check_quantity(posterior_prior_divergence(graph, evidence), divergence_of(posterior, prior));
  const EvidenceImpact impact = evidence_impact(graph, evidence);
  REQUIRE(impact.divergence.size() == graph.variable_count());
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const double expected = divergence_of(marginal(posterior, {v}), marginal(prior, {v}));
    CHECK(std::fabs(impact.divergence[v] - expected) < 1e-9);
  }
}

}  // namespace

TEST_CASE("information: random models against the joint posterior") {
  for (const ModelClass& of : model_classes()) {
    if (of.log_scale > 0.0) continue;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(of.name);
      CAPTURE(seed);
      Random random(seed);
      const FactorGraph graph = random_graph(random, of);
      check_information(graph, random_evidence(random, graph, 0.3), random);
    }
  }
}

TEST_CASE("information: by hand") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 2);
  graph.add_factor({0, 1}, {0.5, 0.0, 0.0, 0.5});
  check_quantity(entropy(graph, {}), std::log(2.0));
  check_quantity(mutual_information(graph, {}, {0}, {1}), std::log(2.0));
  Evidence evidence;
  evidence.observe(0, 1);
  check_quantity(entropy(graph, evidence), 0.0);
  check_quantity(mutual_information(graph, evidence, {0}, {1}), 0.0);
  check_quantity(log_probability_of_evidence(graph, evidence), std::log(0.5));
  check_quantity(posterior_prior_divergence(graph, evidence), std::log(2.0));
  evidence.observe(1, 0);
  const Quantity never = log_probability_of_evidence(graph, evidence);
  CHECK(never.status == Status::impossible_evidence);
  CHECK(never.value == -kInfinity);
  CHECK(evidence_impact(graph, evidence).divergence.empty());
}

TEST_CASE("information: sets of mutual information must be disjoint") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 2);
  CHECK_THROWS_WITH_AS(static_cast<void>(mutual_information(graph, {}, {0, 1}, {1})),
                       "mutual information: expected disjoint sets, got b in both", QueryError);
}
