#include <credo/core/error.hpp>
#include <credo/models/control/learning/soft_q_learning.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// One update per step, no replay. Invariant: a weight's step size depends on how often it has been
// updated, and on nothing else. Truncated episodes have a future: only termination sets V = 0.

namespace credo::control::learning {
namespace {

class SoftQ final : public SampleLearner {
 public:
  SoftQ(const Environment& environment, const SoftQOptions& options)
      : options_(options),
        process_(environment.process()),
        features_(options.features ? *options.features : FeatureMap::usual(environment)),
        step_size_(options.step_size
                       ? *options.step_size
                       : usual_soft_q_step_size(features_.is_table(), options.objective.discount)),
        q_(features_.count(), environment.facts().actions.count),
        updates_(q_.weights.size(), 0.0) {}

  [[nodiscard]] std::string_view method() const override { return "soft-q"; }
  [[nodiscard]] std::string settings() const override {
    return fmt::format("{}, features {} ({}), step size {}, exploration {:.17g}",
                       options_.objective.description(), features_.name(), features_.count(),
                       step_size_.description(), options_.exploration);
  }

  [[nodiscard]] std::vector<double> choose(const Environment& environment,
                                           std::span<const double> observation,
                                           Random& random) override {
    here_ = situation_of(environment, features_, observation, options_.objective.prior);
    const bool explores = random.uniform() < options_.exploration;
    std::vector<double> logits(q_.actions, 0.0);
    if (!explores) logits = scaled(q_.at(here_.features));
    return {static_cast<double>(random.categorical(choice_of(here_.log_prior, logits)))};
  }

  void learn(const Environment& environment, const Experience& step, Random&) override {
    const auto action = static_cast<std::size_t>(step.action[0]);
    double target = step.reward;
    if (!step.terminated) {
      const Situation next =
          situation_of(environment, features_, step.next, options_.objective.prior);
      const double log_value = log_mean_exp(next.log_prior, scaled(q_.at(next.features)));
      target += options_.objective.discount * options_.objective.temperature * log_value;
    }
    const double difference = target - q_.at(here_.features)[action];
    for (const Feature& f : here_.features) {
      const std::size_t at = f.index * q_.actions + action;
      q_.weights[at] += step_size_.at(updates_[at]) * difference * f.value;
      updates_[at] += 1.0;
    }
    losses_.add(0.5 * difference * difference);
  }

  [[nodiscard]] double take_loss() override { return losses_.take(); }
  [[nodiscard]] bool is_finite() const override { return q_.is_finite(); }

  [[nodiscard]] std::vector<double> table() const override {
    if (!features_.is_table() || process_ == nullptr) return {};
    std::vector<double> values = q_.weights;
    for (std::size_t s = 0; s < process_->state_count(); ++s) {
      for (std::size_t a = 0; a < q_.actions; ++a) {
        if (!process_->is_available(s, a)) values[s * q_.actions + a] = -kInfinity;
      }
    }
    return values;
  }

  void save(CheckpointWriter& out) const override {
    out.numbers("weights", q_.weights);
    out.numbers("updates", updates_);
    losses_.save(out, "losses");
  }
  void load(const CheckpointReader& in) override {
    q_.weights = in.numbers("weights", q_.weights.size());
    updates_ = in.numbers("updates", updates_.size());
    losses_.load(in, "losses");
  }

  [[nodiscard]] SoftQResult result(LearningRun run) const {
    SoftQResult result;
    result.run = std::move(run);
    result.weights = q_.weights;
    result.action_value = table();
    if (!result.action_value.empty()) {
      result.policy = policy_table(*process_, q_, 1.0 / options_.objective.temperature);
    }
    return result;
  }

 private:
  [[nodiscard]] std::vector<double> scaled(std::vector<double> q) const {
    for (double& x : q) x /= options_.objective.temperature;
    return q;
  }

  const SoftQOptions& options_;
  const Mdp* process_;
  FeatureMap features_;
  StepSize step_size_;
  LinearScores q_;
  /// Per weight.
  std::vector<double> updates_;
  /// Where the last action was chosen.
  Situation here_;
  MeanSince losses_;
};

}  // namespace

StepSize usual_soft_q_step_size(bool table, double discount) {
  if (!table) return {0.2, kInfinity, 1.0};
  return {1.0, 1.0 / (1.0 - std::min(discount, 0.99)), 1.0};
}

void SoftQOptions::validate() const {
  objective.validate();
  if (step_size) step_size->validate("step_size");
  if (!(exploration >= 0.0 && exploration <= 1.0)) {
    throw OptionError(fmt::format("exploration {}, expected a number in [0, 1]", exploration));
  }
}

SoftQResult learn_soft_q(Environment& environment, const SoftQOptions& options) {
  options.validate();
  require_discrete_actions(environment, "soft-q");
  SoftQ learner(environment, options);
  LearningRun run = run_learner(environment, learner, options.run);
  return learner.result(std::move(run));
}

}  // namespace credo::control::learning
