#include <credo/core/numerics.hpp>
#include <credo/models/control/backward_pass.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/posterior_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

// The infinite-horizon posterior: the fixed point of
//   beta(s) = sum_a p(a | s) sum_s' p(s' | s, a) p(o = 1 | s, a, s') beta(s'),  beta(ended) = 1,
// a monotone linear map with non-negative coefficients. Stretches of finitely many steps are
// contracted by the generic engine, the messages of one being the final factor of the next, from
//   above: a constant that one step does not raise, if there is one,
//   below: beta = 0 except where the episode has ended.
// Both sequences are monotone and enclose the fixed point, so their distance is a certificate
// (interval iteration, Haddad and Monmege 2018), up to rounding. It closes because some weight
// leaks to the end from every state. Cost: 2 steps x outcomes; the distance shrinks geometrically.

namespace credo::control {
namespace {

constexpr std::size_t kShortestStretch = 64;
/// Slack of the test that the upper start does not rise, for rounding.
constexpr double kRiseSlack = 1e-12;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// log of a constant C >= 1 with weight(s goes on) C + weight(s ends) <= C wherever going on has a
/// weight below 1: the message of a step later is then at most C.
double log_constant_above(const Trajectory& trajectory, const std::vector<char>& ended) {
  constexpr double kBelowOne = -1e-9;
  const Table::Rows rows = trajectory.transition.rows();
  const std::span<const double> dynamics = trajectory.transition.values();
  std::vector<double> goes_on(trajectory.state_count, -kInfinity);
  std::vector<double> ends(trajectory.state_count, -kInfinity);
  for (std::size_t row = 0; row < rows.index.size(); ++row) {
    const std::size_t s = rows.index[row] / trajectory.action_count;
    for (std::size_t k = rows.begin[row]; k < rows.begin[row + 1]; ++k) {
      double& sum = ended[rows.column[k]] != 0 ? ends[s] : goes_on[s];
      sum = log_add(sum, trajectory.log_prior[rows.index[row]] + std::log(dynamics[k]) +
                             trajectory.log_optimality[k]);
    }
  }
  double largest = 0.0;
  for (std::size_t s = 0; s < ended.size(); ++s) {
    if (ended[s] != 0 || goes_on[s] > kBelowOne) continue;
    largest = std::max(largest, ends[s] - std::log1p(-std::exp(goes_on[s])));
  }
  return largest;
}

double midpoint(double low, double high) {
  return high == -kInfinity ? high : low + 0.5 * (high - low);
}

/// log beta(s) and log beta(s, a) at the first step of a stretch.
struct Bound {
  std::vector<double> state;
  std::vector<double> action;
};

class Stationary {
 public:
  Stationary(const Mdp& mdp, const PosteriorOptions& options)
      : mdp_(mdp), options_(options), start_(Clock::now()) {}

  Posterior solve() {
    posterior_.infinite = true;
    prepare(mdp_, trajectory_options(mdp_, options_, 1), posterior_);
    ended_.assign(posterior_.graph_states, 0);
    for (const std::size_t s : mdp_.terminal()) ended_[s] = 1;
    if (posterior_.trajectory.has_sink) ended_.back() = 1;
    if (!start_bounds() || !iterate()) return std::move(posterior_);
    finish();
    return std::move(posterior_);
  }

 private:
  bool refuse(std::string why) {
    posterior_.status = Status::refused;
    posterior_.guarantee = Guarantee::none;
    posterior_.message = std::move(why);
    return false;
  }

  /// Replaces the bound by the one `steps` earlier. False when the engine gave no answer.
  bool step_back(std::size_t steps, Bound& bound) {
    TrajectoryOptions options = trajectory_options(mdp_, options_, steps);
    options.log_final_factor = bound.state;
    const Trajectory trajectory = make_trajectory(mdp_, options);
    InferOptions infer_options = options_.infer;
    infer_options.time_limit_seconds =
        std::max(1e-3, options_.infer.time_limit_seconds - seconds_since(start_));
    Result result = contract_backward(trajectory, false, infer_options);
    note(result, posterior_);
    if (!result.ok()) return false;
    const BackwardMessages messages(trajectory, result);
    bound.state = messages.log_beta_state(0);
    bound.action = messages.log_beta_action(0);
    return true;
  }

  bool start_bounds() {
    if (!mdp_.final_reward().empty()) {
      return refuse("an infinite horizon has no last step for the final reward: give a horizon");
    }
    const std::vector<std::size_t> steps = steps_to_end(posterior_.trajectory, ended_);
    const auto stuck = std::find(steps.begin(), steps.end(), kNoState);
    if (stuck != steps.end()) {
      return refuse(fmt::format(
          "no certificate for the infinite horizon without discount: no terminal state can be "
          "reached from state {}; give a horizon, or a discount below 1",
          mdp_.state_name(static_cast<std::size_t>(stuck - steps.begin()))));
    }
    stretch_ = std::max(kShortestStretch, *std::max_element(steps.begin(), steps.end()));
    const double top = log_constant_above(posterior_.trajectory, ended_);
    for (const char ended : ended_) {
      upper_.state.push_back(ended != 0 ? 0.0 : top);
      lower_.state.push_back(ended != 0 ? 0.0 : -kInfinity);
    }
    return upper_start_holds(top);
  }

  bool upper_start_holds(double top) {
    Bound after = upper_;
    if (!step_back(1, after)) return false;
    for (std::size_t s = 0; s < ended_.size(); ++s) {
      if (ended_[s] == 0 && !(after.state[s] <= top + kRiseSlack * (1.0 + std::fabs(top)))) {
        return refuse(fmt::format(
            "no certificate for the infinite horizon: a step from state {} can raise the value "
            "(by {} in units of reward); positive rewards or a counting prior outweigh the chance "
            "of ending there; give a horizon",
            mdp_.state_name(s), options_.temperature * (after.state[s] - top)));
      }
    }
    return true;
  }

  [[nodiscard]] double half_width() const {
    double widest = 0.0;
    for (std::size_t s = 0; s < ended_.size(); ++s) {
      widest = std::max(widest, upper_.state[s] - lower_.state[s]);
    }
    return 0.5 * options_.temperature * widest;
  }

  bool iterate() {
    int stalled = 0;
    double width = kInfinity;
    while (!(width <= options_.tolerance)) {
      if (posterior_.iterations >= options_.maximum_steps || stalled > 2) {
        return refuse(fmt::format(
            "after {} steps the values are certified to {} only, the tolerance is {}: raise the "
            "{}",
            posterior_.iterations, width, options_.tolerance,
            stalled > 2 ? "tolerance (rounding is reached)" : "limit of steps or the tolerance"));
      }
      if (!step_back(stretch_, upper_) || !step_back(stretch_, lower_)) return false;
      posterior_.iterations += stretch_;
      const double before = std::exchange(width, half_width());
      stalled = width < before ? 0 : stalled + 1;
    }
    posterior_.error_bound = width;
    return true;
  }

  void finish() {
    Bound middle = upper_;
    for (std::size_t i = 0; i < middle.state.size(); ++i) {
      middle.state[i] = midpoint(lower_.state[i], upper_.state[i]);
    }
    for (std::size_t i = 0; i < middle.action.size(); ++i) {
      middle.action[i] = midpoint(lower_.action[i], upper_.action[i]);
    }
    posterior_.log_beta_state.push_back(std::move(middle.state));
    posterior_.log_beta_action.push_back(std::move(middle.action));
    std::vector<double> weight;
    const std::vector<double> value = posterior_.value();
    posterior_.initial_value = 0.0;
    for (std::size_t s = 0; s < value.size(); ++s) {
      const double p = mdp_.initial()[s];
      if (p == 0.0) continue;
      weight.push_back(std::log(p) + posterior_.log_beta_state[0][s]);
      posterior_.initial_value += p * value[s];
    }
    posterior_.log_z = log_sum_exp(weight);
    posterior_.expected_return = initial_mean(
        evaluate_policy(mdp_, posterior_.policy(), options_.discount.value_or(mdp_.discount())));
    posterior_.believed_return = believed_return(weight);
  }

  [[nodiscard]] double initial_mean(const std::vector<double>& value) const {
    if (value.empty()) return kNaN;
    double sum = 0.0;
    for (std::size_t s = 0; s < mdp_.state_count(); ++s) {
      if (mdp_.initial()[s] > 0.0) sum += mdp_.initial()[s] * value[s];
    }
    return sum;
  }

  /// Of the posterior chain, started from p(s_1 given o), whose logarithms up to log Z are given
  /// for the possible first states.
  [[nodiscard]] double believed_return(const std::vector<double>& log_weight) const {
    std::vector<ChainEntry> entries;
    std::vector<double> reward(posterior_.graph_states, 0.0);
    const std::vector<double> policy = graph_policy(posterior_, 0);
    for_each_lucky_transition(
        posterior_, 0, [&](std::size_t pair, std::size_t next, std::size_t k, double probability) {
          const std::size_t s = pair / posterior_.actions;
          entries.push_back({s, next, policy[pair] * probability});
          reward[s] += policy[pair] * probability * posterior_.trajectory.believed_reward[k];
        });
    const std::vector<double> value = solve_chain(entries, reward, ended_);
    if (value.empty()) return kNaN;
    double sum = 0.0;
    std::size_t i = 0;
    for (std::size_t s = 0; s < mdp_.state_count(); ++s) {
      if (mdp_.initial()[s] > 0.0) sum += std::exp(log_weight[i++] - posterior_.log_z) * value[s];
    }
    return sum;
  }

  const Mdp& mdp_;
  const PosteriorOptions& options_;
  Clock::time_point start_;
  Posterior posterior_;
  std::vector<char> ended_;
  Bound upper_;
  Bound lower_;
  std::size_t stretch_ = kShortestStretch;
};

}  // namespace

Posterior solve_stationary(const Mdp& mdp, const PosteriorOptions& options) {
  return Stationary(mdp, options).solve();
}

}  // namespace credo::control
