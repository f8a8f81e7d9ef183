#pragma once
// Soft actor-critic: off-policy maximum-entropy control with networks, for boxes of actions and for
// finitely many. Haarnoja, Zhou, Abbeel, Levine 2018, arXiv:1801.01290; with the temperature as a
// dual variable: Haarnoja et al. 2018, arXiv:1812.05905; discrete: Christodoulou 2019,
// arXiv:1910.07207. Of the component credo::learning_torch.

#include <credo/models/control/learning/run.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::control::learning {

struct SoftActorCriticOptions {
  RunOptions run = {.steps = 20'000};
  /// gamma in (0, 1].
  double discount = 0.99;
  /// alpha >= 0, in units of reward; nothing: learned, as the dual variable of E[-log pi] >= H.
  std::optional<double> temperature = std::nullopt;
  /// counting, as is usual: alpha weighs the entropy of the policy. uniform: minus the divergence
  /// from the uniform choice, of actions scaled to (-1, 1) where they are a box.
  ActionPrior prior = ActionPrior::counting;
  /// Where a learned alpha starts, > 0.
  double initial_temperature = 1.0;
  /// H in nats; nothing: -(components of the action), the density being that of actions scaled to
  /// (-1, 1); with |A| discrete actions log(|A|) / 2.
  std::optional<double> target_entropy = std::nullopt;

  /// Widths of the hidden layers (rectifiers) of actor and critics, at least one, with at most
  /// 2^28 weights between them. The papers' are 256 and 256, with rates of 3e-4 and batches of 256,
  /// for larger bodies than those here.
  std::vector<std::size_t> hidden = {64, 64};
  /// Of Adam, > 0.
  double actor_rate = 1e-3;
  double critic_rate = 1e-3;
  double temperature_rate = 1e-3;
  /// Transitions per update, from 1 to 2^20.
  std::size_t batch = 128;
  /// The oldest transitions are forgotten beyond that. At least `batch`.
  std::size_t replay_capacity = 1'000'000;
  /// tau in (0, 1]: targets += tau (critics - targets) after every update.
  double target_rate = 0.005;
  /// Steps with uniform actions, without updates, before learning starts. At least 1.
  std::size_t start_steps = 1000;
  /// Updates after every step from then on.
  std::size_t updates_per_step = 1;
  /// 64-bit networks; 32-bit ones are faster.
  bool double_precision = false;

  /// After every so many steps the actor is tried without its noise, from the same starts every
  /// time and for every seed; 0: never.
  std::size_t evaluation_interval = 0;
  /// At least 1.
  std::size_t evaluation_episodes = 10;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Returns (not discounted) of an actor without its noise.
struct ActorEvaluation {
  std::size_t steps = 0;  ///< of learning before it
  double mean_return = kNaN;
  double standard_error = kNaN;  ///< of the mean; NaN for a single episode
};

class Agent;
class Encoding;

/// What was learned. Copies share the networks.
class Actor {
 public:
  /// Internal: learn_soft_actor_critic makes actors.
  Actor(std::shared_ptr<const Agent> agent, std::shared_ptr<const Encoding> encoding);

  /// The action without noise: tanh(mean) scaled to the box, or the most likely one.
  [[nodiscard]] std::vector<double> act(std::span<const double> observation) const;
  /// Discrete actions: pi(a given s). ModelError for boxes.
  [[nodiscard]] std::vector<double> policy(std::span<const double> observation) const;
  /// Discrete actions: min_j Q_j(s, a), in units of reward. ModelError for boxes.
  [[nodiscard]] std::vector<double> action_value(std::span<const double> observation) const;

 private:
  void require_discrete() const;

  std::shared_ptr<const Agent> agent_;
  std::shared_ptr<const Encoding> encoding_;
};

/// Poisoned until computed.
struct SoftActorCriticResult {
  /// CurvePoint::loss is the critics': the mean over the batch of 1/2 sum_i (Q_i - y)^2. The table
  /// that RunOptions::measure is given is min_j Q_j(s, a).
  LearningRun run;
  std::vector<ActorEvaluation> evaluations;
  /// alpha at the end, in units of reward.
  double temperature = kNaN;
  /// Mean of -log pi(a given s) over the last batch, in nats; NaN before the first update.
  double entropy = kNaN;
  /// Nothing when it was not run.
  std::optional<Actor> actor;
};

/// Why soft actor-critic cannot learn there, in one sentence; "" when it can: boxes of actions need
/// finite bounds, and every action must be available in every state.
[[nodiscard]] std::string why_no_soft_actor_critic(const Environment& environment);

/// Learns to act from samples alone. Truncated episodes bootstrap, terminated ones do not. Discrete
/// observations become indicator vectors, boxes are scaled by their typical range. Same seed, same
/// bits, on one machine with one libtorch and BLAS. One thread. Throws OptionError, ModelError (see
/// why_no_soft_actor_critic), FileError (a checkpoint that does not fit). Cost per step: updates x
/// batch x weights.
[[nodiscard]] SoftActorCriticResult learn_soft_actor_critic(
    Environment& environment, const SoftActorCriticOptions& options = {});

/// Independent episodes of the actor without its noise, from the starts that the seed draws. The
/// environment is put back to where it was. Episodes of environments without a time limit are cut
/// off after maximum_steps.
[[nodiscard]] ActorEvaluation evaluate_actor(Environment& environment, const Actor& actor,
                                             std::size_t episodes, std::uint64_t seed,
                                             std::size_t maximum_steps = 10'000);

}  // namespace credo::control::learning
