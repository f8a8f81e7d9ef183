// q(x) = prod_v q_v(x_v), the closest product to the posterior that coordinate ascent finds.
//
// L(q) = E_q[ log p~ - log q ] <= log Z for any q, converged or not; exact when every factor is
// left with one variable. Few starts of a fixed seed: the same question has the same answer. Where
// they all keep mass on impossible states, one more starts at a state of positive probability.
// Cost: the entries of the tables per sweep. Saul and Jordan 1996; Wainwright and Jordan 2008,
// section 5.

#include <credo/core/numerics.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/mixed_scopes.hpp>
#include <credo/inference/message_passing/message_range.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/mean_field.hpp>
#include <credo/inference/variational/mean_field_parts.hpp>
#include <credo/inference/variational/variational.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::size_t kStarts = 3;

VariationalOptions translate(const Query& query, const InferOptions& options) {
  VariationalOptions of;
  of.restarts = kStarts;
  of.maximum_sweeps = options.iteration.maximum_iterations;
  of.tolerance = options.iteration.tolerance;
  of.marginals = query.task == Task::marginals;
  of.messages = false;
  of.memory_limit_bytes = options.memory_limit_bytes;
  of.time_limit_seconds = std::max(0.0, options.time_limit_seconds - options.time_spent_seconds);
  of.observer = options.observer;
  return of;
}

/// Bytes of the joints and factor marginals that are asked for.
double bytes_of_joints(const FactorGraph& graph, const Query& query) {
  double cells = 0.0;
  for (const Scope& joint : query.joints) {
    if (!gaussian::is_continuous(graph, joint)) {
      cells += static_cast<double>(saturating_product(graph.shape_of(joint)));
    }
  }
  if (query.factor_marginals) {
    for (const Factor& factor : graph.factors()) {
      cells += static_cast<double>(factor.table.stored());
    }
  }
  return cells * sizeof(double);
}

void fill_marginals(const FactorGraph& graph, const Query& query, VariationalResult& best,
                    Result& result) {
  for (const Scope& joint : query.joints) {
    if (gaussian::is_continuous(graph, joint)) {
      result.gaussian_joints.push_back(variational::product_of(joint, best.gaussian_marginals));
    } else {
      result.joints.push_back(variational::product_of(graph, joint, best.marginals, nullptr));
    }
  }
  if (query.factor_marginals) {
    for (const Factor& factor : graph.factors()) {
      result.factor_marginals.push_back(
          variational::product_of(graph, factor.scope, best.marginals, &factor.table));
    }
  }
  const bool all = query.targets.empty() && query.joints.empty() && !query.factor_marginals;
  result.marginals.resize(graph.variable_count());
  if (all) result.marginals = std::move(best.marginals);
  for (const VariableId v : query.targets) result.marginals[v] = best.marginals[v];
  if (!graph.has_continuous_variables()) return;
  result.gaussian_marginals.resize(graph.variable_count());
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const bool wanted = all || std::ranges::find(query.targets, v) != query.targets.end();
    if (!wanted || !graph.variable(v).is_continuous()) continue;
    result.gaussian_marginals[v] = variational::product_of({v}, best.gaussian_marginals);
  }
}

/// best: L > -infinity.
void fill_answer(const FactorGraph& graph, const Query& query, VariationalResult& best,
                 Result& result) {
  const bool exact = best.guarantee == Guarantee::exact;
  result.guarantee = exact ? Guarantee::exact : Guarantee::lower_bound;
  if (exact) result.message.clear();
  result.log_z = best.value;
  result.log_z_lower = best.value;
  result.log_z_upper = kInfinity;
  if (query.task == Task::marginals) fill_marginals(graph, query, best, result);
}

/// The best bound after every sweep, and its q.
class Ascents {
 public:
  Ascents(const FactorGraph& graph, const Evidence& evidence, const Query& query,
          const InferOptions& options)
      : graph_(graph), evidence_(evidence), query_(query), options_(options) {}

  [[nodiscard]] bool feasible() const noexcept { return std::isfinite(best_.value); }
  [[nodiscard]] double elapsed_seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  void take(const AscentProgress& progress) {
    seconds_.push_back(elapsed_seconds());
    residuals_.resize(std::max(residuals_.size(), progress.start + 1));
    residuals_[progress.start].push_back(progress.residual);
    if (progress.value > best_.value || values_.empty()) keep(progress);
    values_.push_back(best_.value);
    if (!options_.improvement || !feasible() || !std::has_single_bit(values_.size())) return;
    Result result;
    result.status = Status::ok;
    result.message = "the best bound so far";
    add_history(progress.start, result);
    VariationalResult so_far = best();
    fill_answer(graph_, query_, so_far, result);
    options_.improvement(result);
  }

  [[nodiscard]] VariationalResult best() const { return best_; }

  void add_history(std::size_t start, Result& result) const {
    result.values = values_;
    result.iteration_seconds = seconds_;
    if (start < residuals_.size()) result.residuals = residuals_[start];
    result.iterations = static_cast<int>(result.residuals.size());
    if (!result.residuals.empty()) result.residual = result.residuals.back();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void keep(const AscentProgress& progress) {
    best_.value = progress.value;
    best_.guarantee = Guarantee::unconverged;
    best_.best_start = progress.start;
    if (query_.task != Task::marginals || progress.value == -kInfinity) return;
    best_.marginals.resize(graph_.variable_count());
    best_.gaussian_marginals.resize(graph_.variable_count());
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      const Finding* finding = evidence_.find(v);
      std::vector<double>& marginal = best_.marginals[v];
      if (finding != nullptr && finding->kind == FindingKind::value) {
        const std::size_t n = finding->value.size();
        best_.gaussian_marginals[v] = {finding->value, std::vector<double>(n * n, 0.0)};
      } else if (graph_.variable(v).is_continuous()) {
        best_.gaussian_marginals[v] = progress.moments(v);
      } else if (finding != nullptr && finding->kind == FindingKind::hard) {
        marginal.assign(graph_.cardinality(v), 0.0);
        marginal[finding->state] = 1.0;
      } else {
        const std::span<const double> row = progress.conditional(v);
        marginal.assign(row.begin(), row.end());
      }
    }
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const InferOptions& options_;
  Clock::time_point start_ = Clock::now();
  VariationalResult best_ = [] {
    VariationalResult none;
    none.value = -kInfinity;
    return none;
  }();
  std::vector<double> values_;
  std::vector<double> seconds_;
  std::vector<std::vector<double>> residuals_;
};

std::vector<Table> all_on(const FactorGraph& graph, const Family& family,
                          const std::vector<std::size_t>& states) {
  std::vector<Table> tables;
  for (const Conditional& conditional : family.conditionals()) {
    if (graph.variable(conditional.child).is_continuous()) {
      tables.emplace_back();
      continue;
    }
    std::vector<double> row(graph.cardinality(conditional.child), 0.0);
    row[states[conditional.child]] = 1.0;
    const std::vector<std::size_t> shape{row.size()};
    tables.push_back(Table::dense(shape, std::move(row)));
  }
  return tables;
}

/// Ascent from the usual starts; where none becomes feasible, from a state of positive probability.
VariationalResult ascend(const FactorGraph& graph, const Evidence& evidence,
                         VariationalOptions options, InferOptions limits, Ascents& ascents) {
  const Family family = mean_field(graph, evidence);
  VariationalResult best = maximize(graph, evidence, family, options);
  if (!best.ok() || best.value > -kInfinity) return best;
  limits.time_spent_seconds += ascents.elapsed_seconds();
  const variational::Support support = variational::find_support(graph, evidence, limits);
  if (support.none) best.guarantee = Guarantee::exact;
  if (support.state.empty()) return best;
  options.initial = all_on(graph, family, support.state);
  options.restarts = 1;
  options.time_limit_seconds = std::max(0.0, limits.time_limit_seconds - limits.time_spent_seconds);
  return maximize(graph, evidence, family, options);
}

}  // namespace

std::string why_not_mean_field(const FactorGraph& graph, const Evidence& evidence,
                               const Query& query, const InferOptions& options) {
  if (query.task != Task::log_partition && query.task != Task::marginals) {
    return fmt::format("answers pr and mar, not {}", task_name(query.task));
  }
  std::string reason = why_answer_too_large(graph, query, options);
  if (!reason.empty()) return reason;
  if (graph.has_continuous_variables()) {
    return variational::why_not_gaussian_field(graph, evidence, query, options);
  }
  reason = message_passing::why_sums_overflow(graph, evidence);
  if (!reason.empty()) return reason;
  const variational::Problem problem =
      variational::make_problem(graph, evidence, mean_field(graph, evidence));
  const variational::BlockSolver solver(problem, variational::everything(problem));
  const double bytes = solver.plan().peak_bytes + bytes_of_joints(graph, query);
  if (bytes <= options.memory_limit_bytes) return "";
  return fmt::format("needs {} (and {:.3g} operations per sweep), the memory limit is {}",
                     describe_bytes(bytes), solver.plan().operations,
                     describe_bytes(options.memory_limit_bytes));
}

Result run_mean_field(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                      const InferOptions& options) {
  Result result;
  result.message = why_not_mean_field(graph, evidence, query, options);
  if (!result.message.empty()) {
    result.status = Status::refused;
    return result;
  }
  Ascents ascents(graph, evidence, query, options);
  VariationalOptions of = translate(query, options);
  of.sweep_observer = [&ascents](const AscentProgress& progress) { ascents.take(progress); };
  VariationalResult best = ascend(graph, evidence, of, options, ascents);
  result.status = best.status;
  result.message = best.message;
  result.timings = best.timings;
  result.scalar_used = "log-double";
  result.plan.method = "mean-field";
  result.plan.operations = best.predicted_operations;
  result.plan.peak_bytes = best.predicted_peak_bytes;
  const bool stopped = best.status == Status::deadline || best.status == Status::cancelled;
  if (stopped) {
    result.message.clear();
    if (ascents.feasible()) best = ascents.best();
  }
  if (best.algorithm_used != "sweep") ascents.add_history(best.best_start, result);
  if (std::isfinite(best.value)) {
    fill_answer(graph, query, best, result);
  } else if (best.ok() && best.value != -kInfinity) {
    result.status = Status::refused;
    result.message = "the bound of log Z leaves the range of doubles";
  } else if (best.ok() && best.guarantee == Guarantee::exact) {
    result.message = gaussian::rounded_certainty(graph);
    result.status = result.message.empty() ? Status::impossible_evidence : Status::refused;
    if (!result.message.empty()) result.message += gaussian::kRoundingProvesNothing;
  } else if (best.ok()) {
    result.status = Status::refused;
    result.message = fmt::format(
        "no product of single variables found that avoids what has probability zero ({}); Z need "
        "not be 0",
        best.message);
  }
  return result;
}

}  // namespace credo
