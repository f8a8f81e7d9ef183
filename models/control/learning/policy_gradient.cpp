#include <credo/core/error.hpp>
#include <credo/models/control/learning/policy_gradient.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// Batches of whole episodes under one policy. Invariants: policy, baseline and scale stand still
// while a batch is collected, so that its mean gradient is unbiased up to a factor that does not
// depend on it; the baseline and the scale learn from a batch after the policy has.

namespace credo::control::learning {
namespace {

class PolicyGradient final : public SampleLearner {
 public:
  PolicyGradient(const Environment& environment, const PolicyGradientOptions& options,
                 EntropyTerm entropy)
      : options_(options),
        entropy_(entropy),
        environment_(environment),
        features_(options.features ? *options.features : FeatureMap::usual(environment)),
        theta_(features_.count(), environment.facts().actions.count),
        baseline_(features_.count(), 1),
        sum_(theta_.weights.size(), 0.0) {}

  [[nodiscard]] std::string_view method() const override {
    return entropy_ == EntropyTerm::in_return ? "policy-gradient" : "entropy-bonus";
  }
  [[nodiscard]] std::string settings() const override {
    return fmt::format(
        "{}, features {} ({}), step size {}, {}baseline {} {}, {} episodes per update",
        options_.objective.description(), features_.name(), features_.count(),
        options_.step_size.description(),
        options_.scale_free ? "free of scale above the temperature, " : "",
        options_.baseline ? "on" : "off", options_.baseline_step_size.description(),
        options_.batch_episodes);
  }

  [[nodiscard]] std::vector<double> choose(const Environment& environment,
                                           std::span<const double> observation,
                                           Random& random) override {
    Decision decision;
    decision.situation =
        situation_of(environment, features_, observation, options_.objective.prior);
    decision.action = random.categorical(
        choice_of(decision.situation.log_prior, theta_.at(decision.situation.features)));
    episode_.push_back(std::move(decision));
    return {static_cast<double>(episode_.back().action)};
  }

  [[nodiscard]] double remembered_bytes() const override {
    constexpr double kHeap = 3.0 * 32.0;  // three vectors' own
    const double each =
        sizeof(Decision) + kHeap + 16.0 * static_cast<double>(features_.count()) +
        8.0 * static_cast<double>(theta_.actions + environment_.facts().observations.dimension());
    const double table =
        sizeof(Decision) + kHeap + 16.0 + 8.0 + 8.0 * static_cast<double>(theta_.actions);
    std::size_t decisions = episode_.size();
    for (const Episode& episode : batch_) decisions += episode.size();
    return static_cast<double>(decisions) * (features_.is_table() ? table : each);
  }

  void learn(const Environment&, const Experience& step, Random&) override {
    episode_.back().reward = step.reward;
    if (!step.ended()) return;
    const std::vector<double> gradient = episode_gradient(episode_, point());
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += gradient[i];
    batch_.push_back(std::move(episode_));
    episode_.clear();
    if (batch_.size() == options_.batch_episodes) update();
  }

  [[nodiscard]] double take_loss() override { return losses_.take(); }
  [[nodiscard]] bool is_finite() const override {
    return theta_.is_finite() && baseline_.is_finite();
  }
  [[nodiscard]] std::vector<double> table() const override {
    const Mdp* const process = environment_.process();
    if (!features_.is_table() || process == nullptr) return {};
    return policy_table(*process, theta_, 1.0);
  }

  void save(CheckpointWriter& out) const override {
    out.numbers("weights", theta_.weights);
    out.numbers("baseline", baseline_.weights);
    out.numbers("sum", sum_);
    out.number("updates", updates_);
    out.number("mean_square", mean_square_);
    out.count("batch", batch_.size());
    for (std::size_t k = 0; k < batch_.size(); ++k) {
      save_episode(out, fmt::format("batch{}", k), batch_[k]);
    }
    save_episode(out, "episode", episode_);
    losses_.save(out, "losses");
  }

  void load(const CheckpointReader& in) override {
    theta_.weights = in.numbers("weights", theta_.weights.size());
    baseline_.weights = in.numbers("baseline", baseline_.weights.size());
    sum_ = in.numbers("sum", sum_.size());
    updates_ = in.number("updates");
    mean_square_ = in.number("mean_square");
    const std::uint64_t episodes = in.count("batch");
    if (episodes >= options_.batch_episodes) in.refuse("its batch is full");
    for (std::uint64_t k = 0; k < episodes; ++k) {
      batch_.push_back(load_episode(in, fmt::format("batch{}", k), environment_, features_));
    }
    episode_ = load_episode(in, "episode", environment_, features_);
    losses_.load(in, "losses");
  }

  [[nodiscard]] PolicyGradientResult result(LearningRun run) const {
    return {std::move(run), theta_.weights, table()};
  }

 private:
  [[nodiscard]] GradientPoint point() const {
    return {&theta_, options_.baseline ? &baseline_ : nullptr, options_.objective, entropy_};
  }

  void update() {
    const double squares = batch_mean_square();
    // The first batch is scaled by itself: there is no earlier one.
    const double root = std::sqrt(mean_square_ > 0.0 ? mean_square_ : squares);
    const double scale = std::max(root, options_.objective.temperature);
    double step = options_.step_size.at(updates_) / static_cast<double>(batch_.size());
    if (options_.scale_free) step /= scale;
    const std::vector<std::vector<double>> returns = batch_returns();
    for (std::size_t i = 0; i < sum_.size(); ++i) theta_.weights[i] += step * sum_[i];
    if (options_.baseline) learn_baseline(returns);
    updates_ += 1.0;
    mean_square_ += (squares - mean_square_) / updates_;
    sum_.assign(sum_.size(), 0.0);
    batch_.clear();
  }

  [[nodiscard]] std::vector<std::vector<double>> batch_returns() const {
    std::vector<std::vector<double>> returns;
    for (const Episode& episode : batch_) returns.push_back(returns_to_go(episode, point()));
    return returns;
  }

  [[nodiscard]] double batch_mean_square() {
    double sum = 0.0;
    double count = 0.0;
    const std::vector<std::vector<double>> returns = batch_returns();
    for (std::size_t k = 0; k < batch_.size(); ++k) {
      for (std::size_t t = 0; t < batch_[k].size(); ++t) {
        const double advantage = returns[k][t] - expected(batch_[k][t]);
        sum += advantage * advantage;
        losses_.add(advantage * advantage);
        count += 1.0;
      }
    }
    return sum / count;
  }

  [[nodiscard]] double expected(const Decision& decision) const {
    return options_.baseline ? baseline_.at(decision.situation.features)[0] : 0.0;
  }

  void learn_baseline(const std::vector<std::vector<double>>& returns) {
    const double step = options_.baseline_step_size.at(updates_);
    for (std::size_t k = 0; k < batch_.size(); ++k) {
      for (std::size_t t = 0; t < batch_[k].size(); ++t) {
        const Decision& d = batch_[k][t];
        baseline_.add(d.situation.features, 0, step * (returns[k][t] - expected(d)));
      }
    }
  }

  const PolicyGradientOptions& options_;
  EntropyTerm entropy_;
  const Environment& environment_;
  FeatureMap features_;
  LinearScores theta_;
  LinearScores baseline_;
  /// Gradients of the batch so far.
  std::vector<double> sum_;
  double updates_ = 0.0;
  /// Of the advantage, over all past batches: with entropy in the return the advantage vanishes at
  /// the optimum, and dividing by its latest size would keep the noise alive. 0: none yet.
  double mean_square_ = 0.0;
  std::vector<Episode> batch_;
  Episode episode_;
  MeanSince losses_;
};

PolicyGradientResult learn(Environment& environment, const PolicyGradientOptions& options,
                           EntropyTerm entropy) {
  options.validate();
  PolicyGradient learner(environment, options, entropy);
  require_discrete_actions(environment, learner.method());
  require_episodes(environment, learner.method());
  LearningRun run = run_learner(environment, learner, options.run);
  return learner.result(std::move(run));
}

}  // namespace

void PolicyGradientOptions::validate() const {
  objective.validate();
  step_size.validate("step_size");
  baseline_step_size.validate("baseline_step_size");
  if (batch_episodes == 0) throw OptionError("batch_episodes 0, expected at least 1");
}

PolicyGradientResult learn_policy_gradient(Environment& environment,
                                           const PolicyGradientOptions& options) {
  return learn(environment, options, EntropyTerm::in_return);
}

PolicyGradientResult learn_entropy_bonus(Environment& environment,
                                         const PolicyGradientOptions& options) {
  return learn(environment, options, EntropyTerm::bonus);
}

}  // namespace credo::control::learning
