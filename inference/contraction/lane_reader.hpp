#pragma once
// One lane of a finished execution in the caller's terms: undoes scales, kept
// states and sliced evidence. What every answer is read through.

#include <credo/inference/contraction/prepared.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::contraction {

/// Borrows everything. What reads tables throws Stopped. Not for two threads at once. "Reduced
/// states" are one kept state per variable of the graph.
class LaneReader {
 public:
  LaneReader(const Prepared& prepared, const Execution& execution, std::size_t lane,
             const Evidence& evidence, Monitor& monitor);

  [[nodiscard]] const Prepared& prepared() const { return prepared_; }
  [[nodiscard]] const FactorGraph& graph() const { return *prepared_.graph; }
  [[nodiscard]] const ReducedModel& model() const { return prepared_.model; }
  [[nodiscard]] const Execution& execution() const { return execution_; }
  [[nodiscard]] const Program& program() const { return execution_.program(); }

  /// log Z of the lane.
  [[nodiscard]] double log_z() const { return execution_.log_z(lane_); }
  /// Natural logarithm of an entry of a slot, by its position.
  [[nodiscard]] double log_value(std::uint32_t slot, std::int64_t entry) const {
    return execution_.log_value(slot, entry, lane_);
  }
  /// Natural logarithms of a slot's entries over a scope of reduced states, row-major.
  [[nodiscard]] std::vector<double> log_values(std::uint32_t slot, const Scope& scope) const;
  /// Natural logarithms of a leaf's entries over a scope of reduced states, row-major.
  [[nodiscard]] std::vector<double> leaf_log_values(std::size_t leaf, const Scope& scope) const;
  /// p(x_v) over reduced states, from a slot over v alone that is proportional to it.
  [[nodiscard]] std::vector<double> distribution(std::uint32_t slot, VariableId v) const;

  /// The caller's state of a variable; an observed one is where the evidence says.
  [[nodiscard]] std::size_t original_state(VariableId v, std::size_t reduced) const;
  [[nodiscard]] std::vector<std::size_t> original_states(
      const std::vector<std::size_t>& reduced) const;
  /// log p~(x) with the likelihoods of the evidence, at the caller's states.
  [[nodiscard]] double log_weight(const std::vector<std::size_t>& states) const;
  /// Values over reduced states of the free part of a scope (row-major), as all
  /// entries over the caller's states of the whole scope: zero off the evidence.
  [[nodiscard]] std::vector<double> expanded(const Scope& scope, const Scope& free,
                                             std::span<const double> values) const;
  /// The same, one call place(row-major index over the whole scope, value) each: what is not placed
  /// is zero. Indices increase.
  template <typename Place>
  void place_values(const Scope& scope, const Scope& free, std::span<const double> values,
                    const Place& place) const {
    std::size_t i = 0;
    do {
      count(static_cast<double>(scope.size() + 1));
      std::uint64_t index = 0;
      for (const VariableId v : scope) {
        index = index * graph().cardinality(v) + original_state(v, states_[v]);
      }
      place(index, values[i++]);
    } while (model().next_states(free, states_));
  }
  void count(double operations) const { monitor_.count(operations, "contract", 1.0); }

 private:
  const Prepared& prepared_;
  const Execution& execution_;
  std::size_t lane_;
  const Evidence& evidence_;
  Monitor& monitor_;
  /// All zero between calls: counts through scopes.
  mutable std::vector<std::size_t> states_;
};

/// Where a reduced table went: a leaf of the tree, and its place among the leaf's tables.
struct LeafPlace {
  std::size_t leaf = 0;
  std::size_t position = 0;
};

/// Per reduced table.
[[nodiscard]] std::vector<LeafPlace> leaf_places(const ReducedModel& model, const Tree& tree);

}  // namespace credo::contraction
