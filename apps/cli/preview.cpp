#include "preview.hpp"

#include <algorithm>

namespace credo::cli {
namespace {

constexpr double kSearchSeconds = 0.5;

}  // namespace

Plan preview_plan(const FactorGraph& graph, const Evidence& evidence, InferOptions options) {
  options.plan.time_limit_seconds = std::min(options.plan.time_limit_seconds, kSearchSeconds);
  return CompiledQuery(graph, evidence, Query::marginals(), options).plan();
}

}  // namespace credo::cli
