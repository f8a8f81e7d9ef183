#include <credo/core/error.hpp>
#include <credo/models/control/learning/torch/encoding.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace credo::control::learning {

Encoding::Encoding(const EnvironmentFacts& facts)
    : name_(facts.name), observations_(facts.observations) {
  const Space& seen = facts.observations;
  shape_.observation = seen.is_discrete() ? seen.count : seen.dimension();
  for (std::size_t i = 0; !seen.is_discrete() && i < seen.dimension(); ++i) {
    const bool known = i < facts.typical_low.size() && i < facts.typical_high.size();
    const double low = known ? facts.typical_low[i] : -1.0;
    const double high = known ? facts.typical_high[i] : 1.0;
    centre_.push_back(0.5 * (low + high));
    half_.push_back(0.5 * (high - low));
  }
  const Space& done = facts.actions;
  shape_.discrete = done.is_discrete();
  shape_.action = done.is_discrete() ? done.count : done.dimension();
  for (std::size_t i = 0; !done.is_discrete() && i < done.dimension(); ++i) {
    action_centre_.push_back(0.5 * (done.low[i] + done.high[i]));
    action_half_.push_back(0.5 * (done.high[i] - done.low[i]));
  }
}

void Encoding::require(std::span<const double> observation) const {
  bool fits = observation.size() == observations_.dimension() &&
              std::all_of(observation.begin(), observation.end(),
                          [](double x) { return std::isfinite(x); });
  if (fits && observations_.is_discrete()) {
    fits = observation[0] >= 0.0 && observation[0] < static_cast<double>(observations_.count) &&
           observation[0] == std::floor(observation[0]);
  }
  if (fits) return;
  throw ModelError(fmt::format("{}: observation ({}) is none of the environment, expected {}",
                               name_, fmt::join(observation, ", "), observations_.description()));
}

void Encoding::append(std::span<const double> observation, std::vector<double>& numbers) const {
  require(observation);
  if (observations_.is_discrete()) {
    const std::size_t begin = numbers.size();
    numbers.resize(begin + shape_.observation, 0.0);
    numbers[begin + static_cast<std::size_t>(observation[0])] = 1.0;
    return;
  }
  for (std::size_t i = 0; i < observation.size(); ++i) {
    numbers.push_back((observation[i] - centre_[i]) / half_[i]);
  }
}

std::vector<double> Encoding::encode(std::span<const double> observation) const {
  std::vector<double> numbers;
  append(observation, numbers);
  return numbers;
}

std::vector<double> Encoding::to_box(std::span<const double> action) const {
  std::vector<double> scaled(action.size());
  for (std::size_t i = 0; i < action.size(); ++i) {
    scaled[i] = action_centre_[i] + action_half_[i] * action[i];
  }
  return scaled;
}

}  // namespace credo::control::learning
