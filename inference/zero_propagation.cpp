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
  ZeroPropagation(const FactorGraph& graph, const Evidence& evidence, Pace& pace)
      : graph_(graph),
        pace_(pace),
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

  [[nodiscard]] StateMasks take_masks() { return std::move(masks_); }

 private:
  static bool is_empty(const std::vector<char>& mask) {
    return std::ranges::find(mask, 1) == mask.end();
  }

  void enqueue(FactorId f) {
    const Table& table = graph_.factor(f).table;
    if (queued_[f] || !table.has_zero() || stays_sparse(table)) return;
    work_.push_back(f);
    queued_[f] = 1;
  }

  /// Drops unsupported states of the factor's variables; returns those that lost some.
  std::vector<VariableId> shrunk_by(FactorId f) {
    const Factor& factor = graph_.factor(f);
    const Table table = factor.table.densified(factor.table.size());
    const std::span<const double> values = table.values();
    const double zero = table.domain() == Domain::linear ? 0.0 : -kInfinity;
    std::vector<std::vector<char>> support(factor.scope.size());
    for (std::size_t d = 0; d < support.size(); ++d) support[d].assign(table.shape()[d], 0);
    std::size_t i = 0;
    const double steps_per_entry = 4.0 + 2.0 * static_cast<double>(factor.scope.size());
    for_each_joint_state(table.shape(), [&](std::span<const std::size_t> states) {
      pace_.count(steps_per_entry);
      if (values[i++] == zero || !possible(factor.scope, states)) return;
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

  [[nodiscard]] bool possible(const Scope& scope, std::span<const std::size_t> state) const {
    for (std::size_t d = 0; d < scope.size(); ++d) {
      const std::vector<char>& mask = masks_[scope[d]];
      if (!mask.empty() && !mask[state[d]]) return false;
    }
    return true;
  }

  const FactorGraph& graph_;
  Pace& pace_;
  StateMasks masks_;
  std::deque<FactorId> work_;
  std::vector<char> queued_;
};

}  // namespace

std::optional<StateMasks> propagate_zeros(const FactorGraph& graph, const Evidence& evidence,
                                          Pace& pace) {
  ZeroPropagation propagation(graph, evidence, pace);
  if (!propagation.run()) return std::nullopt;
  return propagation.take_masks();
}

std::optional<StateMasks> propagate_zeros(const FactorGraph& graph, const Evidence& evidence) {
  Pace unlimited;
  return propagate_zeros(graph, evidence, unlimited);
}

}  // namespace credo
