#pragma once
// Every method by the recursion on outcomes that defines it, and what a solution is worth by the
// same outcomes one by one: what solve_control is compared with. Reward units; nothing is merged.

#include <credo/models/control/solve.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace plain_recursion {

using credo::control::Mdp;
using credo::control::Method;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Setting {
  Method method = Method::clamped;
  double temperature = 1.0;
  double rho = 1.0;
  double discount = 1.0;
  std::size_t horizon = 1;
  /// p(a | s), states x actions; rows of terminal states included.
  std::vector<double> prior;
  /// V_{T+1}.
  std::vector<double> last;
};

/// One thing that can happen after (s, a): next = states when the discount ends the episode.
struct Branch {
  std::size_t next;
  double probability;
  double reward;
};

inline std::vector<Branch> branches(const Mdp& mdp, const Setting& setting, std::size_t s,
                                    std::size_t a) {
  std::vector<Branch> result;
  for (const auto& o : mdp.outcomes(s, a)) {
    result.push_back({o.next, setting.discount * o.probability, o.reward});
    if (setting.discount < 1.0) {
      result.push_back({mdp.state_count(), (1.0 - setting.discount) * o.probability, o.reward});
    }
  }
  return result;
}

inline double log_sum(const std::vector<double>& x) {
  const double top = *std::max_element(x.begin(), x.end());
  if (!std::isfinite(top)) return top;
  double sum = 0.0;
  for (const double v : x) sum += std::exp(v - top);
  return top + std::log(sum);
}

/// The number whose inverse multiplies rewards in the tilt of the dynamics: rho, or 1 or infinity
/// as the method implies.
inline double tilt_of(const Setting& setting) {
  switch (setting.method) {
    case Method::clamped:
    case Method::hard:
      return kInfinity;
    case Method::risk:
      return setting.rho;
    default:
      return 1.0;
  }
}

/// q(s, a) in nats from v(s') in nats.
inline double backup(const Mdp& mdp, const Setting& setting, std::size_t s, std::size_t a,
                     const std::vector<double>& next) {
  const std::vector<Branch> all = branches(mdp, setting, s, a);
  if (all.empty()) return -kInfinity;
  const auto score = [&](const Branch& b) { return b.reward / setting.temperature + next[b.next]; };
  if (setting.method == Method::best_case) {
    double best = -kInfinity;
    for (const Branch& b : all) best = std::max(best, score(b));
    return best;
  }
  if (setting.method == Method::map) {
    // Outcomes that lead to one state are one event of the trajectory.
    double best = -kInfinity;
    for (const Branch& b : all) {
      std::vector<double> same;
      for (const Branch& c : all) {
        if (c.next == b.next) same.push_back(std::log(c.probability) + score(c));
      }
      best = std::max(best, log_sum(same));
    }
    return best;
  }
  const double rho = tilt_of(setting);
  if (std::isinf(rho)) {
    double mean = 0.0;
    for (const Branch& b : all) mean += b.probability * score(b);
    return mean;
  }
  std::vector<double> weighted;
  for (const Branch& b : all) weighted.push_back(std::log(b.probability) + score(b) / rho);
  return rho * log_sum(weighted);
}

struct Solved {
  /// V per step (T + 1), Q and pi per step (T), reward units.
  std::vector<std::vector<double>> value, action_value, policy;
};

inline bool is_greedy(Method method) {
  return method == Method::hard || method == Method::map || method == Method::best_case ||
         method == Method::exponential_utility;
}

inline Solved solve(const Mdp& mdp, const Setting& setting) {
  const std::size_t states = mdp.state_count();
  const std::size_t actions = mdp.action_count();
  Solved solved;
  solved.value.assign(setting.horizon + 1, std::vector<double>(states, 0.0));
  solved.action_value.assign(setting.horizon, std::vector<double>(states * actions));
  solved.policy.assign(setting.horizon, std::vector<double>(states * actions, 0.0));
  if (!setting.last.empty()) solved.value.back() = setting.last;
  std::vector<double> next = solved.value.back();
  for (double& v : next) v /= setting.temperature;
  next.push_back(0.0);  // ended
  for (std::size_t t = setting.horizon; t-- > 0;) {
    std::vector<double> now(states + 1, 0.0);
    // A trajectory names an action even after its end.
    if (setting.method == Method::map) {
      now[states] = next[states] - std::log(static_cast<double>(actions));
    }
    for (std::size_t s = 0; s < states; ++s) {
      std::vector<double> q(actions);
      std::vector<double> weighted(actions);
      for (std::size_t a = 0; a < actions; ++a) {
        q[a] = backup(mdp, setting, s, a, next);
        solved.action_value[t][s * actions + a] = setting.temperature * q[a];
        const bool prior = !is_greedy(setting.method) || setting.method == Method::map;
        const double p = setting.prior[s * actions + a];
        weighted[a] = p == 0.0 ? -kInfinity : q[a] + (prior ? std::log(p) : 0.0);
      }
      const auto best = std::max_element(weighted.begin(), weighted.end());
      now[s] = is_greedy(setting.method) ? *best : log_sum(weighted);
      solved.value[t][s] = setting.temperature * now[s];
      for (std::size_t a = 0; a < actions && now[s] > -kInfinity; ++a) {
        double& pi = solved.policy[t][s * actions + a];
        // In terminal states nothing is at stake: the prior, but for the trajectory's own sake.
        pi = is_greedy(setting.method) && setting.method != Method::map && mdp.is_terminal(s)
                 ? setting.prior[s * actions + a]
             : is_greedy(setting.method)
                 ? (a == static_cast<std::size_t>(best - weighted.begin()) ? 1.0 : 0.0)
                 : std::exp(weighted[a] - now[s]);
      }
    }
    next = now;
  }
  return solved;
}

/// Sums along trajectories of q = policy x tilted dynamics, one per first state.
struct Worth {
  std::vector<double> believed, elbo, expected;
};

inline Worth evaluate(const Mdp& mdp, const Setting& setting, const Solved& solved) {
  const std::size_t states = mdp.state_count();
  const std::size_t actions = mdp.action_count();
  const double rho = tilt_of(setting);
  Worth worth;
  worth.believed = worth.expected = solved.value.back();
  worth.elbo = solved.value.back();
  for (double& v : worth.elbo) v /= setting.temperature;
  for (std::size_t t = setting.horizon; t-- > 0;) {
    Worth now{std::vector<double>(states, 0.0), std::vector<double>(states, 0.0),
              std::vector<double>(states, 0.0)};
    for (std::size_t i = 0; i < states * actions; ++i) {
      const double pi = solved.policy[t][i];
      if (pi == 0.0) continue;
      const std::size_t s = i / actions;
      now.elbo[s] += pi * std::log(setting.prior[i] / pi);
      const double q_value = solved.action_value[t][i] / setting.temperature;
      for (const Branch& b : branches(mdp, setting, s, i % actions)) {
        const bool ends = b.next == states;
        const double after = ends ? 0.0 : solved.value[t + 1][b.next] / setting.temperature;
        const double log_ratio =
            std::isinf(rho) ? 0.0 : (b.reward / setting.temperature + after - q_value) / rho;
        const double q = b.probability * std::exp(log_ratio);
        now.expected[s] += pi * b.probability * (b.reward + (ends ? 0.0 : worth.expected[b.next]));
        now.believed[s] += pi * q * (b.reward + (ends ? 0.0 : worth.believed[b.next]));
        now.elbo[s] +=
            pi * q *
            (b.reward / setting.temperature - log_ratio + (ends ? 0.0 : worth.elbo[b.next]));
      }
    }
    worth = now;
  }
  return worth;
}

}  // namespace plain_recursion
