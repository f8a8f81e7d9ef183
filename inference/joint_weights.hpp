#pragma once
// The list that enumeration answers from: every joint state that the evidence
// permits, with its weight.

#include <credo/core/numerics.hpp>
#include <credo/inference/infer.hpp>

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace credo {

/// States of each variable that the evidence permits (likelihoods permit all).
[[nodiscard]] std::vector<std::vector<std::size_t>> permitted_states(const FactorGraph& graph,
                                                                     const Evidence& evidence);

/// Number of joint states; saturates.
[[nodiscard]] std::uint64_t joint_count(const std::vector<std::vector<std::size_t>>& permitted);

/// Row-major index of a joint state's part over a scope.
[[nodiscard]] std::uint64_t cell_of(const FactorGraph& graph, const Scope& scope,
                                    const std::vector<std::size_t>& states);

/// w(x) = sum_f log f(x_f) + sum_v log likelihood_v(x_v) in natural logarithms, for every permitted
/// joint state x; indexed row-major over the permitted states. Borrows everything.
class JointWeights {
 public:
  JointWeights(const FactorGraph& graph, const Evidence& evidence, const InferOptions& options);

  /// Fills the list; false when time or the observer stopped it.
  bool weigh();
  /// Asked in every other loop over `count` steps, before step `done`, each step a few operations.
  bool may_go_on(std::uint64_t done, std::uint64_t count) {
    constexpr std::uint64_t kStepsPerCheck = 1 << 14;
    return done % kStepsPerCheck != 0 || may_continue(done, count);
  }
  /// Calls visit(index, states) for every permitted joint state, in row-major
  /// order. Returns false when time or the observer stopped it.
  template <typename Visit>
  bool for_each_state(Visit&& visit);

  [[nodiscard]] const FactorGraph& graph() const { return graph_; }
  [[nodiscard]] const std::vector<double>& log_weights() const { return log_weights_; }
  /// log sum_x exp w(x).
  [[nodiscard]] double log_z() const { return log_z_; }
  /// p(x) of the state of that index.
  [[nodiscard]] double probability(std::uint64_t index) const;
  [[nodiscard]] std::vector<std::size_t> states_of(std::uint64_t index) const;
  [[nodiscard]] double log_factor(FactorId f, const std::vector<std::size_t>& states) const;
  /// The sum of the logarithms of the likelihoods.
  [[nodiscard]] double log_evidence(const std::vector<std::size_t>& states) const;

  /// Why it stopped; ok while it did not.
  [[nodiscard]] Status stopped() const { return stopped_; }
  [[nodiscard]] double elapsed_seconds() const;

 private:
  bool may_continue(std::uint64_t done, std::uint64_t count);
  /// States between two looks at the clock: about a million operations.
  [[nodiscard]] std::uint64_t states_per_check() const;

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const InferOptions& options_;
  std::vector<std::vector<std::size_t>> permitted_;
  std::uint64_t count_;
  std::vector<std::vector<double>> log_values_;  ///< per dense factor
  std::vector<double> log_weights_;
  double log_z_ = kNaN;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Status stopped_ = Status::ok;
};

template <typename Visit>
bool JointWeights::for_each_state(Visit&& visit) {
  const std::uint64_t per_check = states_per_check();
  std::vector<std::size_t> position(permitted_.size(), 0);
  std::vector<std::size_t> states;
  states.reserve(permitted_.size());
  for (const auto& of_variable : permitted_) states.push_back(of_variable.front());
  for (std::uint64_t index = 0; index < count_; ++index) {
    if (index % per_check == 0 && !may_continue(index, count_)) return false;
    visit(index, std::as_const(states));
    for (std::size_t v = permitted_.size(); v-- > 0;) {
      position[v] = position[v] + 1 < permitted_[v].size() ? position[v] + 1 : 0;
      states[v] = permitted_[v][position[v]];
      if (position[v] != 0) break;
    }
  }
  return true;
}

}  // namespace credo
