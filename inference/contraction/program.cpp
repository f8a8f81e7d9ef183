// Compiling a tree into a flat program: storage for the leaves, one contraction per
// node upwards, the downward pass (downward.cpp), and places in the arena.
// Invariant: instructions only read slots of leaves and of earlier instructions.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/arena.hpp>
#include <credo/inference/contraction/downward.hpp>
#include <credo/inference/contraction/leaf_plan.hpp>
#include <credo/inference/contraction/program.hpp>

#include <cmath>
#include <utility>

namespace credo::contraction {

namespace {

// Largest ratio within one table that linear arithmetic accepts.
constexpr double kLinearRange = 550.0;  // nats: about 2^793
// Beyond this a logarithm is no longer exact enough to be an exponential times a power of two.
constexpr double kLargestExactLogarithm = 1e9;
// Elementary steps of planning one contraction, and of planning one leaf.
constexpr double kStepsPerNode = 800.0;
constexpr double kStepsPerLeaf = 200.0;

void emit_upward(Program& program, Emitter& emit, Pace& pace) {
  for (const Node& node : program.tree.nodes) {
    pace.count(kStepsPerNode);
    std::vector<std::uint32_t> operands;
    for (const Operand& operand : node.operands) operands.push_back(slot_of(program, operand));
    const Leaf* sparse = sparse_leaf(program, node);
    program.node_slot.push_back(
        sparse == nullptr ? emit.contract(std::move(operands), node.kept, node.scope, node.maximise)
                          : emit.contract_sparse(*sparse, std::move(operands), node.kept,
                                                 node.scope, node.maximise));
  }
}

/// Nodes without a parent, and tables without variables, which were never taken by a step.
void add_roots(const ReducedModel& model, Program& program, LeafPlanner& leaves, Pace& pace) {
  const std::vector<std::uint32_t> parent = link(program.tree).parent;
  for (std::size_t n = 0; n < parent.size(); ++n) {
    if (parent[n] == kNoNode) program.roots.push_back(program.node_slot[n]);
  }
  std::vector<char> in_tree(model.tables.size(), 0);
  for (const Leaf& leaf : program.tree.leaves) {
    for (const std::uint32_t t : leaf.tables) in_tree[t] = 1;
  }
  for (std::uint32_t t = 0; t < model.tables.size(); ++t) {
    pace.count(3.0);
    if (in_tree[t]) continue;
    program.tree.leaves.push_back({{t}, {}, false, 1.0});
    leaves.add(program.tree.leaves.back());
    program.roots.push_back(program.leaves.back().slot);
  }
}

}  // namespace

std::uint32_t slot_of(const Program& program, const Operand& operand) {
  return operand.kind == Operand::Kind::leaf ? program.leaves[operand.index].slot
                                             : program.node_slot[operand.index];
}

const Leaf* sparse_leaf(const Program& program, const Node& node) {
  if (node.operands.empty() || node.operands[0].kind != Operand::Kind::leaf) return nullptr;
  const Leaf& leaf = program.tree.leaves[node.operands[0].index];
  return leaf.sparse ? &leaf : nullptr;
}

Program compile(const ReducedModel& model, Tree tree, ProgramOptions options, Pace& pace) {
  Program program;
  program.options = std::move(options);
  program.tree = std::move(tree);
  Emitter emit(model, program);
  LeafPlanner leaves(model, program, emit);
  for (const Leaf& leaf : program.tree.leaves) {
    pace.count(kStepsPerLeaf);
    leaves.add(leaf);
  }
  emit_upward(program, emit, pace);
  add_roots(model, program, leaves, pace);
  program.upward_count = program.instructions.size();
  emit_downward(model, program, emit, pace);
  place_in_arena(program, pace);
  for (const Instruction& instruction : program.instructions) {
    program.operations += instruction.operations;
  }
  return program;
}

bool fits_linear(const Table& table) {
  return table.log_largest() == -kInfinity ||
         (table.log_largest() - table.log_smallest() < kLinearRange &&
          std::fabs(table.log_largest()) < kLargestExactLogarithm);
}

}  // namespace credo::contraction
