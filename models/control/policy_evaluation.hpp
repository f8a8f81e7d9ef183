#pragma once
// What a policy is worth: expected returns, without any reward for entropy.

#include <credo/models/control/mdp.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::control {

/// One backward step: v(s) = sum_a pi(a given s) sum_outcomes p (r + discount v'(next)). Policy is
/// states x actions; 0 in terminal states. Cost: outcomes.
[[nodiscard]] std::vector<double> evaluate_step(const Mdp& mdp, std::span<const double> policy,
                                                double discount,
                                                std::span<const double> next_value);

/// One forward step: d'(s') = sum_{s, a} d(s) pi(a given s) p(s' given s, a). Terminal states keep
/// what they have. Cost: outcomes.
[[nodiscard]] std::vector<double> occupancy_step(const Mdp& mdp, std::span<const double> policy,
                                                 std::span<const double> occupancy);

/// The infinite-horizon value of a stationary policy: the solution of v = r_pi + discount P_pi v, 0
/// in terminal states, by a sparse LU factorisation. Empty when there is none (the policy never
/// ends and nothing discounts it).
[[nodiscard]] std::vector<double> evaluate_policy(const Mdp& mdp, std::span<const double> policy,
                                                  double discount);

/// An entry of a substochastic matrix.
struct ChainEntry {
  std::size_t state = 0;
  std::size_t next = 0;
  double weight = 0.0;
};

/// v = reward + P v over states that are not absorbing (v = 0 there); empty when singular.
[[nodiscard]] std::vector<double> solve_chain(std::span<const ChainEntry> entries,
                                              std::span<const double> reward,
                                              const std::vector<char>& absorbing);
/// The same for several rewards at the price of one factorisation; empty when singular.
[[nodiscard]] std::vector<std::vector<double>> solve_chain(
    std::span<const ChainEntry> entries, std::span<const std::vector<double>> rewards,
    const std::vector<char>& absorbing);

}  // namespace credo::control
