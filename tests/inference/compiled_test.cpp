// Compiled queries: one plan, many evidences, one by one and in a batch.

#include "oracle.hpp"
#include "random_models.hpp"

#include <credo/core/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

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

namespace {

/// How the numbers of a rebound graph are drawn.
struct NewNumbers {
  double zero_fraction = 0.0;
  double log_scale = 1.0;
  bool logarithms = false;  ///< dense tables store logarithms
  bool normalised = false;  ///< conditionals sum to one
};

std::vector<double> new_values(Random& random, std::size_t count, const NewNumbers& numbers) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    const double log_value = random.uniform(-numbers.log_scale, numbers.log_scale);
    const bool zero = random.chance(numbers.zero_fraction);
    if (numbers.logarithms) {
      values.push_back(zero ? -kInfinity : log_value);
    } else {
      values.push_back(zero ? 0.0 : std::exp(log_value));
    }
  }
  return values;
}

void normalise_columns(const FactorGraph& graph, const Factor& factor,
                       std::vector<double>& values) {
  std::size_t inner = 1;
  for (std::size_t d = factor.scope.size(); factor.scope[d - 1] != *factor.child; --d) {
    inner *= graph.cardinality(factor.scope[d - 1]);
  }
  const std::size_t states = graph.cardinality(*factor.child);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i / inner % states != 0) continue;
    double sum = 0.0;
    for (std::size_t s = 0; s < states; ++s) sum += values[i + s * inner];
    for (std::size_t s = 0; s < states; ++s) values[i + s * inner] /= sum;
  }
}

Table new_table(Random& random, const FactorGraph& graph, const Factor& factor,
                const NewNumbers& numbers) {
  const Table& old = factor.table;
  const std::vector<std::size_t> shape(old.shape().begin(), old.shape().end());
  if (old.is_sparse()) {
    std::vector<SparseEntry> entries;
    for (const std::uint64_t index : old.stored_indices()) {
      entries.push_back({index, random.uniform(0.1, 2.0)});
    }
    return Table::sparse(shape, std::move(entries));
  }
  std::vector<double> values = new_values(random, old.size(), numbers);
  if (numbers.normalised && factor.child) normalise_columns(graph, factor, values);
  return Table::dense(shape, std::move(values), numbers.logarithms ? Domain::log : Domain::linear);
}

/// The same structure; tables are shared where they were with chance 1/2.
FactorGraph with_new_tables(Random& random, const FactorGraph& graph, const NewNumbers& numbers) {
  FactorGraph result;
  for (const Variable& variable : graph.variables()) result.add_variable(variable);
  const bool share = random.chance(0.5);
  std::vector<std::pair<Table, Table>> known;
  for (const Factor& factor : graph.factors()) {
    const auto same = [&](const auto& pair) { return pair.first.same_object(factor.table); };
    const auto at = std::ranges::find_if(known, same);
    const Table table =
        share && at != known.end() ? at->second : new_table(random, graph, factor, numbers);
    known.emplace_back(factor.table, table);
    if (factor.child) {
      result.add_conditional(factor.scope, *factor.child, table, kInfinity);
    } else {
      result.add_factor(factor.scope, table);
    }
  }
  return result;
}

/// Answers of the rebound query are to the bit those of a query compiled for the graph.
void check_rebound(CompiledQuery& rebound, const FactorGraph& graph, const Query& query,
                   const std::vector<Evidence>& evidences) {
  InferOptions options;
  options.explain_conflict = false;
  options.plan.restarts = 4;
  static_cast<void>(rebound.rebind(graph));
  const CompiledQuery fresh(graph, evidences.front(), query, options);
  CHECK(rebound.plan().peak_bytes == fresh.plan().peak_bytes);
  const std::vector<Result> batch = rebound.run_batch(evidences);
  const std::vector<Result> expected = fresh.run_batch(evidences);
  for (std::size_t i = 0; i < evidences.size(); ++i) {
    INFO(describe_question(graph, evidences[i], query));
    CHECK(bit_equal(batch[i], expected[i]));
    CHECK(bit_equal(rebound.run(evidences[i]), fresh.run(evidences[i])));
  }
}

/// With zeros, normalised, logarithms beyond the range of doubles, almost that far, as it was.
std::vector<FactorGraph> graphs_with_new_tables(Random& random, const FactorGraph& graph) {
  return {with_new_tables(random, graph, {.zero_fraction = 0.3}),
          with_new_tables(random, graph, {.normalised = true}),
          with_new_tables(random, graph, {.log_scale = 1e4, .logarithms = true}),
          with_new_tables(random, graph, {.log_scale = 300.0}), graph};
}

}  // namespace

TEST_CASE("compiled: new tables, every class and task, as compiled for them") {
  for (const ModelClass& of : model_classes()) {
    CAPTURE(of.name);
    Random random(77);
    const FactorGraph graph = random_graph(random, of);
    const Evidence pattern = random_evidence(random, graph, 0.3);
    std::vector<Evidence> evidences;
    for (int i = 0; i < 2; ++i) evidences.push_back(same_pattern(random, graph, pattern));
    const std::vector<FactorGraph> others = graphs_with_new_tables(random, graph);
    for (const Query& query : every_task(random, graph)) {
      InferOptions options;
      options.explain_conflict = false;
      options.plan.restarts = 4;
      CompiledQuery rebound(graph, pattern, query, options);
      for (const FactorGraph& other : others) check_rebound(rebound, other, query, evidences);
    }
  }
}

TEST_CASE("compiled: new tables keep the plan unless conditionals cease to sum to one") {
  Random random(5);
  const FactorGraph graph =
      random_graph(random, ModelClass{.name = "network", .bayesian_network = true});
  CompiledQuery compiled(graph, {}, Query::log_partition());
  CHECK(compiled.plan().steps.empty());
  const FactorGraph normalised = with_new_tables(random, graph, {.normalised = true});
  CHECK(compiled.rebind(normalised));
  CHECK(compiled.run({}).log_z == doctest::Approx(0.0).epsilon(1e-14));
  const FactorGraph other = with_new_tables(random, graph, {});
  CHECK(!compiled.rebind(other));
  CHECK(!compiled.plan().steps.empty());
  const double expected = infer(other, {}, Query::log_partition()).log_z;
  CHECK(std::fabs(compiled.run({}).log_z - expected) < 1e-13);
  const FactorGraph another = with_new_tables(random, graph, {});
  CHECK(compiled.rebind(another));
}

TEST_CASE("compiled: new tables on another structure are errors, and change nothing") {
  FactorGraph graph;
  graph.add_variable("x", 2);
  graph.add_variable("y", 2);
  graph.add_factor({0, 1}, {1.0, 2.0, 3.0, 4.0});
  CompiledQuery compiled(graph, {}, Query::log_partition());
  const auto refused = [&](const FactorGraph& other) {
    CHECK_THROWS_AS(static_cast<void>(compiled.rebind(other)), ModelError);
    CHECK(compiled.run({}).log_z == doctest::Approx(std::log(10.0)).epsilon(1e-15));
  };
  FactorGraph other = graph;
  other.add_factor({0}, {1.0, 1.0});
  refused(other);
  other = FactorGraph();
  other.add_variable("x", 2);
  other.add_variable("z", 2);
  other.add_factor({0, 1}, {1.0, 2.0, 3.0, 4.0});
  refused(other);
  other = FactorGraph();
  for (const Variable& variable : graph.variables()) other.add_variable(variable);
  FactorGraph turned = other;
  turned.add_factor({1, 0}, {1.0, 2.0, 3.0, 4.0});
  refused(turned);
  FactorGraph marked = other;
  marked.add_conditional({0, 1}, 1, Table::dense({2, 2}, {0.5, 0.5, 0.5, 0.5}));
  refused(marked);
  FactorGraph sparse = other;
  sparse.add_factor({0, 1}, Table::dense({2, 2}, {1.0, 2.0, 3.0, 4.0}).sparsified());
  refused(sparse);
  CompiledQuery of_sparse(sparse, {}, Query::log_partition());
  FactorGraph fewer = other;
  fewer.add_factor({0, 1}, Table::dense({2, 2}, {1.0, 2.0, 0.0, 4.0}).sparsified());
  CHECK_THROWS_AS(static_cast<void>(of_sparse.rebind(fewer)), ModelError);
}

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
