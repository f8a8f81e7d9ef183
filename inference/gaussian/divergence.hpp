#pragma once
// What is said where a Gaussian integral diverges, or where rounding decided what is certain.

#include <credo/core/factor_graph.hpp>

#include <string>

namespace credo::gaussian {

/// Over a variable of that name, of which a direction has no curvature.
[[nodiscard]] std::string explain_flat(const std::string& name);
/// The same, where it has negative curvature.
[[nodiscard]] std::string explain_indefinite(const std::string& name);

/// A kernel of that name was taken for singular though the variance of a direction (relative to a
/// unit variance, given the others) was not exactly 0: what that means for the answer.
[[nodiscard]] std::string explain_rounded_certainty(const std::string& name, double variance);
/// The same of the first such kernel of a graph; empty when there is none.
[[nodiscard]] std::string rounded_certainty(const FactorGraph& graph);
/// Why a contradiction to it is no proof.
inline constexpr const char* kRoundingProvesNothing =
    "; the observed values contradict it, which proves nothing (give the covariance more digits, "
    "or "
    "make it exactly singular)";

}  // namespace credo::gaussian
