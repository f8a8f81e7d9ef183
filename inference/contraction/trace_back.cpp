// Decisions from the roots down. A node's message at the states already decided
// is a sum or maximum over its eliminated variables of a product of operands;
// recomputing that one fibre gives the best states (no arg-max tables), or the
// weights to draw from: p(eliminated given kept) is proportional to the product
// (Dawid 1992). Cost per decision: the states of the eliminated variables, or of those the stored
// entries at the decided states (fibres.hpp).

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/prepared.hpp>

#include <algorithm>
#include <cmath>

namespace credo::contraction {

namespace {

double sparse_entry(const SparseValues& sparse, const Scope& scope,
                    std::span<const std::size_t> states, double zero) {
  std::uint64_t row = 0;
  for (std::size_t d = 0; d + 1 < scope.size(); ++d) {
    row = row * sparse.shape[d] + states[scope[d]];
  }
  const auto at = std::ranges::lower_bound(sparse.row_index, row);
  if (at == sparse.row_index.end() || *at != row) return zero;
  const auto r = static_cast<std::size_t>(at - sparse.row_index.begin());
  const auto first = sparse.column.begin() + static_cast<std::ptrdiff_t>(sparse.row_begin[r]);
  const auto last = sparse.column.begin() + static_cast<std::ptrdiff_t>(sparse.row_begin[r + 1]);
  const auto wanted = static_cast<std::uint32_t>(states[scope.back()]);
  const auto entry = std::lower_bound(first, last, wanted);
  if (entry == last || *entry != wanted) return zero;
  return sparse.values[static_cast<std::size_t>(entry - sparse.column.begin())];
}

/// An operand's entry at the current states, in the program's arithmetic, without scale.
double entry_of(const Execution& execution, const Operand& operand,
                std::span<const std::size_t> states, std::size_t lane) {
  const Program& program = execution.program();
  const double zero = program.options.arithmetic == Arithmetic::log ? -kInfinity : 0.0;
  if (operand.kind == Operand::Kind::leaf) {
    const LeafValues& leaf = execution.leaf(operand.index);
    if (leaf.sparse) {
      return sparse_entry(*leaf.sparse, program.tree.leaves[operand.index].scope, states, zero);
    }
  }
  const std::uint32_t slot = slot_of(program, operand);
  const auto shift = static_cast<std::int64_t>(program.slots[slot].lanes ? lane : 0);
  return execution.data(slot)[offset_in(program.slots[slot].layout, states) + shift];
}

/// Product of a node's operands at the current states.
double product_at(const Execution& execution, const Node& node,
                  std::span<const std::size_t> states) {
  const bool logarithms = execution.program().options.arithmetic == Arithmetic::log;
  double product = logarithms ? 0.0 : 1.0;
  for (const Operand& operand : node.operands) {
    const double entry = entry_of(execution, operand, states, 0);
    product = logarithms ? product + entry : product * entry;
  }
  return product;
}

std::size_t best_index(const std::vector<double>& weights) {
  return static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin());
}

/// Index drawn with probability proportional to the weights.
std::size_t drawn_index(std::vector<double>& weights, bool logarithms, double uniform) {
  if (logarithms) weights = softmax(weights);
  double total = 0.0;
  for (const double w : weights) total += w;
  double left = uniform * total;
  std::size_t last_possible = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0.0) continue;
    last_possible = i;
    left -= weights[i];
    if (left < 0.0) return i;
  }
  return last_possible;
}

}  // namespace

std::int64_t offset_in(const Layout& layout, std::span<const std::size_t> states) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < layout.indices.size(); ++i) {
    if (layout.indices[i] != kLane) {
      offset += layout.strides[i] * static_cast<std::int64_t>(states[layout.indices[i]]);
    }
  }
  return offset;
}

double leaf_log_value(const Execution& execution, std::size_t leaf,
                      std::span<const std::size_t> states, std::size_t lane) {
  const double entry =
      entry_of(execution, {Operand::Kind::leaf, static_cast<std::uint32_t>(leaf)}, states, lane);
  const bool logarithms = execution.program().options.arithmetic == Arithmetic::log;
  const double scale = execution.leaf(leaf).scale;
  return logarithms ? entry + scale : std::log(entry) + scale * std::log(2.0);
}

std::vector<std::size_t> trace_back(const Prepared& prepared, const Execution& execution,
                                    Fibres& fibres, const std::function<double()>& uniform) {
  const Program& program = execution.program();
  const bool logarithms = program.options.arithmetic == Arithmetic::log;
  std::vector<std::size_t> states(prepared.model.cardinality.size(), 0);
  std::vector<double> weights;
  std::vector<std::size_t> joints;
  for (std::size_t n = program.node_slot.size(); n-- > 0;) {
    const Node& node = program.tree.nodes[n];
    if (node.eliminated.empty() || (!uniform && !node.maximise)) continue;
    weights.clear();
    joints.clear();
    fibres.for_each(node, states, [&](std::size_t joint) {
      joints.push_back(joint);
      weights.push_back(product_at(execution, node, states));
    });
    const std::size_t chosen =
        uniform ? drawn_index(weights, logarithms, uniform()) : best_index(weights);
    prepared.model.set_states(node.eliminated, joints.at(chosen), states);
  }
  return states;
}

}  // namespace credo::contraction
