// The k best assignments by lists: every message entry is the list of the k
// largest values below it (Nilsson 1998 reaches the same by partitioning;
// lists keep to one upward pass). Multiplying lists keeps the k largest sums of
// logarithms, maximising merges them. Trace-back recomputes one fibre per node
// with where each candidate came from, and picks the wanted rank; candidates
// are ordered by value, then by place, so equal values are told apart the same
// way every time. Cost: k log k times the cost of MAP; memory: k doubles per entry.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/prepared.hpp>

#include <algorithm>
#include <utility>

namespace credo::contraction {

namespace {

/// A candidate of a fibre: its value, and the rank taken from each operand's list.
struct Candidate {
  double value = 0.0;
  std::size_t joint = 0;  ///< which states of the eliminated variables
  std::vector<std::uint32_t> ranks;
};

bool better(const Candidate& a, const Candidate& b) {
  if (a.value != b.value) return a.value > b.value;
  if (a.joint != b.joint) return a.joint < b.joint;
  return a.ranks < b.ranks;
}

class KBest {
 public:
  KBest(const Prepared& p, const Execution& execution, std::size_t k, Monitor& monitor)
      : p_(p),
        execution_(execution),
        tree_(execution.program().tree),
        k_(k),
        monitor_(monitor),
        fibres_(p.model, execution, monitor),
        states_(p.model.cardinality.size(), 0),
        lists_(execution.program().node_slot.size()) {}

  std::vector<std::vector<std::size_t>> run() {
    monitor_.check("contract", 0.0);
    find_roots();
    for (std::size_t n = 0; n < lists_.size(); ++n) {
      fraction_ = static_cast<double>(n) / static_cast<double>(lists_.size());
      fill(n);
    }
    std::vector<std::vector<std::size_t>> best;
    const std::vector<Candidate> whole = combine(root_lists(), 0);
    fraction_ = 1.0;
    for (const Candidate& candidate : whole) best.push_back(trace(candidate));
    return best;
  }

 private:
  using List = std::span<const double>;

  [[nodiscard]] std::uint64_t entry_of(const Scope& scope) const {
    std::uint64_t entry = 0;
    for (const VariableId v : scope) entry = entry * p_.model.cardinality[v] + states_[v];
    return entry;
  }

  /// The operand's list at the current states; leaves have lists of one.
  [[nodiscard]] List list_of(const Operand& operand, double& leaf_value) const {
    if (operand.kind == Operand::Kind::leaf) {
      leaf_value = leaf_log_value(execution_, operand.index, states_, 0);
      return {&leaf_value, leaf_value == -kInfinity ? std::size_t{0} : std::size_t{1}};
    }
    const Node& node = tree_.nodes[operand.index];
    const double* first = lists_[operand.index].data() + entry_of(node.kept) * k_;
    return {first, static_cast<std::size_t>(std::find(first, first + k_, -kInfinity) - first)};
  }

  /// The k best sums of one value from each list.
  [[nodiscard]] std::vector<Candidate> combine(const std::vector<List>& lists, std::size_t joint) {
    std::vector<Candidate> best = {{0.0, joint, {}}};
    for (const List& list : lists) {
      std::vector<Candidate> next;
      for (std::size_t i = 0; i < best.size(); ++i) {
        // The (i, r) pair has i * r better ones before it.
        for (std::size_t r = 0; r < list.size() && (i + 1) * (r + 1) <= k_ + i + r + 1; ++r) {
          monitor_.count(kOperationsOfCandidate, "contract", fraction_);
          Candidate candidate = best[i];
          candidate.value += list[r];
          candidate.ranks.push_back(static_cast<std::uint32_t>(r));
          next.push_back(std::move(candidate));
        }
      }
      keep_best(next);
      best = std::move(next);
    }
    return best;
  }

  void keep_best(std::vector<Candidate>& candidates) const {
    std::sort(candidates.begin(), candidates.end(), better);
    if (candidates.size() > k_) candidates.resize(k_);
  }

  /// The k best candidates of a node at the current kept states.
  [[nodiscard]] std::vector<Candidate> fibre(const Node& node) {
    std::vector<Candidate> best;
    std::vector<double> leaf_values(node.operands.size());
    fibres_.for_each(node, states_, [&](std::size_t joint) {
      std::vector<List> lists;
      for (std::size_t i = 0; i < node.operands.size(); ++i) {
        lists.push_back(list_of(node.operands[i], leaf_values[i]));
      }
      std::vector<Candidate> here = combine(lists, joint);
      best.insert(best.end(), std::make_move_iterator(here.begin()),
                  std::make_move_iterator(here.end()));
      keep_best(best);
    });
    return best;
  }

  void fill(std::size_t n) {
    const Node& node = tree_.nodes[n];
    std::vector<double>& lists = lists_[n];
    lists.assign(static_cast<std::size_t>(state_count(p_.model, node.kept)) * k_, -kInfinity);
    for (const VariableId v : node.kept) states_[v] = 0;
    std::size_t entry = 0;
    do {
      const std::vector<Candidate> best = fibre(node);
      for (std::size_t r = 0; r < best.size(); ++r) lists[entry * k_ + r] = best[r].value;
      ++entry;
    } while (p_.model.next_states(node.kept, states_));
  }

  void find_roots() {
    const std::vector<std::uint32_t> parent = link(tree_).parent;
    for (std::size_t n = 0; n < parent.size(); ++n) {
      if (parent[n] == kNoNode) roots_.push_back(n);
    }
  }

  /// Lists of the roots; constants of weight zero make the whole impossible.
  [[nodiscard]] std::vector<List> root_lists() const {
    std::vector<List> lists;
    for (const std::size_t root : roots_) {
      const double* first = lists_[root].data();
      lists.emplace_back(
          first, static_cast<std::size_t>(std::find(first, first + k_, -kInfinity) - first));
    }
    for (std::size_t l = 0; l < tree_.leaves.size(); ++l) {
      const Leaf& leaf = tree_.leaves[l];
      if (leaf.tables.empty() || !leaf.scope.empty()) continue;
      if (leaf_log_value(execution_, l, states_, 0) == -kInfinity) lists.emplace_back();
    }
    return lists;
  }

  [[nodiscard]] std::vector<std::size_t> trace(const Candidate& whole) {
    std::ranges::fill(states_, std::size_t{0});
    std::vector<std::uint32_t> rank(lists_.size(), 0);
    for (std::size_t r = 0; r < roots_.size(); ++r) rank[roots_[r]] = whole.ranks[r];
    for (std::size_t n = lists_.size(); n-- > 0;) {
      const Node& node = tree_.nodes[n];
      const Candidate chosen = fibre(node).at(rank[n]);
      p_.model.set_states(node.eliminated, chosen.joint, states_);
      for (std::size_t i = 0; i < node.operands.size(); ++i) {
        if (node.operands[i].kind == Operand::Kind::node) {
          rank[node.operands[i].index] = chosen.ranks[i];
        }
      }
    }
    return states_;
  }

  /// Of making and sorting one.
  static constexpr double kOperationsOfCandidate = 50.0;

  const Prepared& p_;
  const Execution& execution_;
  const Tree& tree_;
  std::size_t k_;
  Monitor& monitor_;
  Fibres fibres_;
  double fraction_ = 0.0;
  std::vector<std::size_t> states_;
  std::vector<std::vector<double>> lists_;
  std::vector<std::size_t> roots_;
};

}  // namespace

std::vector<std::vector<std::size_t>> k_best(const Prepared& prepared, const Execution& execution,
                                             std::size_t k, Monitor& monitor) {
  return KBest(prepared, execution, k, monitor).run();
}

}  // namespace credo::contraction
