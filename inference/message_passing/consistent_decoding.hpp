#pragma once
// A joint state of positive weight where decoding the beliefs factor by factor finds none.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/contraction/monitor.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace credo::message_passing {

/// States decided one variable after another, the surest first, each to its most probable state
/// among those that zero propagation has left after the decisions before; a state that leaves
/// nothing is excluded. One state per variable with p~ > 0; nothing at a dead end, which proves
/// nothing, and after so many decisions that they times variables and factors exceed 10^9.
/// log_beliefs: up to a constant, one per state; observed variables: not read. Throws
/// contraction::Stopped.
[[nodiscard]] std::optional<std::vector<std::size_t>> decode_consistently(
    const FactorGraph& graph, const Evidence& evidence,
    const std::vector<std::vector<double>>& log_beliefs, contraction::Monitor& monitor);

}  // namespace credo::message_passing
