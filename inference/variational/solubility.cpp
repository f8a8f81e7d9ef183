// s-reachability: which conditionals the optimum of one depends on.
//
// The directed graph has the family's edges; above every optimised u a parameter node theta_u; and
// a leaf for every score, below the variables of its scope. What an optimised conditional u pays
// for itself, w log(q_u / m), is a score too, below {u}, pa(u) and theta_u (nothing for arg-max). v
// needs u when theta_u is connected with some score below v given {v} and pa(v). The search walks
// from those scores along active trails (Bayes ball, Shachter 1998), once per v. Koller and Milch
// 2003, section 5; Lauritzen and Nilsson 2001, section 4. Cost: optimised conditionals x the
// edges and scopes that the walk touches, at most all; it ends with the first two that need each
// other.

#include <credo/core/graph_structure.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <fmt/format.h>

#include <algorithm>
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
    marks_.assign(problem.nodes.size(), 0);
    scores_at_.resize(problem.nodes.size());
    for (std::size_t s = 0; s < scores_.size(); ++s) {
      for (const std::size_t n : scores_[s].scope) scores_at_[n].push_back(s);
    }
  }

  /// The optimised nodes that node v needs, increasing; never v itself.
  std::vector<std::size_t> needs(std::size_t v) {
    begin(v);
    for (const std::size_t n : below_) {
      for (const std::size_t s : scores_at_[n]) {
        const auto& [scope, payer] = scores_[s];
        if (payer == v) continue;
        if (payer != kNoNode) reach(payer);
        for (const std::size_t m : scope) from_child(m);
      }
    }
    while (!open_.empty()) {
      const auto [n, upward] = open_.back();
      open_.pop_back();
      upward ? visit_from_child(n) : visit_from_parent(n);
    }
    std::vector<std::size_t> result;
    for (const std::size_t n : reached_) {
      if (n != v && problem_.nodes[n].optimised()) result.push_back(n);
    }
    std::ranges::sort(result);
    end();
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

  /// Marks v and its parents given, and lists what is below v.
  void begin(std::size_t v) {
    mark(v, kGiven, touched_);
    for (const VariableId u : problem_.nodes[v].parents) {
      mark(problem_.node_of[u], kGiven, touched_);
    }
    // Colliders pass the ball when they or something below them is given.
    std::vector<std::size_t> above;
    for (const std::size_t n : std::vector<std::size_t>(touched_)) mark(n, kGivenBelow, above);
    for (std::size_t i = 0; i < above.size(); ++i) {
      for (const VariableId u : problem_.nodes[above[i]].parents) {
        mark(problem_.node_of[u], kGivenBelow, above);
      }
    }
    mark(v, kBelow, below_);
    for (std::size_t i = 0; i < below_.size(); ++i) {
      for (const std::size_t c : children_[below_[i]]) mark(c, kBelow, below_);
    }
    touched_.insert(touched_.end(), above.begin(), above.end());
    touched_.insert(touched_.end(), below_.begin(), below_.end());
  }

  void end() {
    for (const std::size_t n : touched_) marks_[n] = 0;
    for (const std::size_t n : reached_) marks_[n] = 0;
    touched_.clear();
    below_.clear();
    reached_.clear();
  }

  /// Lists a node with its first mark of this kind.
  bool mark(std::size_t n, unsigned kind, std::vector<std::size_t>& list) {
    if ((marks_[n] & kind) != 0) return false;
    marks_[n] |= kind;
    list.push_back(n);
    return true;
  }

  void from_child(std::size_t n) {
    if (mark(n, kFromChild, touched_)) open_.emplace_back(n, true);
  }
  void from_parent(std::size_t n) {
    if (mark(n, kFromParent, touched_)) open_.emplace_back(n, false);
  }
  void reach(std::size_t n) { mark(n, kReached, reached_); }

  void to_parents(std::size_t n) {
    reach(n);  // theta_n is a parent
    for (const VariableId u : problem_.nodes[n].parents) from_child(problem_.node_of[u]);
  }

  void visit_from_child(std::size_t n) {
    if ((marks_[n] & kGiven) != 0) return;
    to_parents(n);
    for (const std::size_t c : children_[n]) from_parent(c);
  }

  void visit_from_parent(std::size_t n) {
    if ((marks_[n] & kGivenBelow) != 0) to_parents(n);
    if ((marks_[n] & kGiven) != 0) return;
    for (const std::size_t c : children_[n]) from_parent(c);
  }

  static constexpr unsigned kGiven = 1;
  static constexpr unsigned kGivenBelow = 2;
  static constexpr unsigned kBelow = 4;
  static constexpr unsigned kFromChild = 8;
  static constexpr unsigned kFromParent = 16;
  static constexpr unsigned kReached = 32;

  const Problem& problem_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<ScoreNode> scores_;
  std::vector<std::vector<std::size_t>> scores_at_;  ///< by node
  std::vector<unsigned> marks_;                      ///< by node; 0 between searches
  std::vector<std::size_t> touched_;
  std::vector<std::size_t> below_;
  std::vector<std::size_t> reached_;
  std::vector<std::pair<std::size_t, bool>> open_;
};

std::string name_of(const Problem& problem, std::size_t node) {
  return problem.graph->variable(problem.nodes[node].variable).name;
}

/// Two conditionals that need each other, or that follow each other on a cycle.
void explain_failure(const Problem& problem, std::pair<std::size_t, std::size_t> pair, bool mutual,
                     Solubility& result) {
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

/// The needs of every optimised node, each searched when first asked for.
class Needs {
 public:
  explicit Needs(const Problem& problem)
      : relevance_(problem), known_(problem.nodes.size()), searched_(problem.nodes.size(), 0) {}

  const std::vector<std::size_t>& of(std::size_t v) {
    if (std::exchange(searched_[v], 1) == 0) known_[v] = relevance_.needs(v);
    return known_[v];
  }

 private:
  RelevanceGraph relevance_;
  std::vector<std::vector<std::size_t>> known_;
  std::vector<char> searched_;
};

}  // namespace

Solubility test_solubility(const Problem& problem) {
  Needs needs(problem);
  Solubility result;
  std::vector<Arc> arcs;
  for (std::size_t v = 0; v < problem.nodes.size(); ++v) {
    if (!problem.nodes[v].optimised()) continue;
    for (const std::size_t u : needs.of(v)) {
      if (u > v && std::ranges::binary_search(needs.of(u), v)) {
        explain_failure(problem, {v, u}, true, result);
        return result;
      }
      arcs.push_back({static_cast<std::uint32_t>(u), static_cast<std::uint32_t>(v)});
    }
  }
  const auto order = topological_order(problem.nodes.size(), arcs);
  result.soluble = order.has_value();
  if (!order) {
    const auto cycle = find_cycle(problem.nodes.size(), arcs);
    explain_failure(problem, {cycle.front(), cycle[1 % cycle.size()]}, false, result);
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

Solubility swept_solubility(const Problem& problem, const SweepPlan& plan) {
  Solubility result;
  result.soluble = true;
  for (const SweepStep& step : plan.steps) {
    const Node& node = problem.nodes[step.node];
    if (node.optimised()) result.order.push_back(node.variable);
  }
  result.explanation =
      fmt::format("soluble: the {} optimised conditionals each see all that their scores mention",
                  result.order.size());
  return result;
}

}  // namespace credo::variational
