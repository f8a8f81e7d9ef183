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
    if (result.status == Status::impossible_evidence) {
      CHECK(infer(graph, evidence, Query::log_partition()).status == result.status);
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
  // Three variables of two states cannot all differ: Z is 0, which no single table shows.
  FactorGraph triangle;
  for (const char* name : {"x", "y", "z"}) triangle.add_variable(name, 2);
  for (const Scope& pair : {Scope{0, 1}, Scope{1, 2}, Scope{0, 2}}) {
    triangle.add_factor(pair, {0.0, 1.0, 1.0, 0.0});
  }
  const Result none = ask(triangle, {}, Query::log_partition());
  CHECK(none.status == Status::impossible_evidence);
  CHECK(none.log_z == -kInfinity);
}

TEST_CASE("mean field: where every start keeps impossible states, one begins at a possible state") {
  // A ring of nine unequal neighbours in three states: uniform and random starts meet zeros, and
  // single states must move together.
  Random random(53);
  FactorGraph ring;
  const VariableId n = 9;
  for (VariableId v = 0; v < n; ++v) ring.add_variable("v" + std::string(1, char('a' + v)), 3);
  for (VariableId v = 0; v < n; ++v) {
    std::vector<double> values(9, 0.0);
    for (std::size_t x = 0; x < 3; ++x) {
      values[3 * x + (x + 1) % 3] = random.uniform(0.5, 2.0);
      if (v == 0) values[3 * x + (x + 2) % 3] = random.uniform(0.5, 2.0);
    }
    ring.add_factor({v, (v + 1) % n}, Table::dense({3, 3}, values));
  }
  const Result exact = infer(ring, Query::log_partition());
  REQUIRE(exact.ok());
  const Result result = ask(ring, {}, Query::marginals());
  REQUIRE(result.ok());
  CHECK(result.guarantee == Guarantee::lower_bound);
  CHECK(result.log_z > -kInfinity);
  CHECK(result.log_z <= exact.log_z);
}

TEST_CASE("mean field: stopped, it hands out the best bound so far") {
  Random random(54);
  const Ising ising = random_ising(random, 30, 30, 0.3, 0.5);
  const FactorGraph grid = ising.graph();
  InferOptions options;
  std::vector<double> bounds;
  options.improvement = [&bounds](const Result& better) {
    CHECK(better.guarantee == Guarantee::lower_bound);
    CHECK(better.algorithm_used == "mean_field");
    CHECK(better.marginals.size() == 900);
    bounds.push_back(better.log_z);
  };
  const Result whole = ask(grid, {}, Query::marginals(), options);
  REQUIRE(bounds.size() >= 2);
  for (std::size_t i = 1; i < bounds.size(); ++i) CHECK(bounds[i] > bounds[i - 1]);
  CHECK(bounds.back() <= whole.log_z);
  CHECK(whole.values.size() == whole.iteration_seconds.size());
  options.observer = [&bounds](const Progress&) { return bounds.empty(); };
  options.iteration.tolerance = 0.0 + 1e-300;
  bounds.clear();
  const Result stopped = ask(grid, {}, Query::marginals(), options);
  CHECK(stopped.status == Status::cancelled);
  CHECK(stopped.has_answer(Query::marginals()));
  CHECK(stopped.log_z >= bounds.back());
  CHECK(stopped.log_z <= whole.log_z + 1e-9);
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
