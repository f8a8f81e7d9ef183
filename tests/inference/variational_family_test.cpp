// Families: building, checking, helpers.

#include "random_models.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/family.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace credo;
using namespace credo::testing;

namespace {

FactorGraph pair_of_bits() {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 3);
  graph.add_conditional({1, 0}, 1, Table::dense({3, 2}, {0.2, 0.5, 0.3, 0.5, 0.5, 0.0}));
  graph.add_factor({0}, {0.4, 0.6});
  return graph;
}

}  // namespace

TEST_CASE("family: a clamped factor has its child moved to the last place") {
  const FactorGraph graph = pair_of_bits();
  Family family(graph);
  family.clamp(0);
  family.free(0, {}, 2.0);
  const Conditional* b = family.find(1);
  REQUIRE(b != nullptr);
  CHECK(b->kind == ConditionalKind::clamped);
  CHECK(b->parents == Scope{0});
  CHECK(*b->table == Table::dense({2, 3}, {0.2, 0.3, 0.5, 0.5, 0.5, 0.0}));
  CHECK(b->factor == FactorId{0});
  CHECK(family.find(0)->weight == 2.0);
  CHECK_NOTHROW(family.validate(graph, {}));
  FactorGraph other;
  other.add_variable("a", 2);
  other.add_variable("b", 3);
  other.add_conditional({1, 0}, 1, graph.factor(0).table.sparsified());
  Family of_other(other);
  of_other.charge(0, kInfinity);
  CHECK(of_other.find(1)->kind == ConditionalKind::clamped);
  CHECK(of_other.find(1)->table->densified(6) == *b->table);
}

TEST_CASE("family: wrong conditionals are refused") {
  const FactorGraph graph = pair_of_bits();
  Family family(graph);
  CHECK_THROWS_AS(family.free(2, {}), ModelError);
  CHECK_THROWS_AS(family.free(0, {0}), ModelError);
  CHECK_THROWS_AS(family.free(0, {1, 1}), ModelError);
  CHECK_THROWS_AS(family.free(0, {}, 0.0), ModelError);
  CHECK_THROWS_AS(family.free(0, {}, kInfinity), ModelError);
  CHECK_THROWS_AS(family.free(0, {}, kNaN), ModelError);
  CHECK_THROWS_AS(family.free(0, {}, 1.0, Table::dense({3}, {1, 1, 1})), ModelError);
  CHECK_THROWS_AS(family.clamp(1), ModelError);
  CHECK_THROWS_AS(family.clamp(7), ModelError);
  CHECK_THROWS_AS(family.charge(0, 0.0), ModelError);
  CHECK_THROWS_AS(family.charge(0, kNaN), ModelError);
  CHECK_THROWS_AS(family.clamp(0, {}, Table::dense({2}, {0.4, 0.5})), ModelError);
  CHECK_THROWS_AS(family.clamp(0, {1}, Table::dense({2}, {0.5, 0.5})), ModelError);
  family.clamp(0, {1}, Table::sparse({3, 2}, {{0, 1.0}, {3, 1.0}}));
  CHECK_THROWS_AS(family.arg_max(0, {}), ModelError);
  CHECK_THROWS_WITH_AS(family.validate(graph, {}),
                       "family: the unobserved variable b has no conditional; free or clamp it, or "
                       "observe it",
                       ModelError);
  Evidence evidence;
  evidence.observe(1, 2);
  CHECK_NOTHROW(family.validate(graph, evidence));
  family.free(1, {0});
  CHECK_NOTHROW(family.validate(graph, evidence));  // the cycle is broken by what is observed
  CHECK_THROWS_AS(family.validate(graph, {}), ModelError);
  CHECK_THROWS_AS(family.validate(grid(2), {}), ModelError);
}

TEST_CASE("family: may be begun before its graph is complete") {
  FactorGraph graph;
  Family family(graph);
  CHECK(family.find(0) == nullptr);
  graph.add_variable("a", 2);
  family.free(0, {});
  graph.add_variable("b", 2);
  CHECK_THROWS_AS(family.validate(graph, {}), ModelError);
  family.arg_max(1, {0});
  CHECK_NOTHROW(family.validate(graph, {}));
  CHECK(family.find(1)->parents == Scope{0});
}

TEST_CASE("family: helpers") {
  const FactorGraph graph = grid(3);
  Evidence evidence;
  evidence.observe(4, 1);
  const Family naive = mean_field(graph, evidence);
  CHECK(naive.conditionals().size() == 8);
  CHECK(naive.find(4) == nullptr);
  for (const Conditional& c : naive.conditionals()) CHECK(c.parents.empty());
  // Without the middle the grid is a ring: eliminated around, every parent set but the last three
  // has two members.
  const Family ring = fully_structured(graph, evidence, {0, 1, 2, 5, 8, 7, 6, 3});
  CHECK_NOTHROW(ring.validate(graph, evidence));
  CHECK(ring.find(0)->parents == Scope{1, 3});
  CHECK(ring.find(1)->parents == Scope{2, 3});
  CHECK(ring.find(6)->parents == Scope{3});
  CHECK(ring.find(3)->parents.empty());
  const Family searched = fully_structured(graph, evidence);
  CHECK_NOTHROW(searched.validate(graph, evidence));
  std::size_t edges = 0;
  for (const Conditional& c : searched.conditionals()) edges += c.parents.size();
  CHECK(edges == 13);  // 8 of the ring and 5 chords: every triangulation of a ring of 8
  CHECK_THROWS_AS(static_cast<void>(fully_structured(graph, evidence, {0, 1})), ModelError);

  const FactorGraph bits = pair_of_bits();
  CHECK_THROWS_AS(static_cast<void>(model_direction(bits, {}, {})), ModelError);
  FactorGraph network = pair_of_bits();
  network.add_conditional({0}, 0, Table::dense({2}, {0.1, 0.9}));
  const std::vector<VariableId> freed{1};
  const Family directed = model_direction(network, {}, freed);
  CHECK(directed.find(1)->kind == ConditionalKind::free);
  CHECK(directed.find(1)->parents == Scope{0});
  CHECK(directed.find(0)->factor == FactorId{2});
}
