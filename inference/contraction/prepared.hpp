#pragma once
// A question after planning and before numbers.

#include <credo/inference/contraction/execution.hpp>
#include <credo/inference/contraction/fibres.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/contraction/program.hpp>
#include <credo/inference/infer.hpp>

#include <span>
#include <string>
#include <vector>

namespace credo::contraction {

struct Prepared {
  const FactorGraph* graph = nullptr;
  Query query;
  InferOptions options;
  ReducedModel model;
  Plan plan;
  /// Free variables whose marginals are wanted; and all wanted ones.
  std::vector<VariableId> free_marginals;
  std::vector<VariableId> wanted;
  /// Some table needs logarithms.
  bool needs_log = false;
  /// Why the plan cannot run; empty when it can.
  std::string refusal;
  Program program;
  double plan_seconds = 0.0;
};

/// Reduces, orders, builds the tree and compiles. one_shot: the values of the
/// evidence may be used to reduce; else only its pattern. Throws QueryError on
/// orders that do not fit the query, and Stopped every few milliseconds when the monitor says so.
[[nodiscard]] Prepared prepare(const FactorGraph& graph, const Evidence& evidence,
                               const Query& query, const InferOptions& options, bool one_shot,
                               Monitor& monitor);

/// Takes the tables of another graph that differs in them alone: keeps order and tree, and the
/// program unless their numbers ask for another one. False, with everything as it was, when the
/// plan itself needs to be made again. For what was not prepared as one_shot.
[[nodiscard]] bool rebind(const FactorGraph& graph, const Evidence& pattern, Prepared& prepared);

/// Compiles the plan for an arithmetic and a number of lanes. Throws what the pace throws.
[[nodiscard]] Program compile_for(const Prepared& prepared, Arithmetic arithmetic,
                                  std::size_t lanes, Pace& pace);

/// Runs on one evidence; falls back to logarithms when doubles do not suffice.
/// static_leaves belong to prepared.program, or are empty.
[[nodiscard]] Result run_prepared(const Prepared& prepared, const Evidence& evidence,
                                  std::span<const LeafValues> static_leaves, Monitor& monitor);

/// A result that knows plan, predictions and algorithm, not yet an answer.
[[nodiscard]] Result blank_result(const Prepared& prepared);

/// Reads the answer of one lane off a finished execution. Throws Stopped; samples drawn until then
/// are an answer, with the status.
void extract(const Prepared& prepared, const Execution& execution, std::size_t lane,
             const Evidence& evidence, Monitor& monitor, Result& result);

/// The same for k > 1 assignments; the execution only holds the leaves.
void extract_k_best(const Prepared& prepared, const Execution& execution, const Evidence& evidence,
                    Monitor& monitor, Result& result);

/// Decides eliminated variables from the roots down: the best states of
/// maximised ones (MAP, marginal MAP), or draws when `uniform` is given (a
/// generator of numbers in [0, 1)). Reduced states, one per variable. The fibres are those of the
/// execution, kept from one call to the next. Throws Stopped.
[[nodiscard]] std::vector<std::size_t> trace_back(const Prepared& prepared,
                                                  const Execution& execution, Fibres& fibres,
                                                  const std::function<double()>& uniform);

/// The k best assignments (reduced states), best first; values are recomputed by the caller.
[[nodiscard]] std::vector<std::vector<std::size_t>> k_best(const Prepared& prepared,
                                                           const Execution& execution,
                                                           std::size_t k, Monitor& monitor);

/// The logarithm of a leaf's entry at reduced states (one per variable), scale included.
[[nodiscard]] double leaf_log_value(const Execution& execution, std::size_t leaf,
                                    std::span<const std::size_t> states, std::size_t lane);

/// Offset of reduced states in a slot.
[[nodiscard]] std::int64_t offset_in(const Layout& layout, std::span<const std::size_t> states);

}  // namespace credo::contraction
