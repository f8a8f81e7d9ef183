#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/backward_pass.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/posterior.hpp>
#include <credo/models/control/posterior_parts.hpp>
#include <credo/models/control/rounding.hpp>
#include <credo/models/control/trajectory_building.hpp>
#include <credo/models/require_index.hpp>

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <string_view>
#include <utility>

// The posterior of a trajectory with a finite horizon, read from the messages
// of one contraction: V_t = alpha log beta_t, pi_t(a | s) = p(a | s) beta_t(s, a) / beta_t(s),
// p(s' | s, a, o) proportional to p(s' | s, a) p(o_t | s, a, s') beta_{t+1}(s').
// Levine 2018, arXiv:1805.00909: messages and policy section 2.3, the tilted dynamics section 3.

namespace credo::control {
namespace {

double mean(std::span<const double> weight, std::span<const double> value) {
  CompensatedSum sum;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (weight[i] > 0.0) sum.add(weight[i] * value[i]);
  }
  return sum.value();
}

/// temperature x log message, over the first `count` entries.
std::vector<double> scaled(const std::vector<double>& log_message, std::size_t count,
                           double temperature) {
  assert(count <= log_message.size());
  std::vector<double> result(log_message.begin(),
                             log_message.begin() + static_cast<std::ptrdiff_t>(count));
  for (double& x : result) x *= temperature;
  return result;
}

void read_messages(Result& result, contraction::Monitor& monitor, Posterior& posterior) {
  const Trajectory& trajectory = posterior.trajectory;
  BackwardMessages messages(trajectory, result);
  const std::size_t horizon = trajectory.actions.size();
  for (std::size_t t = 0; t < horizon; ++t) {
    monitor.check("read messages", static_cast<double>(t) / static_cast<double>(horizon));
    posterior.log_beta_action.push_back(messages.log_beta_action(t));
    posterior.log_beta_state.push_back(messages.log_beta_state(t));
    posterior.forward.push_back(messages.forward(t));
    posterior.state_marginals.push_back(result.marginal(trajectory.states[t]));
    posterior.action_marginals.push_back(result.marginal(trajectory.actions[t]));
    messages.release(t);
  }
  posterior.log_beta_state.push_back(messages.log_beta_state(horizon));
  posterior.state_marginals.push_back(result.marginal(trajectory.states[horizon]));
}

/// Of the policy under the true dynamics, from step 1 on.
double finite_return(const Mdp& mdp, const Posterior& posterior, double discount,
                     std::span<const double> final_reward, contraction::Monitor& monitor) {
  std::vector<double> value(final_reward.begin(), final_reward.end());
  value.resize(mdp.state_count(), 0.0);
  for (std::size_t t = posterior.steps(); t-- > 0;) {
    monitor.check("returns", 1.0);
    value = evaluate_step(mdp, posterior.policy(t), discount, value);
  }
  return mean(mdp.initial(), value);
}

/// Of the posterior: every step's reward averaged over its lucky transitions.
double finite_believed_return(const Posterior& posterior, std::span<const double> final_reward,
                              contraction::Monitor& monitor) {
  CompensatedSum sum;
  for (std::size_t t = 0; t < posterior.steps(); ++t) {
    monitor.check("returns", 1.0);
    const std::vector<double> policy = graph_policy(posterior, t);
    for_each_lucky_transition(
        posterior, t, [&](std::size_t pair, std::size_t, std::size_t entry, double probability) {
          sum.add(posterior.state_marginals[t][pair / posterior.actions] * policy[pair] *
                  probability * posterior.trajectory.believed_reward[entry]);
        });
  }
  if (final_reward.empty()) return sum.value();
  const std::vector<double>& last = posterior.state_marginals.back();
  return sum.value() + mean({last.data(), final_reward.size()}, final_reward);
}

/// How far rounding may take the values.
double rounding_bound(const Mdp& mdp, const PosteriorOptions& options, const Posterior& posterior) {
  std::vector<std::vector<double>> values;
  for (std::size_t t = 0; t <= posterior.steps(); ++t) values.push_back(posterior.value(t));
  return control::rounding_bound(mdp, {Method::posterior, options.temperature}, values);
}

/// The tables, and per step the messages and marginals with the engine's copies of them, and the
/// variables, factors and plan. Measured on processes of 16 to 500 states, within a fifth.
double predicted_posterior_bytes(const Mdp& mdp, std::size_t horizon) {
  constexpr double kCopies = 5.5;
  constexpr double kPlanPerStep = 7000.0;
  const auto states = static_cast<double>(mdp.state_count());
  const auto actions = static_cast<double>(mdp.action_count());
  const double numbers = states * actions + 3.0 * states + actions;
  return predicted_table_bytes(mdp) + predicted_graph_bytes(horizon) +
         static_cast<double>(horizon) * (kCopies * numbers * sizeof(double) + kPlanPerStep);
}

/// Contracts the graph and reads everything that comes from the messages. False, with a status,
/// when there is no answer.
bool contract(const Mdp& mdp, const PosteriorOptions& options, contraction::Monitor& monitor,
              Posterior& posterior) {
  prepare(mdp, trajectory_options(mdp, options, *options.horizon), monitor, posterior);
  InferOptions rest = options.infer;
  rest.time_spent_seconds += monitor.elapsed_seconds();
  Result result = contract_backward(posterior.trajectory, true, rest);
  note(result, posterior);
  if (!result.ok()) return false;
  posterior.log_z = result.log_z;
  posterior.iterations = *options.horizon;
  read_messages(result, monitor, posterior);
  posterior.initial_value = mean(mdp.initial(), posterior.value());
  posterior.error_bound = rounding_bound(mdp, options, posterior);
  return true;
}

void find_returns(const Mdp& mdp, const PosteriorOptions& options, contraction::Monitor& monitor,
                  Posterior& posterior) {
  const std::span<const double> last =
      options.final_value.empty() ? mdp.final_reward() : options.final_value;
  try {
    posterior.expected_return =
        finite_return(mdp, posterior, options.discount.value_or(mdp.discount()), last, monitor);
    posterior.believed_return = finite_believed_return(posterior, last, monitor);
  } catch (const contraction::Stopped& stopped) {
    posterior.complete = false;
    posterior.message += fmt::format(
        "; not every return came {}",
        stopped.status == Status::cancelled ? "before the interrupt" : "within the time limit");
  }
}

Posterior solve_finite(const Mdp& mdp, const PosteriorOptions& options) {
  Posterior posterior;
  const double bytes = predicted_posterior_bytes(mdp, *options.horizon);
  const double limit = largest_usable_bytes(options.infer.memory_limit_bytes);
  if (bytes > limit) {
    posterior.status = Status::refused;
    posterior.message = fmt::format(
        "{} decisions need at least {}, the limit is {}; try a smaller horizon or the infinite one",
        *options.horizon, describe_bytes(bytes), describe_bytes(limit));
    return posterior;
  }
  contraction::Monitor monitor(options.infer);
  try {
    posterior.horizon = options.horizon;
    if (contract(mdp, options, monitor, posterior)) {
      find_returns(mdp, options, monitor, posterior);
    }
  } catch (const contraction::Stopped& stopped) {
    posterior = {};
    posterior.status = stopped.status;
    posterior.message = contraction::stop_message(stopped.status, options.infer.time_limit_seconds);
  }
  return posterior;
}

}  // namespace

void PosteriorOptions::validate(const Mdp& mdp) const {
  trajectory_options(mdp, *this, horizon.value_or(1)).validate(mdp);
  if (tolerance && !(*tolerance > 0.0)) {
    throw OptionError(fmt::format("tolerance {}, expected a number above 0", *tolerance));
  }
  if (maximum_steps == 0) throw OptionError("maximum_steps 0, expected at least 1");
  if (!horizon && !final_value.empty()) {
    throw OptionError("final_value belongs to a finite horizon: give a horizon");
  }
  infer.validate();
}

TrajectoryOptions trajectory_options(const Mdp& mdp, const PosteriorOptions& options,
                                     std::size_t horizon) {
  TrajectoryOptions result;
  result.horizon = horizon;
  result.temperature = options.temperature;
  result.prior = options.prior;
  result.action_prior = options.action_prior;
  result.discount = options.discount.value_or(mdp.discount());
  if (options.final_value.empty()) return result;
  for (const double v : options.final_value) {
    result.log_final_factor.push_back(v / options.temperature);
  }
  // A list of the wrong length is refused as it stands.
  if (result.discount < 1.0 && options.final_value.size() == mdp.state_count()) {
    result.log_final_factor.push_back(0.0);
  }
  return result;
}

void prepare(const Mdp& mdp, const TrajectoryOptions& options, contraction::Monitor& monitor,
             Posterior& posterior) {
  posterior.trajectory = make_trajectory(mdp, options, monitor);
  posterior.states = mdp.state_count();
  posterior.graph_states = posterior.trajectory.state_count;
  posterior.actions = mdp.action_count();
  posterior.temperature = options.temperature;
}

void note(const Result& result, Posterior& posterior) {
  posterior.status = result.status;
  posterior.message = result.message;
  posterior.guarantee = result.guarantee;
  posterior.algorithm_used = result.algorithm_used;
  posterior.plan = result.plan;
  const auto add = [](double& total, double seconds) {
    total = std::isnan(total) ? seconds : total + seconds;
  };
  add(posterior.timings.plan_seconds, result.timings.plan_seconds);
  add(posterior.timings.infer_seconds, result.timings.infer_seconds);
}

std::vector<double> graph_policy(const Posterior& posterior, std::size_t t) {
  const std::vector<double>& beta = posterior.log_beta_action.at(t);
  std::vector<double> result(beta.size(), 0.0);
  for (std::size_t s = 0; s < posterior.graph_states; ++s) {
    if (posterior.log_beta_state[t][s] == -kInfinity) continue;
    const std::size_t row = s * posterior.actions;
    for (std::size_t i = row; i < row + posterior.actions; ++i) {
      result[i] =
          std::exp(posterior.trajectory.log_prior[i] + beta[i] - posterior.log_beta_state[t][s]);
    }
    normalize({result.data() + row, posterior.actions});
  }
  return result;
}

namespace {

constexpr std::string_view kWho = "Posterior";

}  // namespace

std::vector<double> Posterior::value(std::size_t t) const {
  require_index(kWho, "value", t, log_beta_state.size());
  return scaled(log_beta_state.at(t), states, temperature);
}

std::vector<double> Posterior::action_value(std::size_t t) const {
  require_index(kWho, "action_value", t, log_beta_action.size());
  return scaled(log_beta_action.at(t), states * actions, temperature);
}

std::vector<double> Posterior::policy(std::size_t t) const {
  require_index(kWho, "policy", t, log_beta_action.size());
  std::vector<double> result = graph_policy(*this, t);
  result.resize(states * actions);
  return result;
}

std::vector<DynamicsEntry> Posterior::dynamics(std::size_t t) const {
  require_index(kWho, "dynamics", t, log_beta_action.size());
  std::vector<DynamicsEntry> result;
  for_each_lucky_transition(
      *this, t, [&](std::size_t pair, std::size_t next, std::size_t, double probability) {
        result.push_back({pair / actions, pair % actions, next, probability});
      });
  return result;
}

std::vector<DynamicsEntry> Posterior::transition_marginal(std::size_t t) const {
  if (infinite) {
    throw QueryError("transition_marginal of an infinite horizon: expected a finite one");
  }
  require_index(kWho, "transition_marginal", t, log_beta_action.size());
  const std::vector<double> policy_of_step = graph_policy(*this, t);
  std::vector<DynamicsEntry> result = dynamics(t);
  for (DynamicsEntry& e : result) {
    e.probability *= state_marginals[t][e.state] * policy_of_step[e.state * actions + e.action];
  }
  return result;
}

Posterior solve_posterior(const Mdp& mdp, const PosteriorOptions& options) {
  options.validate(mdp);
  return options.horizon ? solve_finite(mdp, options) : solve_stationary(mdp, options);
}

}  // namespace credo::control
