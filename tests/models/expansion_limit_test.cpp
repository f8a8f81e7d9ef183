#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/models/bayesian_network.hpp>
#include <credo/models/data_table.hpp>
#include <credo/models/gaussian_mixture.hpp>
#include <credo/models/hidden_markov_model.hpp>
#include <credo/models/learned_hidden_markov_model.hpp>
#include <credo/models/log_linear.hpp>
#include <credo/models/markov_chain.hpp>
#include <credo/models/markov_network.hpp>
#include <credo/models/principal_components.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// What is written as a rule and would be a huge table is refused before it is made.

namespace {

using credo::BayesianNetwork;
using credo::ModelError;

/// A child "y" of two states, and its parents.
std::pair<BayesianNetwork, std::vector<std::string>> with_parents(std::size_t count) {
  std::pair<BayesianNetwork, std::vector<std::string>> made;
  made.first.add_variable("y", {"no", "yes"});
  for (std::size_t i = 0; i < count; ++i) {
    made.second.push_back("x" + std::to_string(i));
    made.first.add(made.second.back(), {"no", "yes"}, {}, {{0.5, 0.5}});
  }
  return made;
}

}  // namespace

TEST_CASE("expansion limit: rules of many parents") {
  for (const std::size_t count : {28U, 40U, 70U, 1100U}) {
    auto [network, parents] = with_parents(count);
    credo::NoisyOr noisy;
    noisy.inhibitors.assign(count, 0.5);
    CHECK_THROWS_WITH_AS(network.set_noisy_or("y", parents, noisy), doctest::Contains("table of y"),
                         ModelError);
    CHECK_THROWS_WITH_AS(network.set_noisy_or("y", parents, noisy),
                         doctest::Contains("67108864 entries"), ModelError);
    credo::NoisyMax levels;
    levels.contributions.assign(count, {{1.0, 0.0}, {0.5, 0.5}});
    CHECK_THROWS_AS(network.set_noisy_max("y", parents, levels), ModelError);
    CHECK_THROWS_AS(network.set_function("y", parents, [](auto) { return std::size_t{0}; }),
                    ModelError);
  }
  // The limit is the caller's, and a refusal leaves the network as it was.
  auto [network, parents] = with_parents(5);
  credo::NoisyOr noisy;
  noisy.inhibitors.assign(5, 0.5);
  CHECK_THROWS_AS(network.set_noisy_or("y", parents, noisy, 63), ModelError);
  CHECK_THROWS_AS(
      network.set_function("y", parents, [](auto) { return std::size_t{0}; }, 31), ModelError);
  network.set_noisy_or("y", parents, noisy, 64);
  CHECK(network.posterior("y").probability("no") == doctest::Approx(std::pow(0.75, 5)));
}

TEST_CASE("expansion limit: other sizes that are given as numbers") {
  constexpr std::size_t kHuge = SIZE_MAX;
  credo::RandomTables tables;
  tables.cardinality = 1000;
  CHECK_THROWS_AS(static_cast<void>(credo::random_factor_graph(10, 1, 9, tables)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(credo::potts_grid(std::size_t{1} << 32, {})), ModelError);
  credo::GridOptions grid;
  grid.rows = grid.columns = std::size_t{1} << 33;
  CHECK_THROWS_AS(static_cast<void>(credo::ising_grid(grid)), ModelError);
  CHECK_THROWS_AS(credo::MarkovChain(std::size_t{1} << 45, {}), ModelError);
  const credo::HiddenMarkovModel model({0.5, 0.5}, {{0.9, 0.1}, {0.1, 0.9}}, {{1, 0}, {0, 1}});
  CHECK_THROWS_AS(static_cast<void>(model.predict(credo::Observations{1}, kHuge)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.sample(kHuge, 1)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(model.unrolled(kHuge)), ModelError);
  credo::MixtureOptions mixture;
  mixture.components = kHuge;
  CHECK_THROWS_AS(static_cast<void>(credo::gaussian_mixture({1.0, 2.0}, 1, mixture)), ModelError);
  credo::LearnedHmmOptions learned;
  learned.states = std::size_t{1} << 33;
  const std::vector<credo::Observations> sequences{{1}};
  CHECK_THROWS_AS(static_cast<void>(credo::learn_hidden_markov_model(sequences, learned)),
                  ModelError);
  credo::ComponentsOptions components;
  components.components = std::size_t{1} << 33;
  CHECK_THROWS_AS(static_cast<void>(credo::principal_components({1.0, 2.0}, 1, components)),
                  ModelError);
  credo::FactorGraph wide;
  for (int i = 0; i < 3; ++i) wide.add_variable("v" + std::to_string(i), 1000);
  credo::LogLinearModel log_linear(wide);
  CHECK_THROWS_AS(static_cast<void>(log_linear.add_potential({0, 1, 2})), ModelError);
  const BayesianNetwork network = with_parents(0).first;
  CHECK_THROWS_AS(static_cast<void>(network.parents(7)), ModelError);
}

TEST_CASE("expansion limit: rows, times and models that are not there") {
  credo::FactorGraph graph;
  graph.add_variable("a", 2);
  const credo::DataTable data(graph);
  CHECK_THROWS_AS(static_cast<void>(data.row(0)), ModelError);
  CHECK_THROWS_AS(static_cast<void>(data.weight(3)), ModelError);
  credo::HiddenMarkovModel model({0.5, 0.5}, {{0.9, 0.1}, {0.1, 0.9}}, {{1, 0}, {0, 1}});
  const credo::HiddenMarkovModel moved = std::move(model);
  CHECK(moved.state_count() == 2);
  CHECK_THROWS_AS(static_cast<void>(model.smooth(credo::Observations{0, 1})),
                  ModelError);                                          // NOLINT
  CHECK_THROWS_AS(static_cast<void>(model.transition(0)), ModelError);  // NOLINT
}

TEST_CASE("expansion limit: several names in braces are names") {
  BayesianNetwork network;
  network.add("a", {"no", "yes"}, {}, {{0.5, 0.5}});
  network.add("b", {"no", "yes"}, {"a"}, {{0.9, 0.1}, {0.2, 0.8}});
  network.add("c", {"no", "yes"}, {"b"}, {{0.9, 0.1}, {0.2, 0.8}});
  CHECK(network.posterior({"a", "b"}).probability({"yes", "no"}) == doctest::Approx(0.1));
  CHECK(network.d_separated({"a", "a"}, {"c", "c"}, {"b"}));
  CHECK_FALSE(network.d_separated("a", "c", {}));
}
