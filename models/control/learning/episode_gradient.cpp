#include <credo/models/control/learning/policy_gradient.hpp>

#include <cassert>
#include <cmath>

// dlog pi(a_t) / dtheta_{i, a} = phi_i (1[a = a_t] - pi_a);
// dH / dtheta_{i, a} = -phi_i pi_a (l_a - sum_b pi_b l_b), l = log(pi / p), H = -sum_b pi_b l_b.
// The term -alpha dlog pi that comes from differentiating log pi inside the return has mean 0 and
// is left out. One pass backward for the returns, one forward for the gradient.

namespace credo::control::learning {
namespace {

/// log(pi / p) of every action of a decision.
std::vector<double> ratios_at(const Decision& decision, const GradientPoint& point) {
  return log_ratios(decision.situation.log_prior, point.scores->at(decision.situation.features));
}

void add_entropy_gradient(const std::vector<double>& pi, const std::vector<double>& ratio,
                          double weight, std::vector<double>& row) {
  double mean = 0.0;
  for (std::size_t a = 0; a < pi.size(); ++a) {
    if (pi[a] > 0.0) mean += pi[a] * ratio[a];
  }
  for (std::size_t a = 0; a < pi.size(); ++a) {
    if (pi[a] > 0.0) row[a] -= weight * pi[a] * (ratio[a] - mean);
  }
}

}  // namespace

std::vector<double> returns_to_go(std::span<const Decision> episode, const GradientPoint& point) {
  std::vector<double> returns(episode.size());
  double sum = 0.0;
  for (std::size_t t = episode.size(); t-- > 0;) {
    double earned = episode[t].reward;
    if (point.entropy == EntropyTerm::in_return) {
      earned -= point.objective.temperature * ratios_at(episode[t], point)[episode[t].action];
    }
    returns[t] = sum = earned + point.objective.discount * sum;
  }
  return returns;
}

std::vector<double> episode_gradient(std::span<const Decision> episode,
                                     const GradientPoint& point) {
  assert(point.scores != nullptr);
  const std::size_t actions = point.scores->actions;
  std::vector<double> gradient(point.scores->weights.size(), 0.0);
  const std::vector<double> returns = returns_to_go(episode, point);
  double weight = 1.0;
  for (std::size_t t = 0; t < episode.size(); ++t) {
    const Situation& here = episode[t].situation;
    const std::vector<double> ratio = ratios_at(episode[t], point);
    const std::vector<double> pi = choice_of(here.log_prior, point.scores->at(here.features));
    const double expected = point.baseline == nullptr ? 0.0 : point.baseline->at(here.features)[0];
    std::vector<double> row(actions);
    for (std::size_t a = 0; a < actions; ++a) {
      const double indicator = a == episode[t].action ? 1.0 : 0.0;
      row[a] = weight * (indicator - pi[a]) * (returns[t] - expected);
    }
    if (point.entropy == EntropyTerm::bonus) {
      add_entropy_gradient(pi, ratio, weight * point.objective.temperature, row);
    }
    for (const Feature& f : here.features) {
      for (std::size_t a = 0; a < actions; ++a) gradient[f.index * actions + a] += f.value * row[a];
    }
    weight *= point.objective.discount;
  }
  return gradient;
}

}  // namespace credo::control::learning
