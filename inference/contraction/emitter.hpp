#pragma once
// Adding slots and instructions to a program: the vocabulary of the compiler.

#include <credo/inference/contraction/program.hpp>

#include <cstdint>
#include <vector>

namespace credo::contraction {

/// Appends to the program it borrows. Scopes are of the reduced model; indices with one state are
/// left out of layouts, and the lane, where a table has it, lies innermost.
class Emitter {
 public:
  /// Ranks every index by the node of program.tree that eliminates it: the later, the further
  /// inside it lies.
  Emitter(const ReducedModel& model, Program& program);

  /// The indices of a scope, outermost first.
  [[nodiscard]] std::vector<IndexExtent> extents(const Scope& scope, bool lanes) const;

  std::uint32_t add_slot(Slot slot);

  /// out[kept] = (sum | max) over scope minus kept of the product of the operands; copies operands
  /// first where that makes the run contiguous. Returns the slot of out.
  std::uint32_t contract(std::vector<std::uint32_t> operands, const Scope& kept, const Scope& scope,
                         bool maximise);

  /// The same, the slot of a sparse leaf first among the operands.
  std::uint32_t contract_sparse(const Leaf& leaf, std::vector<std::uint32_t> operands,
                                const Scope& kept, const Scope& scope, bool maximise);

  /// out[entry] = sum over scope minus the leaf's of the product of the dense operands, for the
  /// stored entries of the leaf alone. The leaf's slot comes first, and only its pattern is used.
  std::uint32_t contract_at_entries(const Leaf& leaf, std::vector<std::uint32_t> operands,
                                    const Scope& scope);

 private:
  std::uint32_t copy(std::uint32_t from, const Layout& to, const std::vector<IndexExtent>& indices);
  std::uint32_t finish(Instruction instruction, Slot out);
  std::uint32_t finish_sparse(const Leaf& leaf, std::vector<std::uint32_t> operands,
                              const Scope& scope, Instruction instruction, Slot out);

  const ReducedModel& model_;
  Program& program_;
  std::vector<std::int64_t> rank_;
};

}  // namespace credo::contraction
