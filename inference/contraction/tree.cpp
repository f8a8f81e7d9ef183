// Plans and trees. See tree.hpp; every structure is an index array with
// children before parents, walked by loops: deep chains must not recurse.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/tree.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace credo::contraction {

namespace {

// Products up to this size are always worth making ahead of a step.
constexpr double kTinyProduct = 64.0;
// A product may be this fraction of the step's largest operand.
constexpr double kSmallFraction = 1.0 / 8.0;
// How many of the smallest operands a greedy merge looks at.
constexpr std::size_t kMergeWindow = 16;

void unite(Scope& into, const Scope& scope) {
  for (const VariableId v : scope) {
    if (std::ranges::find(into, v) == into.end()) into.push_back(v);
  }
}

/// Bucket elimination over items: tables first, then the messages of steps.
class BucketElimination {
 public:
  BucketElimination(const ReducedModel& model, const std::vector<char>& maximise, bool fuse,
                    Pace& pace)
      : model_(model),
        maximise_(maximise),
        fuse_(fuse),
        pace_(pace),
        items_of_(model.cardinality.size()),
        live_(model.cardinality.size(), 0),
        done_(model.cardinality.size(), 0),
        mark_(model.cardinality.size(), 0) {
    for (std::uint32_t t = 0; t < model.tables.size(); ++t) add_item(t, model.tables[t].scope);
  }

  Plan run(std::span<const VariableId> order) {
    plan_.steps.reserve(order.size());
    plan_.order.reserve(order.size());
    for (const VariableId v : order) {
      if (!done_[v]) eliminate(v);
    }
    return std::move(plan_);
  }

 private:
  void add_item(std::uint32_t item, const Scope& scope) {
    pace_.count(30.0 + 10.0 * static_cast<double>(scope.size()));
    for (const VariableId v : scope) {
      items_of_[v].push_back(item);
      ++live_[v];
    }
    taken_.push_back(0);
  }

  [[nodiscard]] const Scope& scope_of(std::uint32_t item) const {
    const auto tables = static_cast<std::uint32_t>(model_.tables.size());
    return item < tables ? model_.tables[item].scope : plan_.steps[item - tables].message;
  }

  void eliminate(VariableId v) {
    const auto index = static_cast<std::uint32_t>(plan_.steps.size());
    PlanStep step;
    step.parent = index;
    step.maximise = maximise_[v] != 0;
    step.eliminated = {v};
    step.scope = {v};
    mark_[v] = 1;
    for (const std::uint32_t item : std::exchange(items_of_[v], {})) {
      if (!taken_[item]) take(item, step, index);
    }
    for (const VariableId u : step.scope) mark_[u] = 0;
    done_[v] = 1;
    if (fuse_) fuse_private(step);
    for (const VariableId u : step.scope) {
      if (!done_[u]) step.message.push_back(u);
    }
    plan_.order.insert(plan_.order.end(), step.eliminated.begin(), step.eliminated.end());
    record_width(step, index);
    plan_.steps.push_back(std::move(step));
    add_item(static_cast<std::uint32_t>(model_.tables.size()) + index, plan_.steps.back().message);
  }

  /// Moves an item into the step; its variables' lists forget it lazily.
  void take(std::uint32_t item, PlanStep& step, std::uint32_t index) {
    const auto tables = static_cast<std::uint32_t>(model_.tables.size());
    taken_[item] = 1;
    pace_.count(20.0 + 5.0 * static_cast<double>(scope_of(item).size()));
    for (const VariableId u : scope_of(item)) {
      --live_[u];
      if (!mark_[u]) step.scope.push_back(u);
      mark_[u] = 1;
    }
    if (item < tables) {
      step.tables.push_back(item);
    } else {
      step.children.push_back(item - tables);
      plan_.steps[item - tables].parent = index;
    }
  }

  /// Variables in no other item, under the same operator, leave with this step.
  void fuse_private(PlanStep& step) {
    for (const VariableId u : step.scope) {
      if (done_[u] || live_[u] > 0 || (maximise_[u] != 0) != step.maximise) continue;
      done_[u] = 1;
      step.eliminated.push_back(u);
    }
  }

  void record_width(const PlanStep& step, std::uint32_t index) {
    double width = 0.0;
    for (const VariableId u : step.scope) {
      width += std::log2(static_cast<double>(model_.cardinality[u]));
    }
    if (index == 0 || width > plan_.log2_widest) {
      plan_.log2_widest = width;
      plan_.widest_step = index;
    }
  }

  const ReducedModel& model_;
  const std::vector<char>& maximise_;
  bool fuse_;
  Pace& pace_;
  std::vector<std::vector<std::uint32_t>> items_of_;
  std::vector<std::uint32_t> live_;
  std::vector<char> taken_;
  std::vector<char> done_;
  std::vector<char> mark_;
  Plan plan_;
};

bool is_sparse(const ReducedModel& model, const ReducedTable& table) {
  return table.kind == ReducedTable::Kind::factor && !table.scope.empty() &&
         stays_sparse(model.graph->factor(table.source).table);
}

/// An operand waiting to be multiplied.
struct Candidate {
  Operand operand;
  Scope scope;
  double size = 1.0;
};

/// Lowers one plan step after the other, depth first.
class Lowering {
 public:
  Lowering(const ReducedModel& model, const Plan& plan, Pace& pace)
      : model_(model), plan_(plan), pace_(pace), result_of_(plan.steps.size(), 0) {}

  Tree run() {
    for (const std::uint32_t step : depth_first()) lower_step(step);
    return std::move(tree_);
  }

 private:
  /// Steps, children first, each subtree contiguous, wide subtrees before narrow
  /// ones: their messages then wait for no one.
  [[nodiscard]] std::vector<std::uint32_t> depth_first() const {
    std::vector<std::uint32_t> reversed;
    std::vector<std::uint32_t> stack;
    for (std::uint32_t s = 0; s < plan_.steps.size(); ++s) {
      if (plan_.steps[s].parent == s) stack.push_back(s);
    }
    while (!stack.empty()) {
      const std::uint32_t step = stack.back();
      stack.pop_back();
      reversed.push_back(step);
      const std::vector<std::uint32_t>& children = plan_.steps[step].children;
      std::vector<std::pair<double, std::uint32_t>> wide_first;
      wide_first.reserve(children.size());
      for (const std::uint32_t child : children) {
        const Scope& scope = plan_.steps[child].scope;
        pace_.count(40.0 + 3.0 * static_cast<double>(scope.size()));
        wide_first.emplace_back(-state_count(model_, scope), child);
      }
      std::ranges::sort(wide_first);
      for (const auto& [states, child] : wide_first) stack.push_back(child);
    }
    std::ranges::reverse(reversed);
    return reversed;
  }

  void lower_step(std::uint32_t index) {
    const PlanStep& step = plan_.steps[index];
    pace_.count(300.0 + 200.0 * static_cast<double>(step.tables.size() + step.children.size()));
    std::vector<Candidate> dense;
    std::vector<std::uint32_t> sparse;
    for (const std::uint32_t t : step.tables) {
      if (is_sparse(model_, model_.tables[t])) {
        sparse.push_back(t);
      } else {
        dense.push_back(add_leaf({{t}, model_.tables[t].scope, false, 1.0}));
      }
    }
    for (const std::uint32_t child : step.children) {
      const Scope& scope = plan_.steps[child].message;
      dense.push_back(
          {{Operand::Kind::node, result_of_[child]}, scope, state_count(model_, scope)});
    }
    merge(dense, sparse.empty() ? kMaxOperands : kMaxOperands - 1, index);
    if (!sparse.empty()) dense.insert(dense.begin(), add_sparse_leaf(std::move(sparse)));
    Node node = node_of(dense, index);
    if (node.operands.empty()) node.scope = step.scope;
    node.eliminated = step.eliminated;
    node.kept = step.message;
    node.maximise = step.maximise;
    node.is_step_result = true;
    result_of_[index] = add_node(std::move(node));
  }

  Candidate add_leaf(Leaf leaf) {
    const double size = state_count(model_, leaf.scope);
    if (!leaf.sparse) leaf.stored = size;
    tree_.leaves.push_back(std::move(leaf));
    return {{Operand::Kind::leaf, static_cast<std::uint32_t>(tree_.leaves.size() - 1)},
            tree_.leaves.back().scope,
            size};
  }

  Candidate add_sparse_leaf(std::vector<std::uint32_t> tables) {
    Leaf leaf{std::move(tables), {}, true, 1.0};
    for (const std::uint32_t t : leaf.tables) unite(leaf.scope, model_.tables[t].scope);
    // A table over the whole scope bounds the merged pattern; the others at worst multiply.
    double bound = 1.0;
    double cover = kInfinity;
    for (const std::uint32_t t : leaf.tables) {
      const auto entries =
          static_cast<double>(model_.graph->factor(model_.tables[t].source).table.stored());
      bound *= entries;
      if (model_.tables[t].scope.size() == leaf.scope.size()) cover = std::min(cover, entries);
    }
    leaf.stored = std::min({bound, cover, state_count(model_, leaf.scope)});
    return add_leaf(std::move(leaf));
  }

  static Node node_of(const std::vector<Candidate>& parts, std::uint32_t step) {
    Node node;
    for (const Candidate& part : parts) {
      node.operands.push_back(part.operand);
      unite(node.scope, part.scope);
    }
    node.kept = node.scope;
    node.step = step;
    node.is_step_result = false;
    return node;
  }

  std::uint32_t add_node(Node node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(tree_.nodes.size() - 1);
  }

  Candidate product(const std::vector<Candidate>& parts, std::uint32_t step) {
    pace_.count(300.0);
    Node node = node_of(parts, step);
    Scope scope = node.scope;
    const double size = state_count(model_, scope);
    return {{Operand::Kind::node, add_node(std::move(node))}, std::move(scope), size};
  }

  void merge(std::vector<Candidate>& dense, std::size_t limit, std::uint32_t step) {
    if (dense.size() > 2) merge_equal_scopes(dense, step);
    if (dense.size() <= 2) return;
    Waiting waiting(std::make_move_iterator(dense.begin()), std::make_move_iterator(dense.end()));
    bool merged_first = false;
    std::uint32_t merged_node = 0;
    while (waiting.size() > 2) {
      const auto [first, second, size] = smallest_product(waiting);
      const bool small =
          size <= kTinyProduct || size <= kSmallFraction * std::prev(waiting.end())->size;
      if (!small && waiting.size() <= limit) break;
      merged_first = first == waiting.begin();
      Candidate merged = product({*first, *second}, step);
      merged_node = merged.operand.index;
      waiting.erase(first);
      waiting.erase(second);
      waiting.insert(std::move(merged));
    }
    dense.assign(waiting.begin(), waiting.end());
    // Of two operands the product takes the place of its first part.
    const auto is_merged = [merged_node](const Candidate& candidate) {
      return candidate.operand.kind == Operand::Kind::node &&
             candidate.operand.index == merged_node;
    };
    if (dense.size() == 2 && is_merged(dense[0]) != merged_first) std::swap(dense[0], dense[1]);
  }

  struct Smaller {
    bool operator()(const Candidate& a, const Candidate& b) const {
      return std::tuple(a.size, a.operand.kind, a.operand.index) <
             std::tuple(b.size, b.operand.kind, b.operand.index);
    }
  };
  using Waiting = std::set<Candidate, Smaller>;

  struct Pair {
    Waiting::const_iterator first;
    Waiting::const_iterator second;
    double size;
  };

  /// Of the smallest operands.
  [[nodiscard]] Pair smallest_product(const Waiting& waiting) const {
    const std::size_t window = std::min(waiting.size(), kMergeWindow);
    const auto end = std::next(waiting.begin(), static_cast<std::ptrdiff_t>(window));
    Pair best{waiting.begin(), std::next(waiting.begin()), kInfinity};
    for (auto i = waiting.begin(); i != end; ++i) {
      for (auto j = std::next(i); j != end; ++j) {
        pace_.count(100.0);
        Scope both = i->scope;
        unite(both, j->scope);
        const double size = state_count(model_, both);
        if (size < best.size) best = {i, j, size};
      }
    }
    return best;
  }

  /// Thousands of messages over one variable (a hub) are multiplied four at a time.
  void merge_equal_scopes(std::vector<Candidate>& dense, std::uint32_t step) {
    std::map<Scope, std::vector<Candidate>> groups;
    for (Candidate& candidate : dense) {
      pace_.count(100.0);
      Scope key = candidate.scope;
      std::ranges::sort(key);
      groups[std::move(key)].push_back(std::move(candidate));
    }
    dense.clear();
    for (auto& [scope, group] : groups) {
      while (group.size() > 1) {
        std::vector<Candidate> next;
        for (std::size_t i = 0; i < group.size(); i += kMaxOperands) {
          const std::size_t end = std::min(group.size(), i + kMaxOperands);
          const std::vector<Candidate> parts(group.begin() + static_cast<std::ptrdiff_t>(i),
                                             group.begin() + static_cast<std::ptrdiff_t>(end));
          next.push_back(parts.size() == 1 ? parts[0] : product(parts, step));
        }
        group = std::move(next);
      }
      dense.push_back(std::move(group[0]));
    }
  }

  const ReducedModel& model_;
  const Plan& plan_;
  Pace& pace_;
  std::vector<std::uint32_t> result_of_;
  Tree tree_;
};

}  // namespace

double state_count(const ReducedModel& model, const Scope& scope) {
  double count = 1.0;
  for (const VariableId v : scope) count *= static_cast<double>(model.cardinality[v]);
  return count;
}

Plan build_plan(const ReducedModel& model, std::span<const VariableId> order,
                const std::vector<char>& maximise, bool fuse, Pace& pace) {
  return BucketElimination(model, maximise, fuse, pace).run(order);
}

Tree lower(const ReducedModel& model, const Plan& plan, Pace& pace) {
  return Lowering(model, plan, pace).run();
}

TreeLinks link(const Tree& tree) {
  TreeLinks links{std::vector<std::uint32_t>(tree.nodes.size(), kNoNode),
                  std::vector<std::uint32_t>(tree.leaves.size(), kNoNode)};
  for (std::uint32_t n = 0; n < tree.nodes.size(); ++n) {
    for (const Operand& operand : tree.nodes[n].operands) {
      (operand.kind == Operand::Kind::leaf ? links.node_of_leaf : links.parent)[operand.index] = n;
    }
  }
  return links;
}

}  // namespace credo::contraction
