#pragma once
// States that cannot have a positive probability.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/pace.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace credo {

/// States still possible per variable, one flag per state; an empty mask keeps all states.
using StateMasks = std::vector<std::vector<char>>;

/// What zero propagation does with tables that stay sparse: plans gain nothing from them.
enum class SparseTables : std::uint8_t { passed_over, looked_at };

/// Drops states that the evidence excludes or that some table gives no support, until nothing
/// changes. Nothing when some variable has no state left, or some table no entry: then Z = 0. With
/// sparse tables looked at, whatever belief propagation proves by its zeros is proved here. Throws
/// what the pace throws.
[[nodiscard]] std::optional<StateMasks> propagate_zeros(const FactorGraph& graph,
                                                        const Evidence& evidence,
                                                        SparseTables sparse_tables, Pace& pace);
/// The same to the end, however long it takes.
[[nodiscard]] std::optional<StateMasks> propagate_zeros(const FactorGraph& graph,
                                                        const Evidence& evidence,
                                                        SparseTables sparse_tables);

/// The consequences of a variable's loss of states, in masks that were propagated to the end
/// before; looks at sparse tables. False when some variable has no state left: what the masks then
/// hold is of no use.
[[nodiscard]] bool propagate_zeros_from(const FactorGraph& graph, VariableId changed,
                                        StateMasks& masks);

}  // namespace credo
