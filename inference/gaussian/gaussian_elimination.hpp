#pragma once
// The algorithm "gaussian_elimination": exact inference with continuous variables.

#include <credo/inference/infer.hpp>

#include <string>

namespace credo {

/// "" when strong elimination fits the budget; else the reason, with numbers. Plans.
[[nodiscard]] std::string why_not_gaussian_elimination(const FactorGraph& graph,
                                                       const Evidence& evidence, const Query& query,
                                                       const InferOptions& options);

/// pr, mar, map, mmap (of discrete targets) and sample, exactly. Continuous variables are
/// integrated out first, at one elimination for every joint state of their discrete neighbours;
/// what is left is the contraction engine's. MAP takes the mode of the continuous variables: the
/// k-best assignments differ in discrete states. Refused, naming the variable, where an integral
/// diverges.
[[nodiscard]] Result run_gaussian_elimination(const FactorGraph& graph, const Evidence& evidence,
                                              const Query& query, const InferOptions& options);

}  // namespace credo
