#pragma once
// Learners and environments by name: what the command line offers.

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/reference.hpp>
#include <credo/models/control/learning/run.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace credo::control::learning {

/// Of methods with networks; what is not given has the method's default (see
/// torch/soft_actor_critic.hpp).
struct NetworkRequest {
  /// Widths of the hidden layers.
  std::optional<std::vector<std::size_t>> hidden = std::nullopt;
  /// Of the optimisers, > 0; they replace LearnRequest::learning_rate.
  std::optional<double> actor_rate = std::nullopt;
  std::optional<double> critic_rate = std::nullopt;
  std::optional<double> temperature_rate = std::nullopt;
  /// Transitions per update, and how many are remembered.
  std::optional<std::size_t> batch = std::nullopt;
  std::optional<std::size_t> replay_capacity = std::nullopt;
  /// Share in (0, 1] of the critics that their targets take over after every update.
  std::optional<double> target_rate = std::nullopt;
  /// In nats: what a learned temperature holds the entropy at.
  std::optional<double> target_entropy = std::nullopt;
  std::optional<double> initial_temperature = std::nullopt;
  /// Steps before learning starts, and updates per step from then on.
  std::optional<std::size_t> start_steps = std::nullopt;
  std::optional<std::size_t> updates_per_step = std::nullopt;
};

/// What every learner is asked by name; each has more options of its own.
struct LearnRequest {
  RunOptions run = {};
  /// gamma in (0, 1].
  double discount = 0.99;
  /// alpha > 0, in units of reward. Nothing: learned where the method can, else 1.
  std::optional<double> temperature = std::nullopt;
  /// uniform or counting.
  ActionPrior prior = ActionPrior::uniform;
  /// Of the method's main step; nothing: its default.
  std::optional<double> learning_rate = std::nullopt;
  /// Probability in [0, 1] of acting by the prior, for methods that learn from any behaviour;
  /// nothing: the default.
  std::optional<double> exploration = std::nullopt;
  /// Methods without networks throw OptionError when there is one.
  std::optional<NetworkRequest> network = std::nullopt;
};

/// Tables are there when the environment has a process; else, or for methods without, empty.
struct LearnedAnswer {
  LearningRun run;
  /// Q(s, a) in units of reward, states x actions; -infinity where unavailable.
  std::vector<double> action_value;
  /// pi(a given s), states x actions.
  std::vector<double> policy;
  /// V(s), of methods that keep one beside the policy.
  std::vector<double> value;
  /// Whatever else is worth a line: a name and a number.
  std::vector<std::pair<std::string, double>> figures;
  /// What one should know about the method here; "" when there is nothing.
  std::string remark;
};

struct Learner {
  std::string_view name;
  std::string_view summary;
  /// Why it cannot learn there, in one sentence; "" when it can.
  std::string (*why_not)(const Environment& environment);
  LearnedAnswer (*learn)(Environment& environment, const LearnRequest& request);
  /// What RunOptions::measure is given.
  TableKind table = TableKind::policy;
};
/// Those of this library. Soft actor-critic stands in a component of its own.
[[nodiscard]] std::span<const Learner> learners() noexcept;

/// What environments by name can be made with.
struct LearningEnvironmentOptions {
  /// Of tabular environments.
  EnvironmentOptions tables = {};
  /// Nothing: the published one, if any (see there, and classic_control.hpp).
  std::optional<std::size_t> time_limit = std::nullopt;
  /// Tabular environments only.
  bool exploring_starts = false;
};

/// Names of make_learning_environment: cart_pole, mountain_car_continuous, pendulum, and the tables
/// of control::environments().
[[nodiscard]] std::vector<std::string> learning_environment_names();
/// Gymnasium's limits of tables: frozen_lake 100 (8x8: 200), taxi 200, others none.
[[nodiscard]] std::optional<std::size_t> published_time_limit(std::string_view name,
                                                              std::string_view map = "");
/// Throws OptionError with the nearest names, and for options that the environment does not take.
[[nodiscard]] std::unique_ptr<Environment> make_learning_environment(
    std::string_view name, const LearningEnvironmentOptions& options = {});

}  // namespace credo::control::learning
