#include <credo/core/error.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/control/simulation.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>

// Independent episodes by ancestral sampling. The mean return has expectation E_pi[sum_t gamma^t
// r_t], whatever the policy was derived from: a posterior with lucky dynamics is found out here.
// Invariant: the draws of an episode are one for s_1, then two per step, all from one generator.
// Means and variances are updated one episode at a time (Welford 1962, Technometrics 4).

namespace credo::control {
namespace {

/// Decisions between two looks at the clock.
constexpr std::size_t kObserved = 256;
/// Rewards with a smaller weight cannot be seen beside the first.
constexpr double kNegligible = 1e-15;

class RunningMean {
 public:
  void add(double x) {
    ++count_;
    const double before = x - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (x - mean_);
  }
  [[nodiscard]] Estimate estimate() const {
    const auto n = static_cast<double>(count_);
    return {mean_, count_ > 1 ? std::sqrt(squares_ / (n - 1.0) / n) : kNaN};
  }

 private:
  std::size_t count_ = 0;
  double mean_ = 0.0;
  double squares_ = 0.0;
};

/// Policies of all steps, or one for every step.
class Policies {
 public:
  Policies(const Mdp& mdp, std::span<const double> one) : mdp_(mdp), tables_{one} { check(); }
  Policies(const Mdp& mdp, std::span<const std::vector<double>> many)
      : mdp_(mdp), tables_(many.begin(), many.end()) {
    check();
  }

  [[nodiscard]] std::span<const double> row(std::size_t t, std::size_t state) const {
    const std::span<const double> table = tables_.size() == 1 ? tables_[0] : tables_[t];
    return table.subspan(state * mdp_.action_count(), mdp_.action_count());
  }

 private:
  void check() const {
    constexpr double kTolerance = 1e-6;
    for (std::size_t t = 0; t < tables_.size(); ++t) {
      const std::size_t expected = mdp_.state_count() * mdp_.action_count();
      if (tables_[t].size() != expected) {
        throw ModelError(fmt::format("policy has {} entries, expected states x actions = {}",
                                     tables_[t].size(), expected));
      }
      for (std::size_t s = 0; s < mdp_.state_count(); ++s) {
        if (mdp_.is_terminal(s)) continue;
        const double sum = checked_sum(row(t, s), s);
        if (sum != 0.0 && std::fabs(sum - 1.0) > kTolerance) {
          throw ModelError(
              fmt::format("policy of state {} sums to {}, expected 1", mdp_.state_name(s), sum));
        }
      }
    }
  }

  [[nodiscard]] double checked_sum(std::span<const double> row, std::size_t state) const {
    double sum = 0.0;
    for (std::size_t a = 0; a < row.size(); ++a) {
      if (!(row[a] >= 0.0) || (row[a] > 0.0 && !mdp_.is_available(state, a))) {
        throw ModelError(
            fmt::format("policy of state {} gives {} to action {}, expected {}",
                        mdp_.state_name(state), row[a], mdp_.action_name(a),
                        mdp_.is_available(state, a) ? "a probability" : "0: it is not available"));
      }
      sum += row[a];
    }
    return sum;
  }

  const Mdp& mdp_;
  std::vector<std::span<const double>> tables_;
};

/// What one episode adds up to.
struct Episode {
  double total = 0.0;
  std::size_t steps = 0;
  std::size_t events = 0;
  bool cut_off = false;
};

class Simulator {
 public:
  Simulator(const Mdp& mdp, const Policies& policies, const SimulationOptions& options)
      : mdp_(mdp),
        policies_(policies),
        options_(options),
        discount_(options.discount.value_or(mdp.discount())),
        random_(options.seed),
        limits_(contraction::limits_of(options)),
        monitor_(limits_),
        visits_(mdp.state_count(), 0),
        new_visits_(mdp.state_count(), 0) {}

  Simulation run() {
    RunningMean total;
    RunningMean steps;
    RunningMean events;
    Simulation result;
    for (std::size_t i = 0; i < options_.episodes; ++i) {
      fraction_ = static_cast<double>(i) / static_cast<double>(options_.episodes);
      const Episode episode = draw_episode();
      if (monitor_.stopped() != Status::ok) break;
      ++result.episodes;
      take_visits();
      total.add(episode.total);
      steps.add(static_cast<double>(episode.steps));
      events.add(static_cast<double>(episode.events));
      if (episode.cut_off) ++result.cut_off;
    }
    describe_end(result);
    if (!result.ok()) return result;
    result.episode_return = total.estimate();
    result.steps = steps.estimate();
    if (options_.event) result.events = events.estimate();
    for (const std::size_t count : visits_) {
      result.visits.push_back(static_cast<double>(count) / static_cast<double>(result.episodes));
    }
    return result;
  }

 private:
  void describe_end(Simulation& result) const {
    const Status stopped = monitor_.stopped();
    result.status = result.episodes > 0 ? Status::ok : stopped;
    result.message = result.cut_off == 0
                         ? "ok"
                         : fmt::format("{} of {} episodes were cut off after {} decisions",
                                       result.cut_off, result.episodes, options_.maximum_steps);
    if (stopped == Status::ok) return;
    const std::string end =
        fmt::format("{} after {} of {} episodes",
                    stopped == Status::cancelled ? "cancelled" : "stopped at the time limit",
                    result.episodes, options_.episodes);
    result.message = result.cut_off == 0 ? end : end + "; " + result.message;
  }

  void visit(std::size_t state) {
    if (new_visits_[state]++ == 0) new_states_.push_back(state);
  }

  /// Counts the visits of an episode that was drawn to its end.
  void take_visits() {
    for (const std::size_t s : new_states_) visits_[s] += std::exchange(new_visits_[s], 0);
    new_states_.clear();
  }

  /// Whether it is time to look, and the limits say no.
  [[nodiscard]] bool is_stopped() {
    return ++looks_ % kObserved == 1 && !monitor_.may_continue("simulate", fraction_);
  }

  /// Incomplete when the limits say no.
  Episode draw_episode() {
    Episode episode;
    std::size_t state = random_.categorical(mdp_.initial());
    visit(state);
    if (is_stopped()) return episode;
    double weight = 1.0;
    while (!mdp_.is_terminal(state) && goes_on(episode.steps, weight)) {
      if (episode.steps == options_.maximum_steps) {
        episode.cut_off = true;
        break;
      }
      if (is_stopped()) return episode;
      const Transition step = draw_step(episode.steps, state);
      episode.total += weight * step.reward;
      if (options_.event && options_.event(step)) ++episode.events;
      ++episode.steps;
      weight *= discount_;
      state = step.next;
      visit(state);
    }
    if (options_.horizon && !episode.cut_off && !mdp_.final_reward().empty()) {
      episode.total +=
          std::pow(discount_, static_cast<double>(*options_.horizon)) * mdp_.final_reward()[state];
    }
    return episode;
  }

  [[nodiscard]] bool goes_on(std::size_t steps, double weight) const {
    return options_.horizon ? steps < *options_.horizon : weight >= kNegligible;
  }

  Transition draw_step(std::size_t t, std::size_t state) {
    const std::span<const double> row = policies_.row(t, state);
    const std::size_t action = random_.categorical(row);
    if (row[action] == 0.0) {
      throw ModelError(fmt::format("an episode is in state {}, where the policy has no action",
                                   mdp_.state_name(state)));
    }
    const std::span<const Outcome> outcomes = mdp_.outcomes(state, action);
    const Outcome& drawn = outcomes[random_.categorical(
        outcomes.size(), [outcomes](std::size_t i) { return outcomes[i].probability; })];
    return {state, action, drawn.next, drawn.probability, drawn.reward};
  }

  const Mdp& mdp_;
  const Policies& policies_;
  const SimulationOptions& options_;
  double discount_;
  Random random_;
  InferOptions limits_;
  contraction::Monitor monitor_;
  std::size_t looks_ = 0;
  double fraction_ = 0.0;
  std::vector<std::size_t> visits_;
  /// Of the episode that is being drawn: counts, and where they are not 0.
  std::vector<std::size_t> new_visits_;
  std::vector<std::size_t> new_states_;
};

}  // namespace

void SimulationOptions::validate() const {
  if (episodes == 0) throw OptionError("episodes 0, expected at least 1");
  if (maximum_steps == 0) throw OptionError("maximum_steps 0, expected at least 1");
  if (!(time_limit_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("time_limit_seconds {}, expected at least 0", time_limit_seconds));
  }
  if (horizon && *horizon == 0) throw OptionError("horizon 0, expected at least 1 or none");
  if (discount && !(*discount > 0.0 && *discount <= 1.0)) {
    throw OptionError(fmt::format("discount {}, expected a number in (0, 1]", *discount));
  }
}

Simulation simulate(const Mdp& mdp, std::span<const double> policy,
                    const SimulationOptions& options) {
  options.validate();
  const Policies policies(mdp, policy);
  return Simulator(mdp, policies, options).run();
}

Simulation simulate(const Mdp& mdp, std::span<const std::vector<double>> policies,
                    SimulationOptions options) {
  if (policies.empty() || options.horizon.value_or(policies.size()) != policies.size()) {
    throw OptionError(fmt::format("{} policies for a horizon of {}, expected one per step",
                                  policies.size(), options.horizon.value_or(0)));
  }
  options.horizon = policies.size();
  options.validate();
  const Policies all(mdp, policies);
  return Simulator(mdp, all, options).run();
}

}  // namespace credo::control
