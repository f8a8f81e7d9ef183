#include <credo/inference/variational/stationary_linear.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/require_length.hpp>

#include <Eigen/Sparse>
#include <Eigen/SparseLU>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>

// Puterman 1994, sections 4.2 and 6.1.

namespace credo::control {
namespace {

/// Up to here the matrix is factorised.
constexpr std::size_t kDirectLimit = 50000;
/// Rounds of refinement, and the relative residual they reach.
constexpr int kRounds = 30;
constexpr double kResidual = 1e-13;

/// (I - P) v = r: by a sparse LU factorisation, or by the engine's iteration, refined.
class ChainSystem {
 public:
  ChainSystem(std::span<const ChainEntry> entries, std::size_t count) {
    std::vector<Eigen::Triplet<double>> triplets;
    for (std::size_t i = 0; i < count; ++i) {
      triplets.emplace_back(static_cast<int>(i), static_cast<int>(i), 1.0);
    }
    for (const ChainEntry& e : entries) {
      triplets.emplace_back(static_cast<int>(e.state), static_cast<int>(e.next), -e.weight);
    }
    matrix_.resize(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(count));
    matrix_.setFromTriplets(triplets.begin(), triplets.end());
    if (count <= kDirectLimit) {
      factorisation_.compute(matrix_);
    } else {
      iteration_.emplace(derivative_of(entries, count));
    }
  }

  /// Empty when there is none.
  [[nodiscard]] Eigen::VectorXd solve(const Eigen::VectorXd& right) {
    if (iteration_) return refine(right);
    if (factorisation_.info() != Eigen::Success) return {};
    return factorisation_.solve(right);
  }

 private:
  static stationary::Derivative derivative_of(std::span<const ChainEntry> entries,
                                              std::size_t count) {
    stationary::Derivative p;
    p.begin.assign(count + 1, 0);
    for (const ChainEntry& e : entries) ++p.begin[e.state + 1];
    std::partial_sum(p.begin.begin(), p.begin.end(), p.begin.begin());
    p.next.resize(entries.size());
    p.weight.resize(entries.size());
    std::vector<std::uint64_t> at(p.begin.begin(), p.begin.end() - 1);
    for (const ChainEntry& e : entries) {
      p.next[at[e.state]] = static_cast<std::uint32_t>(e.next);
      p.weight[at[e.state]++] = e.weight;
    }
    return p;
  }

  [[nodiscard]] Eigen::VectorXd refine(const Eigen::VectorXd& right) {
    Eigen::VectorXd x = Eigen::VectorXd::Zero(right.size());
    Eigen::VectorXd residual = right;
    for (int round = 0; round < kRounds; ++round) {
      if (residual.norm() <= kResidual * right.norm()) return x;
      const auto step =
          iteration_->solve({residual.data(), static_cast<std::size_t>(residual.size())});
      if (!step) return {};
      x += Eigen::Map<const Eigen::VectorXd>(step->data(), residual.size());
      const double before = residual.norm();
      residual = right - matrix_ * x;
      // Rounding is reached, or there is nothing to be had.
      if (residual.norm() > 0.5 * before)
        return residual.norm() <= 1e-9 * right.norm() ? x : Eigen::VectorXd();
    }
    return x;
  }

  Eigen::SparseMatrix<double> matrix_;
  Eigen::SparseLU<Eigen::SparseMatrix<double>> factorisation_;
  std::optional<stationary::LinearSystem> iteration_;
};

}  // namespace

std::vector<double> evaluate_step(const Mdp& mdp, std::span<const double> policy, double discount,
                                  std::span<const double> next_value) {
  require_length("evaluate_step", "the policy", policy.size(),
                 mdp.state_count() * mdp.action_count());
  require_length("evaluate_step", "the next value", next_value.size(), mdp.state_count());
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
  require_length("occupancy_step", "the policy", policy.size(),
                 mdp.state_count() * mdp.action_count());
  require_length("occupancy_step", "the occupancy", occupancy.size(), mdp.state_count());
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
  require_length("evaluate_policy", "the policy", policy.size(),
                 mdp.state_count() * mdp.action_count());
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
  for (const std::vector<double>& reward : rewards) {
    require_length("solve_chain", "a reward", reward.size(), absorbing.size());
  }
  std::vector<ChainEntry> inner;
  for (const ChainEntry& e : entries) {
    require_index("solve_chain", "state", std::max(e.state, e.next), absorbing.size());
    if (place[e.state] < 0 || place[e.next] < 0 || e.weight == 0.0) continue;
    inner.push_back({static_cast<std::size_t>(place[e.state]),
                     static_cast<std::size_t>(place[e.next]), e.weight});
  }
  ChainSystem system(inner, static_cast<std::size_t>(count));
  for (std::size_t r = 0; r < rewards.size(); ++r) {
    Eigen::VectorXd right(count);
    for (std::size_t s = 0; s < absorbing.size(); ++s) {
      if (place[s] >= 0) right[place[s]] = rewards[r][s];
    }
    const Eigen::VectorXd solution = system.solve(right);
    if (solution.size() == 0 || !solution.allFinite()) return {};
    for (std::size_t s = 0; s < absorbing.size(); ++s) {
      if (place[s] >= 0) values[r][s] = solution[place[s]];
    }
  }
  return values;
}

}  // namespace credo::control
