// Listing joint states and their weights. Sums are compensated (numerics.hpp).
// Cost: states x factors in time, 8 bytes per state.

#include <credo/core/numerics.hpp>
#include <credo/inference/joint_weights.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace credo {

/// States of each variable that the evidence permits (likelihoods permit all).
std::vector<std::vector<std::size_t>> permitted_states(const FactorGraph& graph,
                                                       const Evidence& evidence) {
  std::vector<std::vector<std::size_t>> permitted;
  permitted.reserve(graph.variable_count());
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    const Finding* finding = evidence.find(v);
    if (finding != nullptr && finding->kind == FindingKind::hard) {
      permitted.push_back({finding->state});
    } else if (finding != nullptr && finding->kind == FindingKind::allowed) {
      permitted.push_back(finding->allowed);
    } else {
      permitted.emplace_back(graph.cardinality(v));
      std::iota(permitted.back().begin(), permitted.back().end(), std::size_t{0});
    }
  }
  return permitted;
}

std::uint64_t joint_count(const std::vector<std::vector<std::size_t>>& permitted) {
  std::vector<std::size_t> extents;
  extents.reserve(permitted.size());
  for (const auto& states : permitted) extents.push_back(states.size());
  return saturating_product(extents);
}

std::uint64_t cell_of(const FactorGraph& graph, const Scope& scope,
                      const std::vector<std::size_t>& states) {
  std::uint64_t cell = 0;
  for (const VariableId v : scope) cell = cell * graph.cardinality(v) + states[v];
  return cell;
}

JointWeights::JointWeights(const FactorGraph& graph, const Evidence& evidence,
                           const InferOptions& options)
    : graph_(graph),
      evidence_(evidence),
      options_(options),
      permitted_(permitted_states(graph, evidence)),
      count_(joint_count(permitted_)) {
  for (const Factor& factor : graph.factors()) {
    std::vector<double>& logs = log_values_.emplace_back();
    if (factor.table.is_sparse()) continue;
    for (const double value : factor.table.values()) {
      logs.push_back(factor.table.domain() == Domain::linear ? std::log(value) : value);
    }
  }
}

double JointWeights::elapsed_seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::uint64_t JointWeights::states_per_check() const {
  constexpr std::uint64_t kOperations = 1 << 20;
  const std::uint64_t per_state = 1 + graph_.variable_count() + graph_.factor_count();
  return std::max<std::uint64_t>(1, kOperations / (64 * per_state));
}

bool JointWeights::may_continue(std::uint64_t done, std::uint64_t count) {
  if (stopped_ != Status::ok) return false;
  const double elapsed = elapsed_seconds();
  if (elapsed + options_.time_spent_seconds >= options_.time_limit_seconds) {
    stopped_ = Status::deadline;
  } else if (options_.observer) {
    const double fraction = static_cast<double>(done) / static_cast<double>(count);
    if (!options_.observer({"enumerate", fraction, elapsed})) stopped_ = Status::cancelled;
  }
  return stopped_ == Status::ok;
}

std::vector<std::size_t> JointWeights::states_of(std::uint64_t index) const {
  std::vector<std::size_t> states(permitted_.size());
  for (std::size_t v = permitted_.size(); v-- > 0;) {
    states[v] = permitted_[v][index % permitted_[v].size()];
    index /= permitted_[v].size();
  }
  return states;
}

double JointWeights::probability(std::uint64_t index) const {
  return std::exp(log_weights_[index] - log_z_);
}

double JointWeights::log_factor(FactorId f, const std::vector<std::size_t>& states) const {
  const Factor& factor = graph_.factor(f);
  const std::uint64_t cell = cell_of(graph_, factor.scope, states);
  return factor.table.is_sparse() ? factor.table.log_at(cell) : log_values_[f][cell];
}

double JointWeights::log_evidence(const std::vector<std::size_t>& states) const {
  CompensatedSum sum;
  for (const auto& [v, finding] : evidence_.findings()) {
    if (finding.kind == FindingKind::likelihood) sum.add(std::log(finding.likelihood[states[v]]));
  }
  return sum.value();
}

bool JointWeights::weigh() {
  log_weights_.resize(count_);
  const bool finished =
      for_each_state([this](std::uint64_t index, const std::vector<std::size_t>& states) {
        CompensatedSum weight;
        weight.add(log_evidence(states));
        for (FactorId f = 0; f < graph_.factor_count(); ++f) weight.add(log_factor(f, states));
        log_weights_[index] = weight.value();
      });
  if (!finished) return false;
  const double largest = *std::ranges::max_element(log_weights_);
  if (largest == -kInfinity) {
    log_z_ = -kInfinity;
    return true;
  }
  CompensatedSum sum;
  for (const double weight : log_weights_) sum.add(std::exp(weight - largest));
  log_z_ = largest + std::log(sum.value());
  return true;
}

}  // namespace credo
