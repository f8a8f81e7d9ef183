// Zero propagation (generalised arc consistency; Mackworth 1977 for pairs): a state
// of a variable that no non-zero entry of some table supports has probability zero.
// A worklist of tables; each pass costs the table's size, and a table returns only
// when another one dropped a state of its variables.
// Invariant: a dropped state has probability zero under the evidence.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/reduced_model.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <algorithm>
#include <deque>
#include <span>
#include <utility>

namespace credo {

namespace {

class ZeroPropagation {
 public:
  ZeroPropagation(const FactorGraph& graph, const Evidence& evidence, SparseTables sparse_tables,
                  Pace& pace)
      : graph_(graph),
        pace_(pace),
        sparse_tables_(sparse_tables),
        masks_(graph.variable_count()),
        queued_(graph.factor_count(), 0) {
    for (const auto& [v, finding] : evidence.findings()) {
      std::vector<char>& mask = masks_[v];
      mask.assign(graph.cardinality(v), 0);
      switch (finding.kind) {
        case FindingKind::hard:
          mask[finding.state] = 1;
          break;
        case FindingKind::allowed:
          for (const std::size_t state : finding.allowed) mask[state] = 1;
          break;
        case FindingKind::likelihood:
          for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = finding.likelihood[i] > 0.0;
          break;
        case FindingKind::value:
          break;
      }
    }
  }

  ZeroPropagation(const FactorGraph& graph, StateMasks masks, Pace& pace)
      : graph_(graph),
        pace_(pace),
        sparse_tables_(SparseTables::looked_at),
        masks_(std::move(masks)),
        queued_(graph.factor_count(), 0) {}

  /// False when some variable has no state left.
  bool run() {
    for (const std::vector<char>& mask : masks_) {
      if (!mask.empty() && is_empty(mask)) return false;
    }
    for (FactorId f = 0; f < graph_.factor_count(); ++f) {
      pace_.count(10.0);
      if (graph_.factor(f).table.log_largest() == -kInfinity) return false;
      enqueue(f);
    }
    return follow();
  }

  /// The same for the tables of one variable.
  bool run_from(VariableId changed) {
    for (const FactorId f : graph_.factors_of(changed)) enqueue(f);
    return follow();
  }

  [[nodiscard]] StateMasks take_masks() { return std::move(masks_); }

 private:
  bool follow() {
    while (!work_.empty()) {
      const FactorId f = work_.front();
      work_.pop_front();
      queued_[f] = 0;
      for (const VariableId v : shrunk_by(f)) {
        if (is_empty(masks_[v])) return false;
        pace_.count(5.0 * static_cast<double>(graph_.factors_of(v).size()));
        for (const FactorId other : graph_.factors_of(v)) {
          if (other != f) enqueue(other);
        }
      }
    }
    return true;
  }

  static bool is_empty(const std::vector<char>& mask) {
    return std::ranges::find(mask, 1) == mask.end();
  }

  void enqueue(FactorId f) {
    const Table& table = graph_.factor(f).table;
    const bool passed_over = sparse_tables_ == SparseTables::passed_over && stays_sparse(table);
    if (queued_[f] || !table.has_zero() || passed_over) return;
    work_.push_back(f);
    queued_[f] = 1;
  }

  /// Drops unsupported states of the factor's variables; returns those that lost some.
  std::vector<VariableId> shrunk_by(FactorId f) {
    const Factor& factor = graph_.factor(f);
    std::vector<std::vector<char>> support(factor.scope.size());
    for (std::size_t d = 0; d < support.size(); ++d) support[d].assign(factor.table.shape()[d], 0);
    const double steps_per_entry = 4.0 + 2.0 * static_cast<double>(factor.scope.size());
    for_each_non_zero(factor.table, [&](std::span<const std::size_t> states) {
      pace_.count(steps_per_entry);
      if (!possible(factor.scope, states)) return;
      for (std::size_t d = 0; d < support.size(); ++d) support[d][states[d]] = 1;
    });
    std::vector<VariableId> shrunk;
    for (std::size_t d = 0; d < support.size(); ++d) {
      std::vector<char>& mask = masks_[factor.scope[d]];
      if (mask.empty()) mask.assign(support[d].size(), 1);
      if (mask != support[d]) {
        mask = support[d];
        shrunk.push_back(factor.scope[d]);
      }
    }
    return shrunk;
  }

  /// Calls visit(states) for every entry above zero.
  template <typename Visit>
  static void for_each_non_zero(const Table& any, const Visit& visit) {
    const Table table = stays_sparse(any) ? any : any.densified(any.size());
    const std::span<const double> values = table.values();
    const double zero = table.domain() == Domain::linear ? 0.0 : -kInfinity;
    std::size_t i = 0;
    if (!table.is_sparse()) {
      for_each_joint_state(table.shape(), [&](std::span<const std::size_t> states) {
        if (values[i++] != zero) visit(states);
      });
      return;
    }
    std::vector<std::size_t> states(table.rank());
    for (std::uint64_t index : table.stored_indices()) {
      for (std::size_t d = states.size(); d-- > 0; index /= table.shape()[d]) {
        states[d] = index % table.shape()[d];
      }
      if (values[i++] != zero) visit(std::span<const std::size_t>(states));
    }
  }

  [[nodiscard]] bool possible(const Scope& scope, std::span<const std::size_t> state) const {
    for (std::size_t d = 0; d < scope.size(); ++d) {
      const std::vector<char>& mask = masks_[scope[d]];
      if (!mask.empty() && !mask[state[d]]) return false;
    }
    return true;
  }

  const FactorGraph& graph_;
  Pace& pace_;
  SparseTables sparse_tables_;
  StateMasks masks_;
  std::deque<FactorId> work_;
  std::vector<char> queued_;
};

}  // namespace

std::optional<StateMasks> propagate_zeros(const FactorGraph& graph, const Evidence& evidence,
                                          SparseTables sparse_tables, Pace& pace) {
  ZeroPropagation propagation(graph, evidence, sparse_tables, pace);
  if (!propagation.run()) return std::nullopt;
  return propagation.take_masks();
}

std::optional<StateMasks> propagate_zeros(const FactorGraph& graph, const Evidence& evidence,
                                          SparseTables sparse_tables) {
  Pace unlimited;
  return propagate_zeros(graph, evidence, sparse_tables, unlimited);
}

bool propagate_zeros_from(const FactorGraph& graph, VariableId changed, StateMasks& masks) {
  Pace unlimited;
  ZeroPropagation propagation(graph, std::move(masks), unlimited);
  const bool possible = propagation.run_from(changed);
  masks = propagation.take_masks();
  return possible;
}

}  // namespace credo
