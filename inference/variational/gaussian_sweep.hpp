#pragma once
// One exact reverse sweep on quadratic scores. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/gaussian_rules.hpp>
#include <credo/inference/variational/sweep_plan.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <limits>
#include <vector>

namespace credo::variational {

struct GaussianSweepAnswer {
  double value = kNaN;  ///< max L
  GaussianFamily q;
  std::vector<GaussianScoreMessage> messages;
};

/// What a plan costs once blocks have dimensions.
struct GaussianCost {
  double operations = 0.0;
  double peak_bytes = 0.0;
};
[[nodiscard]] GaussianCost cost_of(const GaussianProblem& problem, const SweepPlan& plan);

/// Scores of the problem from score_limit on are left out. Throws Breakdown when an integral does
/// not exist, and contraction::Stopped.
[[nodiscard]] GaussianSweepAnswer run_gaussian_sweep(
    const GaussianProblem& problem, const SweepPlan& plan, bool messages,
    contraction::Monitor& monitor,
    std::size_t score_limit = std::numeric_limits<std::size_t>::max());

}  // namespace credo::variational
