#include <credo/core/error.hpp>
#include <credo/models/control/learning/torch/encoding.hpp>
#include <credo/models/control/learning/torch/replay_buffer.hpp>
#include <credo/models/control/learning/torch/soft_actor_critic.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>

// The loop of soft actor-critic: act with noise, remember, update from what is remembered.
// Invariants: weights come from a generator of their own, everything later from the run's; an
// evaluation changes nothing, neither draws nor the environment. The tanh Gaussian and all losses
// are in agent.cpp. Haarnoja et al. 2018, arXiv:1812.05905, algorithm 1.

namespace credo::control::learning {
namespace {

/// The starts of evaluations have nothing to do with those of learning, and are the same for every
/// seed, so that runs can be compared.
constexpr std::uint64_t kEvaluationSeed = 0x9e3779b97f4a7c15;

/// Updates of one step between two looks at the observer.
constexpr std::size_t kObservedUpdates = 64;

/// Standard normal draws: Box and Muller 1958, two uniforms each, so that a draw leaves nothing
/// behind but the generator's state.
std::vector<double> normals(std::size_t count, Random& random) {
  std::vector<double> draws(count);
  for (double& x : draws) {
    const double radius = std::sqrt(-2.0 * std::log1p(-random.uniform()));
    x = radius * std::cos(2.0 * std::numbers::pi * random.uniform());
  }
  return draws;
}

Agent make_agent(const Encoding& encoding, const SoftActorCriticOptions& options) {
  Random weights(options.run.seed);
  return {encoding.shape(), options, weights};
}

class SoftActorCritic final : public SampleLearner {
 public:
  SoftActorCritic(Environment& environment, const SoftActorCriticOptions& options)
      : environment_(environment),
        options_(options),
        encoding_(std::make_shared<Encoding>(environment.facts())),
        agent_(std::make_shared<Agent>(make_agent(*encoding_, options))),
        replay_(environment.facts().observations.dimension(),
                environment.facts().actions.dimension(), options.replay_capacity) {}

  [[nodiscard]] std::string_view method() const override { return "sac"; }

  [[nodiscard]] std::string settings() const override {
    const SoftActorCriticOptions& o = options_;
    const auto or_learned = [](const std::optional<double>& x) {
      return x ? fmt::format("{}", *x) : std::string("none");
    };
    return fmt::format(
        "discount {}, temperature {} from {}, prior {}, entropy {}, hidden {}, rates {} {} {}, "
        "batch {}, "
        "replay {}, tau {}, start {}, updates {}, {} bits, evaluation {} x {}",
        o.discount, or_learned(o.temperature), o.initial_temperature, action_prior_name(o.prior),
        or_learned(o.target_entropy), fmt::join(o.hidden, "-"), o.actor_rate, o.critic_rate,
        o.temperature_rate, o.batch, o.replay_capacity, o.target_rate, o.start_steps,
        o.updates_per_step, o.double_precision ? 64 : 32, o.evaluation_interval,
        o.evaluation_episodes);
  }

  [[nodiscard]] double remembered_bytes() const override { return replay_.bytes(); }

  [[nodiscard]] std::vector<double> choose(const Environment&, std::span<const double> observation,
                                           Random& random) override {
    const Shape& shape = agent_->shape();
    if (shape.discrete) {
      const std::size_t action =
          steps_ < options_.start_steps
              ? random.below(shape.action)
              : random.categorical(agent_->act(encoding_->encode(observation)));
      chosen_ = {static_cast<double>(action)};
      return chosen_;
    }
    if (steps_ < options_.start_steps) {
      chosen_.resize(shape.action);
      for (double& x : chosen_) x = random.uniform(-1.0, 1.0);
    } else {
      chosen_ = agent_->act(encoding_->encode(observation), normals(shape.action, random));
    }
    return encoding_->to_box(chosen_);
  }

  void learn(const Environment&, const Experience& step, Random& random) override {
    replay_.add(step.observation, chosen_, step.reward, step.next, step.terminated);
    ++steps_;
    for (std::size_t i = 0; steps_ >= options_.start_steps && i < options_.updates_per_step; ++i) {
      // A step of very many updates is left half done when the run is to end: what goes on from its
      // checkpoint is then another run.
      if (i % kObservedUpdates == kObservedUpdates - 1 && is_stopped()) break;
      const std::size_t draws =
          agent_->shape().discrete ? 0 : options_.batch * agent_->shape().action;
      const Batch batch = replay_.draw(options_.batch, *encoding_, random);
      Noise noise;
      noise.now = normals(draws, random);
      noise.next = normals(draws, random);
      const Update update = agent_->update(batch, noise);
      losses_.add(update.critic_loss);
      entropy_ = update.entropy;
    }
    if (options_.evaluation_interval > 0 && steps_ % options_.evaluation_interval == 0) {
      evaluations_.push_back(
          evaluate_actor(environment_, actor(), options_.evaluation_episodes, kEvaluationSeed));
      evaluations_.back().steps = steps_;
    }
  }

  [[nodiscard]] double take_loss() override { return losses_.take(); }
  [[nodiscard]] bool is_finite() const override { return agent_->is_finite(); }

  [[nodiscard]] std::vector<double> table() const override {
    std::vector<double> table;
    const Space& observations = environment_.facts().observations;
    if (!agent_->shape().discrete || !observations.is_discrete()) return table;
    for (std::size_t s = 0; s < observations.count; ++s) {
      const auto number = static_cast<double>(s);
      const std::vector<double> row = actor().action_value({&number, 1});
      table.insert(table.end(), row.begin(), row.end());
    }
    return table;
  }

  void save(CheckpointWriter& out) const override {
    out.count("sac.steps", steps_);
    out.numbers("sac.networks", agent_->state());
    out.numbers("sac.replay", replay_.state());
    out.number("sac.entropy", entropy_);
    std::vector<double> evaluations;
    for (const ActorEvaluation& e : evaluations_) {
      evaluations.insert(evaluations.end(),
                         {static_cast<double>(e.steps), e.mean_return, e.standard_error});
    }
    out.numbers("sac.evaluations", evaluations);
    losses_.save(out, "sac.losses");
  }

  void load(const CheckpointReader& in) override {
    steps_ = in.count("sac.steps");
    agent_->restore(in.numbers("sac.networks", agent_->state().size()));
    if (!replay_.restore(in.numbers("sac.replay"))) in.refuse("its replay buffer does not fit");
    entropy_ = in.number("sac.entropy");
    const std::vector<double> evaluations = in.numbers("sac.evaluations");
    if (evaluations.size() % 3 != 0) in.refuse("its evaluations are cut off");
    for (std::size_t i = 0; i < evaluations.size(); i += 3) {
      evaluations_.push_back(
          {static_cast<std::size_t>(evaluations[i]), evaluations[i + 1], evaluations[i + 2]});
    }
    losses_.load(in, "sac.losses");
  }

  [[nodiscard]] Actor actor() const { return {agent_, encoding_}; }

  SoftActorCriticResult result(LearningRun run) {
    SoftActorCriticResult result;
    result.run = std::move(run);
    result.evaluations = std::move(evaluations_);
    result.temperature = agent_->temperature();
    result.entropy = entropy_;
    result.actor = actor();
    return result;
  }

 private:
  [[nodiscard]] bool is_stopped() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    return options_.run.observer && !options_.run.observer({"learn", 0.0, elapsed.count()});
  }

  Environment& environment_;
  const SoftActorCriticOptions& options_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::shared_ptr<const Encoding> encoding_;
  std::shared_ptr<Agent> agent_;
  ReplayBuffer replay_;
  std::size_t steps_ = 0;
  /// The last action as the networks see it.
  std::vector<double> chosen_;
  MeanSince losses_;
  double entropy_ = kNaN;
  std::vector<ActorEvaluation> evaluations_;
};

}  // namespace

SoftActorCriticResult learn_soft_actor_critic(Environment& environment,
                                              const SoftActorCriticOptions& options) {
  options.validate();
  const std::string reason = why_no_soft_actor_critic(environment);
  if (!reason.empty()) throw ModelError(fmt::format("{}: {}", environment.facts().name, reason));
  const OneThread one_thread;
  SoftActorCritic learner(environment, options);
  LearningRun run = run_learner(environment, learner, options.run);
  return learner.result(std::move(run));
}

}  // namespace credo::control::learning
