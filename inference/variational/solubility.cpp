// s-reachability: which conditionals the optimum of one depends on.
//
// The directed graph has the family's edges; above every optimised u a parameter node theta_u; and
// a leaf for every score, below the variables of its scope. What an optimised conditional u pays
// for itself, w log(q_u / m), is a score too, below {u}, pa(u) and theta_u (nothing for arg-max). v
// needs u when theta_u is connected with some score below v given {v} and pa(v). The search walks
// from those scores along active trails (Bayes ball, Shachter 1998), once per v. Koller and Milch
// 2003, section 5; Lauritzen and Nilsson 2001, section 4. Cost: optimised conditionals x (edges +
// scope sizes).

#include <credo/core/graph_structure.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace credo::variational {

std::vector<char> descendants(const Problem& problem, std::size_t node) {
  std::vector<std::vector<VariableId>> children(problem.graph->variable_count());
  for (const Node& n : problem.nodes) {
    for (const VariableId u : n.parents) children[u].push_back(n.variable);
  }
  std::vector<char> below(problem.graph->variable_count(), 0);
  std::vector<VariableId> open{problem.nodes[node].variable};
  below[open.front()] = 1;
  while (!open.empty()) {
    const VariableId v = open.back();
    open.pop_back();
    for (const VariableId c : children[v]) {
      if (std::exchange(below[c], 1) == 0) open.push_back(c);
    }
  }
  return below;
}

std::vector<std::size_t> parents_first(const Problem& problem) {
  std::vector<Arc> arcs;
  for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
    for (const VariableId u : problem.nodes[n].parents) {
      arcs.push_back(
          {static_cast<std::uint32_t>(problem.node_of[u]), static_cast<std::uint32_t>(n)});
    }
  }
  const auto order = topological_order(problem.nodes.size(), arcs);
  return {order->begin(), order->end()};  // the family was validated
}

namespace {

/// The family's graph with parameters and scores; a ball that bounces along active trails.
class RelevanceGraph {
 public:
  explicit RelevanceGraph(const Problem& problem) : problem_(problem) {
    children_.resize(problem.nodes.size());
    for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
      for (const VariableId u : problem.nodes[n].parents) {
        children_[problem.node_of[u]].push_back(n);
      }
    }
    for (const Score& score : problem.scores) scores_.push_back({nodes_of(score.scope), kNoNode});
    for (std::size_t n = 0; n < problem.nodes.size(); ++n) {
      const Node& node = problem.nodes[n];
      if (!node.optimised() || node.kind == ConditionalKind::arg_max) continue;
      scores_.push_back({nodes_of(Problem::scope_of(node)), n});
    }
  }

  /// The optimised nodes that node v needs, increasing; never v itself.
  std::vector<std::size_t> needs(std::size_t v) {
    const std::size_t count = problem_.nodes.size();
    seen_from_child_.assign(count, 0);
    seen_from_parent_.assign(count, 0);
    reached_.assign(count, 0);
    given_.assign(count, 0);
    given_[v] = 1;
    for (const VariableId u : problem_.nodes[v].parents) given_[problem_.node_of[u]] = 1;
    mark_given_below();
    const std::vector<char> below = descendants(problem_, v);
    for (const auto& [scope, payer] : scores_) {
      if (payer == v) continue;
      const bool influenced = std::ranges::any_of(
          scope, [&](std::size_t n) { return below[problem_.nodes[n].variable] != 0; });
      if (!influenced) continue;
      if (payer != kNoNode) reached_[payer] = 1;
      for (const std::size_t n : scope) from_child(n);
    }
    while (!open_.empty()) {
      const auto [n, upward] = open_.back();
      open_.pop_back();
      upward ? visit_from_child(n) : visit_from_parent(n);
    }
    std::vector<std::size_t> result;
    for (std::size_t n = 0; n < count; ++n) {
      if (reached_[n] && n != v && problem_.nodes[n].optimised()) result.push_back(n);
    }
    return result;
  }

 private:
  struct ScoreNode {
    std::vector<std::size_t> scope;
    std::size_t payer;
  };

  [[nodiscard]] std::vector<std::size_t> nodes_of(const Scope& scope) const {
    std::vector<std::size_t> nodes;
    for (const VariableId v : scope) nodes.push_back(problem_.node_of[v]);
    return nodes;
  }

  /// Colliders pass the ball when they or something below them is given.
  void mark_given_below() {
    given_below_ = given_;
    std::vector<std::size_t> open;
    for (std::size_t n = 0; n < given_.size(); ++n) {
      if (given_[n]) open.push_back(n);
    }
    while (!open.empty()) {
      const std::size_t n = open.back();
      open.pop_back();
      for (const VariableId u : problem_.nodes[n].parents) {
        const std::size_t parent = problem_.node_of[u];
        if (std::exchange(given_below_[parent], 1) == 0) open.push_back(parent);
      }
    }
  }

  void from_child(std::size_t n) {
    if (std::exchange(seen_from_child_[n], 1) == 0) open_.emplace_back(n, true);
  }
  void from_parent(std::size_t n) {
    if (std::exchange(seen_from_parent_[n], 1) == 0) open_.emplace_back(n, false);
  }

  void to_parents(std::size_t n) {
    reached_[n] = 1;  // theta_n is a parent
    for (const VariableId u : problem_.nodes[n].parents) from_child(problem_.node_of[u]);
  }

  void visit_from_child(std::size_t n) {
    if (given_[n]) return;
    to_parents(n);
    for (const std::size_t c : children_[n]) from_parent(c);
  }

  void visit_from_parent(std::size_t n) {
    if (given_below_[n]) to_parents(n);
    if (given_[n]) return;
    for (const std::size_t c : children_[n]) from_parent(c);
  }

  const Problem& problem_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<ScoreNode> scores_;
  std::vector<char> seen_from_child_;
  std::vector<char> seen_from_parent_;
  std::vector<char> given_;
  std::vector<char> given_below_;
  std::vector<char> reached_;
  std::vector<std::pair<std::size_t, bool>> open_;
};

std::string name_of(const Problem& problem, std::size_t node) {
  return problem.graph->variable(problem.nodes[node].variable).name;
}

void explain_failure(const Problem& problem, std::span<const Arc> arcs, Solubility& result) {
  const auto cycle = find_cycle(problem.nodes.size(), arcs);
  std::pair<std::size_t, std::size_t> pair{cycle.front(), cycle[1 % cycle.size()]};
  std::set<std::pair<std::uint32_t, std::uint32_t>> known;
  for (const Arc& arc : arcs) known.emplace(arc.from, arc.to);
  bool mutual = false;
  for (const Arc& arc : arcs) {
    if (mutual || !known.contains({arc.to, arc.from})) continue;
    pair = {std::min(arc.from, arc.to), std::max(arc.from, arc.to)};
    mutual = true;
  }
  result.offending = {problem.nodes[pair.first].variable, problem.nodes[pair.second].variable};
  const std::string first = name_of(problem, pair.first);
  const std::string second = name_of(problem, pair.second);
  result.explanation =
      mutual ? fmt::format(
                   "not soluble: the best q({0}) depends on q({1}) and the best q({1}) on "
                   "q({0}), given what each sees",
                   first, second)
             : fmt::format(
                   "not soluble: q({}) and q({}) lie on a cycle of conditionals each of "
                   "which needs the next",
                   first, second);
}

}  // namespace

Solubility test_solubility(const Problem& problem) {
  RelevanceGraph relevance(problem);
  std::vector<Arc> arcs;
  for (std::size_t v = 0; v < problem.nodes.size(); ++v) {
    if (!problem.nodes[v].optimised()) continue;
    for (const std::size_t u : relevance.needs(v)) {
      arcs.push_back({static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(v)});
    }
  }
  Solubility result;
  const auto order = topological_order(problem.nodes.size(), arcs);
  result.soluble = order.has_value();
  if (!order) {
    explain_failure(problem, arcs, result);
    return result;
  }
  for (const std::uint32_t n : *order) {
    if (!problem.nodes[n].optimised()) continue;
    result.order.push_back(problem.nodes[n].variable);
  }
  result.explanation = fmt::format(
      "soluble: each of the {} optimised conditionals depends on those before it in the order only",
      result.order.size());
  return result;
}

}  // namespace credo::variational
