// State space models over the generic Gaussian engine.
//
// The smoother is one elimination of the whole chain. The filter is the same engine on one slice:
// the belief about x_t is a factor, y_t is observed, and what the slice leaves is the next belief;
// a prediction is the moments of x' = A x + a + w. Missing components of y are left out of its
// factor. Cost: (n + k)^3 per step.

#include <credo/core/error.hpp>
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

GaussianTable belief_table(const StateBelief& belief) {
  return GaussianTable::conditional({}, {belief.mean.size()},
                                    {{{}, belief.mean, belief.covariance}});
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

Updated updated(const StateSpaceModel& model, const StateSpaceStep& step, const StateBelief& belief,
                const std::vector<double>& observation) {
  const std::vector<std::size_t> components = present(observation);
  if (components.empty()) return {Status::ok, "", 0.0, belief};
  FactorGraph graph;
  const VariableId x = graph.add_continuous_variable("x", model.states);
  const VariableId y = graph.add_continuous_variable("y", components.size());
  graph.add_gaussian_factor({x}, belief_table(belief));
  graph.add_gaussian_factor({x, y}, observation_table(model, step, components));
  Evidence evidence;
  evidence.observe_value(y, picked(observation, components));
  CompiledGaussian slice(graph, evidence);
  const GaussianAnswer answer = slice.run(evidence);
  Updated result{answer.status, answer.message, answer.log_z, {}};
  if (!answer.ok()) return result;
  const auto mean = answer.means.begin() + static_cast<std::ptrdiff_t>(slice.mean_offset(x));
  const auto covariance =
      answer.covariances.begin() + static_cast<std::ptrdiff_t>(slice.covariance_offset(x));
  const auto n = static_cast<std::ptrdiff_t>(model.states);
  result.belief = {{mean, mean + n}, {covariance, covariance + n * n}};
  return result;
}

StateSpaceGraph state_space_graph(const StateSpaceModel& model,
                                  const ObservationSequence& observations) {
  check_observations(model, observations);
  StateSpaceGraph result;
  std::map<std::pair<const StateSpaceStep*, std::vector<std::size_t>>, GaussianTable> seen;
  std::map<const StateSpaceStep*, GaussianTable> moves;
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const StateSpaceStep& step = model.step(t);
    const VariableId x =
        result.graph.add_continuous_variable(fmt::format("x{}", t + 1), model.states);
    if (t == 0) result.graph.add_gaussian_factor({x}, belief_table(initial_belief(model)));
    if (t > 0) {
      const StateSpaceStep* move = &model.step(t - 1);
      const auto table = moves.try_emplace(move, transition_table(model, *move)).first;
      result.graph.add_gaussian_factor({result.states.back(), x}, table->second);
    }
    result.states.push_back(x);
    const std::vector<std::size_t> components = present(observations[t]);
    if (components.empty()) continue;
    auto table = seen.find({&step, components});
    if (table == seen.end()) {
      table = seen.emplace(std::pair(&step, components), observation_table(model, step, components))
                  .first;
    }
    const VariableId y =
        result.graph.add_continuous_variable(fmt::format("y{}", t + 1), components.size());
    result.graph.add_gaussian_factor({x, y}, table->second);
    result.evidence.observe_value(y, picked(observations[t], components));
  }
  return result;
}

CompiledSmoother::CompiledSmoother(const StateSpaceModel& model, const ObservationSequence& pattern)
    : states_(model.states),
      chain_(state_space_graph(model, pattern)),
      compiled_(chain_.graph, chain_.evidence) {
  for (const std::vector<double>& y : pattern) present_.push_back(present(y));
}

const GaussianAnswer& CompiledSmoother::run(const ObservationSequence& observations) {
  if (observations.size() != present_.size()) {
    throw ModelError(fmt::format("compiled smoother: expected {} observations, got {}",
                                 present_.size(), observations.size()));
  }
  observed_.clear();
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const std::vector<double>& y = observations[t];
    std::size_t there = 0;
    for (const double component : y) there += std::isnan(component) ? 0 : 1;
    bool fits = there == present_[t].size();
    for (const std::size_t i : present_[t]) {
      fits = fits && i < y.size() && std::isfinite(y[i]);
      if (fits) observed_.push_back(y[i]);
    }
    if (fits) continue;
    throw ModelError(fmt::format(
        "compiled smoother, observation {}: expected the {} components of the pattern, got {}", t,
        present_[t].size(), there));
  }
  compiled_.run(observed_, answer_);
  return answer_;
}

std::span<const double> CompiledSmoother::mean(std::size_t t) const {
  return std::span(answer_.means).subspan(compiled_.mean_offset(chain_.states.at(t)), states_);
}

std::span<const double> CompiledSmoother::covariance(std::size_t t) const {
  return std::span(answer_.covariances)
      .subspan(compiled_.covariance_offset(chain_.states.at(t)), states_ * states_);
}

StateSpaceAnswer smooth(const StateSpaceModel& model, const ObservationSequence& observations) {
  StateSpaceAnswer result;
  if (observations.empty()) {
    model.validate();
    result.status = Status::ok;
    result.message = "answered";
    result.guarantee = Guarantee::exact;
    result.log_likelihood = 0.0;
    return result;
  }
  CompiledSmoother compiled(model, observations);
  const GaussianAnswer& answer = compiled.run(observations);
  result.status = answer.status;
  result.message = answer.ok() ? "answered" : answer.message;
  result.log_likelihood = answer.log_z;
  if (!answer.ok()) return result;
  result.guarantee = Guarantee::exact;
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const auto mean = compiled.mean(t);
    const auto covariance = compiled.covariance(t);
    result.means.emplace_back(mean.begin(), mean.end());
    result.covariances.emplace_back(covariance.begin(), covariance.end());
  }
  return result;
}

StateSpaceAnswer filter(const StateSpaceModel& model, const ObservationSequence& observations) {
  check_observations(model, observations);
  StateSpaceAnswer result;
  CompensatedSum log_likelihood;
  StateBelief belief = initial_belief(model);
  for (std::size_t t = 0; t < observations.size(); ++t) {
    if (t > 0) belief = predicted(model, model.step(t - 1), belief);
    Updated next = updated(model, model.step(t), belief, observations[t]);
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
  model.validate();
  if (model.steps.size() != 1) {
    throw ModelError(
        fmt::format("steady state: expected a model of one step, got {}", model.steps.size()));
  }
  const StateSpaceStep& step = model.steps.front();
  const std::size_t n = model.states;
  SteadyState result;
  StateBelief belief = initial_belief(model);
  const std::vector<double> origin(model.observations, 0.0);
  for (std::size_t i = 1; i <= maximum_iterations; ++i) {
    result.iterations = i;
    StateBelief next = predicted(model, step, belief);
    next.mean.assign(n, 0.0);
    Updated after = updated(model, step, next, origin);
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
  // The gain is what a unit observation moves the mean by.
  for (std::size_t k = 0; k < model.observations; ++k) {
    std::vector<double> unit = or_zeros(step.observation_offset, model.observations);
    unit[k] += 1.0;
    const StateBelief prior{std::vector<double>(n, 0.0), result.predicted_covariance};
    const Updated moved = updated(model, step, prior, unit);
    result.gain.resize(n * model.observations);
    for (std::size_t i = 0; i < n && moved.status == Status::ok; ++i) {
      result.gain[i * model.observations + k] = moved.belief.mean[i];
    }
  }
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
