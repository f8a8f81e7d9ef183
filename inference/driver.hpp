#pragma once
// What every way of asking shares: the checks before an algorithm runs and the
// finishing touches to what it returns.

#include <credo/inference/algorithms.hpp>

#include <string>

namespace credo {

/// Throws EvidenceError, QueryError or OptionError when the question does not fit the graph.
void validate_question(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options);

/// The product of all cardinalities; may be infinite.
[[nodiscard]] double joint_states(const FactorGraph& graph);

/// Why the answer itself, or one number for every state of every variable, does not fit the memory
/// limit, or log Z perhaps not a double, whatever the algorithm; empty when they do.
[[nodiscard]] std::string why_answer_too_large(const FactorGraph& graph, const Query& query,
                                               const InferOptions& options);

/// Fills what does not depend on the method: the algorithm's name, the bounds of an exact log Z,
/// a readable message, and for impossible evidence log Z = -infinity and (when
/// options.explain_conflict) the minimal conflict. elapsed_seconds is what
/// options.time_limit_seconds has already lost.
void complete_result(const FactorGraph& graph, const Evidence& evidence,
                     const InferOptions& options, std::string_view algorithm,
                     double elapsed_seconds, Result& result);

}  // namespace credo
