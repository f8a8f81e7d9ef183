// Expectation maximisation from one start: the counts expected under the tables so far, then tables
// from the counts as if they had been seen. Each iteration maximises a lower bound of the objective
// that touches it at the tables so far, so that the objective never falls; rounding aside a fall is
// an error of this program, and is reported. Its fixed points are the stationary points of the
// objective, saddles among them (Wu 1983): from tables that treat two hidden states alike no
// iteration ever tells them apart. Near a saddle the iterations move away from it, so that a small
// random shake and more iterations tell a saddle from a maximum.

#include <credo/models/expectation_ascent.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace credo {

namespace {

/// A fall of the objective within this of its size is rounding, and a gain within the other none.
constexpr double kRounding = 1e-9;
constexpr double kNoGain = 1e-14;

/// Probabilities are shaken by factors within exp(-kShake) and exp(kShake).
constexpr double kShake = 0.1;
/// A point is a saddle when a shake leads to more than this above it, in nats and relative to the
/// objective's size: iterations that stop a little early on the way to one maximum differ by less.
constexpr double kSaddleGain = 1e-4;
constexpr double kRelativeSaddleGain = 1e-9;
/// Bounds the work; every escape raises the objective.
constexpr std::size_t kMostEscapes = 20;

}  // namespace

ExpectationAscent::ExpectationAscent(const LearnOptions& options, TiedTables start,
                                     ExpectedCounter& counter)
    : options_(&options), tables_(std::move(start)), counter_(&counter) {
  fit_.guarantee = Guarantee::unconverged;
  fit_.status = Status::ok;
  fit_.message = "stopped before its fixed point";
  fit_.graph = tables_.graph();
}

void ExpectationAscent::climb(const MayContinue& may_continue) {
  std::vector<std::vector<double>> counts;  // that the tables come from
  for (std::size_t iteration = 0;; ++iteration) {
    stopped_ = !may_continue();
    if (stopped_) return;
    FactorGraph graph = tables_.graph();
    ExpectedCounts now = counter_->count(graph);
    stopped_ = !may_continue();
    if (stopped_) return;
    if (!now.ok()) {
      fit_.status = now.status;
      fit_.message = now.message;
      return;
    }
    fit_.graph = std::move(graph);
    fit_.counts = std::move(counts);
    fit_.log_likelihood = now.log_weight;
    fit_.objective = now.log_weight + tables_.log_prior();
    fit_.trace.push_back(fit_.objective);
    if (is_settled() || iteration == options_->maximum_iterations) return;
    counts = std::move(now.counts);
    tables_.take_counts(counts);
  }
}

bool ExpectationAscent::is_settled() {
  if (fit_.trace.size() < 2) return false;
  const double before = fit_.trace[fit_.trace.size() - 2];
  fit_.residual = fit_.objective - before;
  const double size = 1.0 + std::fabs(fit_.objective);
  if (fit_.residual < -kRounding * size) {
    assert(false && "an iteration lowered the objective");
    fit_.message = "an iteration lowered the objective; do not trust it";
    return true;
  }
  if (fit_.residual >= options_->tolerance && fit_.residual > kNoGain * size) return false;
  fit_.guarantee = Guarantee::fixed_point;
  fit_.message = "a stationary point of the objective";
  return true;
}

std::size_t ExpectationAscent::leave_saddles(Random& random, const MayContinue& may_continue) {
  std::size_t left = 0;
  while (fit_.guarantee == Guarantee::fixed_point && left < kMostEscapes && !stopped_) {
    TiedTables shaken = tables_;
    shaken.shake(random, kShake);
    ExpectationAscent other(*options_, std::move(shaken), *counter_);
    other.climb(may_continue);
    stopped_ = other.stopped_;
    const double gain = other.fit_.objective - fit_.objective;
    // NaN where it was stopped at once.
    const double needed = kSaddleGain + kRelativeSaddleGain * std::fabs(fit_.objective);
    const bool is_saddle = gain > needed;
    if (is_saddle) {
      adopt(std::move(other));
      ++left;
    } else if (stopped_) {
      fit_.message += "; stopped before it was known to be more than a saddle";
    }
    if (!is_saddle) break;
  }
  return left;
}

void ExpectationAscent::adopt(ExpectationAscent&& higher) {
  // The shake lost some of the objective: the trace goes on from where that was made good.
  std::vector<double> trace = std::move(fit_.trace);
  const double reached = fit_.objective;
  tables_ = std::move(higher.tables_);
  fit_ = std::move(higher.fit_);
  for (const double value : fit_.trace) {
    if (value >= reached) trace.push_back(value);
  }
  fit_.trace = std::move(trace);
}

}  // namespace credo
