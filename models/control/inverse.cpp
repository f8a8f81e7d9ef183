#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/inverse_parts.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/control/stationary_step.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// Learning a reward is learning the parameters of a log-linear factor graph. L*(theta), the best
// value over a family of q, is a maximum of functions linear in theta: convex, with gradient
// E_q*[features] / alpha (the envelope theorem of Danskin). Free family: L* = log Z, the likelihood
// of a Markov random field. Dynamics clamped: the maximum causal entropy of Ziebart 2010. One
// forward solution and one pass over its occupancies per step of the search.

namespace credo::control {
namespace {

PosteriorOptions posterior_options(const InverseOptions& options) {
  PosteriorOptions result;
  result.temperature = options.temperature;
  result.prior = options.prior;
  result.action_prior = options.action_prior;
  result.horizon = options.horizon;
  result.discount = options.discount;
  result.infer = options.infer;
  return result;
}

double discount_of(const Mdp& mdp, const InverseOptions& options) {
  return options.discount.value_or(mdp.discount());
}

/// The answer of a flow per step (one for ever when the horizon is infinite).
template <typename FlowAt>
void add_up(const Mdp& mdp, const Features& features, std::optional<std::size_t> horizon,
            std::vector<double> start, const FlowAt& flow_at, FeatureBound& bound) {
  std::vector<double> occupancy(mdp.outcome_count(), 0.0);
  if (horizon) {
    for (std::size_t t = 0; t < *horizon; ++t) {
      start = follow(mdp, flow_at(t), start, occupancy);
    }
  } else {
    occupancy = stationary_occupancy(mdp, flow_at(0), start);
    if (occupancy.empty()) {
      bound.status = Status::refused;
      bound.message = "expected features are infinite: some state is visited for ever";
      bound.value = kNaN;
      return;
    }
  }
  bound.expectations = expected_features(features, occupancy);
  bound.message = "answered";
}

/// False for the values of a last sweep, which a limit stopped before the fixed point: they have no
/// gradient.
template <typename Solution>
bool stands(const Solution& solution) {
  return !solution.ok() || solution.guarantee == Guarantee::exact;
}

FeatureBound causal_bound(const Mdp& mdp, const Features& features, const Mdp& rewarded,
                          const InverseOptions& options) {
  ControlOptions control;
  control.method = Method::clamped;
  control.temperature = options.temperature;
  control.prior = options.prior;
  control.action_prior = options.action_prior;
  control.horizon = options.horizon;
  control.discount = options.discount;
  control.gap = false;
  control.infer = options.infer;
  const ControlSolution solution = solve_control(rewarded, control);
  FeatureBound bound;
  bound.status = stands(solution) ? solution.status : Status::deadline;
  bound.message = solution.message;
  if (bound.status != Status::ok) return bound;
  bound.value = solution.initial_value / options.temperature;
  add_up(
      mdp, features, options.horizon, {mdp.initial().begin(), mdp.initial().end()},
      [&](std::size_t t) {
        return flow_of_policy(mdp, solution.policy(t), discount_of(mdp, options));
      },
      bound);
  return bound;
}

/// pi_t(a | s) and p(s' | s, a, o) of the posterior, by outcome: an outcome that the discount may
/// end has the weight of both ways on.
Flow flow_of_posterior(const Mdp& mdp, std::span<const double> log_optimality,
                       const Posterior& posterior, std::size_t t, double discount) {
  const std::vector<double> policy = posterior.policy(t);
  const std::vector<double>& next = posterior.log_beta_state.at(posterior.infinite ? 0 : t + 1);
  const double log_ended = discount < 1.0 ? std::log1p(-discount) + next.back() : -kInfinity;
  Flow flow{std::vector<double>(mdp.outcome_count(), 0.0),
            std::vector<double>(mdp.outcome_count(), 0.0)};
  for_each_outcome(mdp, [&](std::size_t place, std::size_t s, std::size_t a, const Outcome& o) {
    const std::size_t pair = s * mdp.action_count() + a;
    if (policy[pair] == 0.0) return;
    const double log_weight = std::log(policy[pair] * o.probability) + log_optimality[place] -
                              posterior.log_beta_action[t][pair];
    const double log_continued = std::log(discount) + next[o.next];
    flow.continued[place] = std::exp(log_weight + log_continued);
    flow.taken[place] = flow.continued[place] + std::exp(log_weight + log_ended);
  });
  return flow;
}

FeatureBound noncausal_bound(const Mdp& mdp, const Features& features, const Mdp& rewarded,
                             std::span<const double> theta, const InverseOptions& options) {
  const Posterior posterior = solve_posterior(rewarded, posterior_options(options));
  FeatureBound bound;
  bound.status = stands(posterior) ? posterior.status : Status::deadline;
  bound.message = posterior.message;
  if (bound.status != Status::ok) return bound;
  bound.value = posterior.log_z;
  std::vector<double> log_optimality = feature_rewards(features, theta);
  for (double& r : log_optimality) r /= options.temperature;
  std::vector<double> start;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    start.push_back(mdp.initial()[s] * std::exp(posterior.log_beta_state[0][s] - posterior.log_z));
  }
  normalize(start);
  add_up(
      mdp, features, options.horizon, std::move(start),
      [&](std::size_t t) {
        return flow_of_posterior(mdp, log_optimality, posterior, t, discount_of(mdp, options));
      },
      bound);
  return bound;
}

/// The objective, and what went wrong when it has no value.
class Objective {
 public:
  Objective(const Mdp& mdp, const Features& features, std::span<const double> expert,
            const InverseOptions& options)
      : mdp_(mdp), features_(features), expert_(expert), options_(options), now_(options) {}

  double operator()(std::span<const double> theta, std::span<double> gradient) {
    if (stopped()) return kNaN;
    // The limit is that of the whole search.
    now_.infer.time_spent_seconds = options_.infer.time_spent_seconds + watch_.seconds();
    last_ = feature_bound(mdp_, features_, theta, now_);
    if (!last_.ok()) return kInfinity;
    double value = options_.temperature * last_.value;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double pull = options_.regularisation * theta[i];
      value += theta[i] * (0.5 * pull - expert_[i]);
      gradient[i] = last_.expectations[i] - expert_[i] + pull;
    }
    if (value <= best_value_) {
      best_value_ = value;
      best_ = last_;
    }
    return value;
  }

  /// At the smallest value so far.
  [[nodiscard]] const FeatureBound& best() const noexcept { return best_; }
  [[nodiscard]] const FeatureBound& last() const noexcept { return last_; }
  /// Whether asking again is pointless.
  [[nodiscard]] bool stopped() const noexcept {
    return last_.status == Status::cancelled || last_.status == Status::deadline;
  }

 private:
  const Mdp& mdp_;
  const Features& features_;
  std::span<const double> expert_;
  const InverseOptions& options_;
  InverseOptions now_;
  Watch watch_;
  FeatureBound last_;
  FeatureBound best_;
  double best_value_ = kInfinity;
};

}  // namespace

void InverseOptions::validate(const Mdp& mdp, const Features& features) const {
  posterior_options(*this).validate(mdp);
  if (!(regularisation >= 0.0 && std::isfinite(regularisation))) {
    throw OptionError(fmt::format("regularisation {}, expected at least 0", regularisation));
  }
  const std::vector<double> zero(features.count, 0.0);
  check_features(mdp, features, start.empty() ? zero : start, "start");
  minimize.validate();
}

FeatureBound feature_bound(const Mdp& mdp, const Features& features, std::span<const double> theta,
                           const InverseOptions& options) {
  options.validate(mdp, features);
  const Mdp rewarded = with_feature_reward(mdp, features, theta);
  return options.model == InverseModel::causal
             ? causal_bound(mdp, features, rewarded, options)
             : noncausal_bound(mdp, features, rewarded, theta, options);
}

InverseSolution solve_inverse(const Mdp& mdp, const Features& features,
                              std::span<const double> expert, const InverseOptions& options) {
  options.validate(mdp, features);
  check_features(mdp, features, expert, "expert");
  Objective objective(mdp, features, expert, options);
  std::vector<double> start = options.start;
  if (start.empty()) start.assign(features.count, 0.0);
  // Expectations of large features are rounded accordingly.
  MinimizeOptions search = options.minimize;
  for (const double f : expert) {
    search.gradient_tolerance =
        std::max(search.gradient_tolerance, options.minimize.gradient_tolerance * std::fabs(f));
  }
  const Minimum minimum =
      credo::minimize([&objective](std::span<const double> x,
                                   std::span<double> gradient) { return objective(x, gradient); },
                      std::move(start), search);
  InverseSolution solution;
  solution.evaluations = minimum.evaluations;
  if (minimum.trace.empty() || !objective.best().ok()) {
    solution.status = objective.last().status;
    solution.message = objective.last().message;
    return solution;
  }
  const bool stopped = objective.stopped();
  const FeatureBound bound =
      stopped ? objective.best() : feature_bound(mdp, features, minimum.x, options);
  solution.status = bound.status;
  solution.message = stopped ? fmt::format("stopped after {} iterations: {}", minimum.iterations,
                                           objective.last().message)
                             : minimum.message;
  solution.guarantee =
      minimum.converged && !stopped ? Guarantee::fixed_point : Guarantee::unconverged;
  solution.theta = minimum.x;
  solution.objective = minimum.value;
  solution.expectations = bound.expectations;
  solution.gradient_norm = minimum.gradient_norm;
  solution.iterations = minimum.iterations;
  solution.trace = minimum.trace;
  return solution;
}

InverseSolution solve_inverse(const Mdp& mdp, const Features& features,
                              std::span<const Demonstration> demonstrations,
                              const InverseOptions& options) {
  options.validate(mdp, features);
  const std::vector<double> expert =
      feature_expectations(mdp, features, demonstrations, discount_of(mdp, options));
  for (std::size_t i = 0; i < demonstrations.size(); ++i) {
    const std::size_t steps = demonstrations[i].actions.size();
    if (!options.horizon || steps == *options.horizon) continue;
    if (steps > *options.horizon || !mdp.is_terminal(demonstrations[i].states.back())) {
      throw OptionError(fmt::format(
          "demonstration {} has {} steps, expected the horizon, {}, or fewer and a terminal state",
          i, steps, *options.horizon));
    }
  }
  return solve_inverse(mdp, features, expert, options);
}

}  // namespace credo::control
