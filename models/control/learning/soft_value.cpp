#include <credo/models/control/learning/soft_value.hpp>
#include <credo/models/control/policy_evaluation.hpp>

#include <cmath>

// The linear system v = r_pi - alpha KL(pi, p) + gamma P_pi v: the entropy is one more reward.
// Haarnoja et al. 2018, arXiv:1812.05905, equation 2.

namespace credo::control::learning {

std::vector<double> soft_policy_value(const Mdp& mdp, std::span<const double> policy,
                                      const Objective& objective) {
  const std::size_t actions = mdp.action_count();
  std::vector<ChainEntry> entries;
  std::vector<double> reward(mdp.state_count(), 0.0);
  std::vector<char> ended(mdp.state_count(), 0);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.is_terminal(s)) {
      ended[s] = 1;
      continue;
    }
    double available = 0.0;
    for (std::size_t a = 0; a < actions; ++a) available += mdp.is_available(s, a) ? 1.0 : 0.0;
    const double log_prior = objective.prior == ActionPrior::uniform ? -std::log(available) : 0.0;
    for (std::size_t a = 0; a < actions; ++a) {
      const double p = policy[s * actions + a];
      if (p == 0.0) continue;
      reward[s] -= p * objective.temperature * (std::log(p) - log_prior);
      for (const Outcome& outcome : mdp.outcomes(s, a)) {
        reward[s] += p * outcome.probability * outcome.reward;
        entries.push_back({s, outcome.next, objective.discount * p * outcome.probability});
      }
    }
  }
  return solve_chain(entries, reward, ended);
}

}  // namespace credo::control::learning
