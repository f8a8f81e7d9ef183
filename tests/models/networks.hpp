#pragma once
// Networks that several tests ask.

#include <credo/models/bayesian_network.hpp>
#include <credo/models/random.hpp>

#include <string>
#include <vector>

namespace credo::test {

/// Asia (Lauritzen and Spiegelhalter 1988, table 1).
inline BayesianNetwork asia() {
  const std::vector<std::string> yes_no{"yes", "no"};
  BayesianNetwork network;
  network.add("asia", yes_no, {}, {{0.01, 0.99}});
  network.add("tub", yes_no, {"asia"}, {{0.05, 0.95}, {0.01, 0.99}});
  network.add("smoke", yes_no, {}, {{0.5, 0.5}});
  network.add("lung", yes_no, {"smoke"}, {{0.1, 0.9}, {0.01, 0.99}});
  network.add("bronc", yes_no, {"smoke"}, {{0.6, 0.4}, {0.3, 0.7}});
  network.add_variable("either", yes_no);
  network.set_function("either", {"lung", "tub"},
                       [](std::span<const std::size_t> s) { return s[0] * s[1]; });
  network.add("xray", yes_no, {"either"}, {{0.98, 0.02}, {0.05, 0.95}});
  network.add("dysp", yes_no, {"bronc", "either"},
              {{0.9, 0.1}, {0.8, 0.2}, {0.7, 0.3}, {0.1, 0.9}});
  return network;
}

/// Variables "v0", ... of two or three states with arcs from lower to higher in a random order.
inline BayesianNetwork random_network(std::size_t variables, double arc_probability,
                                      std::uint64_t seed) {
  Random random(seed);
  BayesianNetwork network;
  std::vector<std::string> names;
  for (std::size_t v = 0; v < variables; ++v) {
    names.emplace_back("v").append(std::to_string(v));
    network.add_variable(names.back(), random.below(3) == 0
                                           ? std::vector<std::string>{"a", "b", "c"}
                                           : std::vector<std::string>{"a", "b"});
  }
  for (std::size_t i = variables; i > 1; --i) std::swap(names[i - 1], names[random.below(i)]);
  for (std::size_t v = 0; v < variables; ++v) {
    std::vector<std::string> parents;
    std::size_t rows = 1;
    for (std::size_t u = 0; u < v; ++u) {
      if (random.uniform() >= arc_probability) continue;
      parents.push_back(names[u]);
      rows *= network.variable(names[u]).cardinality;
    }
    std::vector<std::vector<double>> table(rows);
    for (std::vector<double>& row : table) {
      for (std::size_t s = 0; s < network.variable(names[v]).cardinality; ++s) {
        row.push_back(random.uniform(0.05, 1.0));
      }
      normalize(row);
    }
    network.set_conditional(names[v], parents, table);
  }
  return network;
}

}  // namespace credo::test
