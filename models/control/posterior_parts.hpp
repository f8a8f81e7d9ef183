#pragma once
// What the finite and the infinite horizon share. Internal.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/control/posterior.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace credo::control {

[[nodiscard]] TrajectoryOptions trajectory_options(const Mdp& mdp, const PosteriorOptions& options,
                                                   std::size_t horizon);

/// Makes the graph and fills in the sizes. Throws contraction::Stopped.
void prepare(const Mdp& mdp, const TrajectoryOptions& options, contraction::Monitor& monitor,
             Posterior& posterior);

/// Takes over status, warrant, plan; adds up timings.
void note(const Result& result, Posterior& posterior);

/// pi_t(a given s), graph_states x actions.
[[nodiscard]] std::vector<double> graph_policy(const Posterior& posterior, std::size_t t);

/// Infinite horizon; options.horizon is empty.
[[nodiscard]] Posterior solve_stationary(const Mdp& mdp, const PosteriorOptions& options);

/// Calls visit(s x actions + a, next, place among the stored transitions, p(next given s, a, o)).
template <typename Visit>
void for_each_lucky_transition(const Posterior& posterior, std::size_t t, const Visit& visit) {
  const Trajectory& trajectory = posterior.trajectory;
  const Table::Rows rows = trajectory.transition.rows();
  const std::span<const double> dynamics = trajectory.transition.values();
  const std::vector<double>& next_beta =
      posterior.log_beta_state.at(posterior.infinite ? 0 : t + 1);
  std::vector<double> tilted;
  for (std::size_t row = 0; row < rows.index.size(); ++row) {
    const std::size_t pair = rows.index[row];
    const std::size_t begin = rows.begin[row];
    if (posterior.log_beta_action[t][pair] == -kInfinity) continue;
    tilted.clear();
    for (std::size_t k = begin; k < rows.begin[row + 1]; ++k) {
      tilted.push_back(dynamics[k] *
                       std::exp(trajectory.log_optimality[k] + next_beta[rows.column[k]] -
                                posterior.log_beta_action[t][pair]));
    }
    normalize(tilted);
    for (std::size_t i = 0; i < tilted.size(); ++i) {
      visit(pair, std::size_t{rows.column[begin + i]}, begin + i, tilted[i]);
    }
  }
}

}  // namespace credo::control
