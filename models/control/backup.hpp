#pragma once
// One backward step of a trajectory as a slice of the generic engine. Internal.

#include <credo/inference/variational/slice.hpp>
#include <credo/models/control/solve.hpp>

#include <span>
#include <vector>

namespace credo::control {

/// A row of the table of methods: how the two conditionals of a step are eliminated.
struct Backup {
  NextKind next = NextKind::clamped;
  double rho = 1.0;
  ChoiceKind choice = ChoiceKind::free;
  /// Whether p(a | s) takes part: as base measure of a free choice, as a score of an arg-max one.
  bool prior = true;
};
[[nodiscard]] Backup backup_of(Method method, double rho);

/// The slice from V(s_{t+1}) to V(s_t), in nats. Entries into states that have ended (ended[s] !=
/// 0) are its end; contexts are the states of the graph, less a sink that has ended. Cost:
/// outcomes.
[[nodiscard]] SliceDescription describe_step(const Trajectory& trajectory, const Backup& backup,
                                             const std::vector<char>& ended);

/// q(i) of weights k (linear, >= 0) under scores x in nats: k itself (clamped), k exp(x / rho) /
/// sum (charged), all on the largest log k + x (viterbi) or on the largest x in k's support (best
/// case). All 0 when nothing is feasible. Overwrites q.
void tilt(const Backup& backup, std::span<const double> k, std::span<const double> x,
          std::vector<double>& q);

/// How far below the largest score another one counts as equal to it, relative to it.
inline constexpr double kTieTolerance = 1e-13;

/// The first action of those within tolerance x |largest| of the largest score, per state: contexts
/// x actions, 1 on it. Rounding does not decide between equals then.
[[nodiscard]] std::vector<double> greedy_policy(std::span<const double> score, std::size_t actions,
                                                double tolerance = kTieTolerance);
/// Whether score is within tolerance x |best| of best.
[[nodiscard]] bool is_tied(double score, double best, double tolerance);

/// What a solution computes its policies from. Values are in nats.
struct SolvedStep {
  Trajectory trajectory;
  Backup backup;
  /// Of the graph's states.
  std::vector<char> ended;
  /// Of the process.
  std::vector<std::size_t> terminal;
  std::vector<Slice> slices;
  /// Which of the slices each step has; empty: the first one.
  std::vector<std::size_t> slice_of_step = {};
  /// Where the sink has not ended, because even its actions have a weight (map, mmap): its V, steps
  /// 0 .. T.
  std::vector<double> sink_value = {};
  /// Infinite horizon: q(a | s), in which the choice among equals lets episodes end. Else empty.
  std::vector<double> stationary_policy = {};

  [[nodiscard]] const Slice& slice(std::size_t t) const {
    return slices[slice_of_step.empty() ? 0 : slice_of_step.at(t)];
  }
  /// V_t in nats for every context, from the values of the process' states in units of reward.
  [[nodiscard]] std::vector<double> message(std::size_t t, std::span<const double> value) const;
  /// q(a | s) before the message next, contexts x actions. A choice that costs nothing, in terminal
  /// states, is left to chance.
  [[nodiscard]] std::vector<double> policy(std::size_t t, std::span<const double> next) const;
};

/// Calls visit(s x actions + a, next state of the graph, stored transition, q(next | s, a)) for the
/// states that have not ended. Rows without anything feasible are left out.
template <typename Visit>
void for_each_tilted_transition(const SolvedStep& step, std::span<const double> next_value,
                                const Visit& visit) {
  const Trajectory& trajectory = step.trajectory;
  const Table::Rows rows = trajectory.transition.rows();
  const std::span<const double> dynamics = trajectory.transition.values();
  std::vector<double> score;
  std::vector<double> q;
  for (std::size_t row = 0; row < rows.index.size(); ++row) {
    const std::size_t pair = rows.index[row];
    if (step.ended[pair / trajectory.action_count] != 0) continue;
    const std::size_t begin = rows.begin[row];
    const std::size_t size = rows.begin[row + 1] - begin;
    score.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t next = rows.column[begin + i];
      score[i] =
          trajectory.log_optimality[begin + i] + (step.ended[next] != 0 ? 0.0 : next_value[next]);
    }
    tilt(step.backup, dynamics.subspan(begin, size), score, q);
    for (std::size_t i = 0; i < size; ++i) {
      if (q[i] > 0.0) visit(pair, std::size_t{rows.column[begin + i]}, begin + i, q[i]);
    }
  }
}

}  // namespace credo::control
