#pragma once
// From orders to trees: the plan's steps, and the nodes that are executed.

#include <credo/inference/contraction/kernel.hpp>
#include <credo/inference/pace.hpp>
#include <credo/inference/plan.hpp>
#include <credo/inference/reduced_model.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace credo::contraction {

/// Bucket elimination along the order (Dechter 1999): step k multiplies every
/// table and message that mentions the next variable and eliminates it. With
/// fuse, variables that are left in that message alone are eliminated at once.
/// maximise: per variable of the graph. Fills steps, order, widths. Throws what the pace throws.
[[nodiscard]] Plan build_plan(const ReducedModel& model, std::span<const VariableId> order,
                              const std::vector<char>& maximise, bool fuse, Pace& pace);

/// What a node multiplies.
struct Operand {
  enum class Kind : std::uint8_t { leaf, node };
  Kind kind = Kind::leaf;
  std::uint32_t index = 0;
};

/// A table at the bottom of the tree: one reduced table, or several sparse ones merged.
struct Leaf {
  std::vector<std::uint32_t> tables;
  Scope scope;
  bool sparse = false;
  /// Entries held; an upper bound for merged ones.
  double stored = 1.0;
};

/// At most kMaxOperands operands, the first one sparse or none. Empty
/// `eliminated`: a plain product, made to keep steps narrow in operands.
struct Node {
  std::vector<Operand> operands;
  Scope scope;  ///< union of the operands' scopes
  Scope eliminated;
  Scope kept;
  bool maximise = false;
  std::uint32_t step = 0;      ///< of the plan
  bool is_step_result = true;  ///< its output is the step's message
};

struct Tree {
  std::vector<Leaf> leaves;
  /// Children before parents; depth first, so that few messages are alive at once.
  std::vector<Node> nodes;
};

inline constexpr std::uint32_t kNoNode = std::numeric_limits<std::uint32_t>::max();

/// A tree read upwards.
struct TreeLinks {
  std::vector<std::uint32_t> parent;        ///< per node; kNoNode at a root
  std::vector<std::uint32_t> node_of_leaf;  ///< kNoNode for constants, which no node takes
};
[[nodiscard]] TreeLinks link(const Tree& tree);

/// Splits every step into nodes: sparse tables of a step are merged, and small operands are
/// multiplied together first, as long as the product stays small against the largest operand.
/// Throws what the pace throws.
[[nodiscard]] Tree lower(const ReducedModel& model, const Plan& plan, Pace& pace);

/// Product of the cardinalities as a double (it may exceed any integer).
[[nodiscard]] double state_count(const ReducedModel& model, const Scope& scope);

}  // namespace credo::contraction
