#pragma once
// Exact answers by listing every joint state: the definition turned into code,
// and the truth that every other algorithm is tested against.

#include <credo/inference/infer.hpp>

#include <cstdint>
#include <string>

namespace credo {

/// The most joint states that are listed: 4 million, a few seconds.
inline constexpr std::uint64_t kEnumerationLimit = std::uint64_t{1} << 22;

/// "" when the joint states permitted by the evidence, and the cells of every joint asked for, are
/// at most kEnumerationLimit and fit the memory limit; else the reason, with numbers.
[[nodiscard]] std::string why_not_enumeration(const FactorGraph& graph, const Evidence& evidence,
                                              const Query& query, const InferOptions& options);

/// Answers every task but messages, in natural logarithms with compensated sums. Expects a valid
/// question; refuses with why_not_enumeration()'s reason.
[[nodiscard]] Result run_enumeration(const FactorGraph& graph, const Evidence& evidence,
                                     const Query& query, const InferOptions& options);

}  // namespace credo
