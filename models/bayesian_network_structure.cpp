// Questions about the directed graph alone. d-separation follows the ball of
// Shachter (1998) in the form of Koller and Friedman (2009), algorithm 3.1: a
// breadth-first search over (variable, arrived from a child or from a parent),
// linear in the arcs; predecessors give a shortest active trail.

#include <credo/core/graph_structure.hpp>
#include <credo/models/bayesian_network.hpp>

#include <algorithm>
#include <set>

namespace credo {

namespace {

/// How the ball arrived at a variable.
enum Arrival : std::uint32_t { from_child = 0, from_parent = 1 };

constexpr std::uint32_t kUnseen = static_cast<std::uint32_t>(-1);

/// Breadth-first search over visits 2 v + arrival.
class Ball {
 public:
  Ball(const BayesianNetwork& network, const Scope& given)
      : network_(network),
        given_(network.size(), 0),
        opens_collider_(network.size(), 0),
        previous_(2 * network.size(), kUnseen) {
    // A collider passes the ball when it or a descendant is given.
    std::vector<VariableId> queue = given;
    for (const VariableId z : given) given_[z] = opens_collider_[z] = 1;
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for (const VariableId p : network.parents(queue[i])) {
        if (!opens_collider_[p]) queue.push_back(p);
        opens_collider_[p] = 1;
      }
    }
  }

  /// The variables of a shortest active trail from x to y; empty when there is none.
  Scope trail(const Scope& x, const Scope& y) {
    std::vector<char> wanted(network_.size(), 0);
    for (const VariableId v : y) wanted[v] = !given_[v];
    for (const VariableId v : x) {
      // Starting as if from a child: the ball may leave in every direction.
      if (!given_[v]) send(v, from_child, 2 * v + from_child);
    }
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      if (wanted[queue_[i] / 2]) return trace(queue_[i]);
      pass_on(queue_[i]);
    }
    return {};
  }

 private:
  void send(VariableId to, Arrival arrival, std::uint32_t from_visit) {
    const std::uint32_t visit = 2 * to + arrival;
    if (previous_[visit] != kUnseen) return;
    previous_[visit] = from_visit;
    queue_.push_back(visit);
  }

  void pass_on(std::uint32_t visit) {
    const VariableId v = visit / 2;
    const bool up = visit % 2 == from_child ? !given_[v] : opens_collider_[v] != 0;
    if (up) {
      for (const VariableId p : network_.parents(v)) send(p, from_child, visit);
    }
    if (!given_[v]) {
      for (const VariableId c : network_.children(v)) send(c, from_parent, visit);
    }
  }

  Scope trace(std::uint32_t visit) const {
    Scope variables{visit / 2};
    while (previous_[visit] != visit) {
      visit = previous_[visit];
      variables.push_back(visit / 2);
    }
    std::ranges::reverse(variables);
    return variables;
  }

  const BayesianNetwork& network_;
  std::vector<char> given_;
  std::vector<char> opens_collider_;
  /// The visit the ball came from; itself at the start.
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint32_t> queue_;
};

}  // namespace

Trail BayesianNetwork::active_trail(const Scope& x, const Scope& y, const Scope& z) const {
  Trail result{Ball(*this, z).trail(x, y), {}};
  for (std::size_t i = 0; i < result.variables.size(); ++i) {
    const VariableId v = result.variables[i];
    if (i > 0) {
      const Scope& into = parents_[v];
      const bool forward = std::ranges::find(into, result.variables[i - 1]) != into.end();
      result.text += forward ? " -> " : " <- ";
    }
    result.text += graph_.variable(v).name;
  }
  return result;
}

bool BayesianNetwork::d_separated(const Scope& x, const Scope& y, const Scope& z) const {
  return active_trail(x, y, z).variables.empty();
}

bool BayesianNetwork::d_separated(std::string_view x, std::string_view y,
                                  const std::vector<std::string>& z) const {
  return d_separated(Scope{id(x)}, Scope{id(y)}, ids(z));
}

Scope BayesianNetwork::ids(const std::vector<std::string>& names) const {
  Scope variables;
  for (const std::string& name : names) variables.push_back(id(name));
  return variables;
}

std::vector<std::string> BayesianNetwork::names(const Scope& variables) const {
  std::vector<std::string> result;
  for (const VariableId v : variables) result.push_back(graph_.variable(v).name);
  return result;
}

std::vector<VariableId> BayesianNetwork::topological_order() const {
  std::vector<Arc> arcs;
  for (VariableId v = 0; v < size(); ++v) {
    for (const VariableId p : parents_[v]) arcs.push_back({p, v});
  }
  return credo::topological_order(size(), arcs).value();
}

Scope BayesianNetwork::reachable(VariableId from, const std::vector<Scope>& arcs) const {
  std::set<VariableId> seen;
  Scope queue = arcs.at(from);
  for (std::size_t i = 0; i < queue.size(); ++i) {
    if (!seen.insert(queue[i]).second) continue;
    queue.insert(queue.end(), arcs[queue[i]].begin(), arcs[queue[i]].end());
  }
  return {seen.begin(), seen.end()};
}

Scope BayesianNetwork::ancestors(VariableId v) const { return reachable(v, parents_); }

Scope BayesianNetwork::descendants(VariableId v) const { return reachable(v, children_); }

Scope BayesianNetwork::markov_blanket(VariableId v) const {
  std::set<VariableId> blanket(parents(v).begin(), parents(v).end());
  for (const VariableId c : children_[v]) {
    blanket.insert(c);
    blanket.insert(parents_[c].begin(), parents_[c].end());
  }
  blanket.erase(v);
  return {blanket.begin(), blanket.end()};
}

std::vector<std::pair<VariableId, VariableId>> BayesianNetwork::moral_edges() const {
  std::set<std::pair<VariableId, VariableId>> edges;
  for (VariableId v = 0; v < size(); ++v) {
    Scope family = parents_[v];
    family.push_back(v);
    for (std::size_t i = 0; i < family.size(); ++i) {
      for (std::size_t j = i + 1; j < family.size(); ++j) {
        edges.insert(std::minmax(family[i], family[j]));
      }
    }
  }
  return {edges.begin(), edges.end()};
}

}  // namespace credo
