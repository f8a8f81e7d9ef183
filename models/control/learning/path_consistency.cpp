#include <credo/core/error.hpp>
#include <credo/models/control/learning/path_consistency.hpp>

#include <fmt/format.h>

#include <utility>

// A window of the last d decisions slides over the episode; each becomes the start of one path.
// The logits are kept times alpha, in units of reward, so that one step size serves V and them:
//   V(s_0) += eta C,  V(s_d) -= eta gamma^d C,  (alpha theta)_a += eta C sum_j gamma^j dlog pi_j.

namespace credo::control::learning {
namespace {

class PathConsistency final : public SampleLearner {
 public:
  PathConsistency(const Environment& environment, const PathConsistencyOptions& options)
      : options_(options),
        environment_(environment),
        features_(options.features ? *options.features : FeatureMap::usual(environment)),
        value_(features_.count(), 1),
        advantage_(features_.count(), environment.facts().actions.count) {}

  [[nodiscard]] std::string_view method() const override { return "path-consistency"; }
  [[nodiscard]] std::string settings() const override {
    return fmt::format(
        "{}, features {} ({}), paths of {}, step sizes {} and {}, exploration {:.17g}",
        options_.objective.description(), features_.name(), features_.count(), options_.path_length,
        options_.value_step_size.description(), options_.policy_step_size.description(),
        options_.exploration);
  }

  [[nodiscard]] std::vector<double> choose(const Environment& environment,
                                           std::span<const double> observation,
                                           Random& random) override {
    Decision decision;
    decision.situation =
        situation_of(environment, features_, observation, options_.objective.prior);
    std::vector<double> logits(advantage_.actions, 0.0);
    if (random.uniform() >= options_.exploration) logits = logits_at(decision.situation);
    decision.action = random.categorical(choice_of(decision.situation.log_prior, logits));
    window_.push_back(std::move(decision));
    return {static_cast<double>(window_.back().action)};
  }

  void learn(const Environment&, const Experience& step, Random&) override {
    window_.back().reward = step.reward;
    const std::vector<Feature> end =
        step.terminated ? std::vector<Feature>{} : features_(step.next);
    while (window_.size() >= options_.path_length || (step.ended() && !window_.empty())) {
      follow(window_, end);
      window_.erase(window_.begin());
    }
  }

  [[nodiscard]] double take_loss() override { return losses_.take(); }
  [[nodiscard]] bool is_finite() const override {
    return value_.is_finite() && advantage_.is_finite();
  }
  [[nodiscard]] std::vector<double> table() const override {
    const Mdp* const process = environment_.process();
    if (!features_.is_table() || process == nullptr) return {};
    return policy_table(*process, advantage_, 1.0 / options_.objective.temperature);
  }

  void save(CheckpointWriter& out) const override {
    out.numbers("value", value_.weights);
    out.numbers("advantage", advantage_.weights);
    out.number("paths", paths_);
    save_episode(out, "window", window_);
    losses_.save(out, "losses");
  }
  void load(const CheckpointReader& in) override {
    value_.weights = in.numbers("value", value_.weights.size());
    advantage_.weights = in.numbers("advantage", advantage_.weights.size());
    paths_ = in.number("paths");
    window_ = load_episode(in, "window", environment_, features_);
    losses_.load(in, "losses");
  }

  [[nodiscard]] PathConsistencyResult result(LearningRun run) const {
    PathConsistencyResult result{std::move(run), {}, table()};
    if (!result.policy.empty()) result.value = value_.weights;
    return result;
  }

 private:
  [[nodiscard]] std::vector<double> logits_at(const Situation& situation) const {
    std::vector<double> logits = advantage_.at(situation.features);
    for (double& x : logits) x /= options_.objective.temperature;
    return logits;
  }

  /// Learns from one path; no features: its end is the end.
  void follow(std::span<const Decision> path, std::span<const Feature> end) {
    std::vector<double> rewards;
    std::vector<double> ratios;
    for (const Decision& d : path) {
      rewards.push_back(d.reward);
      ratios.push_back(log_ratios(d.situation.log_prior, logits_at(d.situation))[d.action]);
    }
    const std::span<const Feature> start = path.front().situation.features;
    const double c = path_inconsistency(value_.at(start)[0], value_.at(end)[0], rewards, ratios,
                                        options_.objective);
    const double value_step = options_.value_step_size.at(paths_) * c;
    const double policy_step = options_.policy_step_size.at(paths_) * c;
    // All gradients are those before the step.
    std::vector<std::vector<double>> choices;
    for (const Decision& d : path) {
      choices.push_back(choice_of(d.situation.log_prior, logits_at(d.situation)));
    }
    double weight = 1.0;
    for (std::size_t j = 0; j < path.size(); ++j) {
      const std::vector<Feature>& features = path[j].situation.features;
      for (std::size_t a = 0; a < advantage_.actions; ++a) {
        const double indicator = a == path[j].action ? 1.0 : 0.0;
        advantage_.add(features, a, policy_step * weight * (indicator - choices[j][a]));
      }
      weight *= options_.objective.discount;
    }
    value_.add(start, 0, value_step);
    value_.add(end, 0, -weight * value_step);
    paths_ += 1.0;
    losses_.add(0.5 * c * c);
  }

  const PathConsistencyOptions& options_;
  const Environment& environment_;
  FeatureMap features_;
  LinearScores value_;
  /// alpha theta.
  LinearScores advantage_;
  double paths_ = 0.0;
  /// The decisions that are not yet the start of a path.
  Episode window_;
  MeanSince losses_;
};

}  // namespace

double path_inconsistency(double value_first, double value_last, std::span<const double> rewards,
                          std::span<const double> log_ratios, const Objective& objective) {
  double sum = -value_first;
  double weight = 1.0;
  for (std::size_t j = 0; j < rewards.size(); ++j) {
    sum += weight * (rewards[j] - objective.temperature * log_ratios[j]);
    weight *= objective.discount;
  }
  return sum + weight * value_last;
}

void PathConsistencyOptions::validate() const {
  objective.validate();
  value_step_size.validate("value_step_size");
  policy_step_size.validate("policy_step_size");
  if (path_length == 0) throw OptionError("path_length 0, expected at least 1");
  if (!(exploration >= 0.0 && exploration <= 1.0)) {
    throw OptionError(fmt::format("exploration {}, expected a number in [0, 1]", exploration));
  }
}

PathConsistencyResult learn_path_consistency(Environment& environment,
                                             const PathConsistencyOptions& options) {
  options.validate();
  PathConsistency learner(environment, options);
  require_discrete_actions(environment, learner.method());
  LearningRun run = run_learner(environment, learner, options.run);
  return learner.result(std::move(run));
}

}  // namespace credo::control::learning
