// The assumed-density filter of switching models.
//
// Invariant: mode j has a weight (log p(m_t = j, y_1 .. y_t)) and one Gaussian. A step predicts and
// updates every pair (i, j), weighs it by p(j | i) and its evidence, and collapses over i to the
// mean and covariance of the mixture. Before the first collapse loses anything (t <= 2) the weights
// are exact; with one mode all is.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/state_space/slice_filter.hpp>
#include <credo/models/state_space/switching.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

namespace credo {

namespace {

constexpr double kRowTolerance = 1e-6;

/// A Gaussian and the logarithm of its weight.
struct Part {
  double log_weight = -kInfinity;
  StateBelief belief;
};

/// Mean and covariance of a mixture; its log weight is that of all.
Part collapsed(const std::vector<Part>& parts) {
  std::vector<double> logs;
  for (const Part& part : parts) logs.push_back(part.log_weight);
  Part result;
  result.log_weight = log_sum_exp(logs);
  const std::vector<double> weights = softmax(logs);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!(weights[i] > 0.0)) continue;
    const StateBelief& b = parts[i].belief;
    result.belief.mean.resize(b.mean.size(), 0.0);
    for (std::size_t k = 0; k < b.mean.size(); ++k) result.belief.mean[k] += weights[i] * b.mean[k];
  }
  const std::size_t n = result.belief.mean.size();
  result.belief.covariance.assign(n * n, 0.0);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!(weights[i] > 0.0)) continue;
    const StateBelief& b = parts[i].belief;
    for (std::size_t k = 0; k < n * n; ++k) {
      const double away = b.mean[k / n] - result.belief.mean[k / n];
      const double across = b.mean[k % n] - result.belief.mean[k % n];
      result.belief.covariance[k] += weights[i] * (b.covariance[k] + away * across);
    }
  }
  return result;
}

class SwitchingFilter {
 public:
  explicit SwitchingFilter(const SwitchingModel& model) : model_(model) {
    for (const double p : model.initial) {
      parts_.push_back({std::log(p), initial_belief(model.modes.front())});
    }
  }

  /// "" or why not.
  Status step(const std::vector<double>& observation, bool first, SwitchingAnswer& answer) {
    std::vector<Part> next;
    for (std::size_t j = 0; j < model_.modes.size(); ++j) {
      std::vector<Part> from;
      for (std::size_t i = 0; i < model_.modes.size(); ++i) {
        if (first && i != j) continue;
        from.push_back(pair(i, j, observation, first));
        if (failed_ != Status::ok) {
          answer.message = message_;
          return failed_;
        }
      }
      next.push_back(collapsed(from));
    }
    parts_ = std::move(next);
    std::vector<double> logs;
    for (const Part& part : parts_) logs.push_back(part.log_weight);
    const Part all = collapsed(parts_);
    answer.log_likelihood = all.log_weight;
    if (all.log_weight == -kInfinity) return Status::impossible_evidence;
    answer.modes.push_back(softmax(logs));
    answer.means.push_back(all.belief.mean);
    answer.covariances.push_back(all.belief.covariance);
    return Status::ok;
  }

 private:
  Part pair(std::size_t i, std::size_t j, const std::vector<double>& observation, bool first) {
    Part part = parts_[i];
    const StateSpaceModel& mode = model_.modes[j];
    if (!first) {
      part.log_weight += std::log(model_.transition[i * model_.modes.size() + j]);
      if (part.log_weight == -kInfinity) return part;
      part.belief = predicted(mode, mode.steps.front(), part.belief);
    }
    if (part.log_weight == -kInfinity) return part;
    Updated after = updated(mode, mode.steps.front(), part.belief, observation);
    if (after.status == Status::impossible_evidence) return {-kInfinity, part.belief};
    if (after.status != Status::ok) {
      failed_ = after.status;
      message_ = after.message;
    }
    return {part.log_weight + after.log_evidence, std::move(after.belief)};
  }

  const SwitchingModel& model_;
  std::vector<Part> parts_;
  Status failed_ = Status::ok;
  std::string message_;
};

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
    if (!observations[t].empty() && observations[t].size() != model.modes.front().observations) {
      throw ModelError(fmt::format("observation {}: expected {} numbers, got {}", t,
                                   model.modes.front().observations, observations[t].size()));
    }
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
  const bool exact = model.modes.size() == 1 || observations.size() <= 2;
  answer.guarantee = exact ? Guarantee::exact : Guarantee::none;
  answer.message = exact ? "answered"
                         : "approximate: mixtures over earlier modes replaced by Gaussians of the "
                           "same mean and covariance";
  return answer;
}

}  // namespace credo
