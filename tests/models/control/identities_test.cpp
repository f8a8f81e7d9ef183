#include <credo/core/numerics.hpp>
#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/inverse.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/control/trajectory.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

// Identities that learning methods rest on, as properties of what the engines found: path
// consistency, the policy gradient as a sum over trajectories, and that it is soft Q-learning.

using namespace credo::control;

namespace {

constexpr double kAlpha = 0.7;
constexpr std::size_t kHorizon = 3;

/// A random process whose rewards are functions of (s, a, s'): a trajectory's graph sums out which
/// of several ways led to a state, and here there is one.
Mdp small(std::uint64_t seed, std::size_t successors = 3) {
  const Mdp mdp = random_mdp({.states = 3, .actions = 2, .successors = successors, .seed = seed});
  const Features reward = make_features(
      mdp, 1, [seed](std::size_t s, std::size_t a, std::size_t next, std::span<double> phi) {
        phi[0] = credo::Random(seed + 100 * s + 10 * a + next).uniform(-1.0, 0.0);
      });
  return with_feature_reward(mdp, reward, std::vector<double>{1.0});
}

/// Softmax policies of given logits, one table per step, states x actions.
std::vector<std::vector<double>> softmax_policies(const std::vector<double>& logits,
                                                  std::size_t pairs, std::size_t actions) {
  std::vector<std::vector<double>> policies(kHorizon);
  for (std::size_t t = 0; t < kHorizon; ++t) {
    for (std::size_t row = 0; row < pairs; row += actions) {
      const std::vector<double> p =
          credo::softmax(std::span(logits).subspan(t * pairs + row, actions));
      policies[t].insert(policies[t].end(), p.begin(), p.end());
    }
  }
  return policies;
}

/// alpha L(q) of given policies in the true world: one sweep with every conditional clamped.
double objective(const Trajectory& trajectory, const std::vector<std::vector<double>>& policies) {
  const credo::Family dynamics =
      credo::model_direction(trajectory.graph, trajectory.evidence, trajectory.actions);
  credo::Family family(trajectory.graph);
  for (const credo::Conditional& c : dynamics.conditionals()) {
    const auto at = std::find(trajectory.actions.begin(), trajectory.actions.end(), c.child);
    if (at == trajectory.actions.end()) {
      family.clamp(*c.factor);
      continue;
    }
    const auto t = static_cast<std::size_t>(at - trajectory.actions.begin());
    family.clamp(
        c.child, c.parents,
        credo::Table::dense({trajectory.state_count, trajectory.action_count}, policies[t]));
  }
  const credo::VariationalResult result =
      credo::maximize(trajectory.graph, trajectory.evidence, family);
  REQUIRE(result.ok());
  return kAlpha * result.value;
}

/// sum over trajectories of p(tau) sum_t grad log pi(a_t | s_t) (what is still to come - b(s_t)).
std::vector<double> gradient_by_enumeration(const Mdp& mdp,
                                            const std::vector<std::vector<double>>& policies,
                                            double baseline) {
  const std::size_t actions = mdp.action_count();
  const std::size_t pairs = mdp.state_count() * actions;
  const double log_prior = -std::log(static_cast<double>(actions));
  std::vector<double> gradient(kHorizon * pairs, 0.0);
  struct Step {
    std::size_t state, action;
    double reward;
  };
  std::vector<Step> path;
  const auto add_path = [&](double probability) {
    double to_come = 0.0;
    for (std::size_t t = kHorizon; t-- > 0;) {
      const auto [s, a, reward] = path[t];
      to_come += reward - kAlpha * (std::log(policies[t][s * actions + a]) - log_prior);
      for (std::size_t b = 0; b < actions; ++b) {
        const double score = (a == b ? 1.0 : 0.0) - policies[t][s * actions + b];
        gradient[t * pairs + s * actions + b] +=
            probability * score * (to_come - baseline * static_cast<double>(s + 1));
      }
    }
  };
  const auto walk = [&](const auto& self, std::size_t s, double probability) -> void {
    const std::size_t t = path.size();
    if (t == kHorizon) return add_path(probability);
    for (std::size_t a = 0; a < actions; ++a) {
      for (const Outcome& o : mdp.outcomes(s, a)) {
        path.push_back({s, a, o.reward});
        self(self, o.next, probability * policies[t][s * actions + a] * o.probability);
        path.pop_back();
      }
    }
  };
  for (std::size_t s = 0; s < mdp.state_count(); ++s) walk(walk, s, mdp.initial()[s]);
  return gradient;
}

}  // namespace

TEST_CASE("identities: path consistency of the clamped optimum") {
  for (const double discount : {1.0, 0.9}) {
    for (const std::size_t successors : {1UL, 3UL}) {
      const Mdp mdp = small(successors + 4, successors);
      for (const std::optional<std::size_t> horizon :
           {std::optional<std::size_t>(kHorizon), std::optional<std::size_t>()}) {
        if (!horizon && discount == 1.0) continue;
        const ControlSolution solution =
            solve_control(mdp, {.temperature = kAlpha, .horizon = horizon, .discount = discount});
        REQUIRE(solution.ok());
        for (std::size_t t = 0; t < solution.steps(); ++t) {
          const std::vector<double> value = solution.value(t);
          const std::vector<double> next = solution.value(horizon ? t + 1 : t);
          const std::vector<double> policy = solution.policy(t);
          for (std::size_t i = 0; i < policy.size(); ++i) {
            // In expectation over what follows; with one successor, on the path itself.
            double residual = value[i / 2] + kAlpha * std::log(policy[i] / 0.5);
            for (const Outcome& o : mdp.outcomes(i / 2, i % 2)) {
              residual -= o.probability * (o.reward + discount * next[o.next]);
            }
            CHECK(std::fabs(residual) < (horizon ? 1e-12 : 1e-9));
          }
        }
      }
    }
  }
}

TEST_CASE("identities: the posterior is consistent on every path, once luck is paid for") {
  const Mdp mdp = small(3);
  const Posterior posterior = solve_posterior(mdp, {.temperature = kAlpha, .horizon = kHorizon});
  REQUIRE(posterior.ok());
  for (std::size_t t = 0; t < kHorizon; ++t) {
    const std::vector<double> policy = posterior.policy(t);
    for (const DynamicsEntry& e : posterior.dynamics(t)) {
      const auto outcomes = mdp.outcomes(e.state, e.action);
      const auto at = std::find_if(outcomes.begin(), outcomes.end(),
                                   [&e](const Outcome& o) { return o.next == e.next; });
      REQUIRE(at != outcomes.end());
      const double p = at->probability;
      const double reward = at->reward;
      const double residual = posterior.value(t)[e.state] - posterior.value(t + 1)[e.next] -
                              reward + kAlpha * std::log(policy[e.state * 2 + e.action] / 0.5) +
                              kAlpha * std::log(e.probability / p);
      CHECK(std::fabs(residual) < 1e-12);
    }
  }
}

TEST_CASE("identities: the policy gradient, summed over trajectories, is that of the bound") {
  constexpr double kStep = 1e-5;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Mdp mdp = small(seed);
    TrajectoryOptions options;
    options.horizon = kHorizon;
    options.temperature = kAlpha;
    const Trajectory trajectory = make_trajectory(mdp, options);
    credo::Random random(seed);
    std::vector<double> logits(kHorizon * 6);
    for (double& x : logits) x = random.uniform(-1.0, 1.0);
    const auto value_at = [&](const std::vector<double>& at) {
      return objective(trajectory, softmax_policies(at, 6, 2));
    };
    const auto policies = softmax_policies(logits, 6, 2);
    const std::vector<double> gradient = gradient_by_enumeration(mdp, policies, 0.0);
    const std::vector<double> with_baseline = gradient_by_enumeration(mdp, policies, 2.5);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      std::vector<double> up = logits;
      std::vector<double> down = logits;
      up[i] += kStep;
      down[i] -= kStep;
      CHECK(std::fabs((value_at(up) - value_at(down)) / (2.0 * kStep) - gradient[i]) < 1e-9);
      CHECK(std::fabs(gradient[i] - with_baseline[i]) < 1e-13);
    }
    // No better policy than the one of the sweep: its value is the maximum and its gradient 0.
    const ControlSolution best = solve_control(mdp, {.temperature = kAlpha, .horizon = kHorizon});
    std::vector<std::vector<double>> optimal;
    for (std::size_t t = 0; t < kHorizon; ++t) optimal.push_back(best.policy(t));
    CHECK(std::fabs(objective(trajectory, optimal) - best.initial_value) < 1e-12);
    for (const double g : gradient_by_enumeration(mdp, optimal, 0.0)) CHECK(std::fabs(g) < 1e-12);
  }
}

// Schulman, Chen and Abbeel 2017, arXiv:1704.06440, section 3.3: with Q = V + alpha log(pi / p),
//   E_pi[grad Q (Q - y)] = -alpha grad (E_pi[y] - alpha KL(pi, p)) + grad (V - v)^2 / 2,
// v = E_pi[y] - alpha KL(pi, p) held fixed, y = r + gamma E V* of the solved problem.
TEST_CASE("identities: the policy gradient is that of soft Q-learning") {
  constexpr double kStep = 1e-5;
  constexpr std::size_t kActions = 3;
  const Mdp mdp = random_mdp({.states = 4, .actions = kActions, .discount = 0.8, .seed = 9});
  const ControlSolution solved = solve_control(mdp, {.temperature = kAlpha});
  REQUIRE(solved.ok());
  const std::vector<double> target = solved.action_value();
  const auto value_of = [](const std::vector<double>& q) {
    double sum = 0.0;
    for (const double x : q) sum += std::exp(x / kAlpha) / static_cast<double>(kActions);
    return kAlpha * std::log(sum);
  };
  const auto policy_of = [&](const std::vector<double>& q) {
    std::vector<double> pi;
    for (const double x : q) pi.push_back(std::exp((x - value_of(q)) / kAlpha) / kActions);
    return pi;
  };
  credo::Random random(4);
  for (std::size_t s = 0; s < 4; ++s) {
    const std::vector<double> y(target.begin() + static_cast<std::ptrdiff_t>(s * kActions),
                                target.begin() + static_cast<std::ptrdiff_t>((s + 1) * kActions));
    const auto regularised = [&](const std::vector<double>& q) {
      const std::vector<double> pi = policy_of(q);
      double sum = 0.0;
      for (std::size_t a = 0; a < kActions; ++a) {
        sum += pi[a] * (y[a] - kAlpha * std::log(pi[a] * kActions));
      }
      return sum;
    };
    // The optimum of the engine: Q = y, v = V, nothing left to learn.
    CHECK(std::fabs(value_of(y) - solved.value()[s]) < 1e-9);
    CHECK(std::fabs(regularised(y) - solved.value()[s]) < 1e-9);
    std::vector<double> q(kActions);
    for (double& x : q) x = random.uniform(-2.0, 2.0);
    const std::vector<double> pi = policy_of(q);
    const double fixed = regularised(q);
    for (std::size_t i = 0; i < kActions; ++i) {
      const double left = pi[i] * (q[i] - y[i]);
      double right[2];
      for (const int side : {0, 1}) {
        std::vector<double> moved = q;
        moved[i] += side == 1 ? kStep : -kStep;
        const double error = value_of(moved) - fixed;
        right[side] = -kAlpha * regularised(moved) + 0.5 * error * error;
      }
      CHECK(std::fabs(left - (right[1] - right[0]) / (2.0 * kStep)) < 1e-9);
    }
  }
}
