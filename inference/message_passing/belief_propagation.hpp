#pragma once
// Belief propagation as a line of the table of algorithms.

#include <credo/inference/infer.hpp>

#include <string>

namespace credo {

/// "" when the task is pr, mar (joints inside the scope of one factor) or map (one assignment) and
/// the messages fit the memory limit; else the reason, with numbers.
[[nodiscard]] std::string why_not_belief_propagation(const FactorGraph& graph,
                                                     const Evidence& evidence, const Query& query,
                                                     const InferOptions& options);

/// propagate() with Bethe's counting numbers. Exact on forests; otherwise log_z is the Bethe value
/// and its bounds are -infinity and +infinity.
[[nodiscard]] Result run_belief_propagation(const FactorGraph& graph, const Evidence& evidence,
                                            const Query& query, const InferOptions& options);

}  // namespace credo
