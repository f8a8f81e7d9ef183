#include <credo/core/error.hpp>
#include <credo/models/control/learning/environment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

// What all environments have in common: the generator, the time limit, and the refusal of steps
// that make no sense. Invariant: between a reset and the step that ends the episode running_ is
// true.

namespace credo::control::learning {

bool Space::contains(std::span<const double> element) const {
  if (element.size() != dimension()) return false;
  return std::all_of(element.begin(), element.end(), [this](double x) {
    if (!is_discrete()) return std::isfinite(x);
    return x >= 0.0 && x < static_cast<double>(count) && x == std::floor(x);
  });
}

std::string Space::description() const {
  if (is_discrete()) return fmt::format("one of 0 .. {}", count - 1);
  return fmt::format("a vector of {} number{}", dimension(), dimension() == 1 ? "" : "s");
}

std::vector<double> Environment::reset(std::uint64_t seed) {
  random_ = Random(seed);
  return reset();
}

std::vector<double> Environment::reset() {
  steps_ = 0;
  running_ = true;
  return begin(random_);
}

Step Environment::step(std::span<const double> action) {
  if (!running_) {
    throw ModelError(fmt::format(
        "{}: a step was asked for, but no episode is running ({}): call reset first", facts_.name,
        steps_ == 0 ? "none was begun" : fmt::format("the last ended after {} steps", steps_)));
  }
  require_action(action);
  Step result = advance(action, random_);
  ++steps_;
  result.truncated = !result.terminated && facts_.time_limit && steps_ >= *facts_.time_limit;
  running_ = !result.ended();
  return result;
}

Step Environment::step(std::size_t action) {
  const auto number = static_cast<double>(action);
  return step({&number, 1});
}

void Environment::require_action(std::span<const double> action) const {
  const Space& space = facts_.actions;
  if (action.size() != space.dimension()) {
    throw ModelError(fmt::format("{}: action of {} components, expected {}", facts_.name,
                                 action.size(), space.description()));
  }
  if (!space.contains(action)) {
    throw ModelError(fmt::format("{}: action {}, expected {}", facts_.name, fmt::join(action, ", "),
                                 space.description()));
  }
  if (space.is_discrete() && !is_available(static_cast<std::size_t>(action[0]))) {
    throw ModelError(fmt::format("{}: action {} is not available now; ask is_available",
                                 facts_.name, action[0]));
  }
}

EnvironmentState Environment::state() const {
  return {random_.state(), inner_state(), steps_, running_};
}

void Environment::restore(const EnvironmentState& state) {
  const bool finite = std::all_of(state.inner.begin(), state.inner.end(),
                                  [](double x) { return std::isfinite(x); });
  Random random(0);
  if (!finite || !random.restore(state.generator) || !set_inner_state(state.inner)) {
    throw ModelError(fmt::format("{}: this is not a state of this environment", facts_.name));
  }
  random_ = random;
  steps_ = state.steps;
  running_ = state.running;
}

}  // namespace credo::control::learning
