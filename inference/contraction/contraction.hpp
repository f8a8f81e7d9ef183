#pragma once
// The algorithm "contraction": every exact task on one contraction tree.

#include <credo/inference/infer.hpp>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// "" when the plan fits the budget; else what it would need. Plans, so it costs as much as
/// planning.
[[nodiscard]] std::string why_not_contraction(const FactorGraph& graph, const Evidence& evidence,
                                              const Query& query, const InferOptions& options);

/// Answers any task exactly, or refuses with the numbers of the plan.
[[nodiscard]] Result run_contraction(const FactorGraph& graph, const Evidence& evidence,
                                     const Query& query, const InferOptions& options);

}  // namespace credo
