// State space models over the generic Gaussian engine.
//
// The smoother is one elimination of the whole chain. The filter is the same engine on one slice:
// the belief about x_t is a factor, y_t is observed, and what the slice leaves is the next belief;
// a prediction is the moments of x' = A x + a + w. Missing components of y are left out of its
// factor. Cost: (n + k)^3 per step.

#include <credo/core/error.hpp>
#include <credo/models/state_space/filter_gain.hpp>
#include <credo/models/state_space/slice_filter.hpp>
#include <credo/models/state_space/state_space.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

namespace credo {

namespace {

std::vector<double> or_zeros(const std::vector<double>& entries, std::size_t count) {
  return entries.empty() ? std::vector<double>(count, 0.0) : entries;
}

void check_size(const std::string& place, std::string_view name, const std::vector<double>& entries,
                std::size_t rows, std::size_t columns, bool required) {
  if (entries.empty() && !required) return;
  if (entries.size() != rows * columns) {
    throw ModelError(fmt::format("{}, {}: expected {} x {} = {} numbers, got {}", place, name, rows,
                                 columns, rows * columns, entries.size()));
  }
  for (const double x : entries) {
    if (std::isfinite(x)) continue;
    throw ModelError(fmt::format("{}, {}: expected finite numbers, got {}", place, name, x));
  }
}

std::vector<double> picked(const std::vector<double>& y, const std::vector<std::size_t>& kept) {
  std::vector<double> result;
  for (const std::size_t i : kept) result.push_back(y[i]);
  return result;
}

double largest(const std::vector<double>& entries) {
  double bound = 0.0;
  for (const double x : entries) bound = std::max(bound, std::fabs(x));
  return bound;
}

}  // namespace

void StateSpaceModel::validate() const {
  constexpr std::string_view kModel = "state space model";
  if (states == 0 || observations == 0 || steps.empty()) {
    throw ModelError(
        fmt::format("{}: expected states, observations and at least one step, got {}, {} and {}",
                    kModel, states, observations, steps.size()));
  }
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const std::string place =
        steps.size() == 1 ? std::string(kModel) : fmt::format("{}, step {}", kModel, t);
    check_size(place, "A (transition)", steps[t].transition, states, states, true);
    check_size(place, "a (offset)", steps[t].offset, states, 1, false);
    check_size(place, "W (noise)", steps[t].noise, states, states, false);
    check_size(place, "C (observation)", steps[t].observation, observations, states, true);
    check_size(place, "d (observation offset)", steps[t].observation_offset, observations, 1,
               false);
    check_size(place, "V (observation noise)", steps[t].observation_noise, observations,
               observations, false);
  }
  check_size(std::string(kModel), "the initial mean", initial_mean, states, 1, false);
  check_size(std::string(kModel), "the initial covariance", initial_covariance, states, states,
             false);
}

void check_observations(const StateSpaceModel& model, const ObservationSequence& observations) {
  model.validate();
  if (model.steps.size() > 1 && model.steps.size() != observations.size()) {
    throw ModelError(
        fmt::format("state space model: expected {} observations, one per step, got {}",
                    model.steps.size(), observations.size()));
  }
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const std::vector<double>& y = observations[t];
    if (!y.empty() && y.size() != model.observations) {
      throw ModelError(
          fmt::format("observation {}: expected {} numbers (NaN where missing), got {}", t,
                      model.observations, y.size()));
    }
    for (const double x : y) {
      if (std::isinf(x)) throw ModelError(fmt::format("observation {}: got {}", t, x));
    }
  }
}

std::vector<std::size_t> present(const std::vector<double>& observation) {
  std::vector<std::size_t> components;
  for (std::size_t i = 0; i < observation.size(); ++i) {
    if (!std::isnan(observation[i])) components.push_back(i);
  }
  return components;
}

GaussianTable observation_table(const StateSpaceModel& model, const StateSpaceStep& step,
                                const std::vector<std::size_t>& components) {
  const std::size_t n = model.states;
  const auto offset = or_zeros(step.observation_offset, model.observations);
  const auto noise = or_zeros(step.observation_noise, model.observations * model.observations);
  LinearGaussian kernel;
  for (const std::size_t i : components) {
    for (std::size_t k = 0; k < n; ++k) kernel.gain.push_back(step.observation[i * n + k]);
    kernel.offset.push_back(offset[i]);
    for (const std::size_t k : components) {
      kernel.covariance.push_back(noise[i * model.observations + k]);
    }
  }
  return GaussianTable::conditional({}, {n, components.size()}, {std::move(kernel)});
}

GaussianTable transition_table(const StateSpaceModel& model, const StateSpaceStep& step) {
  const std::size_t n = model.states;
  return GaussianTable::conditional(
      {}, {n, n}, {{step.transition, or_zeros(step.offset, n), or_zeros(step.noise, n * n)}});
}

SliceTables::OfStep& SliceTables::at(std::size_t t) { return steps_[steps_.size() == 1 ? 0 : t]; }

const GaussianTable& SliceTables::transition(std::size_t t) {
  std::optional<GaussianTable>& table = at(t).transition;
  if (!table) table = transition_table(model_, model_.step(t));
  return *table;
}

const GaussianTable& SliceTables::observation(std::size_t t,
                                              std::span<const std::size_t> components) {
  const StateSpaceStep& step = model_.step(t);
  if (last_step_ == &step && std::ranges::equal(last_components_, components)) {
    return *last_observation_;
  }
  last_step_ = &step;
  last_components_.assign(components.begin(), components.end());
  auto& tables = at(t).observations;
  auto found = tables.find(last_components_);
  if (found == tables.end()) {
    GaussianTable made = observation_table(model_, step, last_components_);
    found = tables.emplace(last_components_, std::move(made)).first;
  }
  last_observation_ = &found->second;
  return found->second;
}

GaussianTable belief_table(const StateBelief& belief) {
  std::vector<LinearGaussian> kernels(1);
  kernels.front().offset = belief.mean;
  kernels.front().covariance = belief.covariance;
  return GaussianTable::conditional({}, {belief.mean.size()}, std::move(kernels));
}

StateBelief initial_belief(const StateSpaceModel& model) {
  return {or_zeros(model.initial_mean, model.states),
          or_zeros(model.initial_covariance, model.states * model.states)};
}

StateBelief predicted(const StateSpaceModel& model, const StateSpaceStep& step,
                      const StateBelief& belief) {
  const std::size_t n = model.states;
  StateBelief next{or_zeros(step.offset, n), or_zeros(step.noise, n * n)};
  std::vector<double> half(n * n, 0.0);  // A S
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      const double a = step.transition[i * n + k];
      next.mean[i] += a * belief.mean[k];
      for (std::size_t j = 0; j < n; ++j) half[i * n + j] += a * belief.covariance[k * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = next.covariance[i * n + j];
      for (std::size_t k = 0; k < n; ++k) sum += half[i * n + k] * step.transition[j * n + k];
      next.covariance[i * n + j] = next.covariance[j * n + i] = sum;
    }
  }
  return next;
}

StateSpaceGraph state_space_graph(const StateSpaceModel& model,
                                  const ObservationSequence& observations) {
  check_observations(model, observations);
  StateSpaceGraph result;
  SliceTables tables(model);
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const VariableId x =
        result.graph.add_continuous_variable(fmt::format("x{}", t + 1), model.states);
    if (t == 0) result.graph.add_gaussian_factor({x}, belief_table(initial_belief(model)));
    if (t > 0) {
      result.graph.add_gaussian_factor({result.states.back(), x}, tables.transition(t - 1));
    }
    result.states.push_back(x);
    const std::vector<std::size_t> components = present(observations[t]);
    if (components.empty()) continue;
    const VariableId y =
        result.graph.add_continuous_variable(fmt::format("y{}", t + 1), components.size());
    result.graph.add_gaussian_factor({x, y}, tables.observation(t, components));
    result.evidence.observe_value(y, picked(observations[t], components));
  }
  return result;
}

void StateSpaceModel::refuse_step(std::size_t t) const {
  throw ModelError(
      fmt::format("state space model: expected a step below {}, got {}", steps.size(), t));
}

StateSpaceAnswer filter(const StateSpaceModel& model, const ObservationSequence& observations) {
  check_observations(model, observations);
  StateSpaceAnswer result;
  CompensatedSum log_likelihood;
  StateBelief belief = initial_belief(model);
  SliceFilter slices(model);
  for (std::size_t t = 0; t < observations.size(); ++t) {
    if (t > 0) belief = predicted(model, model.step(t - 1), belief);
    Updated next = slices.update(t, belief, observations[t]);
    if (next.status != Status::ok) {
      result = {};
      result.status = next.status;
      result.message = fmt::format("observation {}: {}", t, next.message);
      if (next.status == Status::impossible_evidence) result.log_likelihood = -kInfinity;
      return result;
    }
    log_likelihood.add(next.log_evidence);
    belief = std::move(next.belief);
    result.means.push_back(belief.mean);
    result.covariances.push_back(belief.covariance);
  }
  result.status = Status::ok;
  result.message = "answered";
  result.guarantee = Guarantee::exact;
  result.log_likelihood = log_likelihood.value();
  return result;
}

SteadyState steady_state(const StateSpaceModel& model, double tolerance,
                         std::size_t maximum_iterations) {
  constexpr double kDiverged = 1e150;
  model.validate();
  if (model.steps.size() != 1) {
    throw ModelError(
        fmt::format("steady state: expected a model of one step, got {}", model.steps.size()));
  }
  const StateSpaceStep& step = model.steps.front();
  const std::size_t n = model.states;
  SteadyState result;
  StateBelief belief = initial_belief(model);
  // Without means d is what is certain to be seen, whatever noise is missing.
  const std::vector<double> certain = or_zeros(step.observation_offset, model.observations);
  SliceFilter slices(model);
  for (std::size_t i = 1; i <= maximum_iterations; ++i) {
    result.iterations = i;
    StateBelief next = predicted(model, step, belief);
    next.mean.assign(n, 0.0);
    if (!(largest(next.covariance) < kDiverged)) {
      result.status = Status::refused;
      result.message = fmt::format(
          "no steady state: after {} iterations the covariance is beyond {:g}; expected every "
          "direction that grows to be observed",
          i, kDiverged);
      return result;
    }
    Updated after = slices.update(0, next, certain);
    if (after.status != Status::ok) {
      result.status = after.status;
      result.message = after.message;
      return result;
    }
    double change = 0.0;
    for (std::size_t k = 0; k < n * n; ++k) {
      change = std::max(change, std::fabs(after.belief.covariance[k] - belief.covariance[k]));
    }
    result.residual = change / std::max(largest(after.belief.covariance), 1e-300);
    result.predicted_covariance = std::move(next.covariance);
    belief.covariance = std::move(after.belief.covariance);
    if (result.residual <= tolerance) break;
  }
  result.filtered_covariance = belief.covariance;
  result.gain = filter_gain(model, step, result.predicted_covariance);
  const bool converged = result.residual <= tolerance;
  result.status = converged ? Status::ok : Status::refused;
  result.message = converged ? "answered"
                             : fmt::format(
                                   "no steady state after {} iterations: the covariance "
                                   "still changes by {:.3g} of itself",
                                   result.iterations, result.residual);
  return result;
}

}  // namespace credo
