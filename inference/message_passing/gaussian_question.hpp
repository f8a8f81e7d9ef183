#pragma once
// What Gaussian message passing is asked, before any number is touched.

#include <credo/inference/infer.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace credo::message_passing {

/// The one state of every variable that the evidence leaves (0 for continuous ones), or the first
/// discrete variable that has several.
struct FixedStates {
  std::vector<std::size_t> states;
  std::optional<VariableId> open;
  bool possible = true;
};

[[nodiscard]] FixedStates fix_states(const FactorGraph& graph, const Evidence& evidence);

/// The unobserved continuous variables of a scope.
[[nodiscard]] Scope free_of(const FactorGraph& graph, const Evidence& evidence, const Scope& scope);

/// Bytes of couplings, messages and lists of edges; an edge of several factors counts for each.
[[nodiscard]] double predict_bytes(const FactorGraph& graph, const Evidence& evidence);

}  // namespace credo::message_passing
