#pragma once
// The orders in which messages are renewed.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/message_passing/factor_rule.hpp>
#include <credo/inference/message_passing/iteration.hpp>
#include <credo/inference/message_passing/message_range.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace credo::message_passing {

/// What a schedule works on and leaves behind. Borrows everything. Every function throws
/// contraction::Stopped at the deadline or when the observer says so.
class Schedule {
 public:
  Schedule(const EdgeGraph& edges, FactorRule& rule, MessageState& state, const MessageRange& range,
           const IterationOptions& options, contraction::Monitor& monitor);

  /// From the leaves to the roots and back; on a forest every message is then final. Returns the
  /// logarithm of the product, over the components, of their sums (largest, with max).
  double two_sweeps();
  /// Renews until no message changes by more than the tolerance; no message goes below its floor.
  /// After every iteration
  /// `observe` is called, if there is one.
  void iterate(MessageSchedule schedule, const std::function<void()>& observe);

  /// Some message is zero for every state: nothing was passed any further.
  [[nodiscard]] bool found_zero() const noexcept { return found_zero_; }
  [[nodiscard]] bool converged() const noexcept { return converged_; }
  /// Some message stands at its floor.
  [[nodiscard]] bool at_floor() const;
  /// The factor that was renewed last.
  [[nodiscard]] FactorId last_factor() const noexcept { return last_; }
  /// One per iteration.
  [[nodiscard]] const std::vector<double>& residuals() const noexcept { return residuals_; }
  [[nodiscard]] std::uint64_t updates() const noexcept { return updates_; }

 private:
  bool compute(FactorId f, std::uint32_t only);
  double renew(FactorId f, bool and_record_changes);
  /// What becomes of the new message of an edge: not below the floor, and a share of the old one.
  /// Returns how much the new one differs from the old.
  double settle(std::uint32_t edge, std::span<double> logs) const;
  double sequential_iteration(bool towards_root);
  double parallel_iteration();
  void iterate_by_residual(const std::function<void()>& observe);
  bool finish_iteration(double residual, const std::function<void()>& observe);

  const EdgeGraph& edges_;
  FactorRule& rule_;
  MessageState& state_;
  const MessageRange& range_;
  const IterationOptions& options_;
  contraction::Monitor& monitor_;
  std::vector<double> next_;     // parallel: the messages of the next iteration
  std::vector<double> changes_;  // of the messages of the last renewed factor
  std::vector<double> residuals_;
  std::uint64_t updates_ = 0;
  std::size_t states_since_check_ = 0;
  FactorId last_ = 0;
  bool found_zero_ = false;
  bool converged_ = false;
};

}  // namespace credo::message_passing
