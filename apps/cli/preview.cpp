#include "preview.hpp"

#include <credo/inference/gaussian/compiled_gaussian.hpp>

#include <algorithm>
#include <vector>

namespace credo::cli {
namespace {

constexpr double kSearchSeconds = 0.5;

}  // namespace

Plan preview_plan(const FactorGraph& graph, const Evidence& evidence, InferOptions options) {
  options.plan.time_limit_seconds = std::min(options.plan.time_limit_seconds, kSearchSeconds);
  if (graph.has_continuous_variables()) {
    const std::vector<std::size_t> states(graph.variable_count(), 0);
    return CompiledGaussian(graph, evidence, options, states).plan();
  }
  return CompiledQuery(graph, evidence, Query::marginals(), options).plan();
}

}  // namespace credo::cli
