// Counting, and expectation maximisation where values are missing: the counts expected under the
// tables so far (expected_counts), then tables from the counts as if they had been seen. Each
// iteration maximises a lower bound of the objective that touches it at the tables so far, so that
// the objective never falls; rounding aside a fall is an error of this program, and is reported.
// The limit depends on the start, hence the restarts. Cost per iteration: one downward pass per
// distinct incomplete row; the rows that miss the same variables are planned once for all
// iterations and starts.

#include <credo/core/error.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>
#include <credo/models/tied_tables.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace credo {

namespace {

/// A fall of the objective within this of its size is rounding, and a gain within the other none.
constexpr double kRounding = 1e-9;
constexpr double kNoGain = 1e-14;

class Learner {
 public:
  Learner(const FactorGraph& structure, const DataTable& data, const LearnOptions& options)
      : structure_(structure),
        data_(data.distinct()),
        options_(options),
        limits_(contraction::limits_of(options)),
        monitor_(limits_),
        tables_(structure, options),
        counter_(data_, options.infer) {}

  ParameterFit run() {
    if (data_.complete()) {
      count();
    } else {
      climb_all();
    }
    best_.patterns = counter_.pattern_count();
    return std::move(best_);
  }

 private:
  void count() {
    // Where no value is missing, counts do not depend on the tables, nor need the given ones allow
    // the data.
    std::vector<std::vector<double>> counts = plain_counts();
    tables_.take_counts(counts);
    best_.graph = tables_.graph();
    best_.counts = std::move(counts);
    const ExpectedCounts now = counter_.count(best_.graph);
    best_.status = now.status;
    best_.message = now.ok() ? "counted; the maximum of the objective" : now.message;
    if (!now.ok()) return;
    best_.guarantee = Guarantee::exact;
    best_.log_likelihood = now.log_weight;
    best_.objective = now.log_weight + tables_.log_prior();
    best_.trace = {best_.objective};
    best_.residual = 0.0;
    if (options_.strength > 0.0) {
      best_.log_marginal_likelihood = tables_.log_marginal_likelihood(best_.counts);
    }
  }

  [[nodiscard]] std::vector<std::vector<double>> plain_counts() const {
    std::vector<std::vector<double>> counts;
    for (const Factor& factor : structure_.factors()) {
      std::vector<double>& table = counts.emplace_back(factor.table.size(), 0.0);
      for (std::size_t r = 0; r < data_.rows(); ++r) {
        std::size_t index = 0;
        for (const VariableId v : factor.scope) {
          index = index * structure_.cardinality(v) + data_.row(r)[v];
        }
        table[index] += data_.weight(r);
      }
    }
    return counts;
  }

  void climb_all() {
    Random random(options_.seed);
    const TiedTables given = tables_;
    for (std::size_t start = 0; start < options_.restarts && !stopped_; ++start) {
      tables_ = given;
      if (start > 0) tables_.randomise(random);
      ParameterFit fit = climb(start);
      // NaN loses.
      if (start == 0 || fit.objective > best_.objective || !(best_.objective > -kInfinity)) {
        best_ = std::move(fit);
        best_.best_start = start;
      }
    }
    if (stopped_) note_stop();
  }

  void note_stop() {
    best_.status = monitor_.stopped();
    best_.message = contraction::stop_message(best_.status, options_.time_limit_seconds);
  }

  ParameterFit climb(std::size_t start) {
    ParameterFit fit;
    fit.guarantee = Guarantee::unconverged;
    fit.message = "stopped before its fixed point";
    for (std::size_t iteration = 0;; ++iteration) {
      fit.graph = tables_.graph();
      ExpectedCounts now = counter_.count(fit.graph);
      fit.status = now.status;
      if (!now.ok()) {
        fit.message = now.message;
        return fit;
      }
      fit.log_likelihood = now.log_weight;
      fit.objective = now.log_weight + tables_.log_prior();
      fit.trace.push_back(fit.objective);
      if (is_settled(fit) || iteration == options_.maximum_iterations) return fit;
      stopped_ =
          !monitor_.may_continue("maximum likelihood", static_cast<double>(start) /
                                                           static_cast<double>(options_.restarts));
      if (stopped_) return fit;
      fit.counts = std::move(now.counts);
      tables_.take_counts(fit.counts);
    }
  }

  [[nodiscard]] bool is_settled(ParameterFit& fit) const {
    if (fit.trace.size() < 2) return false;
    const double before = fit.trace[fit.trace.size() - 2];
    fit.residual = fit.objective - before;
    const double size = 1.0 + std::fabs(fit.objective);
    if (fit.residual < -kRounding * size) {
      assert(false && "an iteration lowered the objective");
      fit.message = "an iteration lowered the objective; do not trust it";
      return true;
    }
    if (fit.residual >= options_.tolerance && fit.residual > kNoGain * size) return false;
    fit.guarantee = Guarantee::fixed_point;
    fit.message = "a stationary point of the objective";
    return true;
  }

  const FactorGraph& structure_;
  DataTable data_;
  const LearnOptions& options_;
  InferOptions limits_;
  contraction::Monitor monitor_;
  TiedTables tables_;
  ExpectedCounter counter_;
  ParameterFit best_;
  bool stopped_ = false;
};

}  // namespace

void LearnOptions::validate() const {
  const auto refuse = [](std::string_view name, std::string_view bound, double given) {
    throw OptionError(fmt::format("option {}: expected {}, got {}", name, bound, given));
  };
  if (!(strength >= 0.0 && std::isfinite(strength))) {
    refuse("strength", "a finite number of at least 0", strength);
  }
  if (restarts == 0) refuse("restarts", "at least 1", 0.0);
  if (!(tolerance >= 0.0)) refuse("tolerance", "at least 0", tolerance);
  if (!(time_limit_seconds >= 0.0)) refuse("time_limit_seconds", "at least 0", time_limit_seconds);
  infer.validate();
}

ParameterFit learn_parameters(const FactorGraph& structure, const DataTable& data,
                              const LearnOptions& options) {
  options.validate();
  structure.require_discrete("learn_parameters");
  data.require_fits(structure);
  if (!structure.is_bayesian_network()) {
    throw ModelError(
        "learn_parameters: expected a Bayesian network (every factor a conditional, every variable "
        "the child of exactly one), got other factors; a log-linear model fits those");
  }
  for (const FactorId f : options.fixed) {
    if (f >= structure.factor_count()) {
      throw ModelError(fmt::format("learn_parameters, fixed: expected factors below {}, got {}",
                                   structure.factor_count(), f));
    }
  }
  return Learner(structure, data, options).run();
}

}  // namespace credo
