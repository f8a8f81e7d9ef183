#pragma once
// Coordinate ascent over the conditionals of a family.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <vector>

namespace credo::variational {

/// The best of the starts.
struct AscentAnswer {
  std::vector<Rows> rows;  ///< by node
  double value = -kInfinity;
  double violations = kInfinity;  ///< expected number of scores of -infinity; 0: feasible
  std::vector<double> trace;      ///< L after every block update of the last stage
  std::size_t start = 0;
  std::size_t sweeps = 0;  ///< of all stages of the best start
  double residual = kNaN;
  bool converged = false;
  bool monotone = true;
};

/// initial: rows of the first start by node. solver: of everything in the problem. Throws
/// contraction::Stopped.
[[nodiscard]] AscentAnswer run_ascent(const Problem& problem, BlockSolver& solver,
                                      const std::vector<Rows>& initial,
                                      const VariationalOptions& options,
                                      contraction::Monitor& monitor);

}  // namespace credo::variational
