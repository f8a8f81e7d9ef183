#include <credo/core/error.hpp>
#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// What callers do by mistake is named, not undefined.

namespace credo {
namespace {

FactorGraph coin() {
  FactorGraph graph;
  graph.add_variable("a", 2, {"no", "yes"});
  graph.add_variable("b", 2);
  graph.add_factor({0, 1}, std::vector<double>{1.0, 2.0, 3.0, 4.0});
  return graph;
}

/// Whether {"a", "b"} is accepted where states are numbers.
template <typename E>
concept TakesNames = requires(E evidence) { evidence.allow(VariableId{0}, {"a", "b"}); };

}  // namespace

TEST_CASE("misuse: what was moved from") {
  FactorGraph graph = coin();
  graph.add_continuous_variable("x");
  const FactorGraph moved = std::move(graph);
  CHECK(moved.has_continuous_variables());
  // NOLINTBEGIN(bugprone-use-after-move)
  CHECK_FALSE(graph.has_continuous_variables());
  CHECK(graph.variable_count() == 0);
  CHECK_NOTHROW(graph.require_discrete("a test"));
  CHECK(graph.find_variable("a") == std::nullopt);
  CHECK(graph == FactorGraph());
  CHECK(graph.add_variable("a", 3) == 0);
  graph = coin();
  CHECK(graph == coin());
  FactorGraph& same = graph;
  graph = std::move(same);
  CHECK(graph == coin());

  Table table = Table::dense({2}, {1.0, 2.0});
  const Table other = std::move(table);
  CHECK(table == other);
  CHECK(table.rank() == 1);
  GaussianTable gaussian = GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}});
  const GaussianTable kept = std::move(gaussian);
  CHECK(gaussian == kept);
  CHECK(gaussian.size() == 1);
  // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("misuse: indices that are not there are named with those that are") {
  const FactorGraph graph = coin();
  CHECK_THROWS_WITH_AS(static_cast<void>(graph.variable(2)), doctest::Contains("0 to 1, got 2"),
                       ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.cardinality(UINT32_MAX)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.factors_of(9)), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(graph.factor(1)), doctest::Contains("factors"),
                       ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.gaussian_factor(0)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.describe(4)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.describe_gaussian(0)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.require_state(5, "no")), ModelError);
  CHECK_THROWS_AS(static_cast<void>(graph.shape_of({0, 7})), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(graph.variable(0).state_name(2)),
                       doctest::Contains("variable a"), ModelError);
  const Table& table = graph.factor(0).table;
  CHECK_THROWS_AS(static_cast<void>(table.at(4)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(table.log_at(UINT64_MAX)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(table.sparsified().at(4)), ModelError);
}

TEST_CASE("misuse: names in braces are names, never ends of a range") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 2);
  const FactorId f = graph.add_factor({"a", "b"}, {1.0, 2.0, 3.0, 4.0});
  CHECK(graph.factor(f).scope == Scope{0, 1});
  CHECK(graph.factor(graph.add_factor({"b"}, {1.0, 2.0})).scope == Scope{1});
  CHECK(graph.factor(graph.add_factor({0}, {1.0, 2.0})).scope == Scope{0});
  CHECK(graph.factor(graph.add_factor({0, 1}, {1.0, 2.0, 3.0, 4.0})).scope == Scope{0, 1});
  const Table rows = Table::dense({2, 2}, {0.5, 0.5, 0.1, 0.9});
  CHECK(graph.factor(graph.add_conditional({"a", "b"}, "b", rows)).child == VariableId{1});
  CHECK_THROWS_WITH_AS(graph.add_factor({"a", "z"}, {1.0, 2.0, 3.0, 4.0}),
                       doctest::Contains("unknown variable z"), ModelError);
  CHECK(graph.shape_of({"a", "b"}) == std::vector<std::size_t>{2, 2});
  static_assert(!TakesNames<Evidence>);
}

TEST_CASE("misuse: log weights without a number") {
  FactorGraph graph = coin();
  graph.add_continuous_variable("x");
  CHECK_THROWS_WITH_AS(static_cast<void>(graph.log_weight(std::vector<std::size_t>{0, 0, 0})),
                       doctest::Contains("x, which is continuous"), ModelError);
  // A density that is too small for a double is not zero.
  graph.add_gaussian_factor({2}, GaussianTable::conditional({}, {1}, {{{}, {0.0}, {1.0}}}));
  const std::vector<std::vector<double>> far{{}, {}, {1e200}};
  CHECK(std::isnan(graph.log_weight(std::vector<std::size_t>{0, 0, 0}, far)));
  // Logarithms whose sums would leave the doubles are refused where they are given.
  const auto add = [&graph](double log_value) {
    graph.add_factor({0}, Table::dense({2}, {log_value, 0.0}, Domain::log));
  };
  CHECK_THROWS_WITH_AS(add(-1e308), doctest::Contains("expected logarithms"), ModelError);
  CHECK_THROWS_AS(add(1e301), ModelError);
  CHECK_NOTHROW(add(-1e299));
  CHECK_NOTHROW(add(-kInfinity));
}

}  // namespace credo
