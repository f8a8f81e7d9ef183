#pragma once
// A compiled tree: slots for tables, instructions that fill them, and the
// offsets of an arena that holds what is alive. Symbolic; no numbers yet.

#include <credo/inference/contraction/loop_nest.hpp>
#include <credo/inference/contraction/tree.hpp>
#include <credo/inference/reduced_model.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace credo::contraction {

inline constexpr std::uint32_t kNoSlot = std::numeric_limits<std::uint32_t>::max();

struct ProgramOptions {
  Arithmetic arithmetic = Arithmetic::linear;
  /// Evidences answered together; 1 or a multiple of the vector width.
  std::size_t lanes = 1;
  /// Single-variable marginals wanted.
  std::vector<VariableId> marginals;
  /// Derivatives wanted with respect to these reduced tables.
  std::vector<std::uint32_t> table_adjoints;
  /// Derivatives wanted with respect to every message.
  bool message_adjoints = false;
  /// Keep every upward message to the end (for trace-back and for handing out).
  bool keep_messages = false;
};

/// A table in memory: a leaf, a message, an adjoint, a copy or a marginal.
struct Slot {
  Layout layout;
  std::int64_t entries = 1;
  bool lanes = false;
  /// Offset in the arena, in doubles; leaves have storage of their own.
  std::uint64_t offset = 0;
  bool is_leaf = false;
};

struct Instruction {
  bool sparse = false;
  bool maximise = false;
  std::vector<std::uint32_t> operands;  ///< slots; sparse: the first one is the sparse leaf
  std::uint32_t out = kNoSlot;
  /// Copies keep the scale; everything else is rescaled.
  bool copy = false;
  LoopNest nest;  ///< dense
  /// sparse: index sets, resolved against the pattern when it is bound.
  std::vector<IndexExtent> extra;
  bool out_is_entries = false;
  std::uint32_t scratch = kNoSlot;
  double operations = 0.0;
};

/// How a dense leaf gets its numbers.
struct LeafPlan {
  std::uint32_t table = 0;  ///< reduced table
  std::uint32_t slot = kNoSlot;
  /// Points into the table of the graph; else copied into storage.
  bool view = false;
  /// Depends on the states of evidence.
  bool varies = false;
};

struct Program {
  ProgramOptions options;
  Tree tree;
  std::vector<Slot> slots;
  std::vector<Instruction> instructions;
  /// Up to here: the upward pass.
  std::size_t upward_count = 0;
  std::vector<LeafPlan> leaves;              ///< aligned with tree.leaves
  std::vector<std::uint32_t> node_slot;      ///< upward message of each node
  std::vector<std::uint32_t> node_adjoint;   ///< or kNoSlot
  std::vector<std::uint32_t> leaf_adjoint;   ///< per tree leaf, or kNoSlot
  std::vector<std::uint32_t> marginal_slot;  ///< aligned with options.marginals
  std::vector<std::uint32_t> roots;          ///< slots whose product is Z
  std::uint64_t arena_entries = 0;
  double operations = 0.0;
  /// Arena and leaf copies.
  double peak_bytes = 0.0;
};

/// Compiles a tree. Only the pattern of evidence matters. Never allocates what
/// the program would need to run: check peak_bytes first. Throws what the pace throws.
[[nodiscard]] Program compile(const ReducedModel& model, Tree tree, ProgramOptions options,
                              Pace& pace);

/// The slot a node reads for an operand.
[[nodiscard]] std::uint32_t slot_of(const Program& program, const Operand& operand);

/// The sparse leaf that drives a node, its first operand; or nullptr.
[[nodiscard]] const Leaf* sparse_leaf(const Program& program, const Node& node);

/// Whether a table's entries fit linear arithmetic (a double times one power of two).
[[nodiscard]] bool fits_linear(const Table& table);

}  // namespace credo::contraction
