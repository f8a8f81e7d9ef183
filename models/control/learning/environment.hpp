#pragma once
// Environments in the shape of Gymnasium's: reset, then step after step until an episode ends.
// Towers et al. 2024, "Gymnasium: a standard interface for reinforcement learning environments",
// arXiv:2407.17032.

#include <credo/core/numerics.hpp>
#include <credo/models/control/mdp.hpp>
#include <credo/models/random.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace credo::control::learning {

/// What observations or actions can be: {0, ..., count - 1}, the number being the single component
/// of a vector, or a box.
struct Space {
  /// Elements of a discrete space; 0: a box.
  std::size_t count = 0;
  /// The box: bounds of every component, infinite where there is none.
  std::vector<double> low = {};
  std::vector<double> high = {};

  [[nodiscard]] static Space discrete(std::size_t count) { return {count, {}, {}}; }
  [[nodiscard]] static Space box(std::vector<double> low, std::vector<double> high) {
    return {0, std::move(low), std::move(high)};
  }
  [[nodiscard]] bool is_discrete() const noexcept { return count > 0; }
  /// Components of an element: 1 when discrete.
  [[nodiscard]] std::size_t dimension() const noexcept { return is_discrete() ? 1 : low.size(); }
  /// Whether the components are as many, finite, and, when discrete, a whole number of the
  /// range. Bounds of a box are not enforced.
  [[nodiscard]] bool contains(std::span<const double> element) const;
  /// "one of 0 .. 3", "a vector of 2 numbers".
  [[nodiscard]] std::string description() const;
};

/// What is known about an environment without running it.
struct EnvironmentFacts {
  std::string name;
  Space observations;
  Space actions;
  /// Episodes are truncated after as many steps.
  std::optional<std::size_t> time_limit = std::nullopt;
  /// What else tells two environments of one name apart, "" when nothing does: in checkpoints.
  std::string variant = {};
  /// Boxes: where observations lie mostly, finite; what features are scaled to.
  std::vector<double> typical_low = {};
  std::vector<double> typical_high = {};
};

/// What a step led to.
struct Step {
  std::vector<double> observation;
  double reward = kNaN;
  /// The process has ended: nothing can be earned any more.
  bool terminated = false;
  /// The time limit has cut the episode off: the process would have gone on.
  bool truncated = false;

  [[nodiscard]] bool ended() const noexcept { return terminated || truncated; }
};

/// All that the future of an environment depends on, but for what is done to it.
struct EnvironmentState {
  /// As Random::state() writes it.
  std::string generator;
  /// The implementation's own numbers.
  std::vector<double> inner;
  /// Steps since the last reset.
  std::size_t steps = 0;
  /// Whether a step may be taken.
  bool running = false;
};

/// A process to act in. It draws from a generator of its own: same seed, same actions, same bits.
class Environment {
 public:
  virtual ~Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] const EnvironmentFacts& facts() const noexcept { return facts_; }

  /// Seeds the generator and starts an episode. Returns the first observation.
  std::vector<double> reset(std::uint64_t seed);
  /// Starts an episode with what the generator draws next (seed 0 before the first seed).
  std::vector<double> reset();

  /// Throws ModelError when no episode is running (the last one has ended, or none was begun: call
  /// reset), when the action is not of the space (wrong number of components, no whole number of
  /// the range, NaN or infinite) or not available. Components of a box beyond its bounds are
  /// treated as the implementation says.
  Step step(std::span<const double> action);
  /// The same for discrete actions.
  Step step(std::size_t action);

  /// Whether a discrete action may be taken now.
  [[nodiscard]] virtual bool is_available(std::size_t action) const {
    return action < facts_.actions.count;
  }
  /// The tables that episodes are drawn from; null when there are none.
  [[nodiscard]] virtual const Mdp* process() const noexcept { return nullptr; }

  /// Steps since the last reset.
  [[nodiscard]] std::size_t episode_steps() const noexcept { return steps_; }
  [[nodiscard]] EnvironmentState state() const;
  /// Goes on from there. Throws ModelError when the state is not one of this kind of environment.
  void restore(const EnvironmentState& state);

 protected:
  explicit Environment(EnvironmentFacts facts) : facts_(std::move(facts)) {}

 private:
  /// Starts an episode and returns the first observation.
  virtual std::vector<double> begin(Random& random) = 0;
  /// Takes a step. The action is of the space; truncation is not the implementation's business.
  virtual Step advance(std::span<const double> action, Random& random) = 0;
  [[nodiscard]] virtual std::vector<double> inner_state() const = 0;
  /// False when the numbers cannot be a state.
  [[nodiscard]] virtual bool set_inner_state(std::span<const double> inner) = 0;

  void require_action(std::span<const double> action) const;

  EnvironmentFacts facts_;
  Random random_{0};
  std::size_t steps_ = 0;
  bool running_ = false;
};

}  // namespace credo::control::learning
