// KL(q, p) as a sum over the family.
//
// With the variables ordered parents first, KL(q, p) = sum_v E_q[ log q(x_v | x_pa) - log p(x_v |
// all before v) ], every term an expected divergence. p(x_v | before) comes from eliminating the
// model in the reverse of that order: the sweep of the family that is fully structured along it,
// whose value is log Z. The terms are expectations of two logarithms under q's marginals over their
// scopes, all of them from one contraction of q up and down; where that does not fit, each is the
// value of an all-clamped family with two scores. Cost: the model's elimination along the family's
// order, which may be dearer than the best order (then log Z comes from the contraction engine
// alone), and one contraction, or else a forward evaluation per variable.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/answers.hpp>
#include <credo/inference/variational/evaluation.hpp>
#include <credo/inference/variational/gap.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/sweep.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace credo::variational {

namespace {

/// sign log p where p > 0, 0 elsewhere.
Table log_of(const Table& linear, double sign) {
  std::vector<double> values;
  values.reserve(linear.values().size());
  for (const double p : linear.values()) values.push_back(p > 0.0 ? sign * std::log(p) : 0.0);
  return with_values(linear, std::move(values), Domain::log);
}

/// The model eliminated children first: p(x_v | before) by node, and log Z.
struct Posterior {
  Problem problem;
  SweepAnswer answer;
};

std::optional<Posterior> posterior_along(const FactorGraph& graph, const Evidence& evidence,
                                         const std::vector<std::size_t>& parents_first_order,
                                         const Problem& problem, const InferOptions& options,
                                         contraction::Monitor& monitor) {
  std::vector<VariableId> order;
  for (std::size_t i = parents_first_order.size(); i-- > 0;) {
    order.push_back(problem.nodes[parents_first_order[i]].variable);
  }
  const Family family = fully_structured(graph, evidence, std::move(order));
  Posterior posterior{make_problem(graph, evidence, family), {}};
  const auto plan = plan_sweep(posterior.problem, false);
  // Twice: the sparse entries the plan counts may be walked densely.
  if (!plan || 2.0 * plan->peak_bytes > options.memory_limit_bytes) return std::nullopt;
  posterior.answer = run_sweep(posterior.problem, *plan, {}, monitor);
  return posterior;
}

/// Adds up E_b[log f] where both are positive.
double expected_log(const Belief& b, const Table& f) {
  const std::vector<std::uint64_t> stored = b.table.stored_indices();
  const std::span<const double> values = b.table.values();
  CompensatedSum sum;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] <= 0.0) continue;
    const double log_f = f.log_at(b.table.is_sparse() ? stored[i] : i);
    if (log_f > -kInfinity) sum.add(values[i] * log_f);
  }
  return sum.value();
}

/// 1 wherever the table has an entry: it asks for a marginal and changes nothing.
Table ones_like(const Table& table) {
  return with_values(table, std::vector<double>(table.values().size(), 1.0), Domain::linear);
}

/// Every term from the marginals of q, or none when they are not affordable.
std::vector<GapTerm> terms_of_marginals(const Problem& problem, const Posterior& posterior,
                                        std::span<const Table> tables,
                                        std::span<const std::size_t> order,
                                        const InferOptions& options,
                                        contraction::Monitor& monitor) {
  FactorGraph q = graph_of(problem, tables);
  for (const Node& node : posterior.problem.nodes) {
    const std::size_t m = posterior.problem.node_of[node.variable];
    q.add_factor(Problem::scope_of(node), ones_like(posterior.answer.conditionals[m]));
  }
  Query query = Query::marginals();
  query.factor_marginals = true;
  InferOptions remaining = options;
  remaining.time_spent_seconds += monitor.elapsed_seconds();
  const Result result = infer_exactly(q, {}, query, remaining);
  if (result.status == Status::deadline || result.status == Status::cancelled) {
    throw contraction::Stopped{result.status};
  }
  std::vector<GapTerm> terms;
  if (!result.ok()) return terms;
  for (const std::size_t n : order) {
    const VariableId v = problem.nodes[n].variable;
    const std::size_t m = posterior.problem.node_of[v];
    const Belief& after = result.factor_marginals[problem.nodes.size() + m];
    terms.push_back({v, expected_log(result.factor_marginals[n], tables[n]) -
                            expected_log(after, posterior.answer.conditionals[m])});
  }
  return terms;
}

}  // namespace

GapAnswer log_z_alone(const FactorGraph& graph, const Evidence& evidence,
                      const InferOptions& options, const contraction::Monitor& monitor) {
  InferOptions remaining = options;
  remaining.time_spent_seconds += monitor.elapsed_seconds();
  if (remaining.time_spent_seconds > remaining.time_limit_seconds) {
    throw contraction::Stopped{Status::deadline};
  }
  Result exact = infer_exactly(graph, evidence, Query::log_partition(), remaining);
  if (exact.status == Status::deadline || exact.status == Status::cancelled) {
    throw contraction::Stopped{exact.status};
  }
  GapAnswer result;
  result.log_z = exact.log_z;
  if (exact.status == Status::refused) result.missing = std::move(exact.message);
  return result;
}

GapAnswer local_divergences(const FactorGraph& graph, const Evidence& evidence,
                            const Problem& problem, std::span<const Table> tables, bool feasible,
                            const InferOptions& options, contraction::Monitor& monitor) {
  const std::vector<std::size_t> order = parents_first(problem);
  const auto posterior = posterior_along(graph, evidence, order, problem, options, monitor);
  if (!posterior) return log_z_alone(graph, evidence, options, monitor);
  GapAnswer result;
  result.log_z = posterior->answer.value;
  if (!feasible) return result;
  result.terms = terms_of_marginals(problem, *posterior, tables, order, options, monitor);
  if (!result.terms.empty()) return result;
  Problem clamped = clamped_problem(problem, tables);
  for (const std::size_t n : order) {
    const VariableId v = problem.nodes[n].variable;
    clamped.scores.clear();
    clamped.scores.push_back({Problem::scope_of(problem.nodes[n]),
                              log_of(clamped.nodes[n].table->in_domain(Domain::linear), 1.0),
                              std::nullopt, std::nullopt});
    const std::size_t m = posterior->problem.node_of[v];
    clamped.scores.push_back({Problem::scope_of(posterior->problem.nodes[m]),
                              log_of(posterior->answer.conditionals[m], -1.0), std::nullopt,
                              std::nullopt});
    result.terms.push_back({v, expected_value(clamped, monitor)});
  }
  return result;
}

}  // namespace credo::variational
