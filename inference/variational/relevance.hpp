#pragma once
// Which optimised conditional has to be solved before which.

#include <credo/inference/variational/problem.hpp>
#include <credo/inference/variational/sweep_plan.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <vector>

namespace credo::variational {

/// The order from the needs of all pairs, or an offending pair.
[[nodiscard]] Solubility test_solubility(const Problem& problem);

/// The order of a sweep that needs no forward pass.
[[nodiscard]] Solubility swept_solubility(const Problem& problem, const SweepPlan& plan);

/// By variable: 1 for the node's variable and everything below it in the family.
[[nodiscard]] std::vector<char> descendants(const Problem& problem, std::size_t node);

/// Nodes, parents before children.
[[nodiscard]] std::vector<std::size_t> parents_first(const Problem& problem);

}  // namespace credo::variational
