#pragma once
// The symbolic part of moment matching: a tree of clusters in which every mixture has moments.

#include <credo/inference/gaussian/moment_problem.hpp>
#include <credo/inference/infer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace credo::gaussian {

/// One cluster: variables that stay come first in both scopes.
struct MomentStep {
  Scope discrete;
  Scope continuous;
  std::size_t kept_discrete = 0;
  std::size_t kept_continuous = 0;
  std::uint32_t dimension = 0;  ///< scalars of continuous
  std::uint32_t kept_dimension = 0;
  std::size_t states = 1;       ///< joint states of discrete
  std::size_t kept_states = 1;  ///< of those that stay: the length of the message
  /// Indices into MomentProblem::potentials: groundings by rank, parents first, then the others.
  std::vector<std::uint32_t> potentials;
  /// Earlier steps whose messages go in.
  std::vector<std::uint32_t> children;
  std::uint32_t parent = 0;  ///< the step's own index at a root
};

struct MomentPlan {
  std::vector<MomentStep> steps;
  /// The step that eliminates a variable; steps.size() for known ones.
  std::vector<std::uint32_t> step_of;
  /// Per joint: a step that holds it; steps.size() when nothing of it is unknown.
  std::vector<std::uint32_t> joint_step;
  /// Operations and bytes of both passes.
  Plan plan;
  /// Why it will not be run: budget; empty when it can.
  std::string refusal;
};

/// Orders, lays out and predicts. keep_going() false ends the search; the plan is then unfinished
/// and must not be used.
[[nodiscard]] MomentPlan make_moment_plan(const FactorGraph& graph, const MomentProblem& problem,
                                          std::size_t joints, const InferOptions& options,
                                          const std::function<bool()>& keep_going);

/// Fills plan from the steps, and refusal where it is over the budget. Internal to the planner.
void predict(MomentPlan& result, const InferOptions& options);

}  // namespace credo::gaussian
