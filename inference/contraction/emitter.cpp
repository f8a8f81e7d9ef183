// Slots and instructions of a program. Loops are planned here (loop_nest.hpp) and
// counted: an instruction's operations are its multiplications.

#include <credo/inference/contraction/emitter.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace credo::contraction {

namespace {

Scope minus(const Scope& scope, const Scope& without) {
  Scope result;
  for (const VariableId v : scope) {
    if (std::ranges::find(without, v) == without.end()) result.push_back(v);
  }
  return result;
}

}  // namespace

Emitter::Emitter(const ReducedModel& model, Program& program)
    : model_(model), program_(program), rank_(model.cardinality.size(), 0) {
  for (std::size_t n = 0; n < program.tree.nodes.size(); ++n) {
    for (const VariableId v : program.tree.nodes[n].eliminated) {
      rank_[v] = static_cast<std::int64_t>(n);
    }
  }
}

std::vector<IndexExtent> Emitter::extents(const Scope& scope, bool lanes) const {
  std::vector<IndexExtent> result;
  for (const VariableId v : scope) {
    const auto extent = static_cast<std::int64_t>(model_.cardinality[v]);
    if (extent > 1) result.push_back({v, extent, rank_[v]});
  }
  if (lanes) {
    result.push_back({kLane, static_cast<std::int64_t>(program_.options.lanes),
                      std::numeric_limits<std::int64_t>::max()});
  }
  std::sort(result.begin(), result.end(),
            [](const IndexExtent& a, const IndexExtent& b) { return a.rank < b.rank; });
  return result;
}

std::uint32_t Emitter::add_slot(Slot slot) {
  program_.slots.push_back(std::move(slot));
  return static_cast<std::uint32_t>(program_.slots.size() - 1);
}

std::uint32_t Emitter::finish(Instruction instruction, Slot out) {
  instruction.out = add_slot(std::move(out));
  program_.instructions.push_back(std::move(instruction));
  return program_.instructions.back().out;
}

std::uint32_t Emitter::contract(std::vector<std::uint32_t> operands, const Scope& kept,
                                const Scope& scope, bool maximise) {
  const bool lanes =
      std::ranges::any_of(operands, [this](std::uint32_t s) { return program_.slots[s].lanes; });
  std::vector<Layout> layouts;
  for (const std::uint32_t s : operands) layouts.push_back(program_.slots[s].layout);
  Instruction instruction;
  instruction.nest = plan_loops(layouts, extents(kept, lanes), extents(minus(scope, kept), false));
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Layout& wanted = instruction.nest.repack[i];
    if (!wanted.indices.empty()) operands[i] = copy(operands[i], wanted, extents(scope, lanes));
  }
  Slot out;
  out.layout = instruction.nest.out;
  out.entries = instruction.nest.out_entries;
  out.lanes = lanes;
  instruction.operands = std::move(operands);
  instruction.maximise = maximise;
  instruction.operations = instruction.nest.operations;
  return finish(std::move(instruction), std::move(out));
}

std::uint32_t Emitter::copy(std::uint32_t from, const Layout& to,
                            const std::vector<IndexExtent>& indices) {
  Instruction instruction;
  instruction.copy = true;
  instruction.nest = plan_copy(program_.slots[from].layout, to, indices);
  Slot out;
  out.layout = to;
  out.entries = instruction.nest.out_entries;
  out.lanes = program_.slots[from].lanes;
  instruction.operands = {from};
  instruction.operations = instruction.nest.operations;
  return finish(std::move(instruction), std::move(out));
}

std::uint32_t Emitter::contract_sparse(const Leaf& leaf, std::vector<std::uint32_t> operands,
                                       const Scope& kept, const Scope& scope, bool maximise) {
  Instruction instruction;
  instruction.maximise = maximise;
  Slot out;
  const std::vector<IndexExtent> indices = extents(kept, false);
  out.layout = contiguous(indices);
  for (const IndexExtent& index : indices) out.entries *= index.extent;
  return finish_sparse(leaf, std::move(operands), scope, std::move(instruction), std::move(out));
}

std::uint32_t Emitter::contract_at_entries(const Leaf& leaf, std::vector<std::uint32_t> operands,
                                           const Scope& scope) {
  Instruction instruction;
  instruction.out_is_entries = true;
  Slot out;
  out.entries = static_cast<std::int64_t>(leaf.stored);
  return finish_sparse(leaf, std::move(operands), scope, std::move(instruction), std::move(out));
}

std::uint32_t Emitter::finish_sparse(const Leaf& leaf, std::vector<std::uint32_t> operands,
                                     const Scope& scope, Instruction instruction, Slot out) {
  instruction.sparse = true;
  instruction.extra = extents(minus(scope, leaf.scope), false);
  instruction.operations = leaf.stored * static_cast<double>(operands.size());
  for (const IndexExtent& index : instruction.extra) {
    instruction.operations *= static_cast<double>(index.extent);
  }
  if (program_.options.arithmetic == Arithmetic::log && !instruction.maximise) {
    Slot scratch;
    scratch.entries = out.entries;
    instruction.scratch = add_slot(std::move(scratch));
  }
  instruction.operands = std::move(operands);
  return finish(std::move(instruction), std::move(out));
}

}  // namespace credo::contraction
