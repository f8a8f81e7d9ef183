#pragma once
// Small random models that are full of zeros: what message passing finds hardest.

#include "random_models.hpp"

#include <credo/core/factor_graph.hpp>

#include <span>
#include <string_view>

namespace credo::testing {

/// A kind of random model, drawn anew at every call. At most about 3000 joint states.
struct ZeroModel {
  std::string_view name;
  FactorGraph (*draw)(Random&);
};

/// Equal, different and exclusive-or factors with biases, permutations, clauses, functions, tables
/// with random zeros (dense, sparse, linear, logarithmic) and with a range of 1e-300 to 1e300 and
/// far beyond.
[[nodiscard]] std::span<const ZeroModel> zero_models();

/// Forty binary variables in ninety factors of three whose entries are zero with probability 0.6,
/// but for those of one hidden joint state: Z > 0, and too wide for a small memory limit.
[[nodiscard]] FactorGraph planted(Random& random);

/// A forest whose tables have zeros and entries from 1e-300 to 1e300.
[[nodiscard]] FactorGraph wide_forest(Random& random);

/// A 9 x 9 sudoku: "different" factors over pairs of the 81 cells, and 24 given digits. A model
/// over its cells; the givens are returned beside it.
struct Sudoku {
  FactorGraph graph;
  Evidence givens;
};
[[nodiscard]] Sudoku sudoku();

}  // namespace credo::testing
