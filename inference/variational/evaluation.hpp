#pragma once
// L of given conditionals.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/problem.hpp>

#include <span>
#include <vector>

namespace credo::variational {

/// The problem with every conditional clamped to tables[node] (linear, over (parents..., variable))
/// and what it pays for itself among the scores.
[[nodiscard]] Problem clamped_problem(const Problem& problem, std::span<const Table> tables);

/// L of a problem whose nodes are all clamped: by a sweep or by the tree of dual numbers, whichever
/// is planned to be cheaper. Throws contraction::Stopped.
[[nodiscard]] double expected_value(const Problem& clamped, contraction::Monitor& monitor);

}  // namespace credo::variational
