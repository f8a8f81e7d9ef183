// The policy gradients against enumeration: every trajectory of a small process, its probability,
// and differences of the objective. And Schulman's identity between gradients of Q and of the
// policy.

#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/policy_gradient.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

namespace credo::control::learning {
namespace {

using doctest::Approx;

constexpr std::size_t kHorizon = 3;

Mdp small_process() {
  return random_mdp({.states = 3,
                     .actions = 3,
                     .successors = 2,
                     .terminal_states = 0,
                     .unavailable = 0.2,
                     .seed = 7});
}

/// A policy, a baseline, and the process they are for.
struct Case {
  Mdp mdp = small_process();
  FeatureMap features = FeatureMap::one_hot(3);
  LinearScores scores{3, 3};
  LinearScores baseline{3, 1};
  Objective objective = {.discount = 0.9, .temperature = 0.7};

  Case() {
    Random random(21);
    for (double& w : scores.weights) w = random.uniform(-1.0, 1.0);
    for (double& w : baseline.weights) w = random.uniform(-2.0, 2.0);
  }
  [[nodiscard]] GradientPoint point(EntropyTerm entropy, bool with_baseline = true) const {
    return {&scores, with_baseline ? &baseline : nullptr, objective, entropy};
  }
};

Situation situation_in(const Case& c, std::size_t state) {
  Situation s;
  s.observation = {static_cast<double>(state)};
  s.features = c.features(s.observation);
  double available = 0.0;
  for (std::size_t a = 0; a < 3; ++a) available += c.mdp.is_available(state, a) ? 1.0 : 0.0;
  for (std::size_t a = 0; a < 3; ++a) {
    s.log_prior.push_back(c.mdp.is_available(state, a) ? -std::log(available) : -kInfinity);
  }
  return s;
}

/// Calls visit(probability, episode) for every trajectory of kHorizon steps.
void enumerate(const Case& c, const std::function<void(double, const Episode&)>& visit) {
  Episode episode;
  const std::function<void(std::size_t, double)> extend = [&](std::size_t state, double p) {
    if (episode.size() == kHorizon) {
      visit(p, episode);
      return;
    }
    const Situation here = situation_in(c, state);
    const std::vector<double> pi = choice_of(here.log_prior, c.scores.at(here.features));
    for (std::size_t a = 0; a < 3; ++a) {
      for (const Outcome& outcome : c.mdp.outcomes(state, a)) {
        episode.push_back({here, a, outcome.reward});
        extend(outcome.next, p * pi[a] * outcome.probability);
        episode.pop_back();
      }
    }
  };
  for (std::size_t s = 0; s < 3; ++s) extend(s, c.mdp.initial()[s]);
}

/// J by its definition.
double objective_at(const Case& c) {
  double sum = 0.0;
  enumerate(c, [&](double p, const Episode& episode) {
    double weight = 1.0;
    for (const Decision& d : episode) {
      const auto pi = choice_of(d.situation.log_prior, c.scores.at(d.situation.features));
      const double ratio = std::log(pi[d.action]) - d.situation.log_prior[d.action];
      sum += p * weight * (d.reward - c.objective.temperature * ratio);
      weight *= c.objective.discount;
    }
  });
  return sum;
}

/// dJ/dtheta by central differences.
std::vector<double> difference_gradient(Case c) {
  constexpr double kStep = 1e-5;
  std::vector<double> gradient;
  for (double& w : c.scores.weights) {
    const double middle = w;
    w = middle + kStep;
    const double above = objective_at(c);
    w = middle - kStep;
    const double below = objective_at(c);
    w = middle;
    gradient.push_back((above - below) / (2.0 * kStep));
  }
  return gradient;
}

std::vector<double> enumerated_gradient(const Case& c, const GradientPoint& point) {
  std::vector<double> mean(c.scores.weights.size(), 0.0);
  enumerate(c, [&](double p, const Episode& episode) {
    const std::vector<double> estimate = episode_gradient(episode, point);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += p * estimate[i];
  });
  return mean;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

TEST_CASE("policy gradient: the estimator's mean over all trajectories is the gradient") {
  for (const ActionPrior prior : {ActionPrior::uniform, ActionPrior::counting}) {
    Case c;
    c.objective.prior = prior;
    const std::vector<double> exact = difference_gradient(c);
    CHECK(distance(enumerated_gradient(c, c.point(EntropyTerm::in_return)), exact) < 1e-9);
    CHECK(distance(enumerated_gradient(c, c.point(EntropyTerm::in_return, false)), exact) < 1e-9);
  }
}

TEST_CASE("policy gradient: the sampled mean is the exact one within its standard error") {
  const Case c;
  const std::vector<double> exact = difference_gradient(c);
  TabularEnvironment environment(c.mdp, {.time_limit = kHorizon});
  constexpr std::size_t kEpisodes = 20'000;
  std::vector<double> mean(9, 0.0);
  std::vector<double> square(9, 0.0);
  Random random(5);
  std::vector<double> observation = environment.reset(9);
  for (std::size_t k = 0; k < kEpisodes; ++k) {
    Episode episode;
    Step step;
    while (!step.ended()) {
      Situation here = situation_of(environment, c.features, observation, c.objective.prior);
      const std::size_t action =
          random.categorical(choice_of(here.log_prior, c.scores.at(here.features)));
      step = environment.step(action);
      episode.push_back({std::move(here), action, step.reward});
      observation = step.observation;
    }
    observation = environment.reset();
    const auto estimate = episode_gradient(episode, c.point(EntropyTerm::in_return));
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean[i] += estimate[i] / kEpisodes;
      square[i] += estimate[i] * estimate[i] / kEpisodes;
    }
  }
  double largest_score = 0.0;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double error = std::sqrt((square[i] - mean[i] * mean[i]) / kEpisodes);
    const double off = std::fabs(mean[i] - exact[i]);
    if (error == 0.0) {
      CHECK(off < 1e-9);
      continue;
    }
    CHECK(error < 0.02);
    largest_score = std::max(largest_score, off / error);
  }
  CHECK(largest_score < 3.5);
}

TEST_CASE("entropy bonus: its mean is its own formula, and not the gradient of the bound") {
  Case c;
  c.objective.temperature = 2.0;
  // sum_t gamma^t (dlog pi_t R_t + alpha dH_t), dH by differences.
  std::vector<double> formula(9, 0.0);
  const auto entropy_at = [&](const LinearScores& scores, const Situation& s) {
    const auto pi = choice_of(s.log_prior, scores.at(s.features));
    double h = 0.0;
    for (std::size_t a = 0; a < 3; ++a) {
      if (pi[a] > 0.0) h -= pi[a] * (std::log(pi[a]) - s.log_prior[a]);
    }
    return h;
  };
  const auto log_choice = [&](const LinearScores& scores, const Decision& d) {
    return std::log(choice_of(d.situation.log_prior, scores.at(d.situation.features))[d.action]);
  };
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < 9; ++i) {
    LinearScores above = c.scores;
    LinearScores below = c.scores;
    above.weights[i] += kStep;
    below.weights[i] -= kStep;
    enumerate(c, [&](double p, const Episode& episode) {
      for (std::size_t t = 0; t < kHorizon; ++t) {
        const Decision& d = episode[t];
        double to_go = 0.0;
        for (std::size_t u = kHorizon; u-- > t;) {
          to_go = episode[u].reward + c.objective.discount * to_go;
        }
        const double log_change = log_choice(above, d) - log_choice(below, d);
        const double entropy_change =
            entropy_at(above, d.situation) - entropy_at(below, d.situation);
        formula[i] += p * std::pow(c.objective.discount, static_cast<double>(t)) *
                      (log_change * to_go + c.objective.temperature * entropy_change) /
                      (2.0 * kStep);
      }
    });
  }
  const std::vector<double> bonus = enumerated_gradient(c, c.point(EntropyTerm::bonus));
  CHECK(distance(bonus, formula) < 1e-8);
  CHECK(distance(bonus, difference_gradient(c)) > 0.01);
}

TEST_CASE("entropy bonus: for a single decision it is the gradient") {
  // One step: no later entropy to leave out.
  Case c;
  const auto one_step = [&](EntropyTerm entropy) {
    std::vector<double> mean(9, 0.0);
    for (std::size_t s = 0; s < 3; ++s) {
      const Situation here = situation_in(c, s);
      const auto pi = choice_of(here.log_prior, c.scores.at(here.features));
      for (std::size_t a = 0; a < 3; ++a) {
        if (pi[a] == 0.0) continue;
        const Episode episode = {{here, a, 0.3 * static_cast<double>(a)}};
        const auto estimate = episode_gradient(episode, c.point(entropy));
        for (std::size_t i = 0; i < 9; ++i) mean[i] += pi[a] * estimate[i];
      }
    }
    return mean;
  };
  CHECK(distance(one_step(EntropyTerm::bonus), one_step(EntropyTerm::in_return)) < 1e-14);
}

TEST_CASE("Schulman's identity: the gradient of soft Q is a policy gradient and a value gradient") {
  // Q = V + tau log(pi / p) in one state; y are any targets. E_{a ~ pi}[dQ (Q - y)] = -tau d(E_pi y
  // - tau KL(pi, p)) + d (V - V^)^2 / 2, V^ = E_pi y - tau KL held.
  constexpr double kTau = 0.6;
  const std::vector<double> log_prior = {std::log(0.5), std::log(0.3), std::log(0.2), -kInfinity};
  const std::vector<double> y = {1.0, -0.4, 2.2, 0.0};
  const std::vector<double> q = {0.3, 0.9, -1.1, 0.0};
  const auto logits = [&](std::vector<double> x) {
    for (double& v : x) v /= kTau;
    return x;
  };
  const auto value = [&](const std::vector<double>& x) {
    return kTau * log_mean_exp(log_prior, logits(x));
  };
  const auto regularised = [&](const std::vector<double>& x) {
    const auto pi = choice_of(log_prior, logits(x));
    const auto ratio = log_ratios(log_prior, logits(x));
    double sum = 0.0;
    for (std::size_t a = 0; a < 3; ++a) sum += pi[a] * (y[a] - kTau * ratio[a]);
    return sum;
  };
  const double target = regularised(q);
  const auto pi = choice_of(log_prior, logits(q));
  // The same policy gradient by the estimator, whose parameters are q / tau.
  LinearScores scores(1, 4);
  scores.weights = logits(q);
  std::vector<double> policy_gradient(4, 0.0);
  for (std::size_t a = 0; a < 3; ++a) {
    const Episode episode = {{{{0.0}, {{0, 1.0}}, log_prior}, a, y[a]}};
    const GradientPoint point{&scores, nullptr, {.temperature = kTau}, EntropyTerm::in_return};
    const auto estimate = episode_gradient(episode, point);
    for (std::size_t b = 0; b < 4; ++b) policy_gradient[b] += pi[a] * estimate[b];
  }
  constexpr double kStep = 1e-5;
  for (std::size_t b = 0; b < 3; ++b) {
    auto above = q;
    auto below = q;
    above[b] += kStep;
    below[b] -= kStep;
    const double policy_part = (regularised(above) - regularised(below)) / (2.0 * kStep);
    const double value_part = (value(q) - target) * (value(above) - value(below)) / (2.0 * kStep);
    CHECK(pi[b] * (q[b] - y[b]) == Approx(-kTau * policy_part + value_part).epsilon(1e-8));
    CHECK(policy_gradient[b] / kTau == Approx(policy_part).epsilon(1e-8));
  }
}

}  // namespace
}  // namespace credo::control::learning
