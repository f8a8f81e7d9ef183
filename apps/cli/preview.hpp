#pragma once
// The plan that info and draw show, without an answer.

#include <credo/inference/infer.hpp>

namespace credo::cli {

/// The plan of all marginals, the exact task that keeps every variable, searched for a moment only:
/// a query may search longer and find a cheaper one.
[[nodiscard]] Plan preview_plan(const FactorGraph& graph, const Evidence& evidence,
                                InferOptions options);

}  // namespace credo::cli
