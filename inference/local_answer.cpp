#include <credo/core/numerics.hpp>
#include <credo/inference/local_answer.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

namespace {

/// log g_v, one entry per state.
class LocalWeights {
 public:
  LocalWeights(const FactorGraph& graph, const Evidence& evidence) {
    for (VariableId v = 0; v < graph.variable_count(); ++v) {
      logs_.emplace_back(graph.cardinality(v), 0.0);
    }
    for (const auto& [v, finding] : evidence.findings()) add(v, finding);
    for (const Factor& factor : graph.factors()) add(factor);
  }

  /// -infinity where some variable has no state of positive weight.
  [[nodiscard]] double log_bound() const {
    CompensatedSum sum;
    sum.add(log_largest_);
    for (const std::vector<double>& logs : logs_) {
      const double total = log_sum_exp(logs);
      if (total == -kInfinity) return -kInfinity;
      sum.add(total);
    }
    return log_largest_ == -kInfinity ? -kInfinity : sum.value();
  }

  [[nodiscard]] std::vector<double> belief(VariableId v) const { return softmax(logs_[v]); }

 private:
  void add(VariableId v, const Finding& finding) {
    std::vector<double> weights(logs_[v].size(), 0.0);
    if (finding.kind == FindingKind::likelihood) weights = finding.likelihood;
    if (finding.kind == FindingKind::hard) weights[finding.state] = 1.0;
    if (finding.kind == FindingKind::allowed) {
      for (const std::size_t state : finding.allowed) weights[state] = 1.0;
    }
    for (std::size_t x = 0; x < weights.size(); ++x) logs_[v][x] += std::log(weights[x]);
  }

  void add(const Factor& factor) {
    if (factor.scope.size() != 1) {
      log_largest_ += factor.table.log_largest();
      return;
    }
    std::vector<double>& logs = logs_[factor.scope.front()];
    for (std::size_t x = 0; x < logs.size(); ++x) logs[x] += factor.table.log_at(x);
  }

  std::vector<std::vector<double>> logs_;
  double log_largest_ = 0.0;
};

}  // namespace

Result local_answer(const FactorGraph& graph, const Evidence& evidence, const Query& query) {
  Result result;
  const bool asked =
      query.task == Task::log_partition ||
      (query.task == Task::marginals && query.joints.empty() && !query.factor_marginals);
  if (!asked || graph.has_continuous_variables()) return result;
  const LocalWeights weights(graph, evidence);
  const double bound = weights.log_bound();
  if (bound == -kInfinity) return result;
  result.status = Status::ok;
  result.iterations = 0;
  result.log_z_lower = -kInfinity;
  result.log_z_upper = bound;
  result.message = "stopped before the first sweep: findings and one-variable factors alone";
  if (query.task == Task::log_partition) {
    result.guarantee = Guarantee::upper_bound;
    result.log_z = bound;
    result.message = "stopped before the first sweep: log Z is at most this";
    return result;
  }
  result.marginals.resize(graph.variable_count());
  std::vector<VariableId> wanted = query.targets;
  for (VariableId v = 0; query.targets.empty() && v < graph.variable_count(); ++v) {
    wanted.push_back(v);
  }
  for (const VariableId v : wanted) result.marginals[v] = weights.belief(v);
  return result;
}

}  // namespace credo
