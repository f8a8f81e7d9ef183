// Log-linear models. The gradient of sum_n w_n log p(row n) is what the rows expect of each feature
// less what the model expects (Della Pietra, Della Pietra and Lafferty 1997, equation 6), both from
// the derivatives of log Z that a downward pass yields. Concave in theta when nothing is missing.
// Cost per evaluation: one inference, and one per distinct row that misses something.

#include <credo/core/error.hpp>
#include <credo/models/expected_counts.hpp>
#include <credo/models/log_linear.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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
  minimize.validate();
  infer.validate();
}

LogLinearFit fit(const LogLinearModel& model, const DataTable& data,
                 const LogLinearOptions& options) {
  options.validate();
  data.require_fits(model.base());
  const double cases = data.total_weight();
  if (!(cases > 0.0))
    throw ModelError("log-linear model: expected data of positive weight, got none");
  std::vector<double> start = options.start;
  if (start.empty()) start.assign(model.parameter_count(), 0.0);
  LogLinearFit result;
  ExpectedCounter counter(data, options.infer);
  const auto loss = [&](std::span<const double> theta, std::span<double> gradient) {
    // Far out in a line search there is no model in the range of doubles.
    for (const double t : theta) {
      if (!(std::fabs(t) < 1e100)) return kInfinity;
    }
    const LogLinearValue value = evaluate(model, counter, cases, theta, options.infer);
    if (!value.ok()) {
      result.status = value.status;
      result.message = value.message;
      return kInfinity;
    }
    double square = 0.0;
    for (std::size_t k = 0; k < theta.size(); ++k) {
      gradient[k] = options.penalty * theta[k] - value.gradient[k] / cases;
      square += theta[k] * theta[k];
    }
    return 0.5 * options.penalty * square - value.log_likelihood / cases;
  };
  const Minimum minimum = minimize(loss, std::move(start), options.minimize);
  if (result.status != Status::not_run) return result;
  result.status = Status::ok;
  result.message = minimum.message;
  result.theta = minimum.x;
  result.gradient_norm = minimum.gradient_norm;
  result.iterations = minimum.iterations;
  result.log_likelihood = evaluate(model, counter, cases, minimum.x, options.infer).log_likelihood;
  result.guarantee = !minimum.converged ? Guarantee::unconverged
                     : data.complete()  ? Guarantee::exact
                                        : Guarantee::fixed_point;
  return result;
}

}  // namespace credo
