#pragma once
// Tables as the dense text formats spell them: linear values, all of them, and
// for conditionals the child last and fastest.

#include <credo/core/factor_graph.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// Whether sum over extent `position` is 1 within the tolerance for every joint
/// state of the others. Cost: one pass over a dense table.
[[nodiscard]] bool is_conditional(const Table& table, std::size_t position, double tolerance);

/// All linear values of a factor's table, row-major over its scope. Throws
/// ModelError, pointing to json, when a log entry underflows or the table is
/// sparse and too large to spell out.
[[nodiscard]] std::vector<double> dense_linear_values(const FactorGraph& graph, FactorId factor,
                                                      std::string_view format);

/// The scope with its child moved to the end, parents in their order.
[[nodiscard]] Scope child_last(const Factor& factor);
/// dense_linear_values() row-major over child_last().
[[nodiscard]] std::vector<double> child_last_values(const FactorGraph& graph, FactorId factor,
                                                    std::string_view format);

/// Values row-major over (child, parents...) rearranged to (parents..., child), or back.
[[nodiscard]] std::vector<double> child_to_end(std::span<const double> values, std::size_t states);

/// "a -> b -> a": a directed cycle as messages name it.
[[nodiscard]] std::string describe_cycle(const FactorGraph& graph,
                                         std::span<const std::uint32_t> cycle);

}  // namespace credo
