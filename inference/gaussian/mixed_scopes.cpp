#include <credo/inference/gaussian/mixed_scopes.hpp>

#include <fmt/format.h>

namespace credo::gaussian {

bool is_continuous(const FactorGraph& graph, const Scope& scope) {
  return !scope.empty() && graph.variable(scope.front()).is_continuous();
}

std::string why_not_of_one_kind(const FactorGraph& graph, const Query& query) {
  for (const Scope& scope : query.joints) {
    for (const VariableId v : scope) {
      if (graph.variable(v).is_continuous() == is_continuous(graph, scope)) continue;
      return fmt::format("a joint of {} and {}: one is continuous, one is discrete",
                         graph.variable(scope.front()).name, graph.variable(v).name);
    }
  }
  return "";
}

}  // namespace credo::gaussian
