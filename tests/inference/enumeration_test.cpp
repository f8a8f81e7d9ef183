// The oracle itself, against numbers worked out by hand.

#include <credo/core/error.hpp>
#include <credo/inference/algorithms.hpp>
#include <credo/inference/infer.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <string>

using namespace credo;

namespace {

InferOptions by_enumeration() {
  InferOptions options;
  options.algorithm = "enumeration";
  return options;
}

/// Cloudy, sprinkler, rain, wet grass as in Murphy (1998), states 0 = no, 1 = yes.
FactorGraph sprinkler() {
  FactorGraph graph;
  for (const char* name : {"cloudy", "sprinkler", "rain", "wet"}) {
    graph.add_variable(name, 2, {"no", "yes"});
  }
  const auto conditional = [&graph](Scope scope, std::vector<double> values) {
    const VariableId child = scope.back();
    const std::vector<std::size_t> shape(scope.size(), 2);
    graph.add_conditional(std::move(scope), child, Table::dense(shape, std::move(values)));
  };
  conditional({0}, {0.5, 0.5});
  conditional({0, 1}, {0.5, 0.5, 0.9, 0.1});
  conditional({0, 2}, {0.8, 0.2, 0.2, 0.8});
  conditional({1, 2, 3}, {1.0, 0.0, 0.1, 0.9, 0.1, 0.9, 0.01, 0.99});
  return graph;
}

}  // namespace

TEST_CASE("enumeration: sprinkler has the textbook posteriors") {
  const FactorGraph graph = sprinkler();
  Evidence evidence;
  evidence.observe(graph, "wet", "yes");
  const Result result = infer(graph, evidence, Query::marginals(), by_enumeration());
  REQUIRE(result.ok());
  // p(wet) = 0.6471, p(sprinkler given wet) = 0.2781 / 0.6471, p(rain given wet) = 0.4581 / 0.6471.
  CHECK(result.log_z == doctest::Approx(std::log(0.6471)).epsilon(1e-14));
  CHECK(result.marginal(1)[1] == doctest::Approx(0.2781 / 0.6471).epsilon(1e-14));
  CHECK(result.marginal(2)[1] == doctest::Approx(0.4581 / 0.6471).epsilon(1e-14));
  CHECK(result.marginal(3)[1] == 1.0);
  CHECK(result.guarantee == Guarantee::exact);
  CHECK(result.log_z_lower == result.log_z);
  CHECK(result.log_z_upper == result.log_z);
  CHECK(result.algorithm_used == "enumeration");
}

TEST_CASE("enumeration: MAP, k best and marginal MAP of two variables by hand") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_variable("b", 3);
  graph.add_factor({0, 1}, {4, 1, 1, 3, 3, 3});
  const Result best = infer(graph, Query::map(4), by_enumeration());
  REQUIRE(best.assignments.size() == 4);
  CHECK(best.assignment().states == std::vector<std::size_t>{0, 0});
  CHECK(best.assignment().log_value == std::log(4.0));
  for (std::size_t i = 1; i < 4; ++i) CHECK(best.assignments[i].log_value == std::log(3.0));
  const Result marginal = infer(graph, Query::marginal_map({0}), by_enumeration());
  CHECK(marginal.assignment().states[0] == 1);
  CHECK(marginal.assignment().log_value == doctest::Approx(std::log(9.0)).epsilon(1e-15));
}

TEST_CASE("enumeration: sensitivity of an entry that is zero is the product of the others") {
  FactorGraph graph;
  graph.add_variable("a", 2);
  graph.add_factor({0}, {0.0, 2.0});
  graph.add_factor({0}, {5.0, 3.0});
  const Result result = infer(graph, Query::sensitivity(), by_enumeration());
  REQUIRE(result.ok());
  CHECK(result.sensitivity[0][0] == doctest::Approx(5.0 / 6.0).epsilon(1e-15));
  CHECK(result.sensitivity[0][1] == doctest::Approx(3.0 / 6.0).epsilon(1e-15));
  CHECK(result.sensitivity[1][0] == 0.0);
  CHECK(result.sensitivity[1][1] == doctest::Approx(2.0 / 6.0).epsilon(1e-15));
}

TEST_CASE("enumeration: refuses with numbers, and infer says whose reason it is") {
  FactorGraph graph;
  for (int i = 0; i < 40; ++i) graph.add_variable(fmt::format("x{}", i), 2);
  const Result result = infer(graph, Query::log_partition(), by_enumeration());
  CHECK(result.status == Status::refused);
  CHECK(result.message.find("enumeration: would list 1.1e+12 joint states") == 0);
  CHECK(std::isnan(result.log_z));
  CHECK_THROWS_AS(static_cast<void>(result.marginal(0)), QueryError);
}

TEST_CASE("enumeration: impossible evidence is a status with a minimal conflict") {
  const FactorGraph graph = sprinkler();
  Evidence evidence;
  evidence.observe(graph, "cloudy", "yes");
  evidence.observe(graph, "sprinkler", "no");
  evidence.observe(graph, "rain", "no");
  evidence.observe(graph, "wet", "yes");
  const Result result = infer(graph, evidence, Query::marginals(), by_enumeration());
  CHECK(result.status == Status::impossible_evidence);
  CHECK(result.log_z == -kInfinity);
  CHECK(result.marginals.empty());
  REQUIRE(result.conflict.size() == 3);
  CHECK(result.message ==
        "the evidence has probability zero; a minimal conflict is "
        "{sprinkler = no, rain = no, wet = yes}");
}

TEST_CASE("infer: unknown algorithms are errors with the nearest names") {
  InferOptions options;
  options.algorithm = "enumeratoin";
  CHECK_THROWS_WITH_AS(static_cast<void>(infer(sprinkler(), Query::log_partition(), options)),
                       "unknown algorithm enumeratoin; did you mean enumeration?; "
                       "expected one of contraction, enumeration, gaussian_elimination, "
                       "belief_propagation, gaussian_belief_propagation, moment_matching, "
                       "mean_field, auto",
                       OptionError);
}
