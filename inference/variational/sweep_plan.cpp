// Which conditional is eliminated when, and what it will cost, before anything is computed.
//
// Eliminating an optimised node is exact whenever all its children are gone and its scores lie
// within {v} and pa(v), and it makes no other elimination harder; eliminating a clamped node v
// replaces v by pa(v) in its scores, which an optimised node that does not see v needs anyway. So
// the greedy choice finds an order when there is one. A clamped expectation is linear: scores with
// different variables beyond (pa(v), v) are carried over apart, which keeps their tables small.
// A live score with an optimised variable u and a w that u does not see is final when w is above u,
// or when w is optimised and does not see u: then no order exists, and the search ends there,
// before scores of hidden variables grow. Invariant: mentioning[v] lists the live scores whose
// scope has v. Cost: nodes x log nodes + the sum of scope sizes.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/problem.hpp>
#include <credo/inference/variational/sweep_plan.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace credo::variational {

namespace {

class Planner {
 public:
  Planner(const Problem& problem, bool messages) : problem_(problem), messages_(messages) {}

  std::optional<SweepPlan> run() {
    prepare();
    while (!ready_clamped_.empty() || !ready_optimised_.empty()) {
      const std::optional<std::size_t> next = hopeless_ ? std::nullopt : choose();
      if (!next) return std::nullopt;
      eliminate(*next);
    }
    plan_.score_count = scopes_.size();
    plan_.peak_bytes = kept_bytes_ + largest_live_bytes_;
    return std::move(plan_);
  }

 private:
  void prepare() {
    const std::size_t variables = problem_.graph->variable_count();
    mentioning_.resize(variables);
    children_left_.assign(variables, 0);
    rank();
    for (const Score& score : problem_.scores) add_score(score.scope, 0.0);
    for (const Node& node : problem_.nodes) {
      for (const VariableId u : node.parents) ++children_left_[u];
    }
    for (std::size_t n = 0; n < problem_.nodes.size(); ++n) {
      if (children_left_[problem_.nodes[n].variable] == 0) make_ready(n);
    }
  }

  void make_ready(std::size_t n) {
    (problem_.nodes[n].optimised() ? ready_optimised_ : ready_clamped_).insert(n);
  }

  std::size_t add_score(Scope scope, double bytes) {
    const std::size_t id = scopes_.size();
    hopeless_ = hopeless_ || is_hopeless(scope);
    for (const VariableId v : scope) mentioning_[v].push_back(id);
    scopes_.push_back(std::move(scope));
    bytes_.push_back(bytes);
    live_bytes_ += bytes;
    largest_live_bytes_ = std::max(largest_live_bytes_, live_bytes_);
    return id;
  }

  [[nodiscard]] bool sees(VariableId u, VariableId w) const {
    const Scope& parents = problem_.node(u).parents;
    return std::ranges::find(parents, w) != parents.end();
  }

  [[nodiscard]] bool is_hopeless(const Scope& scope) {
    for (const VariableId u : scope) {
      if (!problem_.node(u).optimised()) continue;
      for (const VariableId w : scope) {
        if (w == u || sees(u, w)) continue;
        if (problem_.node(w).optimised() && !sees(w, u)) return true;
        if (is_above(w, u)) return true;
      }
    }
    return false;
  }

  /// Whether w is an ancestor of u: a search upwards that stays below w.
  [[nodiscard]] bool is_above(VariableId w, VariableId u) {
    if (rank_[w] >= rank_[u]) return false;
    ++searches_;
    std::vector<VariableId> open{u};
    while (!open.empty()) {
      const VariableId v = open.back();
      open.pop_back();
      for (const VariableId parent : problem_.node(v).parents) {
        if (parent == w) return true;
        if (rank_[parent] <= rank_[w] || seen_in_[parent] == searches_) continue;
        seen_in_[parent] = searches_;
        open.push_back(parent);
      }
    }
    return false;
  }

  /// rank_: places of variables in an order with parents before children.
  void rank() {
    const std::size_t variables = problem_.graph->variable_count();
    std::vector<std::size_t> parents_left(variables, 0);
    std::vector<std::vector<VariableId>> children(variables);
    std::vector<VariableId> open;
    for (const Node& node : problem_.nodes) {
      parents_left[node.variable] = node.parents.size();
      for (const VariableId u : node.parents) children[u].push_back(node.variable);
      if (node.parents.empty()) open.push_back(node.variable);
    }
    rank_.assign(variables, 0);
    seen_in_.assign(variables, 0);
    for (std::size_t i = 0; i < open.size(); ++i) {
      rank_[open[i]] = i;
      for (const VariableId v : children[open[i]]) {
        if (--parents_left[v] == 0) open.push_back(v);
      }
    }
  }

  [[nodiscard]] Scope beyond(const Node& node, const Scope& scope) const {
    Scope extra;
    for (const VariableId u : scope) {
      if (u != node.variable && std::ranges::find(node.parents, u) == node.parents.end()) {
        extra.push_back(u);
      }
    }
    std::ranges::sort(extra);
    return extra;
  }

  [[nodiscard]] bool can_eliminate(std::size_t n) const {
    const Node& node = problem_.nodes[n];
    return std::ranges::all_of(mentioning_[node.variable],
                               [&](std::size_t s) { return beyond(node, scopes_[s]).empty(); });
  }

  /// The latest ready node: models are written parents first.
  std::optional<std::size_t> choose() {
    for (auto at = ready_optimised_.rbegin(); at != ready_optimised_.rend(); ++at) {
      if (!can_eliminate(*at)) continue;
      const std::size_t n = *at;
      ready_optimised_.erase(n);
      return n;
    }
    if (ready_clamped_.empty()) return std::nullopt;
    const std::size_t n = *ready_clamped_.rbegin();
    ready_clamped_.erase(n);
    return n;
  }

  [[nodiscard]] double states_of(const Scope& scope) const {
    double states = 1.0;
    for (const VariableId v : scope) {
      states *= static_cast<double>(problem_.graph->cardinality(v));
    }
    return states;
  }

  /// Entries that a step looks at: those of the sparsest table over all of (parents, child).
  [[nodiscard]] double entries_of(const Node& node, const ScoreGroup& group) const {
    double entries = states_of(Problem::scope_of(node));
    const auto consider = [&](const Table& table) {
      entries = std::min(entries, static_cast<double>(table.stored()));
    };
    if (node.table) consider(*node.table);
    if (!node.optimised()) return entries;
    for (const std::size_t s : group.scores) {
      if (s < problem_.scores.size() && scopes_[s].size() == node.parents.size() + 1) {
        consider(problem_.scores[s].table);
      }
    }
    return entries;
  }

  /// Whether some state of the parents leaves the child none. Once per table.
  bool has_empty_row(const Table& kernel) {
    if (!kernel.has_zero()) return false;
    const auto known = empty_row_.find(kernel.identity());
    if (known != empty_row_.end()) return known->second;
    const std::uint64_t width = kernel.shape().back();
    std::uint64_t rows = 0;
    std::uint64_t last = kernel.size();
    const std::vector<std::uint64_t> indices = kernel.stored_indices();
    for (std::size_t i = 0; i < kernel.values().size(); ++i) {
      const std::uint64_t row = (kernel.is_sparse() ? indices[i] : i) / width;
      if (!(kernel.values()[i] > 0.0) || row == last) continue;
      last = row;
      ++rows;
    }
    return empty_row_.emplace(kernel.identity(), rows < kernel.size() / width).first->second;
  }

  std::vector<ScoreGroup> group_scores(const Node& node) {
    std::map<Scope, ScoreGroup> groups;
    if (node.optimised() || has_empty_row(*node.table)) groups[{}];
    for (const std::size_t s : mentioning_[node.variable]) {
      groups[beyond(node, scopes_[s])].scores.push_back(s);
    }
    std::vector<ScoreGroup> result;
    for (auto& [extra, group] : groups) {
      group.extra = extra;
      group.message_scope = node.parents;
      group.message_scope.insert(group.message_scope.end(), extra.begin(), extra.end());
      result.push_back(std::move(group));
    }
    return result;
  }

  void eliminate(std::size_t n) {
    const Node& node = problem_.nodes[n];
    SweepStep step{n, group_scores(node)};
    for (ScoreGroup& group : step.groups) {
      const double entries = entries_of(node, group) * states_of(group.extra);
      plan_.operations += entries * static_cast<double>(group.scores.size() + 1);
      const double message_bytes = states_of(group.message_scope) * sizeof(double);
      if (node.optimised()) kept_bytes_ += entries * sizeof(double);
      if (messages_) kept_bytes_ += entries * sizeof(double) + message_bytes;
      group.message = add_score(group.message_scope, messages_ ? 0.0 : message_bytes);
    }
    for (const ScoreGroup& group : step.groups) {
      for (const std::size_t s : group.scores) remove_score(s);
    }
    for (const VariableId u : node.parents) {
      if (--children_left_[u] == 0) make_ready(problem_.node_of[u]);
    }
    plan_.steps.push_back(std::move(step));
  }

  void remove_score(std::size_t s) {
    for (const VariableId v : scopes_[s]) std::erase(mentioning_[v], s);
    live_bytes_ -= bytes_[s];
  }

  const Problem& problem_;
  bool messages_;
  SweepPlan plan_;
  std::vector<Scope> scopes_;
  std::vector<double> bytes_;
  std::vector<std::vector<std::size_t>> mentioning_;
  std::vector<std::size_t> children_left_;
  std::map<const void*, bool> empty_row_;
  bool hopeless_ = false;
  std::vector<std::size_t> rank_;
  std::size_t searches_ = 0;
  /// The last search that met a variable.
  std::vector<std::size_t> seen_in_;
  std::set<std::size_t> ready_optimised_;
  std::set<std::size_t> ready_clamped_;
  double live_bytes_ = 0.0;
  double kept_bytes_ = 0.0;
  double largest_live_bytes_ = 0.0;
};

}  // namespace

std::optional<SweepPlan> plan_sweep(const Problem& problem, bool messages) {
  return Planner(problem, messages).run();
}

}  // namespace credo::variational
