#pragma once
// States that cannot have a positive probability.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/pace.hpp>

#include <optional>
#include <vector>

namespace credo {

/// States still possible per variable, one flag per state; an empty mask keeps all states.
using StateMasks = std::vector<std::vector<char>>;

/// Drops states that the evidence excludes or that some table gives no support, until nothing
/// changes. Tables kept sparse are not looked at. Nothing when some variable has no state left, or
/// some table no entry: then Z = 0. Throws what the pace throws.
[[nodiscard]] std::optional<StateMasks> propagate_zeros(const FactorGraph& graph,
                                                        const Evidence& evidence, Pace& pace);
/// The same to the end, however long it takes.
[[nodiscard]] std::optional<StateMasks> propagate_zeros(const FactorGraph& graph,
                                                        const Evidence& evidence);

}  // namespace credo
