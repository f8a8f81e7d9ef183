#pragma once
// Questions about graphs, answered with Boost.Graph in the source file and
// asked with plain index vectors here.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace credo {

class FactorGraph;

/// A directed arc from parent to child.
struct Arc {
  std::uint32_t from;
  std::uint32_t to;
};

/// Vertices, parents before children; nothing when the arcs have a cycle.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> topological_order(
    std::size_t vertex_count, std::span<const Arc> arcs);

/// The vertices of one directed cycle in order; empty when the arcs are acyclic.
[[nodiscard]] std::vector<std::uint32_t> find_cycle(std::size_t vertex_count,
                                                    std::span<const Arc> arcs);

/// Component label of every variable, 0-based: the connected components of the
/// bipartite graph of variables and factors.
struct Components {
  std::size_t count = 0;
  std::vector<std::uint32_t> of_variable;
};
[[nodiscard]] Components connected_components(const FactorGraph& graph);

/// Whether the bipartite graph of variables and factors has no cycle (a forest).
[[nodiscard]] bool is_forest(const FactorGraph& graph);

/// Edges of the bipartite graph: the sum of the scope sizes.
[[nodiscard]] std::size_t edge_count(const FactorGraph& graph);

}  // namespace credo
