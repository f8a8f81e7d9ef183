#pragma once
// What a policy is worth when leaving the prior has its price.

#include <credo/models/control/learning/softmax.hpp>

#include <span>
#include <vector>

namespace credo::control::learning {

/// V^pi(s) = E sum_t gamma^t (r_t - alpha log(pi(a_t given s_t) / p(a_t given s_t))) from s, units
/// of reward, 0 in terminal states: alpha times the bound on log Z that the policy attains with the
/// true dynamics. At most V of Method::clamped. Policy is states x actions. Empty when there is
/// none (the policy never ends and nothing discounts it). Cost: a sparse factorisation.
[[nodiscard]] std::vector<double> soft_policy_value(const Mdp& mdp, std::span<const double> policy,
                                                    const Objective& objective);

}  // namespace credo::control::learning
