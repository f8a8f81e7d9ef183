#include <credo/core/error.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/numerics.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace credo;

namespace {

FactorGraph sprinkler() {
  FactorGraph g;
  g.add_variable("rain", 2, {"no", "yes"});
  g.add_variable("sprinkler", 2, {"off", "on"});
  g.add_variable("wet", 2);
  return g;
}

}  // namespace

TEST_CASE("factor graph: variables that are refused, by name") {
  FactorGraph g = sprinkler();
  CHECK_THROWS_WITH_AS(g.add_variable("rain", 2),
                       "variable rain: expected a new name, this one is taken", ModelError);
  CHECK_THROWS_AS(g.add_variable("", 2), ModelError);
  CHECK_THROWS_WITH_AS(g.add_variable("x", 0),
                       doctest::Contains("variable x: expected a cardinality of at least 1"),
                       ModelError);
  CHECK_THROWS_WITH_AS(g.add_variable("x", 2, {"a"}), "variable x: expected 2 state names, got 1",
                       ModelError);
  CHECK_THROWS_WITH_AS(g.add_variable("x", 2, {"a", "a"}), doctest::Contains("got a twice"),
                       ModelError);
  CHECK(g.variable_count() == 3);
}

TEST_CASE("factor graph: factors that are refused leave the graph as it was") {
  FactorGraph g = sprinkler();
  const FactorGraph before = g;
  CHECK_THROWS_WITH_AS(g.add_factor({3}, std::vector<double>{1, 1}),
                       doctest::Contains("expected variables below 3, got 3"), ModelError);
  CHECK_THROWS_WITH_AS(
      g.add_factor({0, 1, 0}, Table::dense({2, 2, 2}, std::vector<double>(8, 1.0))),
      doctest::Contains("got rain twice"), ModelError);
  CHECK_THROWS_WITH_AS(
      g.add_factor({0, 1}, Table::dense({2}, {1, 1})),
      doctest::Contains("over (rain, sprinkler): expected a table of shape [2, 2], got [2]"),
      ModelError);
  CHECK_THROWS_AS(g.add_conditional({0, 1}, 2, Table::dense({2, 2}, {1, 0, 0, 1})), ModelError);
  CHECK_THROWS_WITH_AS(
      g.add_conditional({0, 1}, 1, Table::dense({2, 2}, {1, 0, 0.5, 0.25})),
      doctest::Contains("expected p(sprinkler given parents) to sum to 1, got 0.75"), ModelError);
  CHECK(g == before);
  CHECK(g.factors_of(0).empty());
}

TEST_CASE("factor graph: columns of a conditional run over the child wherever it stands") {
  FactorGraph g = sprinkler();
  const Table child_first = Table::dense({2, 2}, {0.9, 0.2, 0.1, 0.8});
  CHECK_NOTHROW(g.add_conditional({1, 0}, 1, child_first));
  CHECK_THROWS_AS(g.add_conditional({1, 0}, 0, child_first), ModelError);
  CHECK_NOTHROW(
      g.add_conditional({0, 2, 1}, 2, Table::dense({2, 2, 2}, {0.1, 0.5, 0.9, 0.5, 0, 1, 1, 0})));
  CHECK_NOTHROW(g.add_conditional({1, 0}, 1, child_first.in_domain(Domain::log)));
  // A sparse column without entries is an unavailable combination.
  CHECK_NOTHROW(g.add_conditional({0, 1}, 1, Table::sparse({2, 2}, {{1, 1.0}})));
  CHECK_THROWS_AS(g.add_conditional({0, 1}, 1, Table::sparse({2, 2}, {{1, 0.5}})), ModelError);
  CHECK_NOTHROW(g.add_conditional({0}, 0, Table::dense({2}, {0.333, 0.666}), 1e-2));
}

TEST_CASE("factor graph: names, states and suggestions") {
  const FactorGraph g = sprinkler();
  CHECK(g.require_variable("wet") == 2);
  CHECK_FALSE(g.find_variable("Rain").has_value());
  CHECK_THROWS_WITH_AS(static_cast<void>(g.require_variable("rian")),
                       "unknown variable rian; did you mean rain?", ModelError);
  CHECK(g.require_state(0, "yes") == 1);
  // With names a number could mean either.
  CHECK_THROWS_AS(static_cast<void>(g.require_state(0, "1")), ModelError);
  CHECK(g.require_state(2, "0") == 0);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(g.require_state(0, "yess")),
      "variable rain: expected one of the states no, yes, got yess; did you mean yes?", ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(g.require_state(2, "2")),
                       "variable wet: expected a state from 0 to 1, got 2", ModelError);
  CHECK(g.variable(2).state_name(1) == "1");
}

TEST_CASE("factor graph: the weight of an assignment is the product of its factors") {
  FactorGraph g = sprinkler();
  g.add_factor({0, 1}, std::vector<double>{1, 2, 3, 4});
  g.add_factor({2, 0}, Table::dense({2, 2}, {-1e4, -2e4, -3e4, -kInfinity}, Domain::log));
  g.add_factor({}, std::vector<double>{5});
  const std::vector<std::size_t> x{1, 0, 0};
  CHECK(g.log_weight(x) == doctest::Approx(std::log(15.0) - 2e4).epsilon(1e-15));
  const std::vector<std::size_t> zero{1, 0, 1};
  CHECK(g.log_weight(zero) == -kInfinity);
  const std::vector<std::size_t> few{1, 0};
  CHECK_THROWS_AS(static_cast<void>(g.log_weight(few)), ModelError);
  CHECK(g.describe(1) == "f1(wet, rain)");
  CHECK(std::ranges::equal(g.factors_of(0), std::vector<FactorId>{0, 1}));
}

TEST_CASE("factor graph: what counts as a Bayesian network") {
  FactorGraph g;
  CHECK(g.is_bayesian_network());
  g.add_variable("a", 2);
  g.add_variable("b", 2);
  const Table copy = Table::dense({2, 2}, {1, 0, 0, 1});
  g.add_conditional({0, 1}, 1, copy);
  CHECK_FALSE(g.is_bayesian_network());
  FactorGraph cyclic = g;
  cyclic.add_conditional({1, 0}, 0, copy);
  CHECK_FALSE(cyclic.is_bayesian_network());
  FactorGraph complete = g;
  complete.add_conditional({0}, 0, Table::dense({2}, {0.5, 0.5}));
  CHECK(complete.is_bayesian_network());
  complete.add_factor({0}, std::vector<double>{1, 1});
  CHECK_FALSE(complete.is_bayesian_network());
}
