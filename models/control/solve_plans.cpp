#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/solve_parts.hpp>

#include <cmath>
#include <utility>

// The two questions about a finite horizon whose answer is not a policy: the most likely trajectory
// given o = 1 (MAP of the trajectory's graph), and the actions that are best decided before
// anything is seen (marginal MAP over a_1 .. a_T; Liu and Ihler, UAI 2012: exponential utility).
// Cost: MAP that of a backward pass; marginal MAP exponential in T in the worst case, planned and
// refused like any contraction.

namespace credo::control {
namespace {

Trajectory whole_trajectory(const Mdp& mdp, const ControlOptions& options) {
  TrajectoryOptions trajectory;
  trajectory.horizon = *options.horizon;
  trajectory.temperature = options.temperature;
  trajectory.prior = options.prior;
  trajectory.action_prior = options.action_prior;
  trajectory.count_after_end = true;
  trajectory.discount = options.discount.value_or(mdp.discount());
  if (!options.final_value.empty()) {
    trajectory.log_final_factor = in_nats(options.final_value, options.temperature);
    if (trajectory.discount < 1.0) trajectory.log_final_factor.push_back(0.0);
  }
  return make_trajectory(mdp, trajectory);
}

/// False, with the result's status, when there is no assignment.
bool note(const Result& result, ControlSolution& solution) {
  solution.status = result.status;
  solution.message = result.message;
  solution.guarantee = result.guarantee;
  solution.algorithm_used = result.algorithm_used;
  solution.timings.plan_seconds = result.timings.plan_seconds;
  return result.ok();
}

/// The slice in which only one action exists; without a prior, at no price.
Slice only_action(const SolvedStep& step, std::size_t action, bool prior) {
  SliceDescription description = describe_step(step.trajectory, step.backup, step.ended);
  if (!prior) description.log_base.assign(description.row_score.size(), 0.0);
  for (std::size_t row = 0; row < description.row_score.size(); ++row) {
    if (row % description.choices != action) description.row_score[row] = -kInfinity;
  }
  return Slice(std::move(description));
}

double exponential_utility(const Mdp& mdp, const ControlOptions& options, const SolvedStep& step,
                           const std::vector<std::size_t>& actions) {
  std::vector<double> next = step.message(actions.size(), last_value(mdp, options));
  std::vector<double> message(next.size());
  for (std::size_t t = actions.size(); t-- > 0;) {
    only_action(step, actions[t], false).apply(next, message);
    std::swap(next, message);
  }
  std::vector<double> weight;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] > 0.0) weight.push_back(std::log(mdp.initial()[s]) + next[s]);
  }
  return options.temperature * log_sum_exp(weight);
}

}  // namespace

bool find_trajectory(const Mdp& mdp, const ControlOptions& options, ControlSolution& solution) {
  const Trajectory trajectory = whole_trajectory(mdp, options);
  InferOptions infer_options = options.infer;
  infer_options.plan.order = trajectory.backward_order;
  const Result result =
      infer_exactly(trajectory.graph, trajectory.evidence, Query::map(), infer_options);
  if (!note(result, solution)) return false;
  const Assignment& best = result.assignment();
  LikelyTrajectory& answer = solution.trajectory.emplace();
  for (const VariableId v : trajectory.states) answer.states.push_back(best.states[v]);
  for (const VariableId v : trajectory.actions) answer.actions.push_back(best.states[v]);
  answer.log_weight = best.log_value;
  solution.certificate = "max-product on a tree of messages, eliminated backward in time, is exact";
  return true;
}

bool find_plan(const Mdp& mdp, const ControlOptions& options, SolvedStep& step,
               ControlSolution& solution) {
  const Trajectory trajectory = whole_trajectory(mdp, options);
  const Result result = infer_exactly(trajectory.graph, trajectory.evidence,
                                      Query::marginal_map(trajectory.actions), options.infer);
  if (!note(result, solution)) return false;
  const Assignment& best = result.assignment();
  OpenLoopPlan& plan = solution.plan.emplace();
  for (const VariableId v : trajectory.actions) plan.actions.push_back(best.states[v]);
  plan.log_weight = best.log_value;
  plan.exponential_utility = exponential_utility(mdp, options, step, plan.actions);
  step.slices.clear();
  for (const std::size_t action : plan.actions) {
    step.slices.push_back(only_action(step, action, true));
  }
  solution.certificate = "maximum over a_1 .. a_T of the sum over states, contracted exactly";
  return true;
}

}  // namespace credo::control
