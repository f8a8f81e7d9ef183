#include <credo/models/control/policy_evaluation.hpp>

#include <Eigen/Sparse>
#include <Eigen/SparseLU>

#include <cmath>
#include <utility>

// Puterman 1994, sections 4.2 and 6.1.

namespace credo::control {

std::vector<double> evaluate_step(const Mdp& mdp, std::span<const double> policy, double discount,
                                  std::span<const double> next_value) {
  std::vector<double> value(mdp.state_count(), 0.0);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      const double pi = policy[s * mdp.action_count() + a];
      if (pi == 0.0) continue;
      for (const Outcome& o : mdp.outcomes(s, a)) {
        value[s] += pi * o.probability * (o.reward + discount * next_value[o.next]);
      }
    }
  }
  return value;
}

std::vector<double> occupancy_step(const Mdp& mdp, std::span<const double> policy,
                                   std::span<const double> occupancy) {
  std::vector<double> after(mdp.state_count(), 0.0);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.is_terminal(s)) after[s] += occupancy[s];
    if (mdp.is_terminal(s) || occupancy[s] == 0.0) continue;
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      const double pair = occupancy[s] * policy[s * mdp.action_count() + a];
      for (const Outcome& o : mdp.outcomes(s, a)) after[o.next] += pair * o.probability;
    }
  }
  return after;
}

std::vector<double> evaluate_policy(const Mdp& mdp, std::span<const double> policy,
                                    double discount) {
  std::vector<ChainEntry> entries;
  std::vector<char> absorbing(mdp.state_count(), 0);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    absorbing[s] = mdp.is_terminal(s) ? 1 : 0;
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      const double pi = policy[s * mdp.action_count() + a];
      for (const Outcome& o : mdp.outcomes(s, a)) {
        entries.push_back({s, o.next, discount * pi * o.probability});
      }
    }
  }
  const std::vector<double> zero(mdp.state_count(), 0.0);
  return solve_chain(entries, evaluate_step(mdp, policy, discount, zero), absorbing);
}

std::vector<double> solve_chain(std::span<const ChainEntry> entries, std::span<const double> reward,
                                const std::vector<char>& absorbing) {
  const std::vector<double> right(reward.begin(), reward.end());
  std::vector<std::vector<double>> value = solve_chain(entries, std::span(&right, 1), absorbing);
  return value.empty() ? std::vector<double>{} : std::move(value.front());
}

std::vector<std::vector<double>> solve_chain(std::span<const ChainEntry> entries,
                                             std::span<const std::vector<double>> rewards,
                                             const std::vector<char>& absorbing) {
  std::vector<int> place(absorbing.size(), -1);
  int count = 0;
  for (std::size_t s = 0; s < absorbing.size(); ++s) {
    if (absorbing[s] == 0) place[s] = count++;
  }
  std::vector<std::vector<double>> values(rewards.size(),
                                          std::vector<double>(absorbing.size(), 0.0));
  if (count == 0) return values;
  std::vector<Eigen::Triplet<double>> triplets;
  for (int i = 0; i < count; ++i) triplets.emplace_back(i, i, 1.0);
  for (const ChainEntry& e : entries) {
    if (place[e.state] >= 0 && place[e.next] >= 0) {
      triplets.emplace_back(place[e.state], place[e.next], -e.weight);
    }
  }
  Eigen::SparseMatrix<double> matrix(count, count);
  matrix.setFromTriplets(triplets.begin(), triplets.end());
  const Eigen::SparseLU<Eigen::SparseMatrix<double>> factorisation(matrix);
  if (factorisation.info() != Eigen::Success) return {};
  for (std::size_t r = 0; r < rewards.size(); ++r) {
    Eigen::VectorXd right(count);
    for (std::size_t s = 0; s < absorbing.size(); ++s) {
      if (place[s] >= 0) right[place[s]] = rewards[r][s];
    }
    const Eigen::VectorXd solution = factorisation.solve(right);
    if (!solution.allFinite()) return {};
    for (std::size_t s = 0; s < absorbing.size(); ++s) {
      if (place[s] >= 0) values[r][s] = solution[place[s]];
    }
  }
  return values;
}

}  // namespace credo::control
