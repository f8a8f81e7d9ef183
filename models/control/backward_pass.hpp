#pragma once
// Asks the generic engine for the messages of a trajectory and reads them. The
// only place where control meets inference.

#include <credo/inference/infer.hpp>
#include <credo/models/control/trajectory.hpp>

#include <span>
#include <vector>

namespace credo::control {

/// infer() with the backward order and messages. With marginals also the downward messages and the
/// marginals of states and actions.
[[nodiscard]] Result contract_backward(const Trajectory& trajectory, bool marginals,
                                       InferOptions options);

/// Reads the messages of such a result. Borrows both.
class BackwardMessages {
 public:
  BackwardMessages(const Trajectory& trajectory, Result& result);

  /// log beta_t(s, a), 0-based step, states x actions of the graph; -infinity when unavailable.
  [[nodiscard]] std::vector<double> log_beta_action(std::size_t t) const;
  /// log beta_t(s), steps 0 .. T; the last is the final factor.
  [[nodiscard]] std::vector<double> log_beta_state(std::size_t t) const;
  /// p(s_t given o_{1:t-1}), steps 0 .. T-1.
  [[nodiscard]] std::vector<double> forward(std::size_t t) const;

  /// Frees the messages of step t, which cannot be read any more: of long horizons there is then
  /// never more than one copy.
  void release(std::size_t t);

 private:
  const Trajectory& trajectory_;
  /// The message of the step that eliminates a variable; null when the engine needed none.
  std::vector<Message*> eliminating_;
  /// log p(o = 1 | s, a) when the reward is on the pair, else 0; -infinity when unavailable.
  std::vector<double> log_pair_;
};

}  // namespace credo::control
