#pragma once
// Markov networks with pairwise and higher factors: grids of physics and vision,
// and seeded random graphs. Weights are stored as natural logarithms, so that a seed
// gives the same bits everywhere and strong couplings do not overflow.

#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>

namespace credo {

/// How the parameters of one kind are chosen.
enum class Spread : std::uint8_t {
  constant,  ///< all equal to size
  positive,  ///< independent, uniform on [0, size)
  mixed,     ///< independent, uniform on [-size, size)
};

/// A kind of parameter, in nats.
struct Strength {
  double size = 0.0;
  Spread spread = Spread::constant;
};

/// Variables "x0_0" ... in rows and columns, joined to the right and below.
struct GridOptions {
  std::size_t rows = 10;
  std::size_t columns = 10;
  /// Also join last and first row, last and first column (of grids 3 or wider).
  bool torus = false;
  Strength coupling{1.0, Spread::constant};
  Strength field{0.0, Spread::constant};
  std::uint64_t seed = 1;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// log p~(x) = sum_edges J_ij s_i s_j + sum_i h_i s_i with spins s = -1 (state 0) and +1 (state 1).
/// Grid variable (r, c) has id r * columns + c. Equal couplings share one table.
[[nodiscard]] FactorGraph ising_grid(const GridOptions& options);

/// log p~(x) = sum_edges J_ij [x_i = x_j] + sum_i h_i(x_i). A constant field h weighs state 0 by
/// exp(h); a random one draws h_i(x) for every state. Throws OptionError when states is 0.
[[nodiscard]] FactorGraph potts_grid(std::size_t states, const GridOptions& options);

/// Random tables: every entry is exp(u), u independent and uniform on [-log_range, log_range).
struct RandomTables {
  std::size_t cardinality = 2;
  double log_range = 1.0;
  std::uint64_t seed = 1;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Variables "x0" to "x<n-1>", one table each, and one per edge:
/// x_{i-1} - x_i for a chain;
[[nodiscard]] FactorGraph random_chain(std::size_t variables, const RandomTables& tables = {});
/// x_j - x_i with j uniform below i for a (recursive) tree;
[[nodiscard]] FactorGraph random_tree(std::size_t variables, const RandomTables& tables = {});
/// every pair with the given probability (Erdos and Renyi 1959).
[[nodiscard]] FactorGraph random_pairwise(std::size_t variables, double edge_probability,
                                          const RandomTables& tables = {});

/// Factors over `arity` distinct variables each, drawn uniformly; no others. Throws OptionError
/// when arity exceeds the number of variables.
[[nodiscard]] FactorGraph random_factor_graph(std::size_t variables, std::size_t factors,
                                              std::size_t arity, const RandomTables& tables = {});

}  // namespace credo
