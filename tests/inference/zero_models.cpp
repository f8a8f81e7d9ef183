#include "zero_models.hpp"

#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>
#include <vector>

namespace credo::testing {

namespace {

FactorGraph variables(std::size_t count, std::size_t cardinality) {
  FactorGraph graph;
  for (std::size_t v = 0; v < count; ++v) graph.add_variable(fmt::format("x{}", v), cardinality);
  return graph;
}

Scope random_scope(Random& random, const FactorGraph& graph, std::size_t size) {
  return random.subset(graph.variable_count(), std::min(size, graph.variable_count()));
}

/// Entry by entry.
template <typename Entry>
Table table_of(const FactorGraph& graph, const Scope& scope, const Entry& entry,
               Domain domain = Domain::linear) {
  const std::vector<std::size_t> shape = graph.shape_of(scope);
  std::vector<double> values(saturating_product(shape));
  for (double& x : values) x = entry();
  return Table::dense(shape, std::move(values), domain);
}

void add_biases(Random& random, FactorGraph& graph, double chance) {
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (!random.chance(chance)) continue;
    graph.add_factor({v}, table_of(graph, {v}, [&random] {
                       return random.chance(0.15) ? 0.0 : random.uniform(0.1, 2.0);
                     }));
  }
}

/// diagonal on equal states, beside on others.
Table pair_table(std::size_t cardinality, double diagonal, double beside) {
  std::vector<double> values(cardinality * cardinality, beside);
  for (std::size_t i = 0; i < cardinality; ++i) values[i * (cardinality + 1)] = diagonal;
  return Table::dense({cardinality, cardinality}, std::move(values));
}

FactorGraph equal_and_different(Random& random) {
  FactorGraph graph = variables(3 + random.below(6), 2);
  for (std::size_t i = 0; i < graph.variable_count() + random.below(8); ++i) {
    const bool equal = random.chance(0.7);
    graph.add_factor(random_scope(random, graph, 2),
                     pair_table(2, equal ? 1.0 : 0.0, equal ? 0.0 : 1.0));
  }
  add_biases(random, graph, 0.5);
  return graph;
}

FactorGraph colours(Random& random) {
  FactorGraph graph = variables(4 + random.below(4), 3);
  for (VariableId a = 0; a < graph.variable_count(); ++a) {
    for (VariableId b = a + 1; b < graph.variable_count(); ++b) {
      if (random.chance(0.6)) graph.add_factor({a, b}, pair_table(3, 0.0, 1.0));
    }
  }
  add_biases(random, graph, 0.6);
  return graph;
}

FactorGraph permutations(Random& random) {
  const std::size_t n = 3 + random.below(3);
  FactorGraph graph = variables(n, n);
  for (VariableId a = 0; a < n; ++a) {
    for (VariableId b = a + 1; b < n; ++b) graph.add_factor({a, b}, pair_table(n, 0.0, 1.0));
  }
  add_biases(random, graph, 0.7);
  return graph;
}

FactorGraph parities(Random& random) {
  FactorGraph graph = variables(4 + random.below(5), 2);
  for (std::size_t i = 0; i < 3 + random.below(6); ++i) {
    const double odd = random.chance(0.5) ? 1.0 : 0.0;
    const double even = 1.0 - odd;
    graph.add_factor(random_scope(random, graph, 3),
                     Table::dense({2, 2, 2}, {even, odd, odd, even, odd, even, even, odd}));
  }
  add_biases(random, graph, 0.5);
  return graph;
}

FactorGraph clauses(Random& random) {
  FactorGraph graph = variables(5 + random.below(4), 2);
  for (std::size_t i = 0; i < (2 + random.below(3)) * graph.variable_count(); ++i) {
    std::vector<double> values(8, 1.0);
    values[random.below(8)] = 0.0;
    graph.add_factor(random_scope(random, graph, 3), Table::dense({2, 2, 2}, std::move(values)));
  }
  return graph;
}

FactorGraph functions(Random& random) {
  const ModelClass of{.name = "functions",
                      .variables = 8,
                      .smallest_cardinality = 2,
                      .bayesian_network = true,
                      .deterministic = true,
                      .root_fraction = 0.3};
  FactorGraph graph = random_graph(random, of);
  add_biases(random, graph, 0.4);
  return graph;
}

FactorGraph random_zeros(Random& random) {
  const ModelClass of{.name = "zeros",
                      .variables = 7,
                      .factors = 10,
                      .smallest_cardinality = 2,
                      .zero_fraction = random.uniform(0.2, 0.6),
                      .sparse_fraction = 0.4,
                      .log_fraction = 0.3};
  return random_graph(random, of);
}

/// Logarithms between -half_range and half_range, zeros among them.
FactorGraph wide(Random& random, double half_range, Domain domain) {
  FactorGraph graph = variables(4 + random.below(3), 2 + random.below(2));
  for (std::size_t i = 0; i < graph.variable_count() + random.below(5); ++i) {
    const Scope scope = random_scope(random, graph, 1 + random.below(3));
    graph.add_factor(scope, table_of(
                                graph, scope,
                                [&random, half_range, domain] {
                                  const bool zero = random.chance(0.3);
                                  const double x = random.uniform(-half_range, half_range);
                                  if (domain == Domain::log) return zero ? -kInfinity : x;
                                  return zero ? 0.0 : std::exp(x);
                                },
                                domain));
  }
  return graph;
}

FactorGraph wide_linear(Random& random) { return wide(random, 690.0, Domain::linear); }
FactorGraph wide_logs(Random& random) { return wide(random, 1e6, Domain::log); }
/// Near the largest logarithms that a table may have.
FactorGraph largest_logs(Random& random) { return wide(random, 8e299, Domain::log); }

constexpr std::array kZeroModels{
    ZeroModel{"equal and different", equal_and_different},
    ZeroModel{"colours", colours},
    ZeroModel{"permutations", permutations},
    ZeroModel{"parities", parities},
    ZeroModel{"clauses", clauses},
    ZeroModel{"functions", functions},
    ZeroModel{"random zeros", random_zeros},
    ZeroModel{"entries from 1e-300 to 1e300", wide_linear},
    ZeroModel{"logarithms up to a million", wide_logs},
    ZeroModel{"logarithms near 1e300", largest_logs},
};

}  // namespace

std::span<const ZeroModel> zero_models() { return kZeroModels; }

FactorGraph planted(Random& random) {
  FactorGraph graph = variables(40, 2);
  std::vector<std::size_t> hidden;
  for (int v = 0; v < 40; ++v) hidden.push_back(random.below(2));
  for (int i = 0; i < 90; ++i) {
    const Scope scope = random_scope(random, graph, 3);
    std::vector<double> values(8);
    for (double& x : values) x = random.chance(0.3) ? 0.0 : random.uniform(0.2, 1.0);
    values[hidden[scope[0]] * 4 + hidden[scope[1]] * 2 + hidden[scope[2]]] = 0.3;
    graph.add_factor(scope, Table::dense({2, 2, 2}, std::move(values)));
  }
  return graph;
}

FactorGraph wide_forest(Random& random) {
  FactorGraph graph = variables(2 + random.below(6), 2 + random.below(2));
  const auto entry = [&random] {
    return random.chance(0.25) ? 0.0 : std::exp(random.uniform(-690.0, 690.0));
  };
  for (VariableId v = 1; v < graph.variable_count(); ++v) {
    const Scope scope{static_cast<VariableId>(random.below(v)), v};
    graph.add_factor(scope, table_of(graph, scope, entry));
  }
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    graph.add_factor({v}, table_of(graph, {v}, entry));
  }
  return graph;
}

Sudoku sudoku() {
  // Rows of the puzzle; 0 is an open cell.
  constexpr std::string_view kGiven =
      "530070000"
      "600195000"
      "098000060"
      "800000003"
      "400003001"
      "700000006"
      "060000280"
      "000419000"
      "000000009";
  Sudoku sudoku{variables(81, 9), {}};
  const Table different = pair_table(9, 0.0, 1.0);
  for (VariableId a = 0; a < 81; ++a) {
    for (VariableId b = a + 1; b < 81; ++b) {
      const bool row = a / 9 == b / 9;
      const bool column = a % 9 == b % 9;
      const bool box = a / 27 == b / 27 && a % 9 / 3 == b % 9 / 3;
      if (row || column || box) sudoku.graph.add_factor({a, b}, Table(different));
    }
    const std::size_t digit = static_cast<std::size_t>(kGiven[a] - '0');
    if (digit > 0) sudoku.givens.observe(a, digit - 1);
  }
  return sudoku;
}

}  // namespace credo::testing
