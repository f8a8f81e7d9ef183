#include <credo/models/control/learning/torch/replay_buffer.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace credo::control::learning {

ReplayBuffer::ReplayBuffer(std::size_t observation, std::size_t action, std::size_t capacity)
    : observation_(observation),
      action_(action),
      row_(2 * observation + action + 2),
      capacity_(capacity) {
  assert(capacity >= 1);
}

void ReplayBuffer::add(std::span<const double> observation, std::span<const double> action,
                       double reward, std::span<const double> next, bool end) {
  assert(observation.size() == observation_ && next.size() == observation_);
  assert(action.size() == action_);
  if (size() < capacity_) numbers_.resize(numbers_.size() + row_);
  double* to = numbers_.data() + place_ * row_;
  to = std::copy(observation.begin(), observation.end(), to);
  to = std::copy(action.begin(), action.end(), to);
  *to++ = reward;
  to = std::copy(next.begin(), next.end(), to);
  *to = end ? 1.0 : 0.0;
  place_ = (place_ + 1) % capacity_;
}

Batch ReplayBuffer::draw(std::size_t count, const Encoding& encoding, Random& random) const {
  assert(size() >= 1);
  Batch batch;
  batch.size = count;
  for (std::size_t i = 0; i < count; ++i) {
    std::span<const double> row(numbers_.data() + random.below(size()) * row_, row_);
    encoding.append(row.first(observation_), batch.observations);
    row = row.subspan(observation_);
    batch.actions.insert(batch.actions.end(), row.begin(),
                         row.begin() + static_cast<std::ptrdiff_t>(action_));
    row = row.subspan(action_);
    batch.rewards.push_back(row[0]);
    encoding.append(row.subspan(1, observation_), batch.next_observations);
    batch.ends.push_back(row.back());
  }
  return batch;
}

std::vector<double> ReplayBuffer::state() const {
  std::vector<double> state = {static_cast<double>(place_)};
  state.insert(state.end(), numbers_.begin(), numbers_.end());
  return state;
}

bool ReplayBuffer::restore(std::span<const double> state) {
  if (state.empty() || (state.size() - 1) % row_ != 0) return false;
  const std::size_t rows = (state.size() - 1) / row_;
  const double place = state[0];
  const bool full = rows == capacity_;
  if (rows > capacity_ || !(place >= 0.0) || place != std::floor(place) ||
      place >= static_cast<double>(capacity_) || (!full && place != static_cast<double>(rows))) {
    return false;
  }
  place_ = static_cast<std::size_t>(place);
  numbers_.assign(state.begin() + 1, state.end());
  return true;
}

}  // namespace credo::control::learning
