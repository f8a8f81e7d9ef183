// The edges of a factor graph in compressed rows, by factor and by variable, and a breadth-first
// order of the factors from one root per component. Linear in the number of edges.

#include <credo/inference/message_passing/edge_graph.hpp>

#include <algorithm>
#include <utility>

namespace credo::message_passing {

namespace {

void index_by_variable(EdgeGraph& edges, std::size_t variables) {
  edges.first_of_variable.assign(variables + 1, 0);
  for (const VariableId v : edges.variable) ++edges.first_of_variable[v + 1];
  for (std::size_t v = 0; v < variables; ++v) {
    edges.first_of_variable[v + 1] += edges.first_of_variable[v];
  }
  edges.edges_of.resize(edges.edge_count());
  std::vector<std::uint32_t> next = edges.first_of_variable;
  for (std::uint32_t e = 0; e < edges.edge_count(); ++e) {
    edges.edges_of[next[edges.variable[e]]++] = e;
  }
}

/// Where to start in a component: a variable, or the factor `factor` when that is not kNone.
struct Root {
  VariableId variable = 0;
  FactorId factor = kNone;
};

/// The constrained factor that has v as child, or kNone.
FactorId factor_above(const EdgeGraph& edges, std::span<const std::uint32_t> child_edge,
                      VariableId v) {
  if (child_edge.empty()) return kNone;
  for (const std::uint32_t e : edges.edges(v)) {
    if (child_edge[edges.factor[e]] == e) return edges.factor[e];
  }
  return kNone;
}

/// From v to parents of the constrained factor that has it as child, as far as that leads.
Root root_above(const EdgeGraph& edges, std::span<const std::uint32_t> child_edge, VariableId v) {
  // A cycle of such factors would lead on for ever.
  for (std::size_t steps = 0; steps < edges.variable_count(); ++steps) {
    const FactorId f = factor_above(edges, child_edge, v);
    if (f == kNone) return {v, kNone};
    if (edges.degree(f) == 1) return {v, f};
    const std::uint32_t first = edges.first_edge[f];
    v = edges.variable[child_edge[f] == first ? first + 1 : first];
  }
  return {v, kNone};
}

class BreadthFirst {
 public:
  explicit BreadthFirst(EdgeGraph& edges)
      : edges_(edges), reached_(edges.variable_count(), 0), done_(edges.factor_count(), 0) {}

  [[nodiscard]] bool reached(VariableId v) const { return reached_[v] != 0; }

  void visit_component(const Root& root) {
    ++edges_.components;
    reached_[root.variable] = 1;
    queue_.assign(1, root.variable);
    if (root.factor == kNone) {
      edges_.variable_roots.push_back(root.variable);
    } else {
      done_[root.factor] = 1;
      edges_.order.push_back(root.factor);
    }
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      for (const std::uint32_t e : edges_.edges(queue_[i])) visit_factor(e);
    }
  }

 private:
  void visit_factor(std::uint32_t towards_root) {
    const FactorId f = edges_.factor[towards_root];
    if (done_[f] != 0) return;
    done_[f] = 1;
    edges_.order.push_back(f);
    edges_.edge_to_root[f] = towards_root;
    for (std::uint32_t e = edges_.first_edge[f]; e < edges_.first_edge[f + 1]; ++e) {
      const VariableId v = edges_.variable[e];
      if (reached_[v] != 0) continue;
      reached_[v] = 1;
      queue_.push_back(v);
    }
  }

  EdgeGraph& edges_;
  std::vector<char> reached_;
  std::vector<char> done_;
  std::vector<VariableId> queue_;
};

}  // namespace

EdgeGraph make_edge_graph(const FactorGraph& graph, const Evidence& evidence,
                          std::vector<FactorId> host) {
  EdgeGraph edges;
  edges.host = std::move(host);
  edges.observed_state.assign(graph.variable_count(), kNone);
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::hard) {
      edges.observed_state[v] = static_cast<std::uint32_t>(finding.state);
    }
  }
  edges.state_at.push_back(0);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    edges.state_at.push_back(edges.state_at.back() +
                             (edges.observed(v) ? 0 : graph.cardinality(v)));
  }
  edges.first_edge.push_back(0);
  edges.message_at.push_back(0);
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const Scope& scope = graph.factor(f).scope;
    for (std::uint32_t a = 0; a < scope.size(); ++a) {
      if (edges.observed(scope[a]) || edges.absorbed(f)) continue;
      edges.factor.push_back(f);
      edges.variable.push_back(scope[a]);
      edges.axis.push_back(a);
      edges.message_at.push_back(edges.message_at.back() + graph.cardinality(scope[a]));
    }
    edges.first_edge.push_back(static_cast<std::uint32_t>(edges.factor.size()));
  }
  index_by_variable(edges, graph.variable_count());
  return edges;
}

void find_order(EdgeGraph& edges, std::span<const std::uint32_t> child_edge) {
  edges.edge_to_root.assign(edges.factor_count(), kNone);
  BreadthFirst search(edges);
  std::size_t free_variables = 0;
  for (VariableId v = 0; v < edges.variable_count(); ++v) {
    if (edges.observed(v)) continue;
    ++free_variables;
    if (!search.reached(v)) search.visit_component(root_above(edges, child_edge, v));
  }
  edges.forest = edges.edge_count() + edges.components == free_variables + edges.order.size();
}

}  // namespace credo::message_passing
