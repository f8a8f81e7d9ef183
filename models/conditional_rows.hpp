#pragma once
// Conditionals given row by row, and the sentences that say what is wrong with them.

#include <credo/core/expansion_limit.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// "p(wet given rain, sprinkler)".
[[nodiscard]] std::string describe_conditional(std::string_view child,
                                               const std::vector<std::string>& parents);
[[nodiscard]] std::string describe_conditional(const FactorGraph& graph, std::string_view child,
                                               const Scope& parents);
[[nodiscard]] std::string describe_conditional(const FactorGraph& graph, VariableId child,
                                               const Scope& parents);

/// "rain = yes, sprinkler = off"; "no parents" without.
[[nodiscard]] std::string describe_states(const FactorGraph& graph, const Scope& variables,
                                          std::span<const std::size_t> states);

/// Throws ModelError, naming where(), unless the row is a distribution over count states: entries
/// from 0 to 1, sum 1 within 1e-6.
void require_distribution(std::span<const double> row, std::size_t count,
                          const std::function<std::string()>& where);

/// The row of one joint state of the parents.
using RowOf = std::function<std::vector<double>(std::span<const std::size_t>)>;

/// The rows as a table over the parents, then the child, which need not be in the graph. Throws
/// ModelError naming the conditional and the row; and before anything is allocated when the table
/// would have more than `limit` entries.
[[nodiscard]] Table table_of_rows(const FactorGraph& graph, const Variable& child,
                                  const Scope& parents, const RowOf& row_of,
                                  std::uint64_t limit = kExpansionLimit);
/// Throws the ModelError of a table that is too large; entries: of the table.
void require_expandable_conditional(const Variable& child, const Scope& parents, double entries,
                                    std::uint64_t limit, double bytes_per_entry = sizeof(double));
/// The same from a list with one row per joint state of the parents.
[[nodiscard]] Table table_of_rows(const FactorGraph& graph, const Variable& child,
                                  const Scope& parents,
                                  const std::vector<std::vector<double>>& rows);

/// What becomes of a row of zeros.
enum class EmptyRow : std::uint8_t { kept, uniform };

/// Rows over the last extent that sum to 1 up to rounding (those that do already stay as they are);
/// dense, linear.
[[nodiscard]] Table normalised_rows(const Table& table, EmptyRow empty = EmptyRow::kept);

/// Throws ModelError when a parent is given twice.
void require_distinct(const std::vector<std::string>& parents, std::string_view child);

/// "a -> b -> a".
[[nodiscard]] std::string cycle_text(const FactorGraph& graph, std::span<const VariableId> cycle);

}  // namespace credo
