#pragma once
// How observations and actions of an environment look to networks, and back.

#include <credo/models/control/learning/environment.hpp>
#include <credo/models/control/learning/torch/agent.hpp>

#include <span>
#include <vector>

namespace credo::control::learning {

/// Discrete observations become indicator vectors; boxes are centred and divided by half their
/// typical range, where one is known. Components of continuous actions are scaled to (-1, 1).
class Encoding {
 public:
  /// Boxes of actions are finite.
  explicit Encoding(const EnvironmentFacts& facts);

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }

  /// Appends shape().observation numbers. Throws ModelError when the observation is not of the
  /// space.
  void append(std::span<const double> observation, std::vector<double>& numbers) const;
  [[nodiscard]] std::vector<double> encode(std::span<const double> observation) const;

  /// From (-1, 1) to the box.
  [[nodiscard]] std::vector<double> to_box(std::span<const double> action) const;

 private:
  void require(std::span<const double> observation) const;

  std::string name_;
  Space observations_;
  Shape shape_;
  /// Boxes: (x - centre) / half.
  std::vector<double> centre_;
  std::vector<double> half_;
  std::vector<double> action_centre_;
  std::vector<double> action_half_;
};

}  // namespace credo::control::learning
