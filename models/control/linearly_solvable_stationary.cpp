#include <credo/core/numerics.hpp>
#include <credo/inference/variational/stationary.hpp>
#include <credo/models/control/linearly_solvable_parts.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/stationary_step.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

// For ever. The slice that repeats itself has states as contexts and, as its choice, free over the
// base measure p0, the place among the successors of a state: U(s) = log sum_i p0(s_i | s)
// exp(-c(s) + gamma V(s_i)), V = log z. Its fixed point is that of first exit (gamma = 1) and of
// the discounted problem.
//
// The average criterion has no fixed point but an eigenvector, lambda z = diag(exp(-c)) P0 z. Every
// z > 0 encloses it: min and max over s of log (A z)(s) / z(s) are bounds on log lambda (Collatz
// 1942, Wielandt 1950). Steps of the power method bring far-away logarithms into range; Noda's
// inverse iteration (1971), z <- (e^hi - A)^-1 z, then converges quadratically and needs no
// aperiodicity. With diag(z)^-1 A diag(z) in place of A nothing under- or overflows. Cost: entries
// per power step, one sparse factorisation per step of Noda's, of which there are few.

namespace credo::control {
namespace {

using Clock = std::chrono::steady_clock;

SliceDescription describe_slice(const LinearlySolvable& problem, double discount) {
  SliceDescription d;
  d.contexts = problem.state_count();
  for (std::size_t s = 0; s < d.contexts; ++s) {
    d.choices = std::max(d.choices, problem.passive(s).size());
  }
  d.begin.push_back(0);
  for (std::size_t s = 0; s < d.contexts; ++s) {
    const std::span<const ChainEntry> row = problem.passive(s);
    const bool ends = problem.is_terminal(s);
    for (std::size_t i = 0; i < d.choices; ++i) {
      const bool exists = i < row.size();
      if (exists && !ends) {
        d.next.push_back(static_cast<std::uint32_t>(row[i].next));
        d.probability.push_back(discount);
      }
      d.begin.push_back(d.next.size());
      d.end_probability.push_back(ends ? 1.0 : 1.0 - discount);
      d.row_score.push_back(!exists ? -kInfinity
                            : ends  ? -problem.final_cost(s)
                                    : -problem.state_cost(s));
      d.log_base.push_back(exists ? std::log(row[i].weight) : 0.0);
    }
  }
  return d;
}

void refuse(LinearlySolvableSolution& solution, std::string why) {
  solution.status = Status::refused;
  solution.message = std::move(why);
}

/// A state that cannot be reached from state 0, along the passive dynamics or against them; the
/// count when there is none.
std::size_t find_unreached(const LinearlySolvable& problem, bool against) {
  const std::size_t states = problem.state_count();
  std::vector<std::vector<std::size_t>> ways(states);
  for (std::size_t s = 0; s < states; ++s) {
    for (const ChainEntry& e : problem.passive(s)) {
      ways[against ? e.next : s].push_back(against ? s : e.next);
    }
  }
  std::vector<char> reached(states, 0);
  std::vector<std::size_t> queue = {0};
  reached[0] = 1;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    for (const std::size_t next : ways[queue[i]]) {
      if (std::exchange(reached[next], 1) == 0) queue.push_back(next);
    }
  }
  return static_cast<std::size_t>(std::find(reached.begin(), reached.end(), 0) - reached.begin());
}

/// Why the average criterion has no answer; empty when it has one.
std::string why_not_average(const LinearlySolvable& problem) {
  for (std::size_t s = 0; s < problem.state_count(); ++s) {
    if (problem.is_terminal(s)) {
      return fmt::format("average cost: state {} is terminal, expected a process that goes on",
                         problem.state_name(s));
    }
  }
  for (const bool against : {false, true}) {
    const std::size_t s = find_unreached(problem, against);
    if (s == problem.state_count()) continue;
    const std::string first = problem.state_name(0);
    const std::string other = problem.state_name(s);
    return fmt::format(
        "average cost: state {} cannot be reached from state {}; every state must be reachable "
        "from every other one",
        against ? first : other, against ? other : first);
  }
  return {};
}

class PrincipalPair {
 public:
  PrincipalPair(const LinearlySolvable& problem, const LinearlySolvableOptions& options)
      : problem_(problem),
        options_(options),
        slice_(describe_slice(problem, 1.0)),
        log_z_(problem.state_count(), 0.0),
        next_(problem.state_count(), 0.0),
        start_(Clock::now()) {}

  LinearlySolvableSolution solve() {
    solution_.algorithm_used = "principal eigenpair: power steps and Noda iteration";
    power_step();
    while (half_width() > std::max(options_.tolerance, rounding())) {
      if (stopped()) {
        if (solution_.status != Status::refused) keep_bounds();
        return std::move(solution_);
      }
      // Two power steps, so that a factorisation is only paid for when they are not enough.
      if (solution_.iterations % 3 == 0) {
        noda_step();
      } else {
        log_z_ = next_;
      }
      power_step();
    }
    solution_.status = Status::ok;
    solution_.message = "answered";
    solution_.guarantee = Guarantee::exact;
    finish();
    return std::move(solution_);
  }

 private:
  /// next = log(A z), and the bounds.
  void power_step() {
    const double largest = *std::max_element(log_z_.begin(), log_z_.end());
    for (double& x : log_z_) x -= largest;
    slice_.apply(log_z_, next_);
    low_ = kInfinity;
    high_ = -kInfinity;
    for (std::size_t s = 0; s < log_z_.size(); ++s) {
      low_ = std::min(low_, next_[s] - log_z_[s]);
      high_ = std::max(high_, next_[s] - log_z_[s]);
    }
    ++solution_.iterations;
  }

  /// z <- (1 - A / e^high)^-1 z: y = 1 + D^-1 (A / e^high) D y, D = diag(z).
  void noda_step() {
    std::vector<ChainEntry> entries;
    entries.reserve(problem_.entry_count());
    for (std::size_t s = 0; s < log_z_.size(); ++s) {
      for (const ChainEntry& e : problem_.passive(s)) {
        entries.push_back(
            {s, e.next,
             e.weight * std::exp(log_z_[e.next] - log_z_[s] - problem_.state_cost(s) - high_)});
      }
    }
    const std::vector<double> ones(log_z_.size(), 1.0);
    const std::vector<double> y = solve_chain(entries, ones, std::vector<char>(log_z_.size(), 0));
    const bool positive =
        !y.empty() && std::all_of(y.begin(), y.end(), [](double x) { return x > 0.0; });
    for (std::size_t s = 0; s < log_z_.size(); ++s) {
      // Singular: high is the eigenvalue up to rounding, and power steps do the rest.
      log_z_[s] = positive ? log_z_[s] + std::log(y[s]) : next_[s];
    }
  }

  [[nodiscard]] double half_width() const { return 0.5 * (high_ - low_); }

  /// Of the bounds: a few units in the last place of the largest logarithm.
  [[nodiscard]] double rounding() const {
    constexpr double kUnits = 8.0 * 2.2e-16;
    double largest = std::max(std::fabs(low_), std::fabs(high_));
    for (const double x : log_z_) largest = std::max(largest, std::fabs(x));
    return kUnits * largest;
  }

  bool stopped() {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const Progress progress{"principal eigenpair", 0.0, seconds};
    if (options_.infer.observer && !options_.infer.observer(progress)) {
      solution_.status = Status::cancelled;
      solution_.message = "cancelled by the observer";
    } else if (seconds + options_.infer.time_spent_seconds > options_.infer.time_limit_seconds) {
      solution_.status = Status::deadline;
      solution_.message =
          fmt::format("the time limit of {} seconds came first", options_.infer.time_limit_seconds);
    } else if (solution_.iterations >= options_.maximum_steps) {
      refuse(solution_, fmt::format("average cost: within {:.3g} after {} steps, asked for {:.3g}",
                                    half_width(), solution_.iterations, options_.tolerance));
    } else {
      return false;
    }
    return true;
  }

  /// Stopped by the limits: the bounds so far enclose the cost all the same.
  void keep_bounds() {
    solution_.status = Status::ok;
    solution_.guarantee = Guarantee::unconverged;
    solution_.message += fmt::format(
        "; the cost per step is within {:.3g} of the truth after {} "
        "steps",
        half_width(), solution_.iterations);
    finish();
  }

  void finish() {
    solution_.log_desirability = {log_z_};
    solution_.average_cost = -0.5 * (low_ + high_);
    solution_.error_bound = half_width();
    solution_.timings.infer_seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  }

  const LinearlySolvable& problem_;
  const LinearlySolvableOptions& options_;
  Slice slice_;
  std::vector<double> log_z_;
  std::vector<double> next_;
  double low_ = -kInfinity;
  double high_ = kInfinity;
  Clock::time_point start_;
  LinearlySolvableSolution solution_;
};

}  // namespace

LinearlySolvableSolution solve_fixed_point(const LinearlySolvable& problem,
                                           const LinearlySolvableOptions& options) {
  const bool discounted = options.criterion == CostCriterion::discounted;
  StationaryOptions stationary;
  stationary.tolerance = options.tolerance;
  stationary.maximum_sweeps = options.maximum_steps;
  stationary.time_limit_seconds =
      std::max(0.0, options.infer.time_limit_seconds - options.infer.time_spent_seconds);
  stationary.memory_limit_bytes = options.infer.memory_limit_bytes;
  stationary.observer = options.infer.observer;
  stationary.conditional = false;
  const StationaryResult result = solve_stationary(
      Slice(describe_slice(problem, discounted ? options.discount : 1.0)), stationary);
  LinearlySolvableSolution solution;
  solution.status = result.status;
  solution.message = result.message;
  solution.guarantee = result.guarantee;
  solution.algorithm_used = "stationary: " + result.method_used;
  solution.timings = result.timings;
  solution.iterations = result.sweeps;
  if (!result.ok() && !stopped_with_values(result)) return solution;
  if (!result.ok()) {
    solution.status = Status::ok;
    solution.message += "; the values are those of the last sweep, not the fixed point";
  }
  solution.error_bound = result.error_bound;
  solution.log_desirability = {result.value};
  solution.initial_cost = expected_initial_cost(problem, result.value);
  return solution;
}

LinearlySolvableSolution solve_average(const LinearlySolvable& problem,
                                       const LinearlySolvableOptions& options) {
  if (std::string why = why_not_average(problem); !why.empty()) {
    LinearlySolvableSolution solution;
    refuse(solution, std::move(why));
    return solution;
  }
  return PrincipalPair(problem, options).solve();
}

}  // namespace credo::control
