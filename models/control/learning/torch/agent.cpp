#include <credo/models/control/learning/torch/agent.hpp>
#include <credo/models/control/learning/torch/networks.hpp>

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

// The losses of soft actor-critic and one step on each. All three need the soft value of states,
//   V(s) = E_{a ~ pi}[min_j Q_j(s, a) - alpha log(pi(a | s) / p(a))],
// and differ in whose parameters are differentiated: none (targets of the critics), the actor's
// (-V), the temperature's (through E log pi alone). Twin critics are one tensor with two rows of
// parameters, so that a layer of both is one product. Invariant: a derivative is asked for by name,
// never accumulated into a parameter of another part. Cost of an update: about 20 x batch x weights
// multiplications.
// Haarnoja et al. 2018 (arXiv:1812.05905), algorithm 1 and equations 5 to 9, 17, 18; discrete:
// Christodoulou 2019 (arXiv:1910.07207), equations 10 to 12.

// OpenBLAS' own switch, when that is the BLAS at hand; null otherwise.
extern "C" void openblas_set_num_threads(int threads) __attribute__((weak));
extern "C" int openblas_get_num_threads(void) __attribute__((weak));

namespace credo::control::learning {
namespace {

using torch::NoGradGuard;

/// Standard deviations of the Gaussian before tanh stay within exp of these, as is usual.
constexpr double kLeastLogSigma = -20.0;
constexpr double kLargestLogSigma = 2.0;

constexpr std::array kParts = {Part::actor, Part::critics, Part::log_temperature, Part::targets};

std::vector<std::size_t> layers(std::size_t inputs, const std::vector<std::size_t>& hidden,
                                std::size_t outputs) {
  std::vector<std::size_t> widths = {inputs};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(outputs);
  return widths;
}

}  // namespace

OneThread::OneThread()
    : torch_(at::get_num_threads()),
      algebra_(openblas_get_num_threads != nullptr ? openblas_get_num_threads() : 0) {
  at::set_num_threads(1);
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
}

OneThread::~OneThread() {
  at::set_num_threads(torch_);
  if (openblas_set_num_threads != nullptr && algebra_ > 0) openblas_set_num_threads(algebra_);
}

struct Agent::Networks {
  /// E and log pi of V(s), both [batch].
  struct SoftValue {
    Tensor value;
    Tensor log_pi;
  };

  Networks(const Shape& size, const SoftActorCriticOptions& given, Random& random)
      : shape(size),
        options(given),
        numbers(at::TensorOptions().dtype(given.double_precision ? at::kDouble : at::kFloat)),
        actor(1, layers(size.observation, given.hidden, size.action * (size.discrete ? 1 : 2)),
              numbers, random),
        critics(2,
                layers(size.observation + (size.discrete ? 0 : size.action), given.hidden,
                       size.discrete ? size.action : 1),
                numbers, random),
        targets(critics.copy()),
        log_temperature(
            at::full({1}, std::log(given.temperature.value_or(given.initial_temperature)), numbers)
                .requires_grad_()),
        descents{Descent(actor.weights(), given.actor_rate),
                 Descent(critics.weights(), given.critic_rate),
                 Descent(log_temperature, given.temperature_rate)} {
    options.run = {};  // may hold a checkpoint
  }

  [[nodiscard]] Tensor states(std::span<const double> observations) const {
    return matrix(observations, observations.size() / shape.observation, numbers);
  }
  [[nodiscard]] Tensor alpha() const { return log_temperature.detach().exp(); }
  [[nodiscard]] double target_entropy() const {
    const auto count = static_cast<double>(shape.action);
    return options.target_entropy.value_or(shape.discrete ? 0.5 * std::log(count) : -count);
  }

  /// log p(a): of one action among all, or of the density on (-1, 1)^action.
  [[nodiscard]] double log_prior() const {
    if (options.prior == ActionPrior::counting) return 0.0;
    const auto count = static_cast<double>(shape.action);
    return shape.discrete ? -std::log(count) : -count * std::numbers::ln2;
  }

  /// V(s) with the critics given. One draw of the action (noise: [batch, action]) or exact sums.
  [[nodiscard]] SoftValue soft_value(const Perceptrons& q, const Tensor& s,
                                     std::span<const double> noise) const {
    const Tensor out = actor(s)[0];
    if (shape.discrete) {
      const Tensor log_pi = at::log_softmax(out, 1);
      const Tensor pi = log_pi.exp();
      const Tensor least = q(s).amin(0);
      return {(pi * (least - alpha() * (log_pi - log_prior()))).sum(1), (pi * log_pi).sum(1)};
    }
    const auto moments = out.chunk(2, 1);
    const Tensor log_sigma = at::clamp(moments[1], kLeastLogSigma, kLargestLogSigma);
    const Tensor epsilon = matrix(noise, noise.size() / shape.action, numbers);
    const Tensor before = moments[0] + log_sigma.exp() * epsilon;
    // log (1 - tanh^2 u) = 2 (log 2 - u - softplus(-2u)), without cancellation.
    const Tensor log_slope = 2.0 * (std::numbers::ln2 - before - at::softplus(-2.0 * before));
    const double log_root = 0.5 * std::log(2.0 * std::numbers::pi);
    const Tensor log_pi = (-0.5 * epsilon.square() - log_sigma - log_root - log_slope).sum(1);
    const Tensor least = q(at::cat({s, before.tanh()}, 1)).amin(0).squeeze(1);
    return {least - alpha() * (log_pi - log_prior()), log_pi};
  }

  /// y = r + gamma (1 - end) V'(s'), held fixed.
  [[nodiscard]] Tensor targets_of(const Batch& batch, const Noise& noise) const {
    const NoGradGuard held;
    const Tensor next = soft_value(targets, states(batch.next_observations), noise.next).value;
    return vector(batch.rewards, numbers) +
           options.discount * (1.0 - vector(batch.ends, numbers)) * next;
  }

  [[nodiscard]] Tensor critic_loss(const Batch& batch, const Noise& noise) const {
    const Tensor y = targets_of(batch, noise);
    const Tensor s = states(batch.observations);
    Tensor q;  // [2, batch]
    if (shape.discrete) {
      const Tensor chosen = vector(batch.actions, numbers).to(at::kLong).view({1, -1, 1});
      q = critics(s).gather(2, chosen.expand({2, s.size(0), 1})).squeeze(2);
    } else {
      q = critics(at::cat({s, matrix(batch.actions, batch.size, numbers)}, 1)).squeeze(2);
    }
    return 0.5 * (q - y).square().sum(0).mean();
  }

  [[nodiscard]] SoftValue value_now(const Batch& batch, const Noise& noise) const {
    return soft_value(critics, states(batch.observations), noise.now);
  }
  [[nodiscard]] Tensor temperature_loss(const Tensor& log_pi) const {
    return -(log_temperature * (log_pi.detach() + target_entropy())).mean();
  }

  [[nodiscard]] const Tensor& weights(Part part) const {
    switch (part) {
      case Part::actor:
        return actor.weights();
      case Part::critics:
        return critics.weights();
      case Part::targets:
        return targets.weights();
      case Part::log_temperature:
        return log_temperature;
    }
    assert(false);
    return log_temperature;
  }
  void descend(Part part, const Tensor& loss) {
    const auto gradient = torch::autograd::grad({loss}, {weights(part)});
    descents[static_cast<std::size_t>(part)].step(gradient[0]);
  }

  Shape shape;
  SoftActorCriticOptions options;
  at::TensorOptions numbers;
  Perceptrons actor;
  Perceptrons critics;
  Perceptrons targets;
  Tensor log_temperature;
  std::array<Descent, 3> descents;  ///< of the parts that have one, in their order
};

Agent::Agent(const Shape& shape, const SoftActorCriticOptions& options, Random& random)
    : networks_(std::make_unique<Networks>(shape, options, random)) {}
Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent&&) noexcept = default;

const Shape& Agent::shape() const noexcept { return networks_->shape; }
double Agent::temperature() const { return networks_->alpha().item<double>(); }

Update Agent::update(const Batch& batch, const Noise& noise) {
  Networks& n = *networks_;
  Update update;
  const Tensor critic_loss = n.critic_loss(batch, noise);
  update.critic_loss = critic_loss.item<double>();
  n.descend(Part::critics, critic_loss);

  const auto [value, log_pi] = n.value_now(batch, noise);
  const Tensor actor_loss = -value.mean();
  update.actor_loss = actor_loss.item<double>();
  update.entropy = -log_pi.mean().item<double>();
  n.descend(Part::actor, actor_loss);
  if (!n.options.temperature) n.descend(Part::log_temperature, n.temperature_loss(log_pi));

  const NoGradGuard held;
  n.targets.weights().lerp_(n.critics.weights(), n.options.target_rate);
  return update;
}

std::vector<double> Agent::act(std::span<const double> observation,
                               std::span<const double> noise) const {
  const NoGradGuard held;
  const Tensor out = networks_->actor(networks_->states(observation))[0];
  if (shape().discrete) return numbers_of(at::softmax(out, 1));
  std::vector<double> moments = numbers_of(out);
  const std::size_t size = shape().action;
  std::vector<double> action(size);
  for (std::size_t i = 0; i < size; ++i) {
    const double log_sigma = std::clamp(moments[size + i], kLeastLogSigma, kLargestLogSigma);
    action[i] = std::tanh(moments[i] + (noise.empty() ? 0.0 : std::exp(log_sigma) * noise[i]));
  }
  return action;
}

std::vector<double> Agent::action_values(std::span<const double> observation) const {
  assert(shape().discrete);
  const NoGradGuard held;
  return numbers_of(networks_->critics(networks_->states(observation)).amin(0));
}

bool Agent::is_finite() const {
  return std::isfinite(networks_->actor.weights().sum().item<double>()) &&
         std::isfinite(networks_->critics.weights().sum().item<double>());
}

std::vector<double> Agent::state() const {
  std::vector<double> numbers;
  for (const Part part : kParts) append(numbers, networks_->weights(part));
  for (Descent& descent : networks_->descents) descent.append_to(numbers);
  return numbers;
}

void Agent::restore(std::span<const double> state) {
  const auto take = [&state](std::size_t count) {
    const auto front = state.first(count);
    state = state.subspan(count);
    return front;
  };
  for (const Part part : kParts) {
    set_parameters(part, take(static_cast<std::size_t>(networks_->weights(part).numel())));
  }
  for (Descent& descent : networks_->descents) descent.restore(take(descent.length()));
}

std::vector<double> Agent::parameters(Part part) const {
  return numbers_of(networks_->weights(part));
}

void Agent::set_parameters(Part part, std::span<const double> values) {
  const NoGradGuard held;
  Tensor weights = networks_->weights(part);
  weights.copy_(vector(values, networks_->numbers).view_as(weights));
}

std::vector<double> Agent::critic_targets(const Batch& batch, const Noise& noise) const {
  return numbers_of(networks_->targets_of(batch, noise));
}

Loss Agent::loss(Part part, const Batch& batch, const Noise& noise) const {
  const Networks& n = *networks_;
  Tensor loss;
  switch (part) {
    case Part::critics:
      loss = n.critic_loss(batch, noise);
      break;
    case Part::actor:
      loss = -n.value_now(batch, noise).value.mean();
      break;
    case Part::log_temperature:
      loss = n.temperature_loss(n.value_now(batch, noise).log_pi);
      break;
    case Part::targets:
      return {};
  }
  const auto gradient = torch::autograd::grad({loss}, {n.weights(part)});
  return {loss.item<double>(), numbers_of(gradient[0])};
}

}  // namespace credo::control::learning
