#pragma once
// Episodes drawn from the very tables that the engine solves.

#include <credo/models/control/learning/environment.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace credo::control::learning {

struct TabularOptions {
  /// At least 1.
  std::optional<std::size_t> time_limit = std::nullopt;
  /// Episodes begin in any state that is not terminal, all equally likely, instead of being drawn
  /// from p(s_1): a learner sees everything (Sutton and Barto 2018, section 5.3).
  bool exploring_starts = false;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Observations are states, actions are actions of the process, rewards and successors are drawn
/// from its outcomes; terminal states terminate. Discount and final rewards of the process play no
/// part. Cost of a step: successors.
class TabularEnvironment final : public Environment {
 public:
  explicit TabularEnvironment(Mdp mdp, const TabularOptions& options = {});

  /// The state the episode is in.
  [[nodiscard]] std::size_t current() const noexcept { return current_; }
  [[nodiscard]] bool is_available(std::size_t action) const override;
  [[nodiscard]] const Mdp* process() const noexcept override { return &mdp_; }

 private:
  std::vector<double> begin(Random& random) override;
  Step advance(std::span<const double> action, Random& random) override;
  [[nodiscard]] std::vector<double> inner_state() const override;
  [[nodiscard]] bool set_inner_state(std::span<const double> inner) override;
  [[nodiscard]] std::vector<double> observation() const;

  Mdp mdp_;
  /// p(s_1) of the episodes.
  std::vector<double> start_;
  std::size_t current_ = 0;
};

}  // namespace credo::control::learning
