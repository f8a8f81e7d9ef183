#include "networks.hpp"

#include <credo/core/joint_states.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

using namespace credo;
using credo::test::asia;
using credo::test::random_network;

namespace {

/// p(x) of every joint state, by multiplying the tables out.
std::map<std::vector<std::size_t>, double> joint_table(const BayesianNetwork& network) {
  std::vector<std::size_t> extents;
  for (const Variable& v : network.graph().variables()) extents.push_back(v.cardinality);
  std::map<std::vector<std::size_t>, double> table;
  for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
    table[{states.begin(), states.end()}] = std::exp(network.graph().log_weight(states));
  });
  return table;
}

using Joint = std::map<std::vector<std::size_t>, double>;

double mass(const Joint& joint, const std::map<VariableId, std::size_t>& fixed) {
  double sum = 0.0;
  for (const auto& [states, p] : joint) {
    const auto agrees = [&](const auto& f) { return states[f.first] == f.second; };
    if (std::ranges::all_of(fixed, agrees)) sum += p;
  }
  return sum;
}

/// max |p(x, y, z) p(z) - p(x, z) p(y, z)| over all states.
double dependence(const Joint& joint, const FactorGraph& graph, VariableId x, VariableId y,
                  const Scope& z) {
  const std::vector<std::size_t> extents = graph.shape_of(z);
  double largest = 0.0;
  for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
    std::map<VariableId, std::size_t> given;
    for (std::size_t i = 0; i < z.size(); ++i) given[z[i]] = states[i];
    const double p_z = mass(joint, given);
    for (std::size_t a = 0; a < graph.cardinality(x); ++a) {
      for (std::size_t b = 0; b < graph.cardinality(y); ++b) {
        auto with_x = given;
        with_x[x] = a;
        auto with_y = given;
        with_y[y] = b;
        auto both = with_x;
        both[y] = b;
        largest = std::max(largest, std::fabs(mass(joint, both) * p_z -
                                              mass(joint, with_x) * mass(joint, with_y)));
      }
    }
  });
  return largest;
}

bool contains(const Scope& scope, VariableId v) {
  return std::ranges::find(scope, v) != scope.end();
}

/// Whether a trail is active by definition: colliders open, others not given.
bool is_active(const BayesianNetwork& network, const Scope& trail, const Scope& z) {
  for (std::size_t i = 0; i + 1 < trail.size(); ++i) {
    if (!contains(network.parents(trail[i]), trail[i + 1]) &&
        !contains(network.children(trail[i]), trail[i + 1])) {
      return false;
    }
  }
  for (std::size_t i = 1; i + 1 < trail.size(); ++i) {
    const Scope& into = network.parents(trail[i]);
    const bool collider = contains(into, trail[i - 1]) && contains(into, trail[i + 1]);
    bool opened = contains(z, trail[i]);
    for (const VariableId d : network.descendants(trail[i]))
      opened = opened || (collider && contains(z, d));
    if (opened != collider) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("d-separation: agrees with conditional independence on random networks") {
  int separated = 0;
  int connected = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const BayesianNetwork network = random_network(5, 0.45, seed);
    const Joint joint = joint_table(network);
    for (VariableId x = 0; x < 5; ++x) {
      for (VariableId y = x + 1; y < 5; ++y) {
        for (unsigned subset = 0; subset < 32; ++subset) {
          if ((subset >> x & 1U) != 0 || (subset >> y & 1U) != 0) continue;
          Scope z;
          for (VariableId v = 0; v < 5; ++v) {
            if ((subset >> v & 1U) != 0) z.push_back(v);
          }
          const Trail trail = network.active_trail({x}, {y}, z);
          CHECK(trail.variables.empty() == network.active_trail({y}, {x}, z).variables.empty());
          const double measured = dependence(joint, network.graph(), x, y, z);
          if (trail.variables.empty()) {
            ++separated;
            CHECK(measured < 1e-15);
          } else {
            ++connected;
            CHECK(measured > 1e-9);
            CHECK(trail.variables.front() == x);
            CHECK(trail.variables.back() == y);
            CHECK_MESSAGE(is_active(network, trail.variables, z), trail.text);
          }
        }
      }
    }
  }
  CHECK(separated > 100);
  CHECK(connected > 100);
}

TEST_CASE("d-separation: asia, with the trails that connect") {
  const BayesianNetwork network = asia();
  CHECK(network.d_separated("asia", "smoke", {}));
  CHECK_FALSE(network.d_separated("asia", "smoke", {"xray"}));
  CHECK(network.d_separated("asia", "xray", {"either"}));
  CHECK(network.d_separated("lung", "bronc", {"smoke"}));
  CHECK_FALSE(network.d_separated("lung", "bronc", {"smoke", "dysp"}));
  const auto trail = [&](const char* from, const char* to, const std::vector<std::string>& given) {
    return network.active_trail({network.id(from)}, {network.id(to)}, network.ids(given)).text;
  };
  CHECK(trail("asia", "dysp", {}) == "asia -> tub -> either -> dysp");
  CHECK(trail("asia", "smoke", {"xray"}) == "asia -> tub -> either <- lung <- smoke");
  CHECK(trail("asia", "smoke", {}).empty());
  CHECK(trail("asia", "asia", {}) == "asia");
}

TEST_CASE("structure: asia's orders, relatives, blankets and moral graph") {
  const BayesianNetwork network = asia();
  const auto names = [&](const Scope& variables) { return network.names(variables); };
  using Names = std::vector<std::string>;
  CHECK(names(network.ancestors(network.id("xray"))) ==
        Names{"asia", "tub", "smoke", "lung", "either"});
  CHECK(names(network.descendants(network.id("tub"))) == Names{"either", "xray", "dysp"});
  CHECK(names(network.markov_blanket(network.id("either"))) ==
        Names{"tub", "lung", "bronc", "xray", "dysp"});
  CHECK(names(network.markov_blanket(network.id("tub"))) == Names{"asia", "lung", "either"});
  const auto order = network.topological_order();
  REQUIRE(order.size() == network.size());
  for (VariableId v = 0; v < network.size(); ++v) {
    for (const VariableId p : network.parents(v)) {
      CHECK(std::ranges::find(order, p) < std::ranges::find(order, v));
    }
  }
  // Eight arcs and two marriages: lung - tub, bronc - either.
  const auto edges = network.moral_edges();
  CHECK(edges.size() == 10);
  CHECK(std::ranges::count(edges, std::pair(network.id("tub"), network.id("lung"))) == 1);
  CHECK(std::ranges::count(edges, std::pair(network.id("bronc"), network.id("either"))) == 1);
}

TEST_CASE("structure: a variable is independent of the rest given its Markov blanket") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const BayesianNetwork network = random_network(12, 0.25, seed);
    for (VariableId v = 0; v < network.size(); ++v) {
      const Scope blanket = network.markov_blanket(v);
      Scope rest;
      for (VariableId u = 0; u < network.size(); ++u) {
        if (u != v && !contains(blanket, u)) rest.push_back(u);
      }
      CHECK(network.d_separated(Scope{v}, rest, blanket));
      // And every member of the blanket is needed.
      for (const VariableId b : blanket) {
        Scope others = blanket;
        std::erase(others, b);
        CHECK_FALSE(network.d_separated(Scope{v}, Scope{b}, others));
      }
    }
  }
}
