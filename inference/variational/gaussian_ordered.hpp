#pragma once
// A soluble family with continuous variables whose conditionals do not see all that their scores
// mention. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>

#include <vector>

namespace credo::variational {

[[nodiscard]] GaussianCost cost_of_ordered(const GaussianProblem& problem);

/// Throws Breakdown, and contraction::Stopped.
[[nodiscard]] GaussianSweepAnswer run_gaussian_ordered(const GaussianProblem& problem,
                                                       const std::vector<VariableId>& order,
                                                       bool messages,
                                                       contraction::Monitor& monitor);

}  // namespace credo::variational
