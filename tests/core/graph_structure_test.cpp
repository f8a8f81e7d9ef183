#include <credo/core/factor_graph.hpp>
#include <credo/core/graph_structure.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace credo;

namespace {

/// A binary graph with one unit factor per scope.
FactorGraph graph_of(std::size_t variables, const std::vector<Scope>& scopes) {
  FactorGraph g;
  for (std::size_t v = 0; v < variables; ++v) g.add_variable("x" + std::to_string(v), 2);
  for (const Scope& s : scopes) {
    g.add_factor(s, std::vector<double>(std::size_t{1} << s.size(), 1.0));
  }
  return g;
}

}  // namespace

TEST_CASE("topological order: parents first, nothing on a cycle") {
  const std::vector<Arc> arcs{{3, 1}, {1, 0}, {3, 0}, {2, 0}};
  const auto order = topological_order(4, arcs);
  REQUIRE(order.has_value());
  REQUIRE(order->size() == 4);
  for (const Arc& arc : arcs) {
    CHECK(std::ranges::find(*order, arc.from) < std::ranges::find(*order, arc.to));
  }
  CHECK_FALSE(topological_order(2, std::vector<Arc>{{0, 1}, {1, 0}}).has_value());
  CHECK_FALSE(topological_order(1, std::vector<Arc>{{0, 0}}).has_value());
  CHECK(topological_order(0, {})->empty());
}

TEST_CASE("find_cycle: its vertices in order") {
  const std::vector<Arc> arcs{{0, 1}, {1, 2}, {2, 3}, {3, 1}, {3, 4}};
  const std::vector<std::uint32_t> cycle = find_cycle(5, arcs);
  REQUIRE(cycle.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::uint32_t from = cycle[i];
    const std::uint32_t to = cycle[(i + 1) % 3];
    CHECK(std::ranges::any_of(arcs, [&](const Arc& a) { return a.from == from && a.to == to; }));
  }
  CHECK(find_cycle(3, std::vector<Arc>{{0, 1}, {0, 2}, {1, 2}}).empty());
  CHECK(find_cycle(1, std::vector<Arc>{{0, 0}}) == std::vector<std::uint32_t>{0});
}

TEST_CASE("a chain of 200,000 vertices does not overflow the stack") {
  std::vector<Arc> arcs;
  for (std::uint32_t v = 0; v + 1 < 200000; ++v) arcs.push_back({v, v + 1});
  CHECK(topological_order(200000, arcs)->front() == 0);
  CHECK(find_cycle(200000, arcs).empty());
  arcs.push_back({199999, 0});
  CHECK(find_cycle(200000, arcs).size() == 200000);
}

TEST_CASE("components, forests and edges of the bipartite graph") {
  const FactorGraph g = graph_of(6, {{0, 2}, {2, 4}, {1}, {5, 3}, {3, 5}});
  const Components c = connected_components(g);
  CHECK(c.count == 3);
  CHECK(c.of_variable == std::vector<std::uint32_t>{0, 1, 0, 2, 0, 2});
  CHECK(edge_count(g) == 9);
  CHECK_FALSE(is_forest(g));
  CHECK(is_forest(graph_of(5, {{0, 1, 2}, {2, 3}, {4}, {4}, {}})));
  CHECK_FALSE(is_forest(graph_of(3, {{0, 1}, {1, 2}, {0, 2}})));
  CHECK(is_forest(graph_of(0, {})));
  CHECK(connected_components(graph_of(0, {})).count == 0);
}
