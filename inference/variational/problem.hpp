#pragma once
// A family and a model after their evidence: conditionals of the unobserved variables, and the list
// of scores they are judged by.

#include <credo/inference/variational/family.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace credo::variational {

/// A signed logarithm over a scope of unobserved variables; -infinity where infeasible.
struct Score {
  Scope scope;
  Table table;                      ///< log domain
  std::optional<FactorId> factor;   ///< log f, sliced
  std::optional<VariableId> found;  ///< a likelihood or a set of allowed states
};

/// The conditional of an unobserved variable, its observed parents sliced away.
struct Node {
  VariableId variable = 0;
  std::size_t place = 0;  ///< in Family::conditionals()
  ConditionalKind kind = ConditionalKind::free;
  double weight = 1.0;
  Scope parents;
  /// Over (parents..., variable): a clamped kernel is linear, a charged kernel or a base measure is
  /// in logarithms.
  std::optional<Table> table;

  [[nodiscard]] bool optimised() const noexcept { return kind != ConditionalKind::clamped; }
};

inline constexpr std::size_t kNoNode = std::numeric_limits<std::size_t>::max();

/// L(q) = E_q[ sum of scores ] + sum over optimised nodes of w E_q[ -log(q / m) ].
struct Problem {
  const FactorGraph* graph = nullptr;
  std::vector<Node> nodes;           ///< by increasing variable
  std::vector<std::size_t> node_of;  ///< by variable; kNoNode when observed
  /// Factors by number, then findings, then -log k of the kernels that are no factor.
  std::vector<Score> scores;

  [[nodiscard]] const Node& node(VariableId v) const { return nodes[node_of[v]]; }
  /// (parents..., variable).
  [[nodiscard]] static Scope scope_of(const Node& node);
  /// (parents..., child), with observed parents.
  [[nodiscard]] static Scope scope_of_conditional(const Conditional& conditional);
};

/// The states of observed variables (0 for continuous ones); kNoState elsewhere.
inline constexpr std::size_t kNoState = std::numeric_limits<std::size_t>::max();
[[nodiscard]] std::vector<std::size_t> observed_states(const FactorGraph& graph,
                                                       const Evidence& evidence);

/// Tables sliced, rearranged and taken to another domain once per table and treatment, so that
/// what was shared stays shared. Keeps the tables it was given alive.
class TableCache {
 public:
  [[nodiscard]] Table get(const Table& table, const Scope& scope,
                          const std::vector<std::size_t>& states, Domain domain);
  /// -log k where k > 0, 0 elsewhere.
  [[nodiscard]] Table negated_log(const Table& kernel);

 private:
  struct Entry {
    Table source;
    Table result;
  };
  std::map<std::vector<std::uint64_t>, Entry> entries_;
};

/// Expects a family that is valid for the evidence. Of continuous variables only the nodes, without
/// tables; Gaussian factors are left out.
[[nodiscard]] Problem make_problem(const FactorGraph& graph, const Evidence& evidence,
                                   const Family& family);

/// q by node from one table per conditional of the family, sliced, linear; clamped ones are their
/// kernels. Throws ModelError on a wrong count or shape, and on rows that do not sum to
/// 1 (or 0) within 1e-6.
[[nodiscard]] std::vector<Table> given_tables(const Problem& problem, const Evidence& evidence,
                                              const Family& family,
                                              std::span<const Table> conditionals);

/// The inverse: one table per conditional over all of (parents..., child), 0 where an observed
/// parent is in another state; clamped ones are the family's own kernels. Scalars for observed
/// children.
[[nodiscard]] std::vector<Table> full_tables(const Problem& problem, const Evidence& evidence,
                                             const Family& family, std::vector<Table> tables);

}  // namespace credo::variational
