// One exact elimination of the continuous variables, given states of positive probability: if that
// integral diverges, so does Z. Cost: that of the elimination; none where its memory does not fit.

#include <credo/core/joint_states.hpp>
#include <credo/inference/gaussian/gaussian_elimination.hpp>
#include <credo/inference/variational/gaussian_proper.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace credo::variational {

namespace {

/// The most probable state of one conditional after another.
void observe_states(const GaussianProblem& problem, const GaussianFamily& q, Evidence& evidence) {
  const FactorGraph& graph = problem.graph();
  for (const std::size_t n : parents_first(problem.plain)) {
    if (problem.nodes[n].continuous) continue;
    const VariableId v = problem.plain.nodes[n].variable;
    std::size_t row = 0;
    for (const VariableId u : problem.plain.nodes[n].parents) {
      row = row * graph.cardinality(u) + evidence.find(u)->state;
    }
    const std::size_t width = graph.cardinality(v);
    std::size_t best = 0;
    for (std::size_t k = 1; k < width; ++k) {
      if (q.tables[n].at(row * width + k) > q.tables[n].at(row * width + best)) best = k;
    }
    evidence.observe(v, best);
  }
}

}  // namespace

Properness check_proper(const GaussianProblem& problem, const Evidence& evidence,
                        const GaussianFamily& q, const InferOptions& options,
                        const contraction::Monitor& monitor) {
  Evidence given = evidence;
  observe_states(problem, q, given);
  InferOptions remaining = options;
  remaining.time_spent_seconds += monitor.elapsed_seconds();
  remaining.explain_conflict = false;
  const Query query = Query::log_partition();
  Properness result;
  result.message = why_not_gaussian_elimination(problem.graph(), given, query, remaining);
  if (!result.message.empty()) return result;
  const Result exact = run_gaussian_elimination(problem.graph(), given, query, remaining);
  result.improper = exact.status == Status::refused;
  if (!exact.ok()) result.message = exact.message.empty() ? "no time left" : exact.message;
  return result;
}

}  // namespace credo::variational
