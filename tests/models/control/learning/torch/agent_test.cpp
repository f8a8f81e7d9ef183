#include <credo/models/control/learning/torch/agent.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

// The losses against the same formulas written out in plain loops, their derivatives against
// central differences, and an update against Adam's first step, all in 64 bits.

namespace credo::control::learning {
namespace {

constexpr std::size_t kObservation = 3;
constexpr std::size_t kBatch = 7;

/// Continuous cases have the uniform prior.
SoftActorCriticOptions small_options(bool discrete = true) {
  SoftActorCriticOptions options;
  options.discount = 0.9;
  options.initial_temperature = 0.7;
  options.target_entropy = 0.4;
  options.hidden = {6, 5};
  options.actor_rate = 0.01;
  options.critic_rate = 0.02;
  options.temperature_rate = 0.03;
  options.target_rate = 0.25;
  options.double_precision = true;
  options.prior = discrete ? ActionPrior::counting : ActionPrior::uniform;
  return options;
}

std::vector<double> uniforms(std::size_t count, Random& random) {
  std::vector<double> draws(count);
  for (double& x : draws) x = random.uniform(-1.0, 1.0);
  return draws;
}

/// An agent whose targets are not its critics, and something to learn from.
struct Case {
  explicit Case(bool discrete)
      : random(discrete ? 5 : 6),
        shape{kObservation, discrete ? std::size_t{4} : std::size_t{2}, discrete},
        agent(shape, small_options(discrete), random) {
    std::vector<double> targets = agent.parameters(Part::targets);
    for (double& x : targets) x += random.uniform(-0.3, 0.3);
    agent.set_parameters(Part::targets, targets);
    batch.size = kBatch;
    batch.observations = uniforms(kBatch * kObservation, random);
    batch.next_observations = uniforms(kBatch * kObservation, random);
    batch.rewards = uniforms(kBatch, random);
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.ends.push_back(i % 3 == 0 ? 1.0 : 0.0);
      if (discrete) batch.actions.push_back(static_cast<double>(random.below(4)));
    }
    if (discrete) return;
    batch.actions = uniforms(kBatch * shape.action, random);
    noise.now = uniforms(kBatch * shape.action, random);
    noise.next = uniforms(kBatch * shape.action, random);
  }

  Random random;
  Shape shape;
  Agent agent;
  Batch batch;
  Noise noise;
};

/// One perceptron with the hidden layers above; advances past its weights.
std::vector<double> forward(std::span<const double>& weights, std::vector<double> x,
                            std::size_t outputs) {
  const std::array<std::size_t, 3> widths = {6, 5, outputs};
  for (std::size_t l = 0; l < widths.size(); ++l) {
    std::vector<double> y(widths[l]);
    for (std::size_t o = 0; o < y.size(); ++o) {
      y[o] = weights[x.size() * y.size() + o];
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += x[i] * weights[i * y.size() + o];
      if (l < 2) y[o] = std::max(y[o], 0.0);
    }
    weights = weights.subspan((x.size() + 1) * y.size());
    x = std::move(y);
  }
  return x;
}

std::vector<double> part_of(const std::vector<double>& rows, std::size_t row, std::size_t width) {
  const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(row * width);
  return {begin, begin + static_cast<std::ptrdiff_t>(width)};
}

/// Both critics' answers, [2][outputs].
std::array<std::vector<double>, 2> twins(const Case& c, Part part, const std::vector<double>& s,
                                         const std::vector<double>& action) {
  const std::vector<double> weights = c.agent.parameters(part);
  std::span<const double> left = weights;
  std::vector<double> x = s;
  x.insert(x.end(), action.begin(), action.end());
  const std::size_t outputs = c.shape.discrete ? c.shape.action : 1;
  std::vector<double> first = forward(left, x, outputs);
  std::vector<double> second = forward(left, x, outputs);
  REQUIRE(left.empty());
  return {first, second};
}

struct Reference {
  double value = 0.0;   ///< V(s)
  double log_pi = 0.0;  ///< E log pi(a | s), or that of the draw
};

Reference discrete_value(const Case& c, Part part, const std::vector<double>& s,
                         const std::vector<double>& logits) {
  const auto q = twins(c, part, s, {});
  double total = 0.0;
  for (const double x : logits) total += std::exp(x);
  Reference reference;
  for (std::size_t a = 0; a < logits.size(); ++a) {
    const double pi = std::exp(logits[a]) / total;
    const double least = std::min(q[0][a], q[1][a]);
    reference.value += pi * (least - c.agent.temperature() * std::log(pi));
    reference.log_pi += pi * std::log(pi);
  }
  return reference;
}

/// a = tanh(u), u normal: log p(a) = log N(u) - log |da/du|.
Reference drawn_value(const Case& c, Part part, const std::vector<double>& s,
                      const std::vector<double>& moments, const std::vector<double>& noise) {
  const std::size_t size = c.shape.action;
  Reference reference;
  std::vector<double> action(size);
  for (std::size_t i = 0; i < size; ++i) {
    const double sigma = std::exp(moments[size + i]);
    const double u = moments[i] + sigma * noise[i];
    action[i] = std::tanh(u);
    const double z = (u - moments[i]) / sigma;
    reference.log_pi += -0.5 * z * z - std::log(sigma * std::sqrt(2.0 * std::numbers::pi)) -
                        std::log(1.0 - action[i] * action[i]);
  }
  const auto q = twins(c, part, s, action);
  // The uniform density on (-1, 1)^2 is 1/4.
  reference.value =
      std::min(q[0][0], q[1][0]) - c.agent.temperature() * (reference.log_pi - std::log(0.25));
  return reference;
}

/// V of one row of the batch, in the next states by the targets or in these by the critics.
Reference soft_value(const Case& c, std::size_t row, bool next) {
  const std::vector<double> s =
      part_of(next ? c.batch.next_observations : c.batch.observations, row, kObservation);
  const std::vector<double> weights = c.agent.parameters(Part::actor);
  std::span<const double> left = weights;
  const std::vector<double> out =
      forward(left, s, c.shape.discrete ? c.shape.action : 2 * c.shape.action);
  REQUIRE(left.empty());
  const Part part = next ? Part::targets : Part::critics;
  if (c.shape.discrete) return discrete_value(c, part, s, out);
  return drawn_value(c, part, s, out,
                     part_of(next ? c.noise.next : c.noise.now, row, c.shape.action));
}

double target(const Case& c, std::size_t row) {
  return c.batch.rewards[row] + 0.9 * (1.0 - c.batch.ends[row]) * soft_value(c, row, true).value;
}

double critic_error(const Case& c, std::size_t row) {
  const std::vector<double> s = part_of(c.batch.observations, row, kObservation);
  const bool discrete = c.shape.discrete;
  const auto q =
      twins(c, Part::critics, s,
            discrete ? std::vector<double>{} : part_of(c.batch.actions, row, c.shape.action));
  const std::size_t place = discrete ? static_cast<std::size_t>(c.batch.actions[row]) : 0;
  const double y = target(c, row);
  return 0.5 * (std::pow(q[0][place] - y, 2) + std::pow(q[1][place] - y, 2));
}

TEST_CASE("actor-critic: losses are the formulas, discrete and continuous") {
  for (const bool discrete : {true, false}) {
    CAPTURE(discrete);
    const Case c(discrete);
    const std::vector<double> y = c.agent.critic_targets(c.batch, c.noise);
    double critics = 0.0;
    double value = 0.0;
    double log_pi = 0.0;
    for (std::size_t row = 0; row < kBatch; ++row) {
      CHECK(y[row] == doctest::Approx(target(c, row)).epsilon(1e-12));
      critics += critic_error(c, row) / kBatch;
      value += soft_value(c, row, false).value / kBatch;
      log_pi += soft_value(c, row, false).log_pi / kBatch;
    }
    const auto loss = [&c](Part part) { return c.agent.loss(part, c.batch, c.noise).value; };
    CHECK(loss(Part::critics) == doctest::Approx(critics).epsilon(1e-12));
    CHECK(loss(Part::actor) == doctest::Approx(-value).epsilon(1e-12));
    CHECK(loss(Part::log_temperature) ==
          doctest::Approx(-std::log(0.7) * (log_pi + 0.4)).epsilon(1e-12));
  }
}

TEST_CASE("actor-critic: derivatives of the losses are their finite differences") {
  for (const bool discrete : {true, false}) {
    CAPTURE(discrete);
    Case c(discrete);
    for (const Part part : {Part::critics, Part::actor, Part::log_temperature}) {
      const std::vector<double> gradient = c.agent.loss(part, c.batch, c.noise).gradient;
      const std::vector<double> at = c.agent.parameters(part);
      REQUIRE(gradient.size() == at.size());
      double largest = 0.0;
      for (std::size_t i = 0; i < at.size(); ++i) {
        const double h = 1e-6;
        std::vector<double> moved = at;
        const auto value = [&](double x) {
          moved[i] = x;
          c.agent.set_parameters(part, moved);
          return c.agent.loss(part, c.batch, c.noise).value;
        };
        const double slope = (value(at[i] + h) - value(at[i] - h)) / (2.0 * h);
        largest = std::max(largest, std::abs(slope - gradient[i]));
      }
      c.agent.set_parameters(part, at);
      CHECK(largest < 1e-8);
    }
    CHECK(c.agent.loss(Part::targets, c.batch, c.noise).gradient.empty());
  }
}

TEST_CASE("actor-critic: an update is Adam's first step on every loss, then the targets follow") {
  for (const bool discrete : {true, false}) {
    CAPTURE(discrete);
    Case c(discrete);
    const std::vector<double> start = c.agent.state();
    const auto before = [&c](Part part) { return c.agent.parameters(part); };
    const std::array old = {before(Part::actor), before(Part::critics),
                            before(Part::log_temperature), before(Part::targets)};
    (void)c.agent.update(c.batch, c.noise);
    const std::array moved = {before(Part::actor), before(Part::critics),
                              before(Part::log_temperature), before(Part::targets)};
    // The actor learns from the critics as they are after their step.
    c.agent.restore(start);
    const auto critics = c.agent.loss(Part::critics, c.batch, c.noise).gradient;
    c.agent.set_parameters(Part::critics, moved[1]);
    const std::array gradients = {c.agent.loss(Part::actor, c.batch, c.noise).gradient, critics,
                                  c.agent.loss(Part::log_temperature, c.batch, c.noise).gradient};
    const std::array rates = {0.01, 0.02, 0.03};
    for (std::size_t part = 0; part < 3; ++part) {
      double largest = 0.0;
      for (std::size_t i = 0; i < old[part].size(); ++i) {
        // Both moments of the first step, corrected for their start at 0, are g and g^2.
        const double g = gradients[part][i];
        const double step = -rates[part] * g / (std::abs(g) + 1e-8);
        largest = std::max(largest, std::abs(moved[part][i] - old[part][i] - step));
      }
      CAPTURE(part);
      CHECK(largest < 1e-12);
    }
    for (std::size_t i = 0; i < old[3].size(); ++i) {
      CHECK(moved[3][i] ==
            doctest::Approx(old[3][i] + 0.25 * (moved[1][i] - old[3][i])).epsilon(1e-13));
    }
  }
}

TEST_CASE("actor-critic: state comes back, moments of the optimisers included") {
  for (const bool discrete : {true, false}) {
    Case c(discrete);
    (void)c.agent.update(c.batch, c.noise);
    Random random(99);
    Agent other(c.shape, small_options(discrete), random);
    other.restore(c.agent.state());
    for (int k = 0; k < 3; ++k) {
      (void)c.agent.update(c.batch, c.noise);
      (void)other.update(c.batch, c.noise);
    }
    CHECK(other.state() == c.agent.state());
  }
}

TEST_CASE("actor-critic: the density of a squashed action integrates to one") {
  Random random(8);
  const Shape shape{kObservation, 1, false};
  const SoftActorCriticOptions options = small_options();
  const Agent agent(shape, options, random);
  Batch batch;
  batch.size = 1;
  batch.observations = uniforms(kObservation, random);
  double integral = 0.0;
  double entropy = 0.0;
  double last = -1.0;
  for (double z = -8.0; z <= 8.0; z += 0.02) {
    const Noise noise{{z}, {}};
    // At log alpha the temperature's loss is -log alpha (log pi + H).
    const double loss = agent.loss(Part::log_temperature, batch, noise).value;
    const double log_pi = -loss / std::log(0.7) - 0.4;
    const double middle = agent.act(batch.observations, std::vector<double>{z + 0.01})[0];
    integral += std::exp(log_pi) * (middle - last);
    entropy -= log_pi * std::exp(log_pi) * (middle - last);
    last = middle;
  }
  CHECK(integral == doctest::Approx(1.0).epsilon(5e-4));
  CHECK(entropy < std::numbers::ln2);  // that of the uniform density on (-1, 1)
}

TEST_CASE("actor-critic: what the actor says is a distribution") {
  Case c(true);
  const std::vector<double> policy = c.agent.act(part_of(c.batch.observations, 0, kObservation));
  double sum = 0.0;
  for (const double p : policy) {
    CHECK(p > 0.0);
    sum += p;
  }
  CHECK(sum == doctest::Approx(1.0).epsilon(1e-14));
  CHECK(c.agent.temperature() == doctest::Approx(0.7).epsilon(1e-14));
  CHECK(c.agent.is_finite());
  c.agent.set_parameters(Part::actor,
                         std::vector<double>(c.agent.parameters(Part::actor).size(), kNaN));
  CHECK_FALSE(c.agent.is_finite());
}

}  // namespace
}  // namespace credo::control::learning
