#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic_table.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

// Requests by name become options, tables are read off the actor state by state.

namespace credo::control::learning {
namespace {

template <typename Value>
void take(const std::optional<Value>& given, Value& option) {
  if (given) option = *given;
}

void take_network(const NetworkRequest& given, SoftActorCriticOptions& options) {
  take(given.hidden, options.hidden);
  take(given.actor_rate, options.actor_rate);
  take(given.critic_rate, options.critic_rate);
  take(given.temperature_rate, options.temperature_rate);
  take(given.batch, options.batch);
  take(given.replay_capacity, options.replay_capacity);
  take(given.target_rate, options.target_rate);
  take(given.initial_temperature, options.initial_temperature);
  take(given.start_steps, options.start_steps);
  take(given.updates_per_step, options.updates_per_step);
  if (given.target_entropy) options.target_entropy = given.target_entropy;
  const bool about_temperature =
      given.target_entropy || given.initial_temperature || given.temperature_rate;
  if (options.temperature && about_temperature) {
    throw OptionError(
        "temperature: it is given, so that the options of learning it (target_entropy, "
        "initial_temperature, temperature_rate) have no part; leave out one or the other");
  }
}

SoftActorCriticOptions options_of(const LearnRequest& request) {
  if (request.exploration) {
    throw OptionError("exploration: soft actor-critic acts by its own policy; leave it out");
  }
  SoftActorCriticOptions options;
  options.run = request.run;
  options.discount = request.discount;
  options.temperature = request.temperature;
  options.prior = request.prior;
  if (request.learning_rate) {
    options.actor_rate = options.critic_rate = options.temperature_rate = *request.learning_rate;
  }
  if (request.network) take_network(*request.network, options);
  return options;
}

double numbers_of(const Space& space) {
  return static_cast<double>(space.is_discrete() ? space.count : space.dimension());
}

/// What the networks take, with their gradients and Adam's moments, and a batch on its way through
/// them, bytes.
double predicted_bytes(const Environment& environment, const SoftActorCriticOptions& options) {
  constexpr double kCopies = 5.0 + 3.0 * 3.0;  // actor, critics, targets; three of them learn
  constexpr double kPasses = 8.0;              // values and gradients of the networks in a loss
  const double number = options.double_precision ? 8.0 : 4.0;
  const double in = numbers_of(environment.facts().observations);
  const double out = numbers_of(environment.facts().actions);
  double weights = 0.0;
  double units = 0.0;
  double before = in + out;
  for (const std::size_t width : options.hidden) {
    weights += before * static_cast<double>(width);
    units += static_cast<double>(width);
    before = static_cast<double>(width);
  }
  weights += before * out;
  const double batch = static_cast<double>(options.batch) * (kPasses * units + 3.0 * (in + out));
  return number * (kCopies * weights + batch);
}

LearnedAnswer answer(Environment& environment, const LearnRequest& request) {
  constexpr std::size_t kTrials = 10;
  const SoftActorCriticOptions options = options_of(request);
  options.validate();
  LearnedAnswer answer;
  if (const double bytes = predicted_bytes(environment, options);
      bytes > options.run.memory_limit_bytes) {
    answer.run.status = Status::refused;
    answer.run.message = fmt::format(
        "the networks and a batch of {} need about {}, the memory limit is {}; try smaller ones",
        options.batch, describe_bytes(bytes), describe_bytes(options.run.memory_limit_bytes));
    return answer;
  }
  SoftActorCriticResult found = learn_soft_actor_critic(environment, options);
  // A run that was stopped has no time for trials.
  const ActorEvaluation trial =
      found.run.ok() ? evaluate_actor(environment, *found.actor, kTrials, request.run.seed)
                     : ActorEvaluation{};
  answer.figures = {{"temperature", found.temperature},
                    {"entropy", found.entropy},
                    {"return without noise", trial.mean_return},
                    {"its standard error", trial.standard_error}};
  answer.run = std::move(found.run);
  const Mdp* process = environment.process();
  for (std::size_t s = 0; process != nullptr && s < process->state_count(); ++s) {
    const auto observation = static_cast<double>(s);
    std::vector<double> values = found.actor->action_value({&observation, 1});
    std::vector<double> policy = found.actor->policy({&observation, 1});
    if (process->is_terminal(s)) {  // never seen from there
      values.assign(values.size(), 0.0);
      policy.assign(policy.size(), 1.0 / static_cast<double>(policy.size()));
    }
    answer.action_value.insert(answer.action_value.end(), values.begin(), values.end());
    answer.policy.insert(answer.policy.end(), policy.begin(), policy.end());
  }
  return answer;
}

constexpr Learner kLearner = {"sac",
                              "soft actor-critic: networks that learn from what is remembered",
                              &why_no_soft_actor_critic, &answer, TableKind::action_value};

}  // namespace

const Learner& soft_actor_critic_learner() noexcept { return kLearner; }

}  // namespace credo::control::learning
