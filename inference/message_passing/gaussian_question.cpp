// Cost: the factors' scopes once. Edges are counted before those of several factors become one.

#include <credo/core/numerics.hpp>
#include <credo/inference/joint_weights.hpp>
#include <credo/inference/message_passing/gaussian_belief_propagation.hpp>
#include <credo/inference/message_passing/gaussian_question.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace credo {

namespace message_passing {

Scope free_of(const FactorGraph& graph, const Evidence& evidence, const Scope& scope) {
  Scope free = evidence.unobserved(scope);
  std::erase_if(free, [&graph](VariableId v) { return !graph.variable(v).is_continuous(); });
  return free;
}

FixedStates fix_states(const FactorGraph& graph, const Evidence& evidence) {
  FixedStates fixed;
  const auto permitted = permitted_states(graph, evidence);
  for (VariableId v = 0; v < permitted.size(); ++v) {
    const bool is_continuous = graph.variable(v).is_continuous();
    if (!is_continuous && permitted[v].size() > 1 && !fixed.open) fixed.open = v;
    if (!is_continuous && permitted[v].empty()) fixed.possible = false;
    fixed.states.push_back(is_continuous || permitted[v].empty() ? 0 : permitted[v].front());
  }
  return fixed;
}

double predict_bytes(const FactorGraph& graph, const Evidence& evidence) {
  double bytes = 0.0;
  for (const Variable& v : graph.variables()) {
    bytes += 64.0 + 32.0 * static_cast<double>(v.dimension * v.dimension);
  }
  for (const GaussianFactor& factor : graph.gaussian_factors()) {
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;
    for (const VariableId v : free_of(graph, evidence, factor.continuous)) {
      const auto dimension = static_cast<double>(graph.variable(v).dimension);
      sum += dimension;
      squares += dimension * dimension;
      count += 1.0;
    }
    const double pairs = count * (count - 1.0) / 2.0;
    bytes += 8.0 * (sum * sum - squares) / 2.0 + 16.0 * (count - 1.0) * squares + 96.0 * pairs;
  }
  return bytes;
}

}  // namespace message_passing

namespace {

using namespace message_passing;

std::string why_not_joint(const FactorGraph& graph, const Evidence& evidence, const Scope& joint,
                          double memory_limit_bytes) {
  for (const VariableId v : joint) {
    if (graph.variable(v).is_continuous() != graph.variable(joint.front()).is_continuous()) {
      return fmt::format("the joint of {} and {} is of a continuous and a discrete variable",
                         graph.variable(joint.front()).name, graph.variable(v).name);
    }
  }
  const double bytes = 8.0 * static_cast<double>(saturating_product(graph.shape_of(joint)));
  if (bytes > memory_limit_bytes) {
    return fmt::format("a joint needs {}, the memory limit is {}", describe_bytes(bytes),
                       describe_bytes(memory_limit_bytes));
  }
  const Scope free = free_of(graph, evidence, joint);
  const bool together =
      free.size() < 2 ||
      std::ranges::any_of(
          graph.gaussian_factors(),
          [&free](const GaussianFactor& factor) {
            return std::ranges::all_of(free, [&factor](VariableId v) {
              return std::ranges::find(factor.continuous, v) != factor.continuous.end();
            });
          });
  if (free.size() <= 2 && together) return "";
  return fmt::format(
      "beliefs are of single variables and pairs inside a factor, not of {} and {} "
      "other unobserved variable{}",
      graph.variable(free.front()).name, free.size() - 1, free.size() == 2 ? "" : "s");
}

}  // namespace

std::string why_not_gaussian_belief_propagation(const FactorGraph& graph, const Evidence& evidence,
                                                const Query& query, const InferOptions& options) {
  if (!graph.has_continuous_variables()) return "no variable is continuous";
  const bool answers =
      query.task == Task::log_partition || query.task == Task::marginals || query.task == Task::map;
  if (!answers) return fmt::format("answers pr, mar and map, not {}", task_name(query.task));
  if (query.messages) return "hands out no messages";
  if (query.factor_marginals) return "hands out no marginals of factors";
  if (const FixedStates fixed = fix_states(graph, evidence); fixed.open) {
    return fmt::format("{} is discrete and unobserved; messages are Gaussian",
                       graph.variable(*fixed.open).name);
  }
  for (const Scope& joint : query.joints) {
    std::string reason = why_not_joint(graph, evidence, joint, options.memory_limit_bytes);
    if (!reason.empty()) return reason;
  }
  const double bytes = predict_bytes(graph, evidence);
  if (bytes <= options.memory_limit_bytes) return "";
  return fmt::format("couplings and messages take {}; the memory limit is {}",
                     describe_bytes(bytes), describe_bytes(options.memory_limit_bytes));
}

}  // namespace credo
