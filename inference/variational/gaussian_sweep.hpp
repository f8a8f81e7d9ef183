#pragma once
// One exact reverse sweep on quadratic scores. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/gaussian_problem.hpp>
#include <credo/inference/variational/sweep_plan.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <limits>
#include <vector>

namespace credo::variational {

/// q by node.
struct GaussianFamily {
  std::vector<Table> tables;                 ///< discrete nodes, linear
  std::vector<std::vector<Kernel>> kernels;  ///< continuous nodes, by joint state of the parents
};

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

/// The optimum of one conditional from the sum of its scores: rule, breakdown and its words.
class ConditionalRule {
 public:
  ConditionalRule(const GaussianProblem& problem, std::size_t node)
      : problem_(problem), node_(node) {}
  /// j over (v, continuous parents); kernel: among its scores or its own, or nullptr.
  [[nodiscard]] Optimum operator()(const Form& j, const Kernel* kernel) const;

 private:
  [[noreturn]] void complain(const Optimum& failed, bool has_kernel) const;

  const GaussianProblem& problem_;
  std::size_t node_;
};

}  // namespace credo::variational
