#pragma once
// The states of a node's eliminated variables that are worth a look, once its kept ones are
// decided.

#include <credo/inference/contraction/execution.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace credo::contraction {

/// Borrows everything. "States" are reduced ones, one per variable of the graph.
class Fibres {
 public:
  Fibres(const ReducedModel& model, const Execution& execution, Monitor& monitor)
      : model_(model), execution_(execution), monitor_(monitor) {}

  /// Calls visit(joint) for row-major indices `joint` over node.eliminated, increasing, with
  /// `states` set accordingly: for all of them, or where a sparse table drives the node for those
  /// that one of its stored entries has at the kept states. What is left out has weight zero.
  /// Throws Stopped.
  template <typename Visit>
  void for_each(const Node& node, std::vector<std::size_t>& states, const Visit& visit) {
    const auto operations = static_cast<double>(node.operands.size() + node.scope.size());
    for (const VariableId v : node.eliminated) states[v] = 0;
    if (!is_sparse(node)) {
      std::size_t joint = 0;
      do {
        monitor_.count(operations, "contract", 1.0);
        visit(joint++);
      } while (model_.next_states(node.eliminated, states));
      return;
    }
    for (const std::uint64_t joint : stored_joints(node, states)) {
      monitor_.count(operations, "contract", 1.0);
      model_.set_states(node.eliminated, joint, states);
      visit(static_cast<std::size_t>(joint));
    }
    for (const VariableId v : node.eliminated) states[v] = 0;
  }

 private:
  /// Stored entries by their kept states: pairs of row-major indices over the kept and over the
  /// eliminated variables of a sparse leaf, increasing.
  using Index = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  [[nodiscard]] bool is_sparse(const Node& node) const {
    return sparse_leaf(execution_.program(), node) != nullptr;
  }
  [[nodiscard]] std::vector<std::uint64_t> stored_joints(const Node& node,
                                                         std::vector<std::size_t>& states);
  [[nodiscard]] const Index& index_of(const SparseValues& sparse,
                                      const std::vector<std::size_t>& kept,
                                      const std::vector<std::size_t>& eliminated);

  const ReducedModel& model_;
  const Execution& execution_;
  Monitor& monitor_;
  /// By pattern and by the places of kept and eliminated variables: leaves share them.
  std::map<std::pair<const SparseValues*, std::vector<std::size_t>>, Index> indices_;
};

}  // namespace credo::contraction
