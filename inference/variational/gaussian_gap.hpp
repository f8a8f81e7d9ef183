#pragma once
// log Z - L with continuous variables, term by term. Internal.

#include <credo/inference/variational/gap.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>

namespace credo::variational {

/// As local_divergences(); q by node.
[[nodiscard]] GapAnswer gaussian_divergences(const FactorGraph& graph, const Evidence& evidence,
                                             const GaussianProblem& problem,
                                             const GaussianFamily& q, bool feasible,
                                             const InferOptions& options,
                                             contraction::Monitor& monitor);

}  // namespace credo::variational
