#include <credo/core/numerics.hpp>
#include <credo/models/control/greedy_choice.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

// Without a discount an action that leads nowhere can be as good, step by step, as one that leads
// to the end: staying where one is costs nothing on ice. A policy of the best actions is optimal
// when its episodes end (Puterman 1994, section 7.2), so ends are spread backward along best
// actions, first along the first of them. Two passes over the outcomes.

namespace credo::control {
namespace {

/// However large the certified error is: what a choice loses adds up along the episode.
constexpr double kLargestTie = 1e-12;

class GreedyChoice {
 public:
  GreedyChoice(const SolvedStep& step, std::span<const double> value, double error)
      : actions_(step.trajectory.action_count), score_(step.slices[0].score(value)) {
    tolerance_ = std::clamp(2.0 * error / largest_value(value), kTieTolerance, kLargestTie);
    ends_.assign(step.ended.begin(), step.ended.end());
    next_.resize(score_.size());
    for_each_tilted_transition(step, value,
                               [&](std::size_t pair, std::size_t next, std::size_t, double) {
                                 if (pair < next_.size() && is_best(pair)) {
                                   next_[pair].push_back(static_cast<std::uint32_t>(next));
                                 }
                               });
  }

  /// fallback: a policy under which every episode ends.
  std::vector<double> choose(const std::vector<double>& fallback) {
    std::vector<double> policy = greedy_policy(score_, actions_, tolerance_);
    grow([&](std::size_t pair) { return policy[pair] > 0.0; }, [](std::size_t) {});
    grow([&](std::size_t pair) { return is_best(pair); },
         [&](std::size_t pair) { set(policy, pair); });
    for (std::size_t i = 0; i < policy.size(); ++i) {
      if (ends_[i / actions_] == 0) policy[i] = fallback[i];
    }
    return policy;
  }

 private:
  [[nodiscard]] bool is_best(std::size_t pair) const {
    const std::size_t begin = pair / actions_ * actions_;
    const auto row = std::span(score_).subspan(begin, actions_);
    return is_tied(score_[pair], *std::max_element(row.begin(), row.end()), tolerance_);
  }

  void set(std::vector<double>& policy, std::size_t pair) const {
    const std::size_t begin = pair / actions_ * actions_;
    for (std::size_t i = begin; i < begin + actions_; ++i) policy[i] = i == pair ? 1.0 : 0.0;
  }

  /// Adds the states that an allowed pair leads into the set of those that end, until none is left.
  template <typename Allow, typename Note>
  void grow(const Allow& allow, const Note& note) {
    std::vector<std::vector<std::uint32_t>> into(ends_.size());
    for (std::size_t pair = 0; pair < next_.size(); ++pair) {
      if (!allow(pair)) continue;
      for (const std::uint32_t s : next_[pair]) into[s].push_back(static_cast<std::uint32_t>(pair));
    }
    std::vector<std::size_t> queue;
    for (std::size_t s = 0; s < ends_.size(); ++s) {
      if (ends_[s] != 0) queue.push_back(s);
    }
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for (const std::uint32_t pair : into[queue[i]]) {
        const std::size_t from = pair / actions_;
        if (ends_[from] != 0) continue;
        ends_[from] = 1;
        note(pair);
        queue.push_back(from);
      }
    }
  }

  std::size_t actions_;
  std::vector<double> score_;
  double tolerance_ = kTieTolerance;
  /// Of the graph's states: whether the episode is known to end from there.
  std::vector<char> ends_;
  /// Per pair that is best: where it may lead.
  std::vector<std::vector<std::uint32_t>> next_;
};

}  // namespace

double largest_value(std::span<const double> value) {
  double largest = 1.0;
  for (const double v : value) {
    if (std::isfinite(v)) largest = std::max(largest, std::fabs(v));
  }
  return largest;
}

std::vector<double> greedy_ending_policy(const SolvedStep& step, std::span<const double> value,
                                         double error, const std::vector<double>& fallback) {
  return GreedyChoice(step, value, error).choose(fallback);
}

}  // namespace credo::control
