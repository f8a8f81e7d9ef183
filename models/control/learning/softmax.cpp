#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/learning/softmax.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

// Everything in the log domain: logits of any size give probabilities, and unavailable actions are
// log p = -infinity throughout. Under a counting prior p(a) = 1, so that "log ratio" is log pi.

namespace credo::control::learning {

double StepSize::at(double n) const noexcept {
  const double growth = 1.0 + n / hold;
  return power == 1.0 ? initial / growth : initial * std::pow(growth, -power);
}

std::string StepSize::description() const {
  return fmt::format("{:.17g} (1 + n / {:.17g})^-{:.17g}", initial, hold, power);
}

void StepSize::validate(const std::string& name) const {
  if (!(initial > 0.0 && std::isfinite(initial))) {
    throw OptionError(fmt::format("{}.initial {}, expected a positive number", name, initial));
  }
  if (!(hold > 0.0)) throw OptionError(fmt::format("{}.hold {}, expected above 0", name, hold));
  if (!(power >= 0.0 && std::isfinite(power))) {
    throw OptionError(fmt::format("{}.power {}, expected at least 0", name, power));
  }
}

Situation situation_of(const Environment& environment, const FeatureMap& features,
                       std::span<const double> observation, ActionPrior prior) {
  Situation result;
  result.observation.assign(observation.begin(), observation.end());
  result.features = features(observation);
  const std::size_t actions = environment.facts().actions.count;
  result.log_prior.assign(actions, -kInfinity);
  double available = 0.0;
  for (std::size_t a = 0; a < actions; ++a) {
    if (!environment.is_available(a)) continue;
    result.log_prior[a] = 0.0;
    available += 1.0;
  }
  if (prior == ActionPrior::uniform) {
    for (double& log_p : result.log_prior) log_p -= std::log(available);
  }
  return result;
}

std::vector<double> LinearScores::at(std::span<const Feature> features) const {
  std::vector<double> scores(actions, 0.0);
  for (const Feature& f : features) {
    const double* const row = weights.data() + f.index * actions;
    for (std::size_t a = 0; a < actions; ++a) scores[a] += f.value * row[a];
  }
  return scores;
}

void LinearScores::add(std::span<const Feature> features, std::size_t action, double amount) {
  for (const Feature& f : features) weights[f.index * actions + action] += amount * f.value;
}

bool LinearScores::is_finite() const {
  return std::all_of(weights.begin(), weights.end(), [](double w) { return std::isfinite(w); });
}

double log_mean_exp(std::span<const double> log_prior, std::span<const double> x) {
  std::vector<double> sums(x.size());
  for (std::size_t a = 0; a < x.size(); ++a) {
    sums[a] = log_prior[a] == -kInfinity ? -kInfinity : log_prior[a] + x[a];
  }
  return log_sum_exp(sums);
}

std::vector<double> log_ratios(std::span<const double> log_prior, std::span<const double> x) {
  const double total = log_mean_exp(log_prior, x);
  std::vector<double> ratios(x.size(), -kInfinity);
  for (std::size_t a = 0; a < x.size(); ++a) {
    if (log_prior[a] > -kInfinity) ratios[a] = x[a] - total;
  }
  return ratios;
}

std::vector<double> choice_of(std::span<const double> log_prior, std::span<const double> x) {
  std::vector<double> choice = log_ratios(log_prior, x);
  for (std::size_t a = 0; a < x.size(); ++a) choice[a] = std::exp(choice[a] + log_prior[a]);
  return choice;
}

std::vector<double> policy_table(const Mdp& mdp, const LinearScores& scores, double scale) {
  const std::size_t actions = mdp.action_count();
  std::vector<double> policy;
  policy.reserve(mdp.state_count() * actions);
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    std::vector<double> log_prior(actions, -kInfinity);
    std::vector<double> logits(actions, 0.0);
    for (std::size_t a = 0; a < actions; ++a) {
      if (mdp.is_available(s, a)) log_prior[a] = 0.0;  // a common factor cancels
      logits[a] = scale * scores.weights[s * actions + a];
    }
    const std::vector<double> row = choice_of(log_prior, logits);
    policy.insert(policy.end(), row.begin(), row.end());
  }
  return policy;
}

void require_discrete_actions(const Environment& environment, std::string_view method) {
  if (environment.facts().actions.is_discrete()) return;
  throw OptionError(fmt::format("{}: actions of {} are {}, expected a discrete choice", method,
                                environment.facts().name,
                                environment.facts().actions.description()));
}

void Objective::validate() const {
  if (!(discount > 0.0 && discount <= 1.0)) {
    throw OptionError(fmt::format("discount {}, expected a number in (0, 1]", discount));
  }
  if (!(temperature > 0.0 && std::isfinite(temperature))) {
    throw OptionError(fmt::format("temperature {}, expected a positive number", temperature));
  }
  if (prior == ActionPrior::given) {
    throw OptionError("prior given, expected uniform or counting");
  }
}

std::string Objective::description() const {
  return fmt::format("discount {:.17g}, temperature {:.17g}, prior {}", discount, temperature,
                     action_prior_name(prior));
}

}  // namespace credo::control::learning
