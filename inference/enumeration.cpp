// The definition turned into code: lists the joint states x that the evidence
// permits with their weights (joint_weights.hpp) and answers every task as a sum or
// a maximum over the list (enumeration_tasks.hpp).
// Invariant: nothing of the contraction engine is used here.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/driver.hpp>
#include <credo/inference/enumeration.hpp>
#include <credo/inference/enumeration_tasks.hpp>

#include <fmt/format.h>

#include <utility>

namespace credo {

namespace {

bool answer(JointWeights& list, const Query& query, Result& result) {
  switch (query.task) {
    case Task::log_partition:
      return true;
    case Task::marginals:
      return marginals_by_listing(list, query, result);
    case Task::map:
      return map_by_listing(list, query, result);
    case Task::marginal_map:
      return marginal_map_by_listing(list, query, result);
    case Task::samples:
      return samples_by_listing(list, query, result);
    case Task::sensitivity:
      return sensitivity_by_listing(list, result);
  }
  return true;
}

Result refusal(std::string reason) {
  Result refused;
  refused.status = Status::refused;
  refused.message = std::move(reason);
  return refused;
}

}  // namespace

std::string why_not_enumeration(const FactorGraph& graph, const Evidence& evidence,
                                const Query& query, const InferOptions& options) {
  if (query.messages) return "lists joint states and has no messages";
  std::string too_large = why_answer_too_large(graph, query, options);
  if (!too_large.empty()) return too_large;
  const std::uint64_t states = joint_count(permitted_states(graph, evidence));
  if (states > kEnumerationLimit) {
    return fmt::format("would list {:.3g} joint states, at most {} are listed",
                       static_cast<double>(states), kEnumerationLimit);
  }
  std::uint64_t cells = states;
  std::vector<Scope> scopes = query.joints;
  if (query.task == Task::marginal_map) scopes.push_back(query.targets);
  if (query.factor_marginals || query.task == Task::sensitivity) {
    for (const Factor& factor : graph.factors()) scopes.push_back(factor.scope);
  }
  for (const Scope& scope : scopes) {
    const std::uint64_t of_scope = saturating_product(graph.shape_of(scope));
    if (of_scope > kEnumerationLimit) {
      return fmt::format("a joint of {} variables has {:.3g} cells, at most {} are kept",
                         scope.size(), static_cast<double>(of_scope), kEnumerationLimit);
    }
    cells += 3 * of_scope;
  }
  const double bytes = 8.0 * static_cast<double>(cells);
  if (bytes > options.memory_limit_bytes) {
    return fmt::format("needs {}, the memory limit is {}", describe_bytes(bytes),
                       describe_bytes(options.memory_limit_bytes));
  }
  return "";
}

Result run_enumeration(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                       const InferOptions& options) {
  if (std::string reason = why_not_enumeration(graph, evidence, query, options); !reason.empty()) {
    return refusal(std::move(reason));
  }
  JointWeights list(graph, evidence, options);
  Result result;
  result.scalar_used = "log-double";
  result.timings.plan_seconds = 0.0;
  const bool weighed = list.weigh();
  if (weighed && list.log_z() == -kInfinity) {
    result.status = Status::impossible_evidence;
    result.log_z = -kInfinity;
  } else if (weighed && answer(list, query, result)) {
    result.status = list.stopped();  // ok, or after some of the samples why not all
    if (result.status != Status::ok) {
      result.message = contraction::samples_message(result, query, options);
    }
    result.guarantee = Guarantee::exact;
    result.log_z = list.log_z();
  } else {
    result = Result{};
    result.status = list.stopped();
  }
  result.timings.infer_seconds = list.elapsed_seconds();
  return result;
}

}  // namespace credo
