// Log-linear models. The gradient of sum_n w_n log p(row n) is what the rows expect of each feature
// less what the model expects (Della Pietra, Della Pietra and Lafferty 1997, equation 6), both from
// the derivatives of log Z that a downward pass yields. Concave in theta when nothing is missing.
// Cost per evaluation: one inference, and one per distinct row that misses something.

#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/log_linear.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo {

LogLinearModel::LogLinearModel(FactorGraph base) : base_(std::move(base)) {
  base_.require_discrete("log-linear model");
}

void LogLinearModel::add_feature(std::size_t parameter, Scope scope, std::vector<double> values) {
  if (parameter >= parameters_) {
    throw ModelError(fmt::format("log-linear model: expected a parameter below {}, got {}",
                                 parameters_, parameter));
  }
  for (const VariableId v : scope) {
    if (v < base_.variable_count() && std::ranges::count(scope, v) == 1) continue;
    throw ModelError(
        fmt::format("log-linear model, parameter {}: expected distinct variables "
                    "below {}, got {}",
                    parameter, base_.variable_count(), v));
  }
  const std::uint64_t entries = saturating_product(base_.shape_of(scope));
  if (values.size() != entries) {
    throw ModelError(fmt::format("log-linear model, parameter {}: expected {} values, got {}",
                                 parameter, entries, values.size()));
  }
  for (const double value : values) {
    if (std::isfinite(value)) continue;
    throw ModelError(fmt::format("log-linear model, parameter {}: expected finite values, got {}",
                                 parameter, value));
  }
  auto at = std::ranges::find(scopes_, scope);
  if (at == scopes_.end()) at = scopes_.insert(at, std::move(scope));
  const auto block = static_cast<std::size_t>(at - scopes_.begin());
  features_.push_back({parameter, block, std::move(values)});
}

std::size_t LogLinearModel::add_potential(const Scope& scope) {
  const std::size_t first = parameters_;
  const double size = entries_of(base_.shape_of(scope));
  // A feature per entry, each a table.
  require_expandable("free potential of a log-linear model", size * size, kExpansionLimit,
                     "add features that are shared by several entries");
  const std::uint64_t entries = saturating_product(base_.shape_of(scope));
  for (std::size_t i = 1; i < entries; ++i) {
    std::vector<double> values(entries, 0.0);
    values[i] = 1.0;
    add_feature(add_parameter(), scope, std::move(values));
  }
  return first;
}

FactorGraph LogLinearModel::graph(std::span<const double> theta) const {
  if (theta.size() != parameters_) {
    throw ModelError(
        fmt::format("log-linear model: expected {} parameters, got {}", parameters_, theta.size()));
  }
  std::vector<std::vector<double>> log_tables;
  for (const Scope& scope : scopes_) {
    log_tables.emplace_back(saturating_product(base_.shape_of(scope)), 0.0);
  }
  for (const Feature& feature : features_) {
    std::vector<double>& log_table = log_tables[feature.block];
    for (std::size_t i = 0; i < log_table.size(); ++i) {
      log_table[i] += theta[feature.parameter] * feature.values[i];
      if (std::isfinite(log_table[i])) continue;
      throw ModelError(
          fmt::format("log-linear model: parameter {} = {} leaves the range of a double",
                      feature.parameter, theta[feature.parameter]));
    }
  }
  FactorGraph graph = base_;
  for (std::size_t b = 0; b < scopes_.size(); ++b) {
    graph.add_factor(scopes_[b], Table::dense(base_.shape_of(scopes_[b]), std::move(log_tables[b]),
                                              Domain::log));
  }
  return graph;
}

void LogLinearModel::add_expectations(const std::vector<std::vector<double>>& factor_sums,
                                      double weight, std::span<double> to) const {
  if (factor_sums.size() != base_.factor_count() + scopes_.size() || to.size() != parameters_) {
    throw ModelError(fmt::format(
        "log-linear model: expected sums of {} factors and room for {} expectations, got "
        "{} and {}",
        base_.factor_count() + scopes_.size(), parameters_, factor_sums.size(), to.size()));
  }
  for (const Feature& feature : features_) {
    const std::vector<double>& sums = factor_sums.at(base_.factor_count() + feature.block);
    double sum = 0.0;
    for (std::size_t i = 0; i < sums.size(); ++i) sum += feature.values[i] * sums[i];
    to[feature.parameter] += weight * sum;
  }
}

namespace {

LogLinearValue evaluate(const LogLinearModel& model, ExpectedCounter& counter, double cases,
                        std::span<const double> theta, const InferOptions& options) {
  const FactorGraph graph = model.graph(theta);
  LogLinearValue value;
  Query query = Query::marginals();
  query.factor_marginals = true;
  const Result all = infer_exactly(graph, {}, query, options);
  value.status = all.status;
  value.message = all.message;
  if (!all.ok()) return value;
  const ExpectedCounts seen = counter.count(graph);
  value.status = seen.status;
  value.message = seen.message;
  if (!seen.ok()) return value;
  std::vector<std::vector<double>> expected;
  for (const Belief& belief : all.factor_marginals) {
    std::vector<double>& table = expected.emplace_back(belief.table.size());
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = belief.table.at(i);
  }
  value.log_likelihood = seen.log_weight - cases * all.log_z;
  value.gradient.assign(model.parameter_count(), 0.0);
  model.add_expectations(seen.counts, 1.0, value.gradient);
  model.add_expectations(expected, -cases, value.gradient);
  return value;
}

}  // namespace

LogLinearValue log_likelihood(const LogLinearModel& model, const DataTable& data,
                              std::span<const double> theta, const InferOptions& options) {
  data.require_fits(model.base());
  ExpectedCounter counter(data, options);
  return evaluate(model, counter, data.total_weight(), theta, options);
}

void LogLinearOptions::validate() const {
  if (!(penalty >= 0.0 && std::isfinite(penalty))) {
    throw OptionError(
        fmt::format("option penalty: expected a finite number of at least 0, got {}", penalty));
  }
  if (restarts == std::size_t{0}) {
    throw OptionError("option restarts: expected at least 1, got 0");
  }
  minimize.validate();
  infer.validate();
}

namespace {

/// Theta is shaken by this times standard normal numbers.
constexpr double kShake = 0.1;
/// A higher point is higher by more than this part of the mean objective: searches that end at one
/// maximum differ by less.
constexpr double kSaddleGain = 1e-7;
/// Bounds the work; every escape raises the objective.
constexpr std::size_t kMostEscapes = 20;

/// Standard normal (Box and Muller 1958).
double normal(Random& random) {
  const double radius = std::sqrt(-2.0 * std::log1p(-random.uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * random.uniform());
}

class Fitter {
 public:
  Fitter(const LogLinearModel& model, const DataTable& data, const LogLinearOptions& options)
      : model_(model),
        options_(options),
        complete_(data.complete()),
        cases_(data.total_weight()),
        monitor_(options.infer),
        infer_(inner_options()),
        counter_(data, infer_),
        random_(options.seed) {
    starts_ = complete_ ? 1
                        : options.restarts.value_or(
                              data.has_hidden_column() ? LearnOptions::kStartsWithHidden : 1);
  }
  Fitter(const Fitter&) = delete;
  Fitter& operator=(const Fitter&) = delete;

  LogLinearFit run() {
    Minimum best;
    for (std::size_t start = 0; start < starts_ && failed_ == Status::ok; ++start) {
      Minimum found = search(first_theta(start));
      if (failed_ == Status::ok && start == 0) leave_saddles(found);
      if (!complete_ && !std::isnan(found.value)) {
        result_.start_objectives.push_back(-found.value);
      }
      if (start > 0 && !(found.value < best.value)) continue;
      best = std::move(found);
      result_.best_start = start;
    }
    if (failed_ == Status::ok && result_.best_start > 0) {
      leave_saddles(best);
      result_.start_objectives[result_.best_start] = -best.value;
    }
    return finished(best);
  }

 private:
  [[nodiscard]] InferOptions inner_options() {
    InferOptions inner = options_.infer;
    inner.time_limit_seconds = kInfinity;
    inner.time_spent_seconds = 0.0;
    inner.observer = [this](const Progress&) {
      return monitor_.may_continue("maximum likelihood", 0.0);
    };
    return inner;
  }

  [[nodiscard]] std::vector<double> first_theta(std::size_t start) {
    std::vector<double> theta = options_.start;
    if (theta.empty()) theta.assign(model_.parameter_count(), 0.0);
    if (start > 0) {
      for (double& t : theta) t = normal(random_);
    }
    return theta;
  }

  [[nodiscard]] Minimum search(std::vector<double> theta) {
    return minimize([this](std::span<const double> at,
                           std::span<double> gradient) { return loss(at, gradient); },
                    std::move(theta), options_.minimize);
  }

  double loss(std::span<const double> theta, std::span<double> gradient) {
    // Far out in a line search there is no model in the range of doubles.
    for (const double t : theta) {
      if (!(std::fabs(t) < 1e100)) return kInfinity;
    }
    if (failed_ != Status::ok) return kInfinity;
    if (!monitor_.may_continue("maximum likelihood", 0.0)) {
      note_stop();
      return kInfinity;
    }
    const LogLinearValue value = evaluate(model_, counter_, cases_, theta, infer_);
    if (monitor_.stopped() != Status::ok) {
      note_stop();
      return kInfinity;
    }
    if (!value.ok()) {
      failed_ = value.status;
      result_.message = value.message;
      return kInfinity;
    }
    double square = 0.0;
    for (std::size_t k = 0; k < theta.size(); ++k) {
      gradient[k] = options_.penalty * theta[k] - value.gradient[k] / cases_;
      square += theta[k] * theta[k];
    }
    const double found = 0.5 * options_.penalty * square - value.log_likelihood / cases_;
    if (!(best_loss_ <= found)) {
      best_loss_ = found;
      best_theta_.assign(theta.begin(), theta.end());
      best_log_likelihood_ = value.log_likelihood;
    }
    return found;
  }

  void note_stop() {
    failed_ = monitor_.stopped();
    result_.message = contraction::stop_message(failed_, options_.infer.time_limit_seconds);
  }

  /// The gradient vanishes at a saddle, too: all thetas 0 is one where hidden states are alike.
  void leave_saddles(Minimum& found) {
    while (!complete_ && found.converged && result_.escaped_saddles < kMostEscapes) {
      std::vector<double> theta = found.x;
      for (double& t : theta) t += kShake * normal(random_);
      Minimum other = search(std::move(theta));
      if (failed_ != Status::ok) return;
      if (!(other.value < found.value - kSaddleGain * (1.0 + std::fabs(found.value)))) return;
      found = std::move(other);
      ++result_.escaped_saddles;
    }
  }

  LogLinearFit finished(const Minimum& best) {
    const bool stopped = failed_ == Status::deadline || failed_ == Status::cancelled;
    result_.status = failed_;
    if (failed_ != Status::ok && !(stopped && !best_theta_.empty())) return std::move(result_);
    result_.iterations = best.iterations;
    result_.guarantee = Guarantee::unconverged;
    if (stopped) {
      result_.theta = best_theta_;
      result_.log_likelihood = best_log_likelihood_;
      return std::move(result_);
    }
    result_.theta = best.x;
    result_.gradient_norm = best.gradient_norm;
    result_.log_likelihood = evaluate(model_, counter_, cases_, best.x, infer_).log_likelihood;
    result_.message = best.message;
    if (result_.escaped_saddles > 0) {
      result_.message += fmt::format("; saddles left on the way: {}", result_.escaped_saddles);
    }
    if (best.converged) result_.guarantee = complete_ ? Guarantee::exact : Guarantee::fixed_point;
    return std::move(result_);
  }

  const LogLinearModel& model_;
  const LogLinearOptions& options_;
  bool complete_;
  double cases_;
  contraction::Monitor monitor_;
  InferOptions infer_;
  ExpectedCounter counter_;
  Random random_;
  std::size_t starts_ = 1;
  Status failed_ = Status::ok;
  double best_loss_ = kNaN;
  double best_log_likelihood_ = kNaN;
  std::vector<double> best_theta_;
  LogLinearFit result_;
};

}  // namespace

LogLinearFit fit(const LogLinearModel& model, const DataTable& data,
                 const LogLinearOptions& options) {
  options.validate();
  data.require_fits(model.base());
  if (!(data.total_weight() > 0.0)) {
    throw ModelError("log-linear model: expected data of positive weight, got none");
  }
  return Fitter(model, data, options).run();
}

}  // namespace credo
