#include <credo/core/error.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/inference/infer.hpp>
#include <credo/models/markov_network.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <set>

using namespace credo;
using doctest::Approx;

namespace {

double log_z(const FactorGraph& graph) {
  const Result result = infer(graph, Query::log_partition());
  REQUIRE(result.ok());
  return result.log_z;
}

/// log Z of the Ising model on a torus of m rows and n columns (Kaufman 1949, equation 69):
/// Z = (2 sinh 2K)^(mn/2) / 2 * (prod 2 cosh(m g_{2r+1} / 2) + prod 2 sinh(m g_{2r+1} / 2)
///                             + prod 2 cosh(m g_{2r} / 2) + prod 2 sinh(m g_{2r} / 2)).
double kaufman_log_z(double k, int m, int n) {
  double products[4] = {1.0, 1.0, 1.0, 1.0};
  for (int r = 0; r < 2 * n; ++r) {
    const double c =
        std::cosh(2 * k) * std::cosh(2 * k) / std::sinh(2 * k) - std::cos(std::numbers::pi * r / n);
    double gamma = std::acosh(c);
    // g_0 = 2K + log tanh K is signed.
    if (r == 0) gamma = 2 * k + std::log(std::tanh(k));
    const std::size_t pair = r % 2 == 1 ? 0 : 2;
    products[pair] *= 2 * std::cosh(m * gamma / 2);
    products[pair + 1] *= 2 * std::sinh(m * gamma / 2);
  }
  return std::log(0.5) + m * n / 2.0 * std::log(2 * std::sinh(2 * k)) +
         std::log(products[0] + products[1] + products[2] + products[3]);
}

}  // namespace

TEST_CASE("ising: chains and rings have their closed forms") {
  for (const double j : {0.4, 1.0, -0.7}) {
    GridOptions options;
    options.rows = 1;
    options.columns = 10;
    options.coupling = {j, Spread::constant};
    CHECK(log_z(ising_grid(options)) ==
          Approx(std::log(2.0) + 9 * std::log(2 * std::cosh(j))).epsilon(1e-14));
    options.torus = true;
    CHECK(log_z(ising_grid(options)) ==
          Approx(std::log(std::pow(2 * std::cosh(j), 10) + std::pow(2 * std::sinh(j), 10)))
              .epsilon(1e-14));
  }
}

TEST_CASE("ising: the torus of 4 x 4 has Kaufman's partition function") {
  for (const double k : {0.2, 0.4406867935097715, 0.6}) {
    GridOptions options;
    options.rows = options.columns = 4;
    options.torus = true;
    options.coupling = {k, Spread::constant};
    CHECK(log_z(ising_grid(options)) == Approx(kaufman_log_z(k, 4, 4)).epsilon(1e-13));
  }
}

TEST_CASE("ising: independent spins in a field") {
  GridOptions options;
  options.rows = 3;
  options.columns = 2;
  options.coupling.size = 0.0;
  options.field = {0.8, Spread::constant};
  const FactorGraph graph = ising_grid(options);
  CHECK(log_z(graph) == Approx(6 * std::log(2 * std::cosh(0.8))).epsilon(1e-14));
  const Result result = infer(graph, Query::marginals());
  CHECK(result.marginal(3)[1] == Approx(1.0 / (1.0 + std::exp(-1.6))).epsilon(1e-14));
}

TEST_CASE("potts: chains have their closed form, a field weighs state 0") {
  GridOptions options;
  options.rows = 6;
  options.columns = 1;
  options.coupling = {0.9, Spread::constant};
  CHECK(log_z(potts_grid(3, options)) ==
        Approx(std::log(3.0) + 5 * std::log(std::exp(0.9) + 2)).epsilon(1e-14));
  options.rows = 1;
  options.field = {0.5, Spread::constant};
  CHECK(log_z(potts_grid(4, options)) == Approx(std::log(std::exp(0.5) + 3)).epsilon(1e-14));
}

TEST_CASE("grids: edges, names, shared tables and strong couplings") {
  GridOptions options;
  options.rows = 3;
  options.columns = 4;
  const FactorGraph open = ising_grid(options);
  CHECK(open.factor_count() == 3 * 3 + 2 * 4);
  CHECK(open.variable(6).name == "x1_2");
  CHECK(open.factor(0).table.same_object(open.factor(5).table));
  options.torus = true;
  CHECK(ising_grid(options).factor_count() == 2 * 12);
  options.columns = 2;  // two columns wrap onto the edge they have
  CHECK(ising_grid(options).factor_count() == 3 * 2 + 3);
  options.torus = false;
  options.coupling.size = 1000.0;
  // Two aligned ground states, the rest below e^-2000.
  CHECK(log_z(ising_grid(options)) == Approx(7 * 1000.0 + std::log(2.0)).epsilon(1e-15));
  options.rows = 0;
  CHECK_THROWS_AS((void)ising_grid(options), OptionError);
}

TEST_CASE("generators: one seed, one graph") {
  GridOptions grid;
  grid.rows = grid.columns = 3;
  grid.coupling = {1.5, Spread::mixed};
  grid.field = {0.5, Spread::positive};
  GridOptions other = grid;
  other.seed = 2;
  CHECK(ising_grid(grid) == ising_grid(grid));
  CHECK_FALSE(ising_grid(grid) == ising_grid(other));
  CHECK(potts_grid(3, grid) == potts_grid(3, grid));
  const RandomTables tables{.cardinality = 3, .log_range = 2.0, .seed = 5};
  const RandomTables again{.cardinality = 3, .log_range = 2.0, .seed = 6};
  CHECK(random_chain(8, tables) == random_chain(8, tables));
  CHECK_FALSE(random_chain(8, tables) == random_chain(8, again));
  CHECK(random_tree(8, tables) == random_tree(8, tables));
  CHECK(random_pairwise(8, 0.4, tables) == random_pairwise(8, 0.4, tables));
  CHECK(random_factor_graph(8, 6, 3, tables) == random_factor_graph(8, 6, 3, tables));
  CHECK_FALSE(random_factor_graph(8, 6, 3, tables) == random_factor_graph(8, 6, 3, again));
}

TEST_CASE("generators: couplings stay in their range") {
  GridOptions options;
  options.rows = options.columns = 20;
  options.coupling = {1.5, Spread::positive};
  double low = 10.0;
  double high = -10.0;
  const FactorGraph graph = ising_grid(options);
  for (const Factor& f : graph.factors()) {
    low = std::min(low, f.table.log_at(0));
    high = std::max(high, f.table.log_at(0));
  }
  CHECK(low >= 0.0);
  CHECK(low < 0.05);
  CHECK(high < 1.5);
  CHECK(high > 1.45);
}

TEST_CASE("generators: shapes of chains, trees and random graphs") {
  CHECK(random_chain(10).factor_count() == 19);
  CHECK(is_forest(random_tree(50)));
  CHECK(connected_components(random_tree(50)).count == 1);
  CHECK(random_pairwise(6, 0.0).factor_count() == 6);
  CHECK(random_pairwise(6, 1.0).factor_count() == 6 + 15);
  const FactorGraph graph = random_factor_graph(9, 40, 3);
  std::set<Scope> scopes;
  for (const Factor& f : graph.factors()) {
    CHECK(std::set<VariableId>(f.scope.begin(), f.scope.end()).size() == 3);
    scopes.insert(f.scope);
  }
  CHECK(scopes.size() > 30);
  CHECK_THROWS_AS((void)random_factor_graph(2, 1, 3), OptionError);
  CHECK_THROWS_AS((void)random_pairwise(3, 1.5), OptionError);
  CHECK_THROWS_AS((void)random_chain(3, {.cardinality = 0}), OptionError);
  CHECK(random_chain(0).variable_count() == 0);
}

TEST_CASE("random: the standard's engine, our own uniform numbers") {
  // [rand.predef]: the 10000th value of mt19937_64 with seed 5489 is 9981545732273789042.
  Random random(5489);
  for (int i = 0; i < 9999; ++i) (void)random.uniform();
  CHECK(random.uniform() == static_cast<double>(9981545732273789042ULL >> 11) * 0x1p-53);
  std::vector<int> counts(3, 0);
  for (int i = 0; i < 30000; ++i) ++counts[random.below(3)];
  for (const int c : counts) CHECK(std::abs(c - 10000) < 400);
  const std::vector<double> weights{0.0, 1.0, 0.0, 3.0, 0.0};
  std::vector<int> drawn(5, 0);
  for (int i = 0; i < 40000; ++i) ++drawn[random.categorical(weights)];
  CHECK(drawn[0] + drawn[2] + drawn[4] == 0);
  CHECK(std::abs(drawn[1] - 10000) < 400);
}
