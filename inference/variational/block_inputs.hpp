#pragma once
// Scores and kernels as tables of dual numbers.

#include <credo/inference/variational/expectation.hpp>
#include <credo/inference/variational/problem.hpp>

namespace credo::variational {

/// p = 1; -infinity becomes a violation. Dense.
[[nodiscard]] DualTable dual_of(const Score& score);

/// A clamped kernel; every row without an entry gets its first, as a violation.
[[nodiscard]] DualTable dual_of_kernel(const FactorGraph& graph, const Node& node);

/// Adds a score to the stored entries of a kernel whose scope contains its own.
void carry(const FactorGraph& graph, const Score& score, DualTable& kernel);

}  // namespace credo::variational
