// What the mean-field row shares between graphs with and without continuous variables.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_ascent.hpp>
#include <credo/inference/variational/mean_field_parts.hpp>
#include <credo/inference/variational/table_arrangement.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace credo::variational {

namespace {

/// The variables, continuous ones with one state, and the factors that are tables.
FactorGraph discrete_part(const FactorGraph& graph) {
  if (!graph.has_continuous_variables()) return graph;
  FactorGraph discrete;
  for (const Variable& variable : graph.variables()) {
    discrete.add_variable(variable.is_continuous() ? Variable{variable.name, 1} : variable);
  }
  for (const Factor& factor : graph.factors()) discrete.add_factor(factor.scope, factor.table);
  return discrete;
}

Evidence discrete_part(const FactorGraph& graph, Evidence evidence) {
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (graph.variable(v).is_continuous()) evidence.retract(v);
  }
  return evidence;
}

}  // namespace

std::string why_not_gaussian_field(const FactorGraph& graph, const Evidence& evidence,
                                   const Query& query, const InferOptions& options) {
  const auto continuous = [&](VariableId v) { return graph.variable(v).is_continuous(); };
  for (const Scope& scope : query.joints) {
    if (scope.empty() || std::ranges::all_of(scope, continuous)) continue;
    const auto found = std::ranges::find_if(scope, continuous);
    if (found == scope.end()) continue;
    return fmt::format("a joint of {} and others: some are continuous, some are discrete",
                       graph.variable(*found).name);
  }
  try {
    const GaussianCost cost =
        cost_of_ascent(make_gaussian_problem(graph, evidence, mean_field(graph, evidence)));
    if (cost.peak_bytes <= options.memory_limit_bytes) return "";
    return fmt::format("needs {} (and {:.3g} operations per sweep), the memory limit is {}",
                       describe_bytes(cost.peak_bytes), cost.operations,
                       describe_bytes(options.memory_limit_bytes));
  } catch (const Breakdown& breakdown) {
    return breakdown.message;
  }
}

Belief product_of(const FactorGraph& graph, const Scope& scope,
                  const std::vector<std::vector<double>>& marginals, const Table* pattern) {
  const std::vector<std::size_t> shape = graph.shape_of(scope);
  const auto product = [&](auto state_of) {
    double p = 1.0;
    for (std::size_t d = 0; d < scope.size(); ++d) p *= marginals[scope[d]][state_of(d)];
    return p;
  };
  if (pattern == nullptr || !pattern->is_sparse()) {
    std::vector<double> values;
    for_each_joint_state(shape, [&](std::span<const std::size_t> states) {
      values.push_back(product([&](std::size_t d) { return states[d]; }));
    });
    return {scope, Table::dense(shape, std::move(values))};
  }
  const std::vector<std::uint64_t> strides = variational::strides_of(shape);
  std::vector<SparseEntry> entries;
  for (const std::uint64_t index : pattern->stored_indices()) {
    entries.push_back(
        {index, product([&](std::size_t d) { return index / strides[d] % shape[d]; })});
  }
  return {scope, Table::sparse(shape, std::move(entries))};
}

GaussianMarginal product_of(const Scope& scope, const std::vector<GaussianMoments>& moments) {
  GaussianMarginal joint;
  joint.scope = scope;
  for (const VariableId v : scope) {
    joint.mean.insert(joint.mean.end(), moments[v].mean.begin(), moments[v].mean.end());
  }
  const std::size_t width = joint.mean.size();
  joint.covariance.assign(width * width, 0.0);
  std::size_t first = 0;
  for (const VariableId v : scope) {
    const std::size_t n = moments[v].mean.size();
    for (std::size_t i = 0; i < n * n; ++i) {
      joint.covariance[(first + i / n) * width + first + i % n] = moments[v].covariance[i];
    }
    first += n;
  }
  return joint;
}

Support find_support(const FactorGraph& whole, const Evidence& findings, InferOptions options) {
  constexpr double kMostOperations = 1e9;
  const FactorGraph graph = discrete_part(whole);
  const Evidence evidence = discrete_part(whole, findings);
  if (!propagate_zeros(graph, evidence, SparseTables::looked_at)) return {true, {}};
  options.explain_conflict = false;
  options.improvement = nullptr;
  const CompiledQuery compiled(graph, evidence, Query::map(), options);
  Result result;
  if (compiled.plan().operations <= kMostOperations) result = compiled.run(evidence);
  if (result.status == Status::impossible_evidence) return {true, {}};
  if (!result.ok()) {
    options.algorithm = "belief_propagation";
    result = infer(graph, evidence, Query::map(), options);
  }
  if (result.status == Status::impossible_evidence) return {true, {}};
  if (result.assignments.empty()) return {};
  return {false, std::move(result.assignments.front().states)};
}

}  // namespace credo::variational
