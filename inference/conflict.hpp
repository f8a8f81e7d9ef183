#pragma once
// Why evidence is impossible: a minimal set of findings of probability zero.

#include <credo/inference/infer.hpp>

#include <string>
#include <vector>

namespace credo {

struct Conflict {
  /// Together they have probability zero; without any one of them they have not, if complete.
  /// Empty when the model itself has Z = 0. When the search was stopped: what zero propagation
  /// alone proves to conflict, empty where that is nothing.
  std::vector<Finding> findings;
  /// Whether the model has Z = 0 without any evidence.
  bool model_has_zero_mass = false;
  /// Whether the search ran to its end (else time, budget or observer stopped it).
  bool complete = false;
};

/// A subset-minimal conflicting set of findings of evidence whose Z is zero. First zero propagation
/// narrows the findings down, which needs no budget and explains whatever belief propagation
/// proves; then every test is a log partition function in log-doubles, which cannot underflow.
/// Cost: about k log2(n / k) + 2 k tests for a conflict of k among n findings. Respects the time
/// limit.
[[nodiscard]] Conflict find_conflict(const FactorGraph& graph, const Evidence& evidence,
                                     const InferOptions& options = {});

/// "the evidence has probability zero; rain = yes and wet = no exclude each other".
[[nodiscard]] std::string describe(const FactorGraph& graph, const Conflict& conflict);

}  // namespace credo
