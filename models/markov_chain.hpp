#pragma once
// Finite Markov chains: where they are after n steps, whether and when they first reach a set of
// states. Passage questions are the fixed point of one repeating slice, states that repeat
// questions of the unrolled chain: nothing is solved here.

#include <credo/inference/infer.hpp>
#include <credo/inference/variational/stationary.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// p(to given from).
struct MarkovTransition {
  std::size_t from = 0;
  std::size_t to = 0;
  double probability = 0.0;
};

/// One number per state, with its warrant. Poisoned until computed.
struct PassageAnswer {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// Per state; what it is stands beside the question.
  std::vector<double> value;
  /// Every finite value is within this of the truth (of its logarithm for log_... questions).
  double error_bound = kNaN;
  std::string certificate;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// A chain x_0, x_1, ... with p(x_{t+1} given x_t), stored sparse.
class MarkovChain {
 public:
  /// Transitions in any order. Throws ModelError naming the state or the transition on none or
  /// unknown states, pairs given twice, probabilities outside [0, 1], and rows that do not sum to 1
  /// within 1e-9 (they are then normalised exactly).
  MarkovChain(std::size_t states, std::span<const MarkovTransition> transitions);

  [[nodiscard]] std::size_t state_count() const noexcept { return transition_.shape()[0]; }
  /// p(x' | x) over (x, x'), sparse.
  [[nodiscard]] const Table& transition() const noexcept { return transition_; }

  /// p(x_n = . given x_0 distributed as `initial`), by contraction of the unrolled chain. Throws
  /// ModelError when initial has not one probability per state.
  [[nodiscard]] std::vector<double> distribution_after(std::size_t steps,
                                                       std::span<const double> initial) const;

  /// log P(the chain ever enters `targets` | x_0 = x), natural; 0 in targets, -infinity where no
  /// path leads there. Sum-product over all paths. Throws ModelError on unknown states or none.
  [[nodiscard]] PassageAnswer log_reach_probability(std::span<const std::size_t> targets,
                                                    const StationaryOptions& options = {}) const;

  /// E[T | x_0 = x], T = steps until `targets`; 0 there, +infinity where some path leads to states
  /// that never get there. An expectation: the clamped slice with score -1 per step.
  [[nodiscard]] PassageAnswer expected_steps(std::span<const std::size_t> targets,
                                             const StationaryOptions& options = {}) const;

  /// log E[exp(-cost T) ; T < infinity | x_0 = x], natural: the cumulant generating function of T,
  /// cost >= 0. Throws OptionError on a negative or NaN cost.
  [[nodiscard]] PassageAnswer log_discounted_passage(std::span<const std::size_t> targets,
                                                     double cost,
                                                     const StationaryOptions& options = {}) const;

 private:
  /// States with a path to one of `targets` that does not pass through `blocked`.
  [[nodiscard]] std::vector<char> reaching(const std::vector<char>& targets,
                                           const std::vector<char>& blocked) const;
  [[nodiscard]] std::vector<char> marked(std::span<const std::size_t> targets) const;
  [[nodiscard]] PassageAnswer passage(const std::vector<char>& target,
                                      const std::vector<char>& excluded, NextKind kind,
                                      double score, const StationaryOptions& options) const;

  Table transition_;
};

}  // namespace credo
