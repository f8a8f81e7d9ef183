#include <credo/core/error.hpp>
#include <credo/models/control/learning/torch/encoding.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

// Options, and what a learned actor answers. The learner itself: soft_actor_critic_learner.cpp.

namespace credo::control::learning {
namespace {

void require(bool holds, std::string_view option, double value, std::string_view expected) {
  if (!holds) throw OptionError(fmt::format("{} {}, expected {}", option, value, expected));
}

void require_count(std::size_t value, std::string_view option, std::size_t least) {
  if (value < least) {
    throw OptionError(fmt::format("{} {}, expected at least {}", option, value, least));
  }
}

constexpr std::size_t kLargestBatch = std::size_t{1} << 20;
constexpr double kMostWeights = 268435456.0;  // 2^28: a gibibyte of 32-bit numbers

/// Offsets, and the matrices between neighbouring layers.
void require_weights(const std::vector<std::size_t>& hidden) {
  double weights = 0.0;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    const auto width = static_cast<double>(hidden[i]);
    weights += width * (1.0 + (i == 0 ? 0.0 : static_cast<double>(hidden[i - 1])));
  }
  require(weights <= kMostWeights, "weights of the hidden layers", weights, "at most 2^28");
}

bool is_positive(double x) { return x > 0.0 && std::isfinite(x); }

}  // namespace

void SoftActorCriticOptions::validate() const {
  run.validate();
  require(discount > 0.0 && discount <= 1.0, "discount", discount, "a number in (0, 1]");
  if (temperature) {
    require(*temperature >= 0.0 && std::isfinite(*temperature), "temperature", *temperature,
            "a number that is not negative");
  }
  if (prior == ActionPrior::given) {
    throw OptionError("prior given, expected uniform or counting");
  }
  require(is_positive(initial_temperature), "initial_temperature", initial_temperature,
          "a positive number");
  if (target_entropy) {
    require(std::isfinite(*target_entropy), "target_entropy", *target_entropy, "a finite number");
  }
  require_count(hidden.size(), "number of hidden layers", 1);
  for (const std::size_t width : hidden) require_count(width, "width of a hidden layer", 1);
  require_weights(hidden);
  require(is_positive(actor_rate), "actor_rate", actor_rate, "a positive number");
  require(is_positive(critic_rate), "critic_rate", critic_rate, "a positive number");
  require(is_positive(temperature_rate), "temperature_rate", temperature_rate, "a positive number");
  require(target_rate > 0.0 && target_rate <= 1.0, "target_rate", target_rate,
          "a number in (0, 1]");
  require_count(batch, "batch", 1);
  require(batch <= kLargestBatch, "batch", static_cast<double>(batch), "at most 2^20");
  require_count(replay_capacity, "replay_capacity", batch);
  require_count(start_steps, "start_steps", 1);
  require_count(evaluation_episodes, "evaluation_episodes", 1);
}

Actor::Actor(std::shared_ptr<const Agent> agent, std::shared_ptr<const Encoding> encoding)
    : agent_(std::move(agent)), encoding_(std::move(encoding)) {}

void Actor::require_discrete() const {
  if (!agent_->shape().discrete) {
    throw ModelError("actions are a box, expected finitely many; ask for act()");
  }
}

std::vector<double> Actor::act(std::span<const double> observation) const {
  const std::vector<double> answer = agent_->act(encoding_->encode(observation));
  if (!agent_->shape().discrete) return encoding_->to_box(answer);
  return {static_cast<double>(std::max_element(answer.begin(), answer.end()) - answer.begin())};
}

std::vector<double> Actor::policy(std::span<const double> observation) const {
  require_discrete();
  return agent_->act(encoding_->encode(observation));
}

std::vector<double> Actor::action_value(std::span<const double> observation) const {
  require_discrete();
  return agent_->action_values(encoding_->encode(observation));
}

std::string why_no_soft_actor_critic(const Environment& environment) {
  const Space& actions = environment.facts().actions;
  for (std::size_t i = 0; !actions.is_discrete() && i < actions.dimension(); ++i) {
    if (std::isfinite(actions.low[i]) && std::isfinite(actions.high[i])) continue;
    return fmt::format(
        "component {} of the action has bounds {} and {}, but a tanh Gaussian needs finite ones", i,
        actions.low[i], actions.high[i]);
  }
  const Mdp* process = environment.process();
  for (std::size_t s = 0; process != nullptr && s < process->state_count(); ++s) {
    for (std::size_t a = 0; a < process->action_count(); ++a) {
      if (process->is_available(s, a)) continue;
      return fmt::format("action {} is not available in state {}, but the actor chooses among all",
                         process->action_name(a), process->state_name(s));
    }
  }
  return "";
}

ActorEvaluation evaluate_actor(Environment& environment, const Actor& actor, std::size_t episodes,
                               std::uint64_t seed, std::size_t maximum_steps) {
  const EnvironmentState before = environment.state();
  std::vector<double> returns;
  for (std::size_t episode = 0; episode < episodes; ++episode) {
    Step now;
    now.observation = episode == 0 ? environment.reset(seed) : environment.reset();
    double sum = 0.0;
    for (std::size_t t = 0; t < maximum_steps && !now.ended(); ++t) {
      now = environment.step(actor.act(now.observation));
      sum += now.reward;
    }
    returns.push_back(sum);
  }
  environment.restore(before);
  const auto n = static_cast<double>(episodes);
  ActorEvaluation evaluation;
  evaluation.mean_return = std::accumulate(returns.begin(), returns.end(), 0.0) / n;
  double squares = 0.0;
  for (const double x : returns) squares += std::pow(x - evaluation.mean_return, 2);
  if (episodes > 1) evaluation.standard_error = std::sqrt(squares / (n - 1.0) / n);
  return evaluation;
}

}  // namespace credo::control::learning
