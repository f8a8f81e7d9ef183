#pragma once
// The bipartite graph of factors and variables under evidence, as arrays: variables with a hard
// finding are cut off, and every other place of a variable in a scope is an edge.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace credo::message_passing {

/// No edge, no factor, no state.
inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

struct EdgeGraph {
  /// Edges of factor f are [first_edge[f], first_edge[f + 1]), in the order of its scope.
  std::vector<std::uint32_t> first_edge;
  std::vector<FactorId> factor;         ///< per edge
  std::vector<VariableId> variable;     ///< per edge
  std::vector<std::uint32_t> axis;      ///< per edge: place of the variable in the scope
  std::vector<std::size_t> message_at;  ///< per edge, and the end: where its message's states start
  /// Edges of variable v are edges_of[first_of_variable[v] .. first_of_variable[v + 1]).
  std::vector<std::uint32_t> first_of_variable;
  std::vector<std::uint32_t> edges_of;
  std::vector<std::size_t> state_at;          ///< per variable, and the end; observed: no states
  std::vector<std::uint32_t> observed_state;  ///< per variable; kNone when there is no hard finding
  /// Per factor the constrained factor that has taken it in, or kNone; empty: none has. Such a
  /// factor has no edges.
  std::vector<FactorId> host;

  /// Factors with edges, breadth first from the roots: one root per connected component, a
  /// variable or a factor.
  std::vector<FactorId> order;
  /// Per factor: the edge towards its root; kNone for roots and factors without edges.
  std::vector<std::uint32_t> edge_to_root;
  std::vector<VariableId> variable_roots;
  std::size_t components = 0;
  /// No cycle.
  bool forest = false;

  [[nodiscard]] std::size_t factor_count() const noexcept { return first_edge.size() - 1; }
  [[nodiscard]] std::size_t edge_count() const noexcept { return factor.size(); }
  [[nodiscard]] std::size_t variable_count() const noexcept { return observed_state.size(); }
  [[nodiscard]] std::size_t degree(FactorId f) const { return first_edge[f + 1] - first_edge[f]; }
  [[nodiscard]] std::size_t states_of_edge(std::uint32_t e) const {
    return message_at[e + 1] - message_at[e];
  }
  [[nodiscard]] bool observed(VariableId v) const { return observed_state[v] != kNone; }
  [[nodiscard]] bool absorbed(FactorId f) const { return !host.empty() && host[f] != kNone; }
  [[nodiscard]] std::span<const std::uint32_t> edges(VariableId v) const {
    return std::span(edges_of).subspan(first_of_variable[v],
                                       first_of_variable[v + 1] - first_of_variable[v]);
  }
};

/// Everything but the order.
[[nodiscard]] EdgeGraph make_edge_graph(const FactorGraph& graph, const Evidence& evidence,
                                        std::vector<FactorId> host);
/// Fills order, edge_to_root, roots and forest. child_edge: per factor the edge of its child if it
/// is constrained, else kNone (or empty: none is). Roots are chosen so that, where possible,
/// constrained factors point away from them; one without parents becomes a root.
void find_order(EdgeGraph& edges, std::span<const std::uint32_t> child_edge);

}  // namespace credo::message_passing
