#include "networks.hpp"

#include <credo/core/error.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

using namespace credo;
using credo::test::asia;
using credo::test::random_network;
using doctest::Approx;

namespace {

InferOptions by_enumeration() {
  InferOptions options;
  options.algorithm = "enumeration";
  return options;
}

/// Cloudy, sprinkler, rain, wet grass (Murphy 1998; Russell and Norvig).
BayesianNetwork sprinkler() {
  const std::vector<std::string> no_yes{"no", "yes"};
  BayesianNetwork network;
  network.add("cloudy", no_yes, {}, {{0.5, 0.5}});
  network.add("sprinkler", no_yes, {"cloudy"}, {{0.5, 0.5}, {0.9, 0.1}});
  network.add("rain", no_yes, {"cloudy"}, {{0.8, 0.2}, {0.2, 0.8}});
  network.add("wet", no_yes, {"sprinkler", "rain"},
              {{1.0, 0.0}, {0.1, 0.9}, {0.1, 0.9}, {0.01, 0.99}});
  return network;
}

/// The message of the ModelError that the call throws.
template <typename Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

#define CHECK_REFUSED(call, text) \
  CHECK_MESSAGE(refusal([&] { call; }).find(text) != std::string::npos, refusal([&] { call; }))

}  // namespace

TEST_CASE("bayesian network: sprinkler posteriors of the textbook, explaining away") {
  const BayesianNetwork network = sprinkler();
  for (const InferOptions& options : {by_enumeration(), InferOptions{}}) {
    CHECK(network.posterior("wet", {}, options).probability("yes") ==
          Approx(0.6471).epsilon(1e-14));
    CHECK(network.posterior("sprinkler", {{"wet", "yes"}}, options).probability("yes") ==
          Approx(0.2781 / 0.6471).epsilon(1e-14));
    CHECK(network.posterior("rain", {{"wet", "yes"}}, options).probability("yes") ==
          Approx(0.4581 / 0.6471).epsilon(1e-14));
    const double explained =
        network.posterior("sprinkler", {{"wet", "yes"}, {"rain", "yes"}}, options)
            .probability("yes");
    CHECK(explained == Approx(0.0891 / 0.4581).epsilon(1e-14));
    const Posterior joint = network.joint({"rain", "sprinkler"}, {{"wet", "yes"}}, options);
    REQUIRE(joint.ok());
    CHECK(joint.probability({"yes", "yes"}) == Approx(0.0891 / 0.6471).epsilon(1e-14));
    CHECK(joint.probability({"yes", "no"}) == Approx(0.369 / 0.6471).epsilon(1e-14));
    CHECK(joint.probability({"no", "no"}) == 0.0);
  }
  CHECK(network.log_likelihood(
            {{"cloudy", "yes"}, {"sprinkler", "no"}, {"rain", "yes"}, {"wet", "yes"}}) ==
        Approx(std::log(0.5 * 0.9 * 0.8 * 0.9)).epsilon(1e-15));
}

TEST_CASE("bayesian network: asia has the exact posteriors of its published table") {
  const BayesianNetwork network = asia();
  for (const InferOptions& options : {by_enumeration(), InferOptions{}}) {
    const auto yes = [&](std::string_view variable, const NamedStates& findings) {
      return network.posterior(variable, findings, options).probability("yes");
    };
    // Rational numbers from a separate exact summation of the table.
    CHECK(yes("tub", {}) == Approx(13.0 / 1250).epsilon(1e-14));
    CHECK(yes("either", {}) == Approx(16207.0 / 250000).epsilon(1e-14));
    CHECK(yes("xray", {}) == Approx(2757251.0 / 25000000).epsilon(1e-14));
    CHECK(yes("dysp", {}) == Approx(2179853.0 / 5000000).epsilon(1e-14));
    const NamedStates visit{{"asia", "yes"}, {"dysp", "yes"}};
    CHECK(yes("tub", visit) == Approx(3160.0 / 36011).epsilon(1e-13));
    CHECK(yes("lung", visit) == Approx(3584.0 / 36011).epsilon(1e-13));
    CHECK(yes("bronc", visit) == Approx(146097.0 / 180055).epsilon(1e-13));
  }
}

TEST_CASE("bayesian network: impossible findings are a status, not a number") {
  const Posterior answer = asia().posterior("smoke", {{"tub", "yes"}, {"either", "no"}});
  CHECK(answer.status == Status::impossible_evidence);
  CHECK(answer.probabilities.empty());
  CHECK_THROWS_AS((void)answer.probability("yes"), QueryError);
}

TEST_CASE("bayesian network: do(x) cuts the arcs into x, observing does not") {
  const BayesianNetwork network = sprinkler();
  CHECK(network.posterior("rain", {{"sprinkler", "yes"}}).probability("yes") == Approx(0.3));
  const BayesianNetwork mutilated = network.intervene({{"sprinkler", "yes"}});
  CHECK(mutilated.posterior("rain").probability("yes") == Approx(0.5).epsilon(1e-14));
  CHECK(mutilated.posterior("wet").probability("yes") ==
        Approx(0.5 * 0.9 + 0.5 * 0.99).epsilon(1e-14));
  CHECK(mutilated.posterior("sprinkler").probability("yes") == 1.0);
  CHECK(mutilated.parents(network.id("sprinkler")).empty());
}

TEST_CASE("bayesian network: noisy-or follows its formula") {
  BayesianNetwork network;
  const std::vector<std::string> levels{"absent", "present"};
  network.add("cold", levels, {}, {{0.5, 0.5}});
  network.add("flu", levels, {}, {{0.5, 0.5}});
  network.add("malaria", {"absent", "mild", "severe"}, {}, {{0.5, 0.25, 0.25}});
  network.add_variable("fever", levels);
  // Russell and Norvig: q = 0.6, 0.2, 0.1; cold and malaria: p(no fever) = 0.06.
  network.set_noisy_or("fever", {"cold", "flu", "malaria"},
                       {.inhibitors = {0.6, 0.2, 0.1}, .leak = 0.0});
  const auto no_fever = [&](const char* cold, const char* flu, const char* malaria) {
    return network.posterior("fever", {{"cold", cold}, {"flu", flu}, {"malaria", malaria}})
        .probability("absent");
  };
  CHECK(no_fever("absent", "absent", "absent") == 1.0);
  CHECK(no_fever("present", "absent", "absent") == Approx(0.6).epsilon(1e-14));
  CHECK(no_fever("present", "absent", "severe") == Approx(0.06).epsilon(1e-14));
  CHECK(no_fever("present", "present", "mild") == Approx(0.012).epsilon(1e-14));
}

TEST_CASE("bayesian network: noisy-or keeps presences that 1 - p would lose") {
  BayesianNetwork network;
  network.add_variable("effect", {"no", "yes"});
  network.set_noisy_or("effect", {}, {.inhibitors = {}, .leak = 1e-20});
  CHECK(network.graph().factor(0).table.at(1) ==
        Approx(1e-20).epsilon(0).scale(1e-20).epsilon(1e-14));
}

TEST_CASE("bayesian network: noisy-max with two levels is noisy-or") {
  const std::vector<std::string> levels{"no", "yes"};
  BayesianNetwork or_network;
  for (const char* name : {"a", "b", "c"}) or_network.add_variable(name, levels);
  BayesianNetwork max_network = or_network;
  for (BayesianNetwork* network : {&or_network, &max_network}) {
    network->set_conditional("a", {}, {{0.5, 0.5}});
    network->set_conditional("b", {}, {{0.5, 0.5}});
  }
  or_network.set_noisy_or("c", {"a", "b"}, {.inhibitors = {0.3, 0.25}, .leak = 0.125});
  max_network.set_noisy_max(
      "c", {"a", "b"},
      {.contributions = {{{1, 0}, {0.3, 0.7}}, {{1, 0}, {0.25, 0.75}}}, .leak = {0.875, 0.125}});
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(or_network.graph().factor(2).table.at(i) ==
          Approx(max_network.graph().factor(2).table.at(i)).epsilon(1e-15));
  }
}

TEST_CASE("bayesian network: noisy-max is the distribution of the highest level") {
  const std::vector<std::string> levels{"none", "mild", "severe"};
  BayesianNetwork network;
  network.add("a", {"no", "yes"}, {}, {{0.5, 0.5}});
  network.add("b", {"no", "yes"}, {}, {{0.5, 0.5}});
  network.add_variable("c", levels);
  const std::vector<double> from_a{0.2, 0.5, 0.3};
  const std::vector<double> from_b{0.6, 0.3, 0.1};
  network.set_noisy_max("c", {"a", "b"},
                        {.contributions = {{{1, 0, 0}, from_a}, {{1, 0, 0}, from_b}}, .leak = {}});
  std::vector<double> highest(3, 0.0);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) highest[std::max(i, j)] += from_a[i] * from_b[j];
  }
  for (std::size_t y = 0; y < 3; ++y) {
    CHECK(network.graph().factor(2).table.at(9 + y) == Approx(highest[y]).epsilon(1e-14));
  }
}

TEST_CASE("bayesian network: ancestral samples have the network's frequencies and repeat") {
  const BayesianNetwork network = asia();
  const auto draws = network.sample(20000, 7);
  CHECK(draws == network.sample(20000, 7));
  CHECK(draws != network.sample(20000, 8));
  for (VariableId v = 0; v < network.size(); ++v) {
    double count = 0.0;
    for (const auto& states : draws) count += states[v] == 0;
    const double expected = network.posterior(network.graph().variable(v).name).probabilities[0];
    const double deviation = std::sqrt(expected * (1.0 - expected) / 20000);
    CHECK(std::fabs(count / 20000 - expected) < 4.5 * deviation);
  }
  for (const auto& states : draws) CHECK_FALSE(states[5] != states[1] * states[3]);
}

TEST_CASE("bayesian network: graphs of conditionals come and go, child anywhere in the scope") {
  FactorGraph graph;
  const VariableId x = graph.add_variable("x", 2);
  const VariableId y = graph.add_variable("y", 3);
  graph.add_conditional({y, x}, y, Table::dense({3, 2}, {0.0, 0.5, 1.0, 0.25, 0.0, 0.25}));
  graph.add_conditional({x}, x, Table::dense({2}, {1.0, 0.0}));
  const BayesianNetwork network(graph);
  CHECK(network.graph() == graph);
  CHECK(network.parents(y) == Scope{x});
  for (const auto& states : network.sample(50, 3)) CHECK(states == std::vector<std::size_t>{0, 1});
}

TEST_CASE("bayesian network: wrong input is refused by name") {
  BayesianNetwork network = sprinkler();
  CHECK_REFUSED(network.add("wet", {"a"}, {}, {{1.0}}), "wet");
  CHECK_REFUSED(network.set_conditional("rain", {}, {{0.5, 0.5}}), "rain already has");
  network.add_variable("dew", {"no", "yes"});
  CHECK_REFUSED((void)network.graph(), "dew has none");
  CHECK_REFUSED(network.set_conditional("dew", {"rian"}, {}), "did you mean rain");
  CHECK_REFUSED(network.set_conditional("dew", {"rain"}, {{0.5, 0.5}}), "expected 2 rows");
  CHECK_REFUSED(network.set_conditional("dew", {"rain"}, {{0.5, 0.5}, {1.0}}),
                "p(dew given rain), row of rain = yes: expected 2 probabilities, got 1");
  CHECK_REFUSED(network.set_conditional("dew", {"rain"}, {{0.5, 0.4}, {0.5, 0.5}}),
                "row of rain = no: expected probabilities that sum to 1, got 0.9");
  CHECK_REFUSED(network.set_conditional("dew", {}, {{1.5, -0.5}}), "got 1.5");
  CHECK_REFUSED(network.set_conditional("dew", {}, {{kNaN, 0.5}}), "got nan");
  CHECK_REFUSED(network.set_conditional("dew", {"dew"}, {{1, 0}, {1, 0}}), "dew -> dew");
  CHECK_REFUSED(network.set_noisy_or("dew", {"rain"}, {}), "one inhibitor per parent");
  CHECK_REFUSED(network.set_noisy_or("dew", {}, {.inhibitors = {}, .leak = 2.0}), "leak");
  CHECK_REFUSED(network.set_function("dew", {"rain"}, [](auto) { return std::size_t{2}; }),
                "expected a state below 2 for rain = no, got 2");
  CHECK_REFUSED((void)network.posterior("reign"), "unknown variable reign");
  CHECK_REFUSED((void)network.posterior("rain", {{"wet", "perhaps"}}), "perhaps");
  CHECK_REFUSED((void)sprinkler().log_likelihood({{"rain", "yes"}}), "expected a state of every");
}

TEST_CASE("bayesian network: add is all or nothing") {
  BayesianNetwork network = sprinkler();
  const FactorGraph before = network.graph();
  const std::vector<std::string> no_yes{"no", "yes"};
  CHECK_REFUSED(network.add("dew", no_yes, {"rian"}, {{1, 0}, {0, 1}}), "did you mean rain");
  CHECK_REFUSED(network.add("dew", no_yes, {"rain"}, {{1, 0}}),
                "p(dew given rain): expected 2 rows, one per joint state of the parents, got 1");
  CHECK_REFUSED(network.add("dew", no_yes, {"rain"}, {{1, 0}, {0.5, 0.4}}),
                "p(dew given rain), row of rain = yes: expected probabilities that sum to 1, got");
  CHECK_REFUSED(network.add("dew", no_yes, {"rain"}, {{1, 0}, {1}}), "expected 2 probabilities");
  CHECK_REFUSED(network.add("dew", no_yes, {"dew"}, {{1, 0}, {0, 1}}), "dew -> dew");
  CHECK_REFUSED(network.add("dew", no_yes, {"rain", "rain"}, {{1, 0}, {1, 0}, {1, 0}, {1, 0}}),
                "p(dew given rain, rain): expected distinct parents, got rain twice");
  CHECK_REFUSED(network.add("dew", {"same", "same"}, {}, {{1, 0}}), "same");
  CHECK_REFUSED(network.add("dew", {}, {}, {{}}), "dew");
  CHECK_REFUSED(network.add("rain", no_yes, {}, {{1, 0}}), "rain");
  CHECK(network.size() == 4);
  CHECK(network.graph() == before);
  CHECK(network.children(network.id("rain")) == Scope{network.id("wet")});
  network.add("dew", no_yes, {"rain"}, {{1, 0}, {0, 1}});
  CHECK(network.graph().variable_count() == 5);
}

TEST_CASE("bayesian network: a cycle is refused and named") {
  BayesianNetwork network;
  for (const char* name : {"a", "b", "c"}) network.add_variable(name, {"0", "1"});
  network.set_conditional("b", {"a"}, {{1, 0}, {0, 1}});
  network.set_conditional("c", {"b"}, {{1, 0}, {0, 1}});
  CHECK_REFUSED(network.set_conditional("a", {"c"}, {{1, 0}, {0, 1}}), "a -> b -> c -> a");

  FactorGraph graph;
  for (const char* name : {"a", "b"}) graph.add_variable(name, 2);
  const Table copy = Table::dense({2, 2}, {1, 0, 0, 1});
  graph.add_conditional({0, 1}, 1, copy);
  CHECK_REFUSED(BayesianNetwork{graph}, "a has none");
  FactorGraph twice = graph;
  twice.add_conditional({0, 1}, 1, copy);
  CHECK_REFUSED(BayesianNetwork{twice}, "b already has f0(a, b)");
  FactorGraph unmarked = graph;
  unmarked.add_factor({0}, {0.5, 0.5});
  CHECK_REFUSED(BayesianNetwork{unmarked}, "f1(a) is not marked");
  graph.add_conditional({1, 0}, 0, copy);
  CHECK_REFUSED(BayesianNetwork{graph}, "a -> b -> a");
}
