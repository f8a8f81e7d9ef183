// The smoother: one elimination of the whole chain. A chain's scopes are known without a graph, and
// time-invariant models have three tables, so that planning and solving once costs little more than
// handing the answer out. The chain is eliminated from both ends towards the middle: neither half
// waits for the other's divisions. Where dynamics are certain it goes from the last state to the
// first.
// Cost: (n + k)^3 per step.

#include <credo/core/error.hpp>
#include <credo/inference/gaussian/runner.hpp>
#include <credo/models/state_space/slice_filter.hpp>
#include <credo/models/state_space/state_space.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace credo {

struct CompiledSmoother::Implementation {
  std::size_t states = 0;
  std::vector<std::size_t> components;  ///< that are there, of all observations
  std::vector<std::size_t> end;         ///< in components, by observation
  std::vector<VariableId> state;        ///< x_t
  std::optional<gaussian::Runner> runner;
  std::vector<double> observed;
  GaussianAnswer answer;

  Implementation(const StateSpaceModel& model, const ObservationSequence& pattern)
      : states(model.states) {
    check_observations(model, pattern);
    find_components(pattern);
    gaussian::Skeleton skeleton;
    std::vector<char> is_observed;
    std::vector<GaussianTable> tables;
    SliceTables slices(model);
    for (std::size_t t = 0; t < pattern.size(); ++t) {
      const VariableId x = skeleton.add_variable(states);
      is_observed.push_back(0);
      const VariableId with_before[] = {t > 0 ? state.back() : x, x};
      skeleton.add_factor(std::span(with_before).last(t > 0 ? 2 : 1));
      tables.push_back(t > 0 ? slices.transition(t - 1) : belief_table(initial_belief(model)));
      state.push_back(x);
      if (there(t).empty()) continue;
      const VariableId seen[] = {x, skeleton.add_variable(there(t).size())};
      is_observed.push_back(1);
      skeleton.add_factor(seen);
      tables.push_back(slices.observation(t, there(t)));
    }
    load(skeleton, is_observed, tables, both_ends());
    // Kernels without noise are substituted. From the last backwards that multiplies by them, from
    // the first onwards it divides, and thirty divisions may leave nothing.
    if (runner->engine().careful()) {
      load(skeleton, is_observed, tables, {state.rbegin(), state.rend()});
    }
  }

  void load(const gaussian::Skeleton& skeleton, const std::vector<char>& is_observed,
            const std::vector<GaussianTable>& tables, std::vector<VariableId> order) {
    const gaussian::StructureRequest request{.variables = state, .joints = {}, .describe = false};
    PlanOptions plan;
    plan.order = std::move(order);
    runner.emplace(skeleton, is_observed,
                   gaussian::build_structure(skeleton, request, plan, [] { return true; }));
    runner->engine().name_variables([this](VariableId v) {
      return fmt::format("x{}", std::ranges::lower_bound(state, v) - state.begin() + 1);
    });
    runner->engine().load(tables);
  }

  [[nodiscard]] std::span<const std::size_t> there(std::size_t t) const {
    const std::size_t begin = t == 0 ? 0 : end[t - 1];
    return std::span(components).subspan(begin, end[t] - begin);
  }

  void find_components(const ObservationSequence& pattern) {
    for (const std::vector<double>& y : pattern) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        if (!std::isnan(y[i])) components.push_back(i);
      }
      end.push_back(components.size());
    }
  }

  [[nodiscard]] std::vector<VariableId> both_ends() const {
    std::vector<VariableId> order;
    for (std::size_t first = 0, last = state.size(); first < last;) {
      order.push_back(state[first++]);
      if (first < last) order.push_back(state[--last]);
    }
    return order;
  }

  [[nodiscard]] VariableId state_at(std::size_t t) const {
    if (t < state.size()) return state[t];
    throw ModelError(
        fmt::format("compiled smoother: expected a time below {}, got {}", state.size(), t));
  }

  /// False when observation t has not the components of the pattern.
  bool append(std::size_t t, const std::vector<double>& y) {
    std::size_t count = 0;
    for (const double component : y) count += std::isnan(component) ? 0 : 1;
    bool fits = count == there(t).size();
    for (const std::size_t i : there(t)) {
      fits = fits && i < y.size() && std::isfinite(y[i]);
      if (fits) observed.push_back(y[i]);
    }
    return fits;
  }
};

CompiledSmoother::CompiledSmoother(const StateSpaceModel& model, const ObservationSequence& pattern)
    : implementation_(std::make_unique<Implementation>(model, pattern)) {}

CompiledSmoother::~CompiledSmoother() = default;
CompiledSmoother::CompiledSmoother(CompiledSmoother&&) noexcept = default;
CompiledSmoother& CompiledSmoother::operator=(CompiledSmoother&&) noexcept = default;

CompiledSmoother::Implementation& CompiledSmoother::implementation() const {
  if (implementation_) return *implementation_;
  throw ModelError("compiled smoother: expected one that was not moved from");
}

const GaussianAnswer& CompiledSmoother::run(const ObservationSequence& observations) {
  Implementation& i = implementation();
  if (observations.size() != i.state.size()) {
    throw ModelError(fmt::format("compiled smoother: expected {} observations, got {}",
                                 i.state.size(), observations.size()));
  }
  i.observed.clear();
  for (std::size_t t = 0; t < observations.size(); ++t) {
    if (i.append(t, observations[t])) continue;
    throw ModelError(fmt::format(
        "compiled smoother, observation {}: expected the {} components of the pattern, got {}", t,
        i.there(t).size(), present(observations[t]).size()));
  }
  i.runner->run(i.observed, i.answer, true);
  return i.answer;
}

std::span<const double> CompiledSmoother::mean(std::size_t t) const {
  const Implementation& i = implementation();
  if (!i.answer.ok()) return {};
  return std::span(i.answer.means).subspan(i.runner->mean_offset(i.state_at(t)), i.states);
}

std::span<const double> CompiledSmoother::covariance(std::size_t t) const {
  const Implementation& i = implementation();
  if (!i.answer.ok()) return {};
  return std::span(i.answer.covariances)
      .subspan(i.runner->covariance_offset(i.state_at(t)), i.states * i.states);
}

StateSpaceAnswer smooth(const StateSpaceModel& model, const ObservationSequence& observations) {
  StateSpaceAnswer result;
  CompiledSmoother compiled(model, observations);
  const GaussianAnswer& answer = compiled.run(observations);
  result.status = answer.status;
  result.message = answer.ok() ? "answered" : answer.message;
  result.log_likelihood = answer.log_z;
  if (!answer.ok()) return result;
  result.guarantee = Guarantee::exact;
  result.means.reserve(observations.size());
  result.covariances.reserve(observations.size());
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const auto mean = compiled.mean(t);
    const auto covariance = compiled.covariance(t);
    result.means.emplace_back(mean.begin(), mean.end());
    result.covariances.emplace_back(covariance.begin(), covariance.end());
  }
  return result;
}

}  // namespace credo
