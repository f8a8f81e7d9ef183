#pragma once
// The transitions a learner remembers.

#include <credo/models/control/learning/torch/encoding.hpp>
#include <credo/models/random.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::control::learning {

/// A ring: once full, the newest transition takes the place of the oldest. Observations are kept as
/// the environment gave them and encoded when drawn.
class ReplayBuffer {
 public:
  /// Numbers per observation and per action as stored; capacity >= 1. Memory grows with use.
  ReplayBuffer(std::size_t observation, std::size_t action, std::size_t capacity);

  void add(std::span<const double> observation, std::span<const double> action, double reward,
           std::span<const double> next, bool end);
  [[nodiscard]] std::size_t size() const noexcept { return numbers_.size() / row_; }

  /// What is stored, bytes.
  [[nodiscard]] double bytes() const noexcept {
    return static_cast<double>(sizeof(double)) * static_cast<double>(numbers_.capacity());
  }

  /// Independent uniform draws, with replacement. size() >= 1.
  [[nodiscard]] Batch draw(std::size_t count, const Encoding& encoding, Random& random) const;

  /// Everything stored: the place of the next transition, then rows.
  [[nodiscard]] std::vector<double> state() const;
  /// False when the numbers are no state of a buffer of this shape and capacity.
  [[nodiscard]] bool restore(std::span<const double> state);

 private:
  std::size_t observation_;
  std::size_t action_;
  std::size_t row_;
  std::size_t capacity_;
  /// Where the next transition goes, once full.
  std::size_t place_ = 0;
  /// Rows of observation, action, reward, next observation, end.
  std::vector<double> numbers_;
};

}  // namespace credo::control::learning
