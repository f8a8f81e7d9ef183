// Downward: reverse-mode differentiation (Darwiche 2003; the opposite messages of a
// junction tree). With d(node) the derivative of Z with respect to a node's output,
//   d(operand) = sum over the node's indices outside the operand of
//                d(node) * product of the other operands,
// the same contraction with roles rotated, and no division. The marginal of v
// is message * d(message) summed to v for the smallest message that has v, or
// d(node) * all operands summed to v where no message has it.
// Invariant: a node is walked before its children, so that d(node) exists when it
// is needed. Cost: about twice the upward pass when everything is wanted.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/downward.hpp>

#include <algorithm>
#include <utility>

namespace credo::contraction {

namespace {

class Downward {
 public:
  Downward(const ReducedModel& model, Program& program, Emitter& emit, Pace& pace)
      : model_(model), program_(program), emit_(emit), pace_(pace), links_(link(program.tree)) {}

  void run() {
    plan_downward();
    for (std::size_t n = program_.tree.nodes.size(); n-- > 0;) {
      downward(static_cast<std::uint32_t>(n));
    }
  }

 private:
  /// Where each wanted marginal is read, and which adjoints that needs.
  void plan_downward() {
    const std::size_t nodes = program_.tree.nodes.size();
    needs_adjoint_.assign(nodes, program_.options.message_adjoints ? 1 : 0);
    passes_down_.assign(nodes, 0);
    read_at_message_.resize(nodes);
    read_at_node_.resize(nodes);
    choose_sources();
    choose_leaves();
    for (std::uint32_t n = 0; n < nodes; ++n) {
      if (passes_down_[n]) needs_adjoint_[n] = 1;
      if (needs_adjoint_[n] && links_.parent[n] != kNoNode) passes_down_[links_.parent[n]] = 1;
    }
  }

  /// Leaves with a table whose derivatives are wanted.
  void choose_leaves() {
    std::vector<char> wanted(model_.tables.size(), 0);
    for (const std::uint32_t table : program_.options.table_adjoints) wanted[table] = 1;
    wanted_leaf_.assign(program_.tree.leaves.size(), 0);
    for (std::size_t l = 0; l < wanted_leaf_.size(); ++l) {
      if (links_.node_of_leaf[l] == kNoNode) continue;
      for (const std::uint32_t table : program_.tree.leaves[l].tables) {
        if (wanted[table]) wanted_leaf_[l] = 1;
      }
      if (wanted_leaf_[l]) passes_down_[links_.node_of_leaf[l]] = 1;
    }
  }

  /// The cheapest table that has each wanted variable.
  void choose_sources() {
    struct Source {
      double cost = kInfinity;
      std::uint32_t node = kNoNode;
      bool message = false;
    };
    std::vector<Source> best(model_.cardinality.size());
    const auto offer = [&best](const Scope& scope, const Source& source) {
      for (const VariableId v : scope) {
        if (source.cost < best[v].cost) best[v] = source;
      }
    };
    if (program_.options.marginals.empty()) return;
    for (std::uint32_t n = 0; n < program_.tree.nodes.size(); ++n) {
      const Node& node = program_.tree.nodes[n];
      pace_.count(20.0 + 8.0 * static_cast<double>(node.scope.size()));
      offer(node.scope, {2.0 * state_count(model_, node.scope), n, false});
      if (links_.parent[n] != kNoNode) offer(node.kept, {state_count(model_, node.kept), n, true});
    }
    for (std::size_t i = 0; i < program_.options.marginals.size(); ++i) {
      const Source& source = best[program_.options.marginals[i]];
      if (source.node == kNoNode) continue;
      (source.message ? read_at_message_ : read_at_node_)[source.node].push_back(i);
      if (source.message) {
        needs_adjoint_[source.node] = 1;
      } else {
        passes_down_[source.node] = 1;
      }
    }
  }

  /// The constant 1 as an operand: the derivative of Z with respect to a root.
  std::uint32_t one() {
    if (one_ == kNoSlot) {
      LeafPlan plan;
      plan.table = kNoSlot;
      plan.view = true;
      Slot slot;
      slot.is_leaf = true;
      plan.slot = one_ = emit_.add_slot(std::move(slot));
      program_.leaves.push_back(plan);
      program_.tree.leaves.push_back({{}, {}, false, 1.0});
      program_.leaf_adjoint.push_back(kNoSlot);
    }
    return one_;
  }

  void downward(std::uint32_t n) {
    pace_.count(20.0);
    if (links_.parent[n] == kNoNode && (passes_down_[n] || needs_adjoint_[n]))
      program_.node_adjoint[n] = one();
    if (!passes_down_[n]) return;
    const Node& node = program_.tree.nodes[n];
    const std::uint32_t adjoint = program_.node_adjoint[n];
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      const Operand operand = node.operands[i];
      if (operand.kind == Operand::Kind::node) {
        if (needs_adjoint_[operand.index]) adjoint_of_child(node, i, adjoint);
      } else if (wanted_leaf_[operand.index]) {
        program_.leaf_adjoint[operand.index] = adjoint_of_operand(node, i, adjoint);
      }
    }
    for (const std::size_t i : read_at_node_[n]) {
      program_.marginal_slot[i] =
          adjoint_of_scope(node, node.operands.size(), adjoint, {program_.options.marginals[i]});
    }
  }

  void adjoint_of_child(const Node& node, std::size_t i, std::uint32_t adjoint) {
    const std::uint32_t child = node.operands[i].index;
    program_.node_adjoint[child] = adjoint_of_operand(node, i, adjoint);
    for (const std::size_t wanted : read_at_message_[child]) {
      program_.marginal_slot[wanted] = emit_.contract(
          {program_.node_slot[child], program_.node_adjoint[child]},
          {program_.options.marginals[wanted]}, program_.tree.nodes[child].kept, false);
    }
  }

  std::uint32_t adjoint_of_operand(const Node& node, std::size_t i, std::uint32_t adjoint) {
    const Operand& operand = node.operands[i];
    const Scope& scope = operand.kind == Operand::Kind::leaf
                             ? program_.tree.leaves[operand.index].scope
                             : program_.tree.nodes[operand.index].kept;
    return adjoint_of_scope(node, i, adjoint, scope);
  }

  /// sum over node.scope minus kept of adjoint * every operand but the i-th.
  std::uint32_t adjoint_of_scope(const Node& node, std::size_t i, std::uint32_t adjoint,
                                 const Scope& kept) {
    pace_.count(800.0);
    std::vector<std::uint32_t> operands;
    for (std::size_t k = 0; k < node.operands.size(); ++k) {
      if (k != i) operands.push_back(slot_of(program_, node.operands[k]));
    }
    const Leaf* sparse = sparse_leaf(program_, node);
    if (sparse == nullptr) {
      operands.push_back(adjoint);
      if (operands.size() > kMaxOperands) multiply_two_smallest(operands, node.scope);
      return emit_.contract(std::move(operands), kept, node.scope, false);
    }
    // The pattern drives the loops even when its values are left out (i == 0).
    if (i == 0) operands.insert(operands.begin(), slot_of(program_, node.operands[0]));
    operands.push_back(adjoint);
    if (operands.size() > kMaxOperands) multiply_two_smallest(operands, node.scope);
    if (i == 0) return emit_.contract_at_entries(*sparse, std::move(operands), node.scope);
    return emit_.contract_sparse(*sparse, std::move(operands), kept, node.scope, false);
  }

  /// A full node plus the adjoint has one operand too many: multiply two of them first.
  void multiply_two_smallest(std::vector<std::uint32_t>& operands, const Scope& scope) {
    std::sort(operands.begin() + 1, operands.end(), [this](std::uint32_t a, std::uint32_t b) {
      return program_.slots[a].entries < program_.slots[b].entries;
    });
    Scope both;
    for (const VariableId v : scope) {
      if (program_.slots[operands[1]].layout.has(v) || program_.slots[operands[2]].layout.has(v)) {
        both.push_back(v);
      }
    }
    operands[1] = emit_.contract({operands[1], operands[2]}, both, both, false);
    operands.erase(operands.begin() + 2);
  }

  const ReducedModel& model_;
  Program& program_;
  Emitter& emit_;
  Pace& pace_;
  TreeLinks links_;
  std::vector<char> needs_adjoint_;
  std::vector<char> passes_down_;
  std::vector<std::vector<std::size_t>> read_at_message_;
  std::vector<std::vector<std::size_t>> read_at_node_;
  std::vector<char> wanted_leaf_;
  std::uint32_t one_ = kNoSlot;
};

}  // namespace

void emit_downward(const ReducedModel& model, Program& program, Emitter& emit, Pace& pace) {
  program.node_adjoint.assign(program.tree.nodes.size(), kNoSlot);
  program.leaf_adjoint.assign(program.tree.leaves.size(), kNoSlot);
  program.marginal_slot.assign(program.options.marginals.size(), kNoSlot);
  Downward(model, program, emit, pace).run();
}

}  // namespace credo::contraction
