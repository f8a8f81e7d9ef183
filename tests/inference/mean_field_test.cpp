// The mean-field line of the table of algorithms.

#include "ising.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/infer.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>

using namespace credo;
using namespace credo::testing;

namespace {

Result ask(const FactorGraph& graph, const Evidence& evidence, const Query& query,
           InferOptions options = {}) {
  options.algorithm = "mean_field";
  return infer(graph, evidence, query, options);
}

}  // namespace

TEST_CASE("mean field: a bound below log Z, with distributions as marginals") {
  Random random(51);
  for (int repetition = 0; repetition < 40; ++repetition) {
    CAPTURE(repetition);
    ModelClass of;
    of.variables = 8;
    of.factors = 9;
    of.smallest_cardinality = 2;
    of.sparse_fraction = 0.2;
    const FactorGraph graph = random_graph(random, of);
    Evidence evidence;
    if (repetition % 2 == 1) evidence.observe(3, 1);
    Query query = Query::marginals({0, 3, 7});
    query.factor_marginals = true;
    query.joints = {{7, 3, 0}};
    const Result result = ask(graph, evidence, query);
    const Result exact = infer(graph, evidence, Query::log_partition());
    if (result.status == Status::refused) {  // zeros that no product avoids
      CHECK(result.message.find("Z need not be 0") != std::string::npos);
      continue;
    }
    REQUIRE(result.ok());
    REQUIRE(exact.ok());
    CHECK(result.guarantee == Guarantee::lower_bound);
    CHECK(result.log_z_lower == result.log_z);
    CHECK(result.log_z_upper == kInfinity);
    CHECK(result.log_z < exact.log_z + 1e-10);
    CHECK(result.iterations >= 1);
    CHECK(result.marginals[1].empty());
    for (const VariableId v : query.targets) {
      double sum = 0.0;
      for (const double p : result.marginal(v)) sum += p;
      CHECK(std::fabs(sum - 1.0) < 1e-12);
    }
    if (repetition % 2 == 1) CHECK(result.marginal(3)[1] == 1.0);
    const Table& joint = result.joints.front().table;
    for (std::size_t i = 0; i < joint.size(); ++i) {
      const std::size_t x0 = i % graph.cardinality(0);
      const std::size_t x3 = i / graph.cardinality(0) % graph.cardinality(3);
      const std::size_t x7 = i / graph.cardinality(0) / graph.cardinality(3);
      CHECK(std::fabs(joint.at(i) - result.marginal(0)[x0] * result.marginal(3)[x3] *
                                        result.marginal(7)[x7]) < 1e-15);
    }
    for (FactorId f = 0; f < graph.factor_count(); ++f) {
      double sum = 0.0;
      for (const double p : result.factor_marginals[f].table.values()) sum += p;
      CHECK(std::fabs(sum - 1.0) < 1e-12);
    }
  }
}

TEST_CASE("mean field: exact without interactions, impossible evidence only when it is") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 3);
  graph.add_factor({0}, {2.0, 3.0});
  graph.add_factor({0, 1}, {1.0, 2.0, 3.0, 0.0, 5.0, 6.0});
  Evidence evidence;
  evidence.observe(0, 1);
  const Result exact = ask(graph, evidence, Query::marginals());
  REQUIRE(exact.ok());
  CHECK(exact.guarantee == Guarantee::exact);
  CHECK(std::fabs(exact.log_z - std::log(33.0)) < 1e-14);
  CHECK(exact.log_z_upper == exact.log_z);
  CHECK(std::fabs(exact.marginal(1)[1] - 5.0 / 11.0) < 1e-15);
  CHECK(exact.marginal(1)[0] == 0.0);
  evidence.observe(1, 0);
  CHECK(ask(graph, evidence, Query::log_partition()).status == Status::impossible_evidence);
  // No product avoids the zeros of x != y != z in two states and three variables; Z is 0.
  FactorGraph triangle;
  for (const char* name : {"x", "y", "z"}) triangle.add_variable(name, 2);
  for (const Scope& pair : {Scope{0, 1}, Scope{1, 2}, Scope{0, 2}}) {
    triangle.add_factor(pair, {0.0, 1.0, 1.0, 0.0});
  }
  const Result refused = ask(triangle, {}, Query::log_partition());
  CHECK(refused.status == Status::refused);
  CHECK(std::isnan(refused.log_z));
  CHECK(refused.message.find("mean_field: no product") == 0);
}

TEST_CASE("mean field: zeros are respected, large grids answered, limits kept") {
  FactorGraph graph;
  graph.add_variable("a", 3);
  graph.add_variable("b", 3);
  graph.add_factor({0, 1}, Table::sparse({3, 3}, {{0, 1.0}, {4, 5.0}, {8, 2.0}}));
  const Result equal = ask(graph, {}, Query::marginals());
  REQUIRE(equal.ok());
  CHECK(std::fabs(equal.log_z - std::log(5.0)) < 1e-12);
  CHECK(equal.marginal(0)[1] == 1.0);
  CHECK(equal.marginal(1)[1] == 1.0);

  Random random(52);
  const Ising ising = random_ising(random, 40, 40, 0.2, 0.5);
  const FactorGraph grid = ising.graph();
  const Result large = ask(grid, {}, Query::marginals());
  REQUIRE(large.ok());
  std::vector<double> m;
  CHECK(std::fabs(large.log_z - fixed_point(ising, m)) < 1e-6);
  InferOptions options;
  options.memory_limit_bytes = 1e5;
  const Result refused = ask(grid, {}, Query::marginals(), options);
  CHECK(refused.status == Status::refused);
  CHECK(refused.message.find("memory limit") != std::string::npos);
  options = {};
  options.iteration.maximum_iterations = 1;
  const Result early = ask(grid, {}, Query::log_partition(), options);
  CHECK(early.guarantee == Guarantee::lower_bound);
  CHECK(early.log_z <= large.log_z + 1e-9);
  for (const Query& query : {Query::map(), Query::samples(1, 1), Query::marginal_map({0})}) {
    CHECK(ask(grid, {}, query).status == Status::refused);
  }
  // Automatic choice prefers what is exact.
  CHECK(infer(graph, Query::marginals()).algorithm_used != "mean_field");
}
