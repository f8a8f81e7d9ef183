#pragma once
// Marginals of a family from its first conditional to its last.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/problem.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::variational {

/// What a forward pass will cost.
struct ForwardPlan {
  std::vector<std::size_t> order;  ///< nodes, parents before children
  double operations = 0.0;
  double peak_bytes = 0.0;
};

/// tables: q, by node, over (parents..., variable). order: topological.
[[nodiscard]] ForwardPlan plan_forward(const Problem& problem, std::span<const Table> tables,
                                       std::vector<std::size_t> order);

/// q(x_v) by variable; empty for observed ones. Throws contraction::Stopped.
[[nodiscard]] std::vector<std::vector<double>> run_forward(const Problem& problem,
                                                           std::span<const Table> tables,
                                                           const ForwardPlan& plan,
                                                           contraction::Monitor& monitor);

}  // namespace credo::variational
