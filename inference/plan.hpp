#pragma once
// A plan: the symbolic part of exact inference. A contraction tree with its
// cost in operations and bytes, made before anything is allocated.

#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace credo {

/// How to search for an elimination order.
struct PlanOptions {
  /// Randomised greedy orders tried at most; the best one wins.
  int restarts = 512;
  /// Stop searching when this fraction of the predicted run time was spent. Both times
  /// are nominal: counted steps at an assumed speed, so that the same options give the
  /// same plan everywhere. InferOptions::time_limit_seconds is measured.
  double time_fraction = 0.3;
  /// Never search longer than this, in nominal seconds.
  double time_limit_seconds = 10.0;
  std::uint64_t seed = 1;
  /// The caller's own order, eliminated first to last. Variables left out are ordered by the
  /// search, after the given ones (marginal MAP: summed ones before every maximised one). No
  /// search when complete.
  std::vector<VariableId> order;
  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// One contraction: multiply the operands, eliminate, hand up a message.
struct PlanStep {
  /// Variables of the operands: the scope of the joint table that is never formed.
  Scope scope;
  /// Eliminated here; scope minus these is the scope of the message.
  Scope eliminated;
  Scope message;
  /// Tables of the reduced model, and earlier steps, contracted here.
  std::vector<std::uint32_t> tables;
  std::vector<std::uint32_t> children;
  /// The step that takes the message; the step's own index at a root.
  std::uint32_t parent = 0;
  /// true: max over eliminated; false: sum.
  bool maximise = false;
  /// Multiplications.
  double operations = 0.0;
};

/// Value type: keep it, print it, draw it. steps[i].parent > i unless i is a root.
struct Plan {
  std::vector<PlanStep> steps;
  std::vector<VariableId> order;
  /// Multiplications of the query, all passes.
  double operations = 0.0;
  /// Largest number of bytes alive at once, tables of the model excluded.
  double peak_bytes = 0.0;
  /// Index of the step with the largest scope, and log2 of that scope's number of joint states.
  std::size_t widest_step = 0;
  double log2_widest = 0.0;
  /// Of continuous variables: the most scalars in one step; 0 where there are none.
  std::size_t widest_front = 0;
  /// "min-fill", "min-weight", "given": which search won.
  std::string method = "none";
  /// Orders tried and seconds spent.
  int orders_tried = 0;
  double seconds = 0.0;

  /// One line: steps, operations, bytes, width.
  [[nodiscard]] std::string summary() const;
  /// A line per step, with variable names.
  [[nodiscard]] std::string describe(const FactorGraph& graph) const;
  /// The contraction tree in Graphviz's language.
  [[nodiscard]] std::string to_dot(const FactorGraph& graph) const;
};

}  // namespace credo
