#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/inverse_parts.hpp>
#include <credo/models/control/policy_evaluation.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// Expected features are occupancies of outcomes, the forward messages of a chain whose conditionals
// are all clamped, times a matrix. Cost: outcomes per step, and outcomes x features once.

namespace credo::control {
namespace {

[[noreturn]] void fail_features(const Mdp& mdp, std::size_t s, std::size_t a, double value) {
  throw OptionError(fmt::format("features of state {} action {}: {}, expected finite numbers",
                                mdp.state_name(s), mdp.action_name(a), value));
}

[[noreturn]] void fail_step(std::size_t demonstration, std::size_t step, const std::string& what) {
  throw OptionError(fmt::format("demonstration {} step {}: {}", demonstration, step, what));
}

void check_discount(double discount) {
  if (!(discount > 0.0 && discount <= 1.0)) {
    throw OptionError(fmt::format("discount {}, expected a number in (0, 1]", discount));
  }
}

/// One place among the outcomes of every (s, a).
std::vector<std::size_t> first_places(const Mdp& mdp) {
  std::vector<std::size_t> first = {0};
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      first.push_back(first.back() + mdp.outcomes(s, a).size());
    }
  }
  return first;
}

void check_start(const Mdp& mdp, const Demonstration& demonstration, std::size_t index) {
  if (demonstration.states.size() != demonstration.actions.size() + 1) {
    throw OptionError(
        fmt::format("demonstration {}: {} states and {} actions, expected one more "
                    "state than actions",
                    index, demonstration.states.size(), demonstration.actions.size()));
  }
  for (std::size_t t = 0; t < demonstration.states.size(); ++t) {
    const std::size_t s = demonstration.states[t];
    if (s >= mdp.state_count()) {
      fail_step(index, t,
                fmt::format("state {} out of range, expected 0 to {}", s, mdp.state_count() - 1));
    }
  }
  const std::size_t first = demonstration.states.front();
  if (mdp.initial()[first] == 0.0) {
    fail_step(index, 0, fmt::format("no episode starts in state {}", mdp.state_name(first)));
  }
}

/// The place in Features::values of the outcome of a demonstrated step.
std::size_t find_outcome(const Mdp& mdp, const std::vector<std::size_t>& first,
                         const Demonstration& demonstration, std::size_t index, std::size_t t) {
  const std::size_t s = demonstration.states[t];
  const std::size_t a = demonstration.actions[t];
  const std::size_t next = demonstration.states[t + 1];
  if (a >= mdp.action_count()) {
    fail_step(index, t,
              fmt::format("action {} out of range, expected 0 to {}", a, mdp.action_count() - 1));
  }
  const std::span<const Outcome> outcomes = mdp.outcomes(s, a);
  if (outcomes.empty()) {
    fail_step(index, t,
              fmt::format("action {} is not available in state {}", mdp.action_name(a),
                          mdp.state_name(s)));
  }
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].next == next) return first[s * mdp.action_count() + a] + i;
  }
  fail_step(index, t,
            fmt::format("state {} cannot follow state {} and action {}", mdp.state_name(next),
                        mdp.state_name(s), mdp.action_name(a)));
}

}  // namespace

void check_features(const Mdp& mdp, const Features& features, std::span<const double> theta,
                    std::string_view what) {
  if (features.count == 0 || features.values.size() != mdp.outcome_count() * features.count) {
    throw OptionError(fmt::format("features have {} entries, expected outcomes x count = {} x {}",
                                  features.values.size(), mdp.outcome_count(), features.count));
  }
  if (theta.size() != features.count) {
    throw OptionError(fmt::format("{} has {} entries, expected one per feature, {}", what,
                                  theta.size(), features.count));
  }
  for (std::size_t i = 0; i < theta.size(); ++i) {
    if (!std::isfinite(theta[i])) {
      throw OptionError(fmt::format("{}[{}] is {}, expected a finite number", what, i, theta[i]));
    }
  }
}

Features make_features(const Mdp& mdp, std::size_t count, const FeatureFunction& function) {
  if (count == 0) throw OptionError("features: count 0, expected at least 1");
  constexpr double kMostNumbers = 0x1p44;  // what a process can address
  if (static_cast<double>(mdp.outcome_count()) * static_cast<double>(count) > kMostNumbers) {
    throw OptionError(
        fmt::format("features: count {} for {} outcomes, expected at most 2^44 numbers", count,
                    mdp.outcome_count()));
  }
  Features features{count, std::vector<double>(mdp.outcome_count() * count, 0.0)};
  for_each_outcome(mdp, [&](std::size_t place, std::size_t s, std::size_t a, const Outcome& o) {
    if (mdp.is_terminal(s)) return;
    const std::span<double> phi = std::span(features.values).subspan(place * count, count);
    function(s, a, o.next, phi);
    for (const double x : phi) {
      if (!std::isfinite(x)) fail_features(mdp, s, a, x);
    }
  });
  return features;
}

Features make_pair_features(const Mdp& mdp, std::size_t count, std::span<const double> values) {
  const std::size_t expected = mdp.state_count() * mdp.action_count() * count;
  if (values.size() != expected) {
    throw OptionError(
        fmt::format("features have {} entries, expected states x actions x count = {}",
                    values.size(), expected));
  }
  return make_features(
      mdp, count, [&](std::size_t s, std::size_t a, std::size_t, std::span<double> phi) {
        const auto pair = values.subspan((s * mdp.action_count() + a) * count, count);
        std::copy(pair.begin(), pair.end(), phi.begin());
      });
}

std::vector<double> feature_rewards(const Features& features, std::span<const double> theta) {
  std::vector<double> rewards(features.values.size() / features.count, 0.0);
  for (std::size_t k = 0; k < rewards.size(); ++k) {
    for (std::size_t i = 0; i < features.count; ++i) {
      rewards[k] += theta[i] * features.values[k * features.count + i];
    }
  }
  return rewards;
}

Mdp with_feature_reward(const Mdp& mdp, const Features& features, std::span<const double> theta) {
  check_features(mdp, features, theta, "theta");
  const std::vector<double> rewards = feature_rewards(features, theta);
  MdpDescription d;
  d.name = mdp.name();
  d.states = mdp.state_count();
  d.actions = mdp.action_count();
  d.initial.assign(mdp.initial().begin(), mdp.initial().end());
  d.terminal.assign(mdp.terminal().begin(), mdp.terminal().end());
  d.discount = mdp.discount();
  d.layout = mdp.layout();
  for (std::size_t s = 0; s < d.states; ++s) d.state_names.push_back(mdp.state_name(s));
  for (std::size_t a = 0; a < d.actions; ++a) d.action_names.push_back(mdp.action_name(a));
  d.transitions.reserve(mdp.outcome_count());
  for_each_outcome(mdp, [&](std::size_t place, std::size_t s, std::size_t a, const Outcome& o) {
    d.transitions.push_back({s, a, o.next, o.probability, rewards[place]});
  });
  return Mdp(std::move(d));
}

Flow flow_of_policy(const Mdp& mdp, std::span<const double> policy, double discount) {
  Flow flow;
  for_each_outcome(mdp, [&](std::size_t, std::size_t s, std::size_t a, const Outcome& o) {
    flow.taken.push_back(policy[s * mdp.action_count() + a] * o.probability);
    flow.continued.push_back(discount * flow.taken.back());
  });
  return flow;
}

std::vector<double> follow(const Mdp& mdp, const Flow& flow, std::span<const double> weight,
                           std::vector<double>& occupancy) {
  std::vector<double> next_weight(mdp.state_count(), 0.0);
  for_each_outcome(mdp, [&](std::size_t place, std::size_t s, std::size_t, const Outcome& o) {
    occupancy[place] += weight[s] * flow.taken[place];
    next_weight[o.next] += weight[s] * flow.continued[place];
  });
  return next_weight;
}

std::vector<double> stationary_occupancy(const Mdp& mdp, const Flow& flow,
                                         std::span<const double> start) {
  // d = start + P^T d: the same solver with the entries turned round.
  std::vector<ChainEntry> entries;
  std::vector<char> absorbing;
  for_each_outcome(mdp, [&](std::size_t place, std::size_t s, std::size_t, const Outcome& o) {
    if (flow.continued[place] > 0.0) entries.push_back({o.next, s, flow.continued[place]});
  });
  for (std::size_t s = 0; s < mdp.state_count(); ++s)
    absorbing.push_back(mdp.is_terminal(s) ? 1 : 0);
  const std::vector<double> visits = solve_chain(entries, start, absorbing);
  const bool finite = std::all_of(visits.begin(), visits.end(), [](double d) { return d > -1e-9; });
  if (visits.empty() || !finite) return {};
  std::vector<double> occupancy(mdp.outcome_count(), 0.0);
  (void)follow(mdp, flow, visits, occupancy);
  return occupancy;
}

std::vector<double> expected_features(const Features& features, std::span<const double> occupancy) {
  std::vector<double> result(features.count, 0.0);
  for (std::size_t i = 0; i < features.count; ++i) {
    CompensatedSum sum;
    for (std::size_t k = 0; k < occupancy.size(); ++k) {
      sum.add(occupancy[k] * features.values[k * features.count + i]);
    }
    result[i] = sum.value();
  }
  return result;
}

std::vector<double> feature_expectations(const Mdp& mdp, const Features& features,
                                         std::span<const Demonstration> demonstrations,
                                         double discount) {
  check_features(mdp, features, std::vector<double>(features.count, 0.0), "theta");
  check_discount(discount);
  if (demonstrations.empty()) throw OptionError("got 0 demonstrations, expected at least 1");
  const std::vector<std::size_t> first = first_places(mdp);
  std::vector<double> occupancy(mdp.outcome_count(), 0.0);
  for (std::size_t i = 0; i < demonstrations.size(); ++i) {
    check_start(mdp, demonstrations[i], i);
    double weight = 1.0 / static_cast<double>(demonstrations.size());
    for (std::size_t t = 0; t < demonstrations[i].actions.size(); ++t) {
      occupancy[find_outcome(mdp, first, demonstrations[i], i, t)] += weight;
      weight *= discount;
    }
  }
  return expected_features(features, occupancy);
}

std::vector<double> feature_expectations(const Mdp& mdp, const Features& features,
                                         std::span<const std::vector<double>> policies,
                                         double discount) {
  check_features(mdp, features, std::vector<double>(features.count, 0.0), "theta");
  check_discount(discount);
  std::vector<double> occupancy(mdp.outcome_count(), 0.0);
  std::vector<double> weight(mdp.initial().begin(), mdp.initial().end());
  for (std::size_t t = 0; t < policies.size(); ++t) {
    if (policies[t].size() != mdp.state_count() * mdp.action_count()) {
      throw OptionError(
          fmt::format("policy of step {} has {} entries, expected states x actions = {}", t,
                      policies[t].size(), mdp.state_count() * mdp.action_count()));
    }
    weight = follow(mdp, flow_of_policy(mdp, policies[t], discount), weight, occupancy);
  }
  return expected_features(features, occupancy);
}

std::vector<double> stationary_feature_expectations(const Mdp& mdp, const Features& features,
                                                    std::span<const double> policy,
                                                    double discount) {
  check_features(mdp, features, std::vector<double>(features.count, 0.0), "theta");
  check_discount(discount);
  if (policy.size() != mdp.state_count() * mdp.action_count()) {
    throw OptionError(fmt::format("policy has {} entries, expected states x actions = {}",
                                  policy.size(), mdp.state_count() * mdp.action_count()));
  }
  const std::vector<double> occupancy =
      stationary_occupancy(mdp, flow_of_policy(mdp, policy, discount), mdp.initial());
  if (occupancy.empty()) return {};
  return expected_features(features, occupancy);
}

}  // namespace credo::control
