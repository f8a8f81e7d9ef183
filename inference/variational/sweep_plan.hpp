#pragma once
// The symbolic part of one exact reverse sweep.

#include <credo/inference/variational/problem.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace credo::variational {

/// Scores summed and carried over together; `message` is the number of the score they become.
struct ScoreGroup {
  std::vector<std::size_t> scores;
  /// Variables of the scores beyond (parents, child). Empty unless clamped.
  Scope extra;
  /// parents, then extra.
  Scope message_scope;
  std::size_t message = 0;
};

struct SweepStep {
  std::size_t node = 0;
  std::vector<ScoreGroup> groups;  ///< one when optimised
};

struct SweepPlan {
  /// Scores are numbered: those of the problem, then the messages as they arise.
  std::vector<SweepStep> steps;
  std::size_t score_count = 0;
  double operations = 0.0;
  double peak_bytes = 0.0;
};

/// Greedy: any node without children left that can be eliminated is; optimised ones before clamped
/// ones. An optimised node can be when every score that mentions it lies within it and its parents.
/// Nothing when only nodes remain that cannot: no order does. messages: whether scores and messages
/// will be kept.
[[nodiscard]] std::optional<SweepPlan> plan_sweep(const Problem& problem, bool messages);

}  // namespace credo::variational
