#pragma once
// A model under evidence, made smaller before planning. Every reduction can be
// undone: the maps here lead back to the caller's variables and states.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/pace.hpp>
#include <credo/inference/query.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace credo {

/// A table of the reduced model: where it comes from, and its free variables.
struct ReducedTable {
  enum class Kind : std::uint8_t {
    factor,      ///< source: factor of the graph, sliced at observed states
    likelihood,  ///< source: variable with a likelihood finding
    allowed,     ///< source: variable with an allowed-set finding
    joint,       ///< source: index of Query::joints; all ones
    part,        ///< `owned` replaces (a part of) a factor
  };
  Kind kind = Kind::factor;
  std::uint32_t source = 0;
  Scope scope;
  /// part: values over scope, with reduced cardinalities.
  std::optional<Table> owned;
};

/// How far values (not only the pattern of evidence) may be used.
struct ReduceOptions {
  /// Use the states of hard evidence to drop states without support.
  bool propagate_zeros = true;
  /// Split tables that are products; drop constants.
  bool split_products = true;
  /// Drop conditionals that sum to one and matter to no target.
  bool drop_barren = true;
};

struct ReducedModel {
  const FactorGraph* graph = nullptr;
  /// Variables with a hard finding are not free.
  std::vector<char> observed;
  /// Children of conditionals that were dropped as barren.
  std::vector<char> dropped;
  /// Kept states per variable, increasing; empty when all are kept.
  std::vector<std::vector<std::uint32_t>> kept_states;
  /// Number of kept states; 1 when observed.
  std::vector<std::size_t> cardinality;
  std::vector<ReducedTable> tables;
  /// Free variables that are in some table.
  std::vector<VariableId> variables;
  /// Some variable has no state left: Z = 0.
  bool impossible = false;

  [[nodiscard]] bool is_free(VariableId v) const { return !observed[v] && !dropped[v]; }
  /// The caller's state of a kept one.
  [[nodiscard]] std::size_t original_state(VariableId v, std::size_t kept) const {
    return kept_states[v].empty() ? kept : kept_states[v][kept];
  }
  /// Numbers of kept states of a scope: the shape of a table of this model.
  [[nodiscard]] std::vector<std::size_t> shape_of(const Scope& scope) const;
  /// The part of a scope that no hard finding fixes.
  [[nodiscard]] Scope free_scope(const Scope& scope) const;

  /// The joint state of a scope of that row-major index, written into `states`, which has one
  /// kept state per variable of the graph.
  void set_states(const Scope& scope, std::size_t index, std::vector<std::size_t>& states) const;
  /// Moves `states` to the next joint state of a scope, the last variable fastest. False after the
  /// last one; the scope is back at its first state then.
  bool next_states(const Scope& scope, std::vector<std::size_t>& states) const;
};

/// Sparse tables above this many dense entries stay sparse; smaller ones are expanded.
inline constexpr std::uint64_t kSmallestSparse = 64;
/// Whether inference keeps a table in compressed rows.
[[nodiscard]] bool stays_sparse(const Table& table);

/// Whether two models have the same tables but for their numbers.
[[nodiscard]] bool same_structure(const ReducedModel& a, const ReducedModel& b);

/// Throws what the pace throws.
[[nodiscard]] ReducedModel reduce(const FactorGraph& graph, const Evidence& evidence,
                                  const Query& query, const ReduceOptions& options, Pace& pace);

}  // namespace credo
