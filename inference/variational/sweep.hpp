#pragma once
// One exact reverse sweep.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/sweep_plan.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <limits>
#include <vector>

namespace credo::variational {

/// What the sweep hands back.
struct SweepAnswer {
  double value = kNaN;              ///< max L
  std::vector<Table> conditionals;  ///< by node; clamped: its kernel
  std::vector<ScoreMessage> messages;
};

struct SweepSettings {
  bool conditionals = true;
  bool messages = false;
  /// Scores of the problem from this number on are left out.
  std::size_t score_limit = std::numeric_limits<std::size_t>::max();
};

/// Throws contraction::Stopped when the monitor says so.
[[nodiscard]] SweepAnswer run_sweep(const Problem& problem, const SweepPlan& plan,
                                    const SweepSettings& settings, contraction::Monitor& monitor);

}  // namespace credo::variational
