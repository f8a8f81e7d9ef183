// The assumed-density filter of switching models, and their chain for moment matching.
//
// Invariant: mode j has a weight (log p(m_t = j, y_1 .. y_t)) and one Gaussian. A step predicts and
// updates every pair (i, j), weighs it by p(j | i) and its evidence, and collapses over i to the
// mean and covariance of the mixture. Before the first collapse loses anything (t <= 2) the weights
// are exact; with one mode all is.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/gaussian/moment_collapse.hpp>
#include <credo/inference/infer.hpp>
#include <credo/models/state_space/slice_filter.hpp>
#include <credo/models/state_space/switching.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <map>
#include <utility>

namespace credo {

namespace {

constexpr double kRowTolerance = 1e-6;

using gaussian::Collapsed;
using gaussian::WeightedGaussian;

class SwitchingFilter {
 public:
  explicit SwitchingFilter(const SwitchingModel& model) : model_(model) {
    for (const StateSpaceModel& mode : model.modes) slices_.emplace_back(mode);
    const StateBelief first = initial_belief(model.modes.front());
    for (const double p : model.initial) {
      parts_.push_back({std::log(p), first.mean, first.covariance});
    }
  }

  /// Whether what came before the last step is exact.
  [[nodiscard]] bool exact() const noexcept { return exact_; }

  /// "" or why not.
  Status step(const std::vector<double>& observation, bool first, SwitchingAnswer& answer) {
    std::vector<WeightedGaussian> next;
    exact_ = exact_ && !mixed_;
    for (std::size_t j = 0; j < model_.modes.size(); ++j) {
      std::vector<WeightedGaussian> from;
      for (std::size_t i = 0; i < model_.modes.size(); ++i) {
        if (first && i != j) continue;
        from.push_back(pair(i, j, observation, first));
        if (failed_ != Status::ok) {
          answer.message = message_;
          return failed_;
        }
      }
      Collapsed collapsed = gaussian::collapse(from);
      mixed_ = mixed_ || collapsed.components > 1;
      next.push_back(std::move(collapsed.gaussian));
    }
    parts_ = std::move(next);
    std::vector<double> logs;
    for (const WeightedGaussian& part : parts_) logs.push_back(part.log_weight);
    WeightedGaussian all = gaussian::collapse(parts_).gaussian;
    answer.log_likelihood = all.log_weight;
    if (all.log_weight == -kInfinity) return Status::impossible_evidence;
    answer.modes.push_back(softmax(logs));
    answer.means.push_back(std::move(all.mean));
    answer.covariances.push_back(std::move(all.covariance));
    return Status::ok;
  }

 private:
  WeightedGaussian pair(std::size_t i, std::size_t j, const std::vector<double>& observation,
                        bool first) {
    const StateSpaceModel& mode = model_.modes[j];
    double log_weight = parts_[i].log_weight;
    if (!first) log_weight += std::log(model_.transition[i * model_.modes.size() + j]);
    if (log_weight == -kInfinity) return {};
    StateBelief belief{parts_[i].mean, parts_[i].covariance};
    if (!first) belief = predicted(mode, mode.steps.front(), belief);
    Updated after = slices_[j].update(0, belief, observation);
    if (after.status == Status::impossible_evidence) return {};
    if (after.status != Status::ok) {
      failed_ = after.status;
      message_ = after.message;
    }
    return {log_weight + after.log_evidence, std::move(after.belief.mean),
            std::move(after.belief.covariance)};
  }

  const SwitchingModel& model_;
  std::vector<SliceFilter> slices_;  ///< by mode
  std::vector<WeightedGaussian> parts_;
  bool exact_ = true;
  bool mixed_ = false;
  Status failed_ = Status::ok;
  std::string message_;
};

/// One kernel table of every mode.
GaussianTable joined(const SwitchingModel& model, std::vector<std::size_t> dimensions,
                     const std::function<GaussianTable(const StateSpaceModel&)>& of_mode) {
  std::vector<LinearGaussian> kernels;
  for (const StateSpaceModel& mode : model.modes) {
    const GaussianTable table = of_mode(mode);
    kernels.push_back(table.kernels().front());
  }
  return GaussianTable::conditional({model.modes.size()}, std::move(dimensions),
                                    std::move(kernels));
}

void check_observation(const SwitchingModel& model, const ObservationSequence& observations,
                       std::size_t t) {
  if (observations[t].empty() || observations[t].size() == model.modes.front().observations) return;
  throw ModelError(fmt::format("observation {}: expected {} numbers, got {}", t,
                               model.modes.front().observations, observations[t].size()));
}

void check_row(const char* name, std::size_t row, const double* p, std::size_t count) {
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) sum += p[i] >= 0.0 ? p[i] : kNaN;
  if (std::fabs(sum - 1.0) <= kRowTolerance) return;
  throw ModelError(fmt::format(
      "switching model, {}: expected probabilities that sum to 1, got the sum {} in row {}", name,
      sum, row));
}

}  // namespace

void SwitchingModel::validate() const {
  const std::size_t count = modes.size();
  if (count == 0 || initial.size() != count || transition.size() != count * count) {
    throw ModelError(fmt::format(
        "switching model: expected m >= 1 modes, m initial and m x m transition probabilities, got "
        "{}, {} and {}",
        count, initial.size(), transition.size()));
  }
  for (const StateSpaceModel& mode : modes) {
    mode.validate();
    if (mode.steps.size() != 1 || mode.states != modes.front().states ||
        mode.observations != modes.front().observations) {
      throw ModelError("switching model: expected modes of one step each and of the same sizes");
    }
  }
  check_row("initial", 0, initial.data(), count);
  for (std::size_t i = 0; i < count; ++i) {
    check_row("transition", i, transition.data() + i * count, count);
  }
}

SwitchingAnswer filter(const SwitchingModel& model, const ObservationSequence& observations) {
  model.validate();
  SwitchingAnswer answer;
  SwitchingFilter filter(model);
  answer.log_likelihood = 0.0;
  for (std::size_t t = 0; t < observations.size(); ++t) {
    check_observation(model, observations, t);
    const Status status = filter.step(observations[t], t == 0, answer);
    if (status == Status::ok) continue;
    SwitchingAnswer failed;
    failed.status = status;
    failed.log_likelihood = status == Status::impossible_evidence ? -kInfinity : kNaN;
    failed.message =
        fmt::format("observation {}: {}", t,
                    answer.message == "not run yet" ? "impossible in every mode" : answer.message);
    return failed;
  }
  answer.status = Status::ok;
  const bool exact = filter.exact();
  answer.guarantee = exact ? Guarantee::exact : Guarantee::none;
  answer.message = exact ? "answered"
                         : "approximate: mixtures over earlier modes replaced by Gaussians of the "
                           "same mean and covariance";
  return answer;
}

SwitchingGraph switching_graph(const SwitchingModel& model,
                               const ObservationSequence& observations) {
  model.validate();
  const std::size_t count = model.modes.size();
  const std::size_t n = model.modes.front().states;
  const Table initial = Table::dense({count}, model.initial);
  const Table transition = Table::dense({count, count}, model.transition);
  const GaussianTable first = belief_table(initial_belief(model.modes.front()));
  const GaussianTable move = joined(model, {n, n}, [](const StateSpaceModel& mode) {
    return transition_table(mode, mode.steps.front());
  });
  std::map<std::vector<std::size_t>, GaussianTable> looks;
  SwitchingGraph result;
  for (std::size_t t = 0; t < observations.size(); ++t) {
    check_observation(model, observations, t);
    const VariableId m = result.graph.add_variable(fmt::format("m{}", t + 1), count);
    const VariableId x = result.graph.add_continuous_variable(fmt::format("x{}", t + 1), n);
    if (t == 0) {
      result.graph.add_conditional({m}, m, initial);
      result.graph.add_gaussian_factor({x}, first);
    } else {
      result.graph.add_conditional({result.modes.back(), m}, m, transition);
      result.graph.add_gaussian_factor({m}, {result.states.back(), x}, move);
    }
    result.modes.push_back(m);
    result.states.push_back(x);
    const std::vector<std::size_t> components = present(observations[t]);
    if (components.empty()) continue;
    auto look = looks.find(components);
    if (look == looks.end()) {
      GaussianTable table =
          joined(model, {n, components.size()}, [&components](const StateSpaceModel& mode) {
            return observation_table(mode, mode.steps.front(), components);
          });
      look = looks.emplace(components, std::move(table)).first;
    }
    const VariableId y =
        result.graph.add_continuous_variable(fmt::format("y{}", t + 1), components.size());
    result.graph.add_gaussian_factor({m}, {x, y}, look->second);
    std::vector<double> value;
    for (const std::size_t i : components) value.push_back(observations[t][i]);
    result.evidence.observe_value(y, std::move(value));
  }
  return result;
}

SwitchingAnswer smooth(const SwitchingModel& model, const ObservationSequence& observations) {
  const SwitchingGraph chain = switching_graph(model, observations);
  SwitchingAnswer answer;
  if (observations.empty()) {
    answer.status = Status::ok;
    answer.guarantee = Guarantee::exact;
    answer.message = "answered";
    answer.log_likelihood = 0.0;
    return answer;
  }
  InferOptions options;
  options.algorithm = "moment_matching";
  options.explain_conflict = false;
  Result result = infer(chain.graph, chain.evidence, Query::marginals(), options);
  answer.status = result.status;
  answer.guarantee = result.guarantee;
  answer.message = std::move(result.message);
  answer.log_likelihood = result.log_z;
  if (!answer.ok()) return answer;
  if (answer.guarantee != Guarantee::exact) answer.message = "approximate: " + answer.message;
  for (std::size_t t = 0; t < observations.size(); ++t) {
    GaussianMarginal& state = result.gaussian_marginals[chain.states[t]];
    answer.modes.push_back(std::move(result.marginals[chain.modes[t]]));
    answer.means.push_back(std::move(state.mean));
    answer.covariances.push_back(std::move(state.covariance));
  }
  return answer;
}

}  // namespace credo
