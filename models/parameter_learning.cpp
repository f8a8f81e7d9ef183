// Counting, and expectation maximisation where values are missing: the counts expected under the
// tables so far (expected_counts), then tables from the counts as if they had been seen. Each
// iteration maximises a lower bound of the objective that touches it at the tables so far, so that
// the objective never falls; rounding aside a fall is an error of this program, and is reported.
// The limit depends on the start, hence the restarts. Cost per iteration: one downward pass per
// distinct incomplete row. Marginal likelihood: Cooper and Herskovits 1992, equation 5, with
// Dirichlet(c); Heckerman, Geiger and Chickering 1995 for BDeu.

#include <credo/core/error.hpp>
#include <credo/inference/conjugate/special_functions.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <utility>

namespace credo {

namespace {

/// A fall of the objective within this of its size is rounding, and a gain within the other none.
constexpr double kRounding = 1e-9;
constexpr double kNoGain = 1e-14;

/// Factors with one table: its shape, and where the child is.
struct Tied {
  std::vector<FactorId> factors;
  std::size_t states = 1;  ///< of the child
  std::size_t stride = 1;  ///< between its states
  std::vector<double> values;
  double prior = 0.0;
  bool fixed = false;

  /// body(index of the row's first entry).
  template <typename Body>
  void each_row(const Body& body) const {
    for (std::size_t outer = 0; outer < values.size(); outer += states * stride) {
      for (std::size_t inner = 0; inner < stride; ++inner) body(outer + inner);
    }
  }
};

class Learner {
 public:
  Learner(const FactorGraph& structure, const DataTable& data, const LearnOptions& options)
      : structure_(structure),
        data_(data.distinct()),
        options_(options),
        limits_(limits(options)),
        monitor_(limits_) {
    gather();
  }

  ParameterFit run() {
    if (data_.complete()) {
      count();
    } else {
      climb_all();
    }
    return std::move(best_);
  }

 private:
  static InferOptions limits(const LearnOptions& options) {
    InferOptions limits;
    limits.time_limit_seconds = options.time_limit_seconds;
    limits.observer = options.observer;
    return limits;
  }

  void gather() {
    std::map<std::pair<const void*, std::size_t>, std::size_t> known;
    for (FactorId f = 0; f < structure_.factor_count(); ++f) {
      const Factor& factor = structure_.factor(f);
      const auto child = static_cast<std::size_t>(std::ranges::find(factor.scope, *factor.child) -
                                                  factor.scope.begin());
      const bool fixed = std::ranges::find(options_.fixed, f) != options_.fixed.end();
      if (options_.tie_shared_tables && !fixed) {
        const auto [at, added] =
            known.emplace(std::pair(factor.table.identity(), child), groups_.size());
        if (!added) {
          groups_[at->second].factors.push_back(f);
          continue;
        }
      }
      groups_.push_back(group_of(f, child));
      groups_.back().fixed = fixed;
    }
  }

  [[nodiscard]] Tied group_of(FactorId f, std::size_t child) const {
    const Factor& factor = structure_.factor(f);
    Tied group;
    group.factors = {f};
    const auto shape = factor.table.shape();
    group.states = shape[child];
    for (std::size_t d = child + 1; d < shape.size(); ++d) group.stride *= shape[d];
    group.values.resize(factor.table.size());
    for (std::size_t i = 0; i < group.values.size(); ++i) group.values[i] = factor.table.at(i);
    group.prior = options_.strength;
    if (options_.prior == PriorCounts::equivalent_sample) {
      group.prior /= static_cast<double>(group.values.size());
    }
    return group;
  }

  /// Tables (N + c) / sum; rows without counts stay.
  void take_counts(const std::vector<std::vector<double>>& counts) {
    for (Tied& group : groups_) {
      if (group.fixed) continue;
      const std::vector<double> sums = sum_of(group, counts);
      group.each_row([&](std::size_t first) {
        double total = 0.0;
        for (std::size_t s = 0; s < group.states; ++s) {
          total += sums[first + s * group.stride] + group.prior;
        }
        if (total <= 0.0) return;
        for (std::size_t s = 0; s < group.states; ++s) {
          const std::size_t at = first + s * group.stride;
          group.values[at] = (sums[at] + group.prior) / total;
        }
      });
    }
  }

  static std::vector<double> sum_of(const Tied& group,
                                    const std::vector<std::vector<double>>& counts) {
    std::vector<double> sums(group.values.size(), 0.0);
    for (const FactorId f : group.factors) {
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += counts[f][i];
    }
    return sums;
  }

  /// The structure with the tables so far.
  [[nodiscard]] FactorGraph graph() const {
    std::vector<Table> tables(structure_.factor_count());
    for (const Tied& group : groups_) {
      const auto shape = structure_.factor(group.factors[0]).table.shape();
      const Table table = group.fixed ? structure_.factor(group.factors[0]).table
                                      : Table::dense({shape.begin(), shape.end()}, group.values);
      for (const FactorId f : group.factors) tables[f] = table;
    }
    FactorGraph graph;
    graph.name = structure_.name;
    for (const Variable& variable : structure_.variables()) graph.add_variable(variable);
    for (FactorId f = 0; f < tables.size(); ++f) {
      const Factor& factor = structure_.factor(f);
      graph.add_conditional(factor.scope, *factor.child, tables[f]);
    }
    return graph;
  }

  /// sum c log theta of what is learned.
  [[nodiscard]] double log_prior() const {
    CompensatedSum sum;
    for (const Tied& group : groups_) {
      if (group.fixed || group.prior == 0.0) continue;
      for (const double value : group.values) sum.add(group.prior * std::log(value));
    }
    return sum.value();
  }

  void count() {
    // Where no value is missing, counts do not depend on the tables, nor need the given ones allow
    // the data.
    std::vector<std::vector<double>> counts = plain_counts();
    take_counts(counts);
    best_.graph = graph();
    best_.counts = std::move(counts);
    const ExpectedCounts now = expected_counts(best_.graph, data_, options_.infer);
    best_.status = now.status;
    best_.message = now.ok() ? "counted; the maximum of the objective" : now.message;
    if (!now.ok()) return;
    best_.guarantee = Guarantee::exact;
    best_.log_likelihood = now.log_weight;
    best_.objective = now.log_weight + log_prior();
    best_.trace = {best_.objective};
    best_.residual = 0.0;
    if (options_.strength > 0.0) best_.log_marginal_likelihood = marginal_likelihood();
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

  [[nodiscard]] double marginal_likelihood() const {
    CompensatedSum sum;
    for (const Tied& group : groups_) {
      const std::vector<double> counts = sum_of(group, best_.counts);
      group.each_row([&](std::size_t first) {
        double total = 0.0;
        for (std::size_t s = 0; s < group.states; ++s) {
          const std::size_t at = first + s * group.stride;
          total += counts[at];
          if (counts[at] == 0.0) continue;
          sum.add(group.fixed ? counts[at] * std::log(group.values[at])
                              : conjugate::log_gamma(group.prior + counts[at]) -
                                    conjugate::log_gamma(group.prior));
        }
        if (group.fixed || total == 0.0) return;
        const double prior = group.prior * static_cast<double>(group.states);
        sum.add(conjugate::log_gamma(prior) - conjugate::log_gamma(prior + total));
      });
    }
    return sum.value();
  }

  void climb_all() {
    Random random(options_.seed);
    const std::vector<Tied> given = groups_;
    for (std::size_t start = 0; start < options_.restarts && !stopped_; ++start) {
      groups_ = given;
      if (start > 0) randomise(random);
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
    const bool late = monitor_.elapsed_seconds() > options_.time_limit_seconds;
    best_.status = late ? Status::deadline : Status::cancelled;
    best_.message =
        late ? fmt::format("stopped at the time limit of {:.3g} s", options_.time_limit_seconds)
             : "cancelled by the observer";
  }

  void randomise(Random& random) {
    for (Tied& group : groups_) {
      if (group.fixed) continue;
      group.each_row([&](std::size_t first) {
        double total = 0.0;
        for (std::size_t s = 0; s < group.states; ++s) {
          double& value = group.values[first + s * group.stride];
          if (value > 0.0) value = 1e-3 - std::log1p(-random.uniform());
          total += value;
        }
        for (std::size_t s = 0; s < group.states; ++s) {
          group.values[first + s * group.stride] /= total;
        }
      });
    }
  }

  ParameterFit climb(std::size_t start) {
    ParameterFit fit;
    fit.guarantee = Guarantee::unconverged;
    fit.message = "stopped before its fixed point";
    for (std::size_t iteration = 0;; ++iteration) {
      fit.graph = graph();
      ExpectedCounts now = expected_counts(fit.graph, data_, options_.infer);
      fit.status = now.status;
      if (!now.ok()) {
        fit.message = now.message;
        return fit;
      }
      fit.log_likelihood = now.log_weight;
      fit.objective = now.log_weight + log_prior();
      fit.trace.push_back(fit.objective);
      if (is_settled(fit) || iteration == options_.maximum_iterations) return fit;
      stopped_ =
          !monitor_.may_continue("maximum likelihood", static_cast<double>(start) /
                                                           static_cast<double>(options_.restarts));
      if (stopped_) return fit;
      fit.counts = std::move(now.counts);
      take_counts(fit.counts);
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
  std::vector<Tied> groups_;
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
