// Counting, and expectation maximisation where values are missing: the best of several starts, of
// which the first and the best are tested for being more than saddles. The limit depends on the
// start, hence the restarts. Cost per iteration: one downward pass per distinct incomplete row; the
// rows that miss the same variables are planned once for all iterations and starts.

#include <credo/core/error.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/expectation_ascent.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>
#include <credo/models/tied_tables.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

namespace {

/// Rows counted between two looks at the clock.
constexpr std::size_t kRowsBetweenLooks = 1024;

class Learner {
 public:
  Learner(const FactorGraph& structure, const DataTable& data, const LearnOptions& options)
      : structure_(structure),
        data_(data),
        options_(options),
        limits_(contraction::limits_of(options)),
        monitor_(limits_),
        tables_(structure, options),
        shakes_(options.seed) {}
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  ParameterFit run() {
    if (data_.complete()) {
      count();
    } else {
      climb_all();
    }
    if (monitor_.stopped() != Status::ok) note_stop();
    return std::move(best_);
  }

 private:
  bool may_continue() { return monitor_.may_continue("maximum likelihood", fraction_); }

  /// What a stop leaves when nothing was done yet: the given tables.
  void keep_given() {
    best_.graph = tables_.graph();
    best_.guarantee = Guarantee::unconverged;
  }

  void note_stop() {
    const bool started = !std::isnan(best_.log_likelihood);
    best_.status = monitor_.stopped();
    best_.message = contraction::stop_message(best_.status, options_.time_limit_seconds);
    if (!started) best_.message += " before the first iteration; the tables are the given ones";
    if (started && starts_ > 1) {
      best_.message += fmt::format("; the best of {} starts in place of {}",
                                   best_.start_objectives.size(), starts_);
    }
  }

  void count() {
    // Where no value is missing, counts do not depend on the tables, nor need the given ones allow
    // the data.
    std::vector<std::vector<double>> counts;
    if (!count_rows(counts)) return keep_given();
    tables_.take_counts(counts);
    best_.patterns = data_.rows() > 0 ? 1 : 0;
    best_.graph = tables_.graph();
    best_.counts = std::move(counts);
    best_.log_likelihood = tables_.log_likelihood(best_.counts);
    if (best_.log_likelihood == -kInfinity) {
      // A fixed table forbids a row; counting one by one names it.
      const ExpectedCounts now = expected_counts(best_.graph, data_, options_.infer);
      best_.status = now.status;
      best_.message = now.message;
      best_.log_likelihood = kNaN;
      return;
    }
    best_.status = Status::ok;
    best_.message = "counted; the maximum of the objective";
    best_.guarantee = Guarantee::exact;
    best_.objective = best_.log_likelihood + tables_.log_prior();
    best_.trace = {best_.objective};
    best_.residual = 0.0;
    if (options_.strength > 0.0) {
      best_.log_marginal_likelihood = tables_.log_marginal_likelihood(best_.counts);
    }
  }

  /// One pass over the rows; false when told to stop.
  [[nodiscard]] bool count_rows(std::vector<std::vector<double>>& counts) {
    for (const Factor& factor : structure_.factors()) {
      counts.emplace_back(factor.table.size(), 0.0);
    }
    for (std::size_t r = 0; r < data_.rows(); ++r) {
      if (r % kRowsBetweenLooks == 0 && !may_continue()) return false;
      const auto states = data_.row(r);
      for (FactorId f = 0; f < structure_.factor_count(); ++f) {
        std::size_t index = 0;
        for (const VariableId v : structure_.factor(f).scope) {
          index = index * structure_.cardinality(v) + states[v];
        }
        counts[f][index] += data_.weight(r);
      }
    }
    return true;
  }

  /// So that a step of the counting stops when the learner has to.
  [[nodiscard]] InferOptions counting_options() {
    InferOptions infer = options_.infer;
    infer.observer = [this, asked = options_.infer.observer](const Progress& progress) {
      return may_continue() && (!asked || asked(progress));
    };
    return infer;
  }

  void climb_all() {
    keep_given();
    const std::optional<DataTable> distinct = data_.distinct(keep_going_);
    if (!distinct) return;
    ExpectedCounter counter(*distinct, counting_options());
    starts_ = options_.restarts.value_or(
        distinct->has_hidden_column() ? LearnOptions::kStartsWithHidden : 1);
    std::optional<ExpectationAscent> best = best_of_starts(counter);
    if (best_start_ > 0 && !best->stopped()) {
      escaped_ += best->leave_saddles(shakes_, keep_going_);
      objectives_[best_start_] = best->fit().objective;
    }
    best_ = best->fit();
    best_.best_start = best_start_;
    best_.start_objectives = std::move(objectives_);
    best_.escaped_saddles = escaped_;
    best_.kept_zeros = TiedTables(structure_, options_).lasting_zeros();
    best_.patterns = counter.pattern_count();
    describe_starts();
  }

  [[nodiscard]] std::optional<ExpectationAscent> best_of_starts(ExpectedCounter& counter) {
    Random random(options_.seed);
    std::optional<ExpectationAscent> best;
    for (std::size_t start = 0; start < starts_; ++start) {
      fraction_ = static_cast<double>(start) / static_cast<double>(starts_);
      TiedTables from = tables_;
      if (start > 0) from.randomise(random);
      ExpectationAscent ascent(options_, std::move(from), counter);
      ascent.climb(keep_going_);
      if (start == 0) escaped_ += ascent.leave_saddles(shakes_, keep_going_);
      const double objective = ascent.fit().objective;
      const bool last = ascent.stopped() || !ascent.fit().ok();
      if (!std::isnan(objective)) objectives_.push_back(objective);
      // NaN loses.
      if (!best || objective > best->fit().objective || !(best->fit().objective > -kInfinity)) {
        best = std::move(ascent);
        best_start_ = start;
      }
      if (last) break;
    }
    return best;
  }

  /// What a reader of the message must know of how the answer came about.
  void describe_starts() {
    if (!best_.ok()) return;
    if (best_.start_objectives.size() > 1) {
      best_.message += fmt::format("; the best of {} starts", best_.start_objectives.size());
    }
    if (best_.escaped_saddles > 0) {
      best_.message += fmt::format(
          "; stationary points left that were no maxima (saddles, as where hidden states start "
          "alike): {}",
          best_.escaped_saddles);
    }
    if (best_.kept_zeros > 0) {
      best_.message += fmt::format(
          "; entries that are 0 in the given tables, and so in every start: {}", best_.kept_zeros);
    }
  }

  const FactorGraph& structure_;
  const DataTable& data_;
  const LearnOptions& options_;
  InferOptions limits_;
  contraction::Monitor monitor_;
  TiedTables tables_;
  Random shakes_;
  MayContinue keep_going_ = [this] { return may_continue(); };
  double fraction_ = 0.0;
  std::size_t starts_ = 1;
  std::size_t best_start_ = 0;
  std::size_t escaped_ = 0;
  /// That the starts so far reached.
  std::vector<double> objectives_;
  ParameterFit best_;
};

}  // namespace

void LearnOptions::validate() const {
  const auto refuse = [](std::string_view name, std::string_view bound, double given) {
    throw OptionError(fmt::format("option {}: expected {}, got {}", name, bound, given));
  };
  if (!(strength >= 0.0 && std::isfinite(strength))) {
    refuse("strength", "a finite number of at least 0", strength);
  }
  if (restarts == std::size_t{0}) refuse("restarts", "at least 1", 0.0);
  if (!(tolerance >= 0.0)) refuse("tolerance", "at least 0", tolerance);
  if (!(time_limit_seconds >= 0.0)) refuse("time_limit_seconds", "at least 0", time_limit_seconds);
  if (!(time_spent_seconds >= 0.0)) refuse("time_spent_seconds", "at least 0", time_spent_seconds);
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
