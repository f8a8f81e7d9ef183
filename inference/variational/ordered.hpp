#pragma once
// A soluble family whose conditionals do not see all that their scores mention: solved one by one.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/sweep.hpp>

#include <vector>

namespace credo::variational {

/// One solver per optimised conditional, in the order they are solved, each on the scores that lie
/// below it and the conditionals those depend on.
struct OrderedPlan {
  std::vector<std::size_t> nodes;
  std::vector<BlockSolver> solvers;
  double operations = 0.0;
  double peak_bytes = 0.0;
};
[[nodiscard]] OrderedPlan plan_ordered(const Problem& problem,
                                       const std::vector<VariableId>& order);

/// Throws contraction::Stopped when the monitor says so.
[[nodiscard]] SweepAnswer run_ordered(const Problem& problem, OrderedPlan plan, bool messages,
                                      contraction::Monitor& monitor);

/// Tables of q by node: kernels as they are, rows of optimised conditionals dense.
[[nodiscard]] std::vector<Table> tables_of(const Problem& problem, std::vector<Rows> rows);

}  // namespace credo::variational
