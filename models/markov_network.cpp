#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/markov_network.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

namespace credo {

namespace {

void require(bool valid, std::string_view option, const std::string& expected, double given) {
  if (!valid) {
    throw OptionError(fmt::format("{}: expected {}, got {}", option, expected, given));
  }
}

double draw(Random& random, const Strength& strength) {
  switch (strength.spread) {
    case Spread::positive:
      return random.uniform(0.0, strength.size);
    case Spread::mixed:
      return random.uniform(-strength.size, strength.size);
    case Spread::constant:
      break;
  }
  return strength.size;
}

using MakeTable = std::function<Table()>;

/// Calls a maker every time, or only once when all its tables are equal.
MakeTable shared_when_constant(const Strength& strength, MakeTable make) {
  if (strength.spread != Spread::constant) return make;
  return [table = make()] { return table; };
}

FactorGraph grid(const GridOptions& options, std::size_t cardinality, const MakeTable& edge,
                 const MakeTable& vertex) {
  const double variables = static_cast<double>(options.rows) * static_cast<double>(options.columns);
  require_expandable("grid", variables, kExpansionLimit, "choose fewer rows and columns", 512.0);
  FactorGraph graph;
  const auto id = [&](std::size_t r, std::size_t c) {
    return static_cast<VariableId>(r % options.rows * options.columns + c % options.columns);
  };
  for (std::size_t r = 0; r < options.rows; ++r) {
    for (std::size_t c = 0; c < options.columns; ++c) {
      graph.add_variable(fmt::format("x{}_{}", r, c), cardinality);
    }
  }
  const bool wraps_columns = options.torus && options.columns > 2;
  const bool wraps_rows = options.torus && options.rows > 2;
  for (std::size_t r = 0; r < options.rows; ++r) {
    for (std::size_t c = 0; c < options.columns; ++c) {
      if (options.field.size != 0.0) graph.add_factor({id(r, c)}, vertex());
      if (c + 1 < options.columns || wraps_columns) {
        graph.add_factor({id(r, c), id(r, c + 1)}, edge());
      }
      if (r + 1 < options.rows || wraps_rows) {
        graph.add_factor({id(r, c), id(r + 1, c)}, edge());
      }
    }
  }
  return graph;
}

Table random_table(Random& random, std::size_t arity, const RandomTables& tables) {
  const std::vector<std::size_t> shape(arity, tables.cardinality);
  require_expandable("random table", entries_of(shape), kExpansionLimit,
                     "choose a smaller cardinality or arity");
  std::vector<double> log_values(saturating_product(shape));
  for (double& value : log_values) value = random.uniform(-tables.log_range, tables.log_range);
  return Table::dense(shape, std::move(log_values), Domain::log);
}

FactorGraph numbered_variables(std::size_t count, const RandomTables& tables) {
  tables.validate();
  require_expandable("random graph", static_cast<double>(count), kExpansionLimit,
                     "choose fewer variables", 512.0);
  FactorGraph graph;
  for (std::size_t v = 0; v < count; ++v) {
    graph.add_variable(fmt::format("x{}", v), tables.cardinality);
  }
  return graph;
}

/// One table per variable, and one per edge (smaller, larger) in the order edges_to(larger) lists.
FactorGraph pairwise(std::size_t variables, const RandomTables& tables,
                     const std::function<Scope(Random&, VariableId)>& edges_to) {
  FactorGraph graph = numbered_variables(variables, tables);
  Random random(tables.seed);
  for (VariableId v = 0; v < variables; ++v) {
    graph.add_factor({v}, random_table(random, 1, tables));
    for (const VariableId u : edges_to(random, v)) {
      graph.add_factor({u, v}, random_table(random, 2, tables));
    }
  }
  return graph;
}

}  // namespace

void GridOptions::validate() const {
  require(rows >= 1, "rows", "at least 1", static_cast<double>(rows));
  require(columns >= 1, "columns", "at least 1", static_cast<double>(columns));
  require(std::isfinite(coupling.size), "coupling", "a finite number", coupling.size);
  require(std::isfinite(field.size), "field", "a finite number", field.size);
}

void RandomTables::validate() const {
  require(cardinality >= 1, "cardinality", "at least 1", static_cast<double>(cardinality));
  require(std::isfinite(log_range) && log_range >= 0.0, "log_range", "a finite number from 0",
          log_range);
}

FactorGraph ising_grid(const GridOptions& options) {
  options.validate();
  Random random(options.seed);
  return grid(options, 2,
              shared_when_constant(options.coupling,
                                   [&] {
                                     const double j = draw(random, options.coupling);
                                     return Table::dense({2, 2}, {j, -j, -j, j}, Domain::log);
                                   }),
              shared_when_constant(options.field, [&] {
                const double h = draw(random, options.field);
                return Table::dense({2}, {-h, h}, Domain::log);
              }));
}

FactorGraph potts_grid(std::size_t states, const GridOptions& options) {
  options.validate();
  require(states >= 1, "states", "at least 1", static_cast<double>(states));
  const bool shared = options.coupling.spread == Spread::constant;
  const double edges =
      2.0 * static_cast<double>(options.rows) * static_cast<double>(options.columns);
  require_expandable(
      "tables of a Potts grid",
      static_cast<double>(states) * static_cast<double>(states) * (shared ? 1.0 : edges),
      kExpansionLimit, "choose fewer states or a smaller grid");
  Random random(options.seed);
  const auto edge = [&] {
    std::vector<double> log_values(states * states, 0.0);
    const double j = draw(random, options.coupling);
    for (std::size_t s = 0; s < states; ++s) log_values[s * states + s] = j;
    return Table::dense({states, states}, std::move(log_values), Domain::log);
  };
  const auto vertex = [&] {
    std::vector<double> log_values(states, 0.0);
    const bool constant = options.field.spread == Spread::constant;
    for (std::size_t s = 0; s < (constant ? 1 : states); ++s) {
      log_values[s] = draw(random, options.field);
    }
    return Table::dense({states}, std::move(log_values), Domain::log);
  };
  return grid(options, states, shared_when_constant(options.coupling, edge),
              shared_when_constant(options.field, vertex));
}

FactorGraph random_chain(std::size_t variables, const RandomTables& tables) {
  return pairwise(variables, tables,
                  [](Random&, VariableId v) { return v == 0 ? Scope{} : Scope{v - 1}; });
}

FactorGraph random_tree(std::size_t variables, const RandomTables& tables) {
  return pairwise(variables, tables, [](Random& random, VariableId v) {
    return v == 0 ? Scope{} : Scope{static_cast<VariableId>(random.below(v))};
  });
}

FactorGraph random_pairwise(std::size_t variables, double edge_probability,
                            const RandomTables& tables) {
  require(edge_probability >= 0.0 && edge_probability <= 1.0, "edge_probability", "0 to 1",
          edge_probability);
  return pairwise(variables, tables, [&](Random& random, VariableId v) {
    Scope neighbours;
    for (VariableId u = 0; u < v; ++u) {
      if (random.uniform() < edge_probability) neighbours.push_back(u);
    }
    return neighbours;
  });
}

FactorGraph random_factor_graph(std::size_t variables, std::size_t factors, std::size_t arity,
                                const RandomTables& tables) {
  require(arity <= variables, "arity", fmt::format("at most {} variables", variables),
          static_cast<double>(arity));
  require_expandable("tables of a random factor graph",
                     std::pow(static_cast<double>(tables.cardinality), static_cast<double>(arity)) *
                         static_cast<double>(factors),
                     kExpansionLimit, "choose fewer factors, or a smaller cardinality or arity");
  FactorGraph graph = numbered_variables(variables, tables);
  Random random(tables.seed);
  Scope order(variables);
  std::iota(order.begin(), order.end(), VariableId{0});
  for (std::size_t f = 0; f < factors; ++f) {
    for (std::size_t i = 0; i < arity; ++i) {
      std::swap(order[i], order[i + random.below(variables - i)]);
    }
    const Scope scope(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(arity));
    graph.add_factor(scope, random_table(random, arity, tables));
  }
  return graph;
}

}  // namespace credo
