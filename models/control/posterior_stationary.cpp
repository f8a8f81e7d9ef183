#include <credo/core/numerics.hpp>
#include <credo/models/control/backup.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/posterior_parts.hpp>
#include <credo/models/control/stationary_step.hpp>

#include <cmath>
#include <string>
#include <utility>

// The infinite-horizon posterior: the fixed point of
//   beta(s) = sum_a p(a | s) sum_s' p(s' | s, a) p(o = 1 | s, a, s') beta(s'),  beta(ended) = 1,
// a monotone linear map with non-negative coefficients, by the generic engine in the logarithms:
// the slice whose next variable is charged 1. Cost: that engine's, and one linear system for the
// believed return.

namespace credo::control {
namespace {

std::vector<char> ended_states(const Mdp& mdp, const Trajectory& trajectory) {
  std::vector<char> ended(trajectory.state_count, 0);
  for (const std::size_t s : mdp.terminal()) ended[s] = 1;
  if (trajectory.has_sink) ended.back() = 1;
  return ended;
}

void refuse(std::string why, Posterior& posterior) {
  posterior.status = Status::refused;
  posterior.message = std::move(why);
}

double initial_mean(const Mdp& mdp, const std::vector<double>& value) {
  if (value.empty()) return kNaN;
  CompensatedSum sum;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] > 0.0) sum.add(mdp.initial()[s] * value[s]);
  }
  return sum.value();
}

/// Of the posterior chain, started from p(s_1 given o), whose logarithms up to log Z are given for
/// the possible first states.
double believed_return(const Mdp& mdp, const Posterior& posterior, const std::vector<char>& ended,
                       const std::vector<double>& log_weight) {
  std::vector<ChainEntry> entries;
  std::vector<double> reward(posterior.graph_states, 0.0);
  const std::vector<double> policy = graph_policy(posterior, 0);
  for_each_lucky_transition(
      posterior, 0, [&](std::size_t pair, std::size_t next, std::size_t k, double probability) {
        const std::size_t s = pair / posterior.actions;
        entries.push_back({s, next, policy[pair] * probability});
        reward[s] += policy[pair] * probability * posterior.trajectory.believed_reward[k];
      });
  const std::vector<double> value = solve_chain(entries, reward, ended);
  if (value.empty()) return kNaN;
  double sum = 0.0;
  std::size_t i = 0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] > 0.0) sum += std::exp(log_weight[i++] - posterior.log_z) * value[s];
  }
  return sum;
}

/// The messages, the sink's included: log 1.
void store(const Slice& slice, StationaryResult& result, Posterior& posterior) {
  std::vector<double> by_action = slice.score(result.value);
  by_action.resize(posterior.graph_states * posterior.actions, 0.0);
  std::vector<double> by_state = std::move(result.value);
  by_state.resize(posterior.graph_states, 0.0);
  posterior.log_beta_action.push_back(std::move(by_action));
  posterior.log_beta_state.push_back(std::move(by_state));
}

void summarise(const Mdp& mdp, const PosteriorOptions& options, const std::vector<char>& ended,
               Posterior& posterior) {
  std::vector<double> weight;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] == 0.0) continue;
    weight.push_back(std::log(mdp.initial()[s]) + posterior.log_beta_state[0][s]);
  }
  posterior.log_z = log_sum_exp(weight);
  posterior.initial_value = initial_mean(mdp, posterior.value());
  posterior.expected_return = initial_mean(
      mdp, evaluate_policy(mdp, posterior.policy(), options.discount.value_or(mdp.discount())));
  posterior.believed_return = believed_return(mdp, posterior, ended, weight);
}

}  // namespace

Posterior solve_stationary(const Mdp& mdp, const PosteriorOptions& options) {
  const Watch watch;
  Posterior posterior;
  posterior.infinite = true;
  const InferOptions no_limits;
  contraction::Monitor monitor(no_limits);
  prepare(mdp, trajectory_options(mdp, options, 1), monitor, posterior);
  const std::vector<char> ended = ended_states(mdp, posterior.trajectory);
  if (std::string why = why_improper(mdp, posterior.trajectory, ended); !why.empty()) {
    refuse(std::move(why), posterior);
    return posterior;
  }
  const Slice slice(describe_step(posterior.trajectory, backup_of(Method::posterior, 1.0), ended));
  StationaryResult result = stationary_message(
      slice, {options.temperature, options.tolerance, options.maximum_steps}, options.infer, watch);
  posterior.status = result.status;
  posterior.message = result.message;
  posterior.algorithm_used = engine_name(result);
  posterior.iterations = result.sweeps + result.newton_steps;
  if (result.status == Status::refused) {
    refuse("the infinite horizon has no certified value: " + in_words_of(mdp, result.message),
           posterior);
  }
  if (result.ok()) {
    posterior.guarantee = result.guarantee;
    posterior.certificate = result.certificate;
    posterior.error_bound = result.error_bound * options.temperature;
    store(slice, result, posterior);
    summarise(mdp, options, ended, posterior);
    posterior.message = "answered";
  } else if (stopped_with_values(result)) {
    posterior.status = Status::ok;
    posterior.complete = false;
    posterior.guarantee = result.guarantee;
    posterior.certificate = "none: stopped before its fixed point";
    posterior.message += "; the values are those of the last sweep, not the fixed point";
    posterior.error_bound = result.error_bound * options.temperature;
    store(slice, result, posterior);
    posterior.initial_value = initial_mean(mdp, posterior.value());
  }
  posterior.timings.infer_seconds = watch.seconds();
  return posterior;
}

}  // namespace credo::control
