#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/solve_parts.hpp>
#include <credo/models/control/trajectory_building.hpp>

#include <cmath>
#include <optional>
#include <utility>

// The two questions about a finite horizon whose answer is not a policy: the most likely trajectory
// given o = 1, read forward from the max-product messages V_t of the steps' slices (Viterbi 1967),
// and the actions that are best decided before anything is seen (marginal MAP over a_1 .. a_T of
// the trajectory's graph; Liu and Ihler, UAI 2012: exponential utility). Cost: the trajectory T
// rows of outcomes beside the backward pass; marginal MAP exponential in T in the worst case,
// planned and refused like any contraction.

namespace credo::control {
namespace {

Trajectory whole_trajectory(const Mdp& mdp, const ControlOptions& options,
                            contraction::Monitor& monitor) {
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
  return make_trajectory(mdp, trajectory, monitor);
}

/// Marginal MAP of the whole trajectory's graph; a status when the limits come first.
Result best_plan(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                 std::vector<VariableId>& actions) {
  InferOptions limits = options.infer;
  limits.time_spent_seconds += watch.seconds();
  contraction::Monitor monitor(limits);
  try {
    const Trajectory trajectory = whole_trajectory(mdp, options, monitor);
    actions = trajectory.actions;
    InferOptions rest = options.infer;
    rest.time_spent_seconds += watch.seconds();
    return infer_exactly(trajectory.graph, trajectory.evidence,
                         Query::marginal_map(trajectory.actions), rest);
  } catch (const contraction::Stopped& stopped) {
    Result result;
    result.status = stopped.status;
    result.message = contraction::stop_message(stopped.status, options.infer.time_limit_seconds);
    return result;
  }
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
  std::vector<std::optional<Slice>> slices(mdp.action_count());
  for (std::size_t t = actions.size(); t-- > 0;) {
    std::optional<Slice>& slice = slices[actions[t]];
    if (!slice) slice.emplace(only_action(step, actions[t], false));
    slice->apply(next, message);
    std::swap(next, message);
  }
  std::vector<double> weight;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] > 0.0) weight.push_back(std::log(mdp.initial()[s]) + next[s]);
  }
  return options.temperature * log_sum_exp(weight);
}

/// Reads the most likely trajectory from the values of every step.
class Decoder {
 public:
  Decoder(const SolvedStep& step, const ControlSolution& solution)
      : trajectory_(step.trajectory),
        step_(step),
        solution_(solution),
        rows_(trajectory_.transition.rows()) {
    row_of_pair_.assign(trajectory_.state_count * trajectory_.action_count, rows_.index.size());
    for (std::size_t row = 0; row < rows_.index.size(); ++row) row_of_pair_[rows_.index[row]] = row;
  }

  /// log V_t(s) in nats; the sink of a discount is the last state.
  [[nodiscard]] double value(std::size_t t, std::size_t s) const {
    const std::vector<double>& values = solution_.values[t];
    return s < values.size() ? values[s] / trajectory_.temperature : step_.sink_value[t];
  }

  /// Appends the best action of s at step t and where it leads; returns the log weight of both.
  double append_step(std::size_t t, std::size_t s, LikelyTrajectory& answer) const {
    double best = -kInfinity;
    double weight = -kInfinity;
    std::size_t best_action = 0;
    std::size_t best_next = s;
    for (std::size_t a = 0; a < trajectory_.action_count; ++a) {
      const std::size_t pair = s * trajectory_.action_count + a;
      const std::size_t row = row_of_pair_[pair];
      if (row == rows_.index.size()) continue;
      for (std::size_t k = rows_.begin[row]; k < rows_.begin[row + 1]; ++k) {
        const double own = trajectory_.log_prior[pair] +
                           std::log(trajectory_.transition.values()[k]) +
                           trajectory_.log_optimality[k];
        const double total = own + value(t + 1, rows_.column[k]);
        if (!(total > best)) continue;
        best = total;
        weight = own;
        best_action = a;
        best_next = rows_.column[k];
      }
    }
    answer.actions.push_back(best_action);
    answer.states.push_back(best_next);
    return weight;
  }

 private:
  const Trajectory& trajectory_;
  const SolvedStep& step_;
  const ControlSolution& solution_;
  Table::Rows rows_;
  /// The row of every pair; the number of rows where there is none.
  std::vector<std::size_t> row_of_pair_;
};

/// The first state of the best trajectory; nothing when none is possible.
std::optional<std::size_t> best_first_state(const Mdp& mdp, const Decoder& decoder) {
  std::optional<std::size_t> first;
  double best = -kInfinity;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    const double total = std::log(mdp.initial()[s]) + decoder.value(0, s);
    if (!(total > best)) continue;
    best = total;
    first = s;
  }
  return first;
}

}  // namespace

bool find_trajectory(const Mdp& mdp, const ControlOptions& options, const Watch& watch,
                     const SolvedStep& step, ControlSolution& solution) {
  const Decoder decoder(step, solution);
  const std::optional<std::size_t> first = best_first_state(mdp, decoder);
  if (!first) {
    solution.status = Status::impossible_evidence;
    solution.guarantee = Guarantee::exact;
    solution.message = "no trajectory is possible: the final factor forbids wherever one can end";
    solution.values.clear();
    return false;
  }
  LikelyTrajectory answer;
  CompensatedSum weight;
  weight.add(std::log(mdp.initial()[*first]));
  answer.states.push_back(*first);
  for (std::size_t t = 0; t < *options.horizon; ++t) {
    if (is_stopped(solution, options, watch, 1.0)) return false;
    weight.add(decoder.append_step(t, answer.states.back(), answer));
  }
  weight.add(decoder.value(*options.horizon, answer.states.back()));
  answer.log_weight = weight.value();
  solution.trajectory = std::move(answer);
  solution.certificate =
      "max-product on a chain of messages, eliminated backward in time, is exact";
  return true;
}

bool find_plan(const Mdp& mdp, const ControlOptions& options, const Watch& watch, SolvedStep& step,
               ControlSolution& solution) {
  std::vector<VariableId> actions;
  const Result result = best_plan(mdp, options, watch, actions);
  if (!note(result, solution)) return false;
  const Assignment& best = result.assignment();
  OpenLoopPlan& plan = solution.plan.emplace();
  for (const VariableId v : actions) plan.actions.push_back(best.states[v]);
  plan.log_weight = best.log_value;
  plan.exponential_utility = exponential_utility(mdp, options, step, plan.actions);
  step.slices.clear();
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    step.slices.push_back(only_action(step, a, true));
  }
  step.slice_of_step = plan.actions;
  solution.certificate = "maximum over a_1 .. a_T of the sum over states, contracted exactly";
  return true;
}

}  // namespace credo::control
