#pragma once
// Every trajectory of a small process, one by one, straight from its outcomes: the definition that
// the posterior is compared with. Linear domain, no dynamic programming.

#include <credo/models/control/mdp.hpp>

#include <cmath>
#include <cstddef>
#include <map>
#include <tuple>
#include <vector>

namespace brute_force {

using credo::control::Mdp;

struct Setting {
  std::size_t horizon = 3;
  double temperature = 1.0;
  double discount = 1.0;
  /// p(a | s), states x actions (1s when counting).
  std::vector<double> prior;
};

struct Path {
  std::vector<std::size_t> states;
  std::vector<std::size_t> actions;
  double reward = 0.0;
  double weight = 1.0;
};

/// All continuations of a path by `steps` steps; the sink of a discount is state S. Fixed: the
/// first action is given and its prior left out.
template <typename Visit>
void continue_path(const Mdp& mdp, const Setting& setting, const Path& path, std::size_t steps,
                   const Visit& visit, std::size_t first_action = credo::control::kNoState) {
  if (steps == 0) {
    visit(path);
    return;
  }
  const std::size_t state = path.states.back();
  const std::size_t sink = mdp.state_count();
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    const bool fixed = first_action != credo::control::kNoState;
    if (fixed && a != first_action) continue;
    const auto step = [&](std::size_t next, double p, double reward) {
      Path longer = path;
      longer.states.push_back(next);
      longer.actions.push_back(a);
      longer.reward += reward;
      const bool free = state == sink || mdp.is_terminal(state);
      const double prior = fixed  ? 1.0
                           : free ? 1.0 / static_cast<double>(mdp.action_count())
                                  : setting.prior[state * mdp.action_count() + a];
      longer.weight *= prior * p * std::exp(reward / setting.temperature);
      if (longer.weight > 0.0) continue_path(mdp, setting, longer, steps - 1, visit);
    };
    if (state == sink) {
      step(sink, 1.0, 0.0);
      continue;
    }
    for (const auto& o : mdp.outcomes(state, a)) {
      step(o.next, setting.discount * o.probability, o.reward);
      if (setting.discount < 1.0) step(sink, (1.0 - setting.discount) * o.probability, o.reward);
    }
  }
}

struct Answer {
  double z = 0.0;
  double believed_return = 0.0;
  std::vector<std::vector<double>> beta_action, beta_state, forward, state_marginals,
      action_marginals;
  std::vector<std::map<std::tuple<std::size_t, std::size_t, std::size_t>, double>> transitions;
};

inline void normalise(std::vector<double>& x) {
  double sum = 0.0;
  for (const double v : x) sum += v;
  for (double& v : x) v /= sum;
}

/// Calls visit for every path from s_1 with `steps` steps.
template <typename Visit>
void for_each_path(const Mdp& mdp, const Setting& setting, std::size_t steps, const Visit& visit) {
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    Path path;
    path.states = {s};
    path.weight = mdp.initial()[s];
    if (path.weight > 0.0) continue_path(mdp, setting, path, steps, visit);
  }
}

inline Answer enumerate(const Mdp& mdp, const Setting& setting) {
  const std::size_t states = mdp.state_count() + (setting.discount < 1.0 ? 1 : 0);
  const std::size_t actions = mdp.action_count();
  const std::size_t horizon = setting.horizon;
  const auto final_weight = [&](const Path& path) {
    const std::size_t s = path.states.back();
    const bool none = mdp.final_reward().empty() || s >= mdp.state_count();
    return none ? 1.0 : std::exp(mdp.final_reward()[s] / setting.temperature);
  };
  Answer answer;
  answer.transitions.resize(horizon);
  answer.state_marginals.assign(horizon + 1, std::vector<double>(states, 0.0));
  answer.action_marginals.assign(horizon, std::vector<double>(actions, 0.0));
  for_each_path(mdp, setting, horizon, [&](const Path& path) {
    const double w = path.weight * final_weight(path);
    const std::size_t last = path.states.back();
    answer.z += w;
    answer.believed_return += w * path.reward;
    if (!mdp.final_reward().empty() && last < mdp.state_count()) {
      answer.believed_return += w * mdp.final_reward()[last];
    }
    for (std::size_t t = 0; t <= horizon; ++t) answer.state_marginals[t][path.states[t]] += w;
    for (std::size_t t = 0; t < horizon; ++t) {
      answer.action_marginals[t][path.actions[t]] += w;
      answer.transitions[t][{path.states[t], path.actions[t], path.states[t + 1]}] += w;
    }
  });
  answer.believed_return /= answer.z;
  for (auto& row : answer.state_marginals) normalise(row);
  for (auto& row : answer.action_marginals) normalise(row);
  for (auto& step : answer.transitions) {
    for (auto& [key, w] : step) w /= answer.z;
  }
  for (std::size_t t = 0; t < horizon; ++t) {
    std::vector<double>& forward = answer.forward.emplace_back(states, 0.0);
    for_each_path(mdp, setting, t,
                  [&](const Path& path) { forward[path.states[t]] += path.weight; });
    normalise(forward);
    std::vector<double>& by_state = answer.beta_state.emplace_back(states, 0.0);
    std::vector<double>& by_action = answer.beta_action.emplace_back(states * actions, 0.0);
    for (std::size_t s = 0; s < states; ++s) {
      Path path;
      path.states = {s};
      continue_path(mdp, setting, path, horizon - t,
                    [&](const Path& whole) { by_state[s] += whole.weight * final_weight(whole); });
      for (std::size_t a = 0; a < actions; ++a) {
        const auto add = [&](const Path& whole) {
          by_action[s * actions + a] += whole.weight * final_weight(whole);
        };
        continue_path(mdp, setting, path, horizon - t, add, a);
      }
    }
  }
  return answer;
}

/// p(a | s): uniform over available actions, or 1 for each.
inline std::vector<double> prior_of(const Mdp& mdp, bool counting) {
  std::vector<double> prior(mdp.state_count() * mdp.action_count(), 0.0);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    double available = 0.0;
    for (std::size_t a = 0; a < mdp.action_count(); ++a) available += mdp.is_available(s, a);
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      if (mdp.is_available(s, a)) {
        prior[s * mdp.action_count() + a] = counting ? 1.0 : 1.0 / available;
      }
    }
  }
  return prior;
}

}  // namespace brute_force
