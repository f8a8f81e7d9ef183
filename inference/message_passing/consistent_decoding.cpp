// Decisions with forward checking (Haralick and Elliott 1980), without going back on any: where
// zero propagation after every decision is enough to see the consequences, as in many a sudoku, the
// result has positive weight. Cost: the entries of the tables that a decision's consequences reach,
// and one flag per state and factor, per decision.

#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/consistent_decoding.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace credo::message_passing {

namespace {

constexpr double kMostVisits = 1e9;

class Decisions {
 public:
  Decisions(const FactorGraph& graph, const Evidence& evidence,
            const std::vector<std::vector<double>>& log_beliefs, contraction::Monitor& monitor)
      : graph_(graph), evidence_(evidence), log_beliefs_(log_beliefs), monitor_(monitor) {}

  std::optional<std::vector<std::size_t>> run() {
    std::optional<StateMasks> left = propagate_zeros(graph_, evidence_, SparseTables::looked_at);
    if (!left) return std::nullopt;
    masks_ = *std::move(left);
    double visited = 0.0;
    for (const VariableId v : surest_first()) {
      while (states_left(v).size() > 1) {
        monitor_.check("decoding", 0.0);
        visited += static_cast<double>(graph_.variable_count() + graph_.factor_count());
        if (visited > kMostVisits || !decide(v)) return std::nullopt;
      }
    }
    std::vector<std::size_t> states;
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      states.push_back(states_left(v).front());
    }
    return states;
  }

 private:
  /// Takes over what is left when v has only these states, unless that is nothing.
  bool may_follow(VariableId v, const std::vector<std::size_t>& states) {
    StateMasks masks = masks_;
    masks[v].assign(graph_.cardinality(v), 0);
    for (const std::size_t x : states) masks[v][x] = 1;
    if (!propagate_zeros_from(graph_, v, masks)) return false;
    masks_ = std::move(masks);
    return true;
  }

  [[nodiscard]] std::vector<std::size_t> states_left(VariableId v) const {
    std::vector<std::size_t> left;
    for (std::size_t x = 0; x < graph_.cardinality(v); ++x) {
      if (masks_[v].empty() || masks_[v][x] != 0) left.push_back(x);
    }
    return left;
  }

  /// Decides v, or excludes a state of it; false at a dead end.
  bool decide(VariableId v) {
    std::vector<std::size_t> left = states_left(v);
    const auto best = std::ranges::max_element(left, [&](std::size_t a, std::size_t b) {
      return log_beliefs_[v][a] < log_beliefs_[v][b];
    });
    if (may_follow(v, {*best})) return true;
    left.erase(best);
    return may_follow(v, left);
  }

  /// Variables by the share that their most probable state has.
  [[nodiscard]] std::vector<VariableId> surest_first() const {
    std::vector<double> share(graph_.variable_count(), 1.0);
    for (VariableId v = 0; v < share.size(); ++v) {
      if (states_left(v).size() > 1) share[v] = std::ranges::max(softmax(log_beliefs_[v]));
    }
    std::vector<VariableId> order(share.size());
    std::iota(order.begin(), order.end(), VariableId{0});
    std::ranges::sort(order, [&share](VariableId a, VariableId b) {
      return share[a] != share[b] ? share[a] > share[b] : a < b;
    });
    return order;
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const std::vector<std::vector<double>>& log_beliefs_;
  contraction::Monitor& monitor_;
  StateMasks masks_;  // after evidence and decisions
};

}  // namespace

std::optional<std::vector<std::size_t>> decode_consistently(
    const FactorGraph& graph, const Evidence& evidence,
    const std::vector<std::vector<double>>& log_beliefs, contraction::Monitor& monitor) {
  return Decisions(graph, evidence, log_beliefs, monitor).run();
}

}  // namespace credo::message_passing
