#pragma once
// The differentiable half of soft actor-critic: networks, losses, optimisers. libtorch stays in the
// source file; what goes in and out are numbers.

#include <credo/models/control/learning/torch/soft_actor_critic.hpp>
#include <credo/models/random.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace credo::control::learning {

/// What the networks see and decide.
struct Shape {
  std::size_t observation = 0;  ///< numbers per (encoded) observation
  std::size_t action = 0;       ///< components of a continuous action, or the number of actions
  bool discrete = false;
};

/// Transitions side by side, row-major.
struct Batch {
  std::size_t size = 0;
  std::vector<double> observations;  ///< size x observation
  /// Continuous: size x action, in (-1, 1). Discrete: size indices.
  std::vector<double> actions;
  std::vector<double> rewards;            ///< size
  std::vector<double> next_observations;  ///< size x observation
  /// 1 where the episode terminated: nothing follows. 0 elsewhere, after truncation too.
  std::vector<double> ends;
};

/// Standard normal draws, size x action each; empty for discrete actions, whose sums are exact.
struct Noise {
  std::vector<double> now;   ///< for a ~ pi(. | s)
  std::vector<double> next;  ///< for a' ~ pi(. | s')
};

enum class Part : std::uint8_t {
  actor,
  critics,  ///< both, one after the other
  log_temperature,
  targets,  ///< both; follow the critics, without a loss of their own
};

/// A loss and its derivative in one part's parameters.
struct Loss {
  double value = kNaN;
  std::vector<double> gradient;
};

/// What one update saw, all in units of reward but for the entropy, in nats.
struct Update {
  double critic_loss = kNaN;
  double actor_loss = kNaN;
  double entropy = kNaN;  ///< mean of -log pi(a | s) over the batch
};

/// One thread for libtorch and its linear algebra while alive: small networks gain nothing from
/// more, and sums then have one order. The numbers of threads found are put back.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int torch_;
  int algebra_;
};

/// Actor, twin critics, their targets, the temperature and three Adam optimisers.
///
///   V(s)    = E_{a ~ pi(. | s)}[ min_j Q_j(s, a) - alpha log(pi(a | s) / p(a)) ]
///   critics : mean over the batch of 1/2 sum_i (Q_i(s, a) - y)^2,  y = r + gamma (1 - end) V'(s')
///             where V' takes the targets' Q; no derivative through y
///   actor   : mean of -V(s);  temperature: mean of -log alpha (E log pi(a | s) + H)
///
/// p(a) = 1, or the uniform prior's. E is the exact sum for discrete actions and one draw,
/// differentiated through, for continuous ones (a = tanh(mean + sigma noise), density of a in (-1,
/// 1)).
class Agent {
 public:
  /// Initial weights are uniform in +-1/sqrt(inputs), drawn from the generator.
  Agent(const Shape& shape, const SoftActorCriticOptions& options, Random& random);
  ~Agent();
  Agent(Agent&&) noexcept;
  Agent& operator=(Agent&&) noexcept;

  [[nodiscard]] const Shape& shape() const noexcept;
  /// alpha.
  [[nodiscard]] double temperature() const;

  /// Critics, then actor and temperature, then targets += tau (critics - targets).
  Update update(const Batch& batch, const Noise& noise);

  /// Continuous: tanh(mean + sigma noise), in (-1, 1), the mode of the Gaussian without noise.
  /// Discrete: p(a | s), one number per action.
  [[nodiscard]] std::vector<double> act(std::span<const double> observation,
                                        std::span<const double> noise = {}) const;
  /// Discrete: min_j Q_j(s, a) for every action.
  [[nodiscard]] std::vector<double> action_values(std::span<const double> observation) const;

  /// Whether the weights of actor and critics are.
  [[nodiscard]] bool is_finite() const;

  /// Everything that learning changes: networks, targets, temperature, moments of the optimisers.
  [[nodiscard]] std::vector<double> state() const;
  /// As many numbers as state() has.
  void restore(std::span<const double> state);

  [[nodiscard]] std::vector<double> parameters(Part part) const;
  void set_parameters(Part part, std::span<const double> values);
  /// y, one number per transition.
  [[nodiscard]] std::vector<double> critic_targets(const Batch& batch, const Noise& noise) const;
  /// A loss and its derivative in the parameters that are moved to lessen it; empty for targets.
  [[nodiscard]] Loss loss(Part part, const Batch& batch, const Noise& noise) const;

 private:
  struct Networks;
  std::unique_ptr<Networks> networks_;
};

}  // namespace credo::control::learning
