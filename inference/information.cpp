// Computes entropies and divergences of exact posteriors from marginals that infer() returns:
//   H(X)            = log Z - sum_f E_p[log f(X_f)] - sum_v E_p[log likelihood_v(X_v)]
//   H(X_S)          = -sum p(x_S) log p(x_S)
//   I(X_A; X_B)     = sum p(a, b) log (p(a, b) / (p(a) p(b)))
//   log p(e)        = log Z(e) - log Z()
//   KL(p(.|e), p)   = sum_v E_{p(.|e)}[log likelihood_v(X_v)] - log p(e)
// in nats, with 0 log 0 = 0 throughout: a state of probability 0 never contributes, whatever
// its logarithm. Cost: one or two inferences. Source: Cover and Thomas, Elements of Information
// Theory, chapter 2.

#include <credo/core/error.hpp>
#include <credo/inference/information.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo {

namespace {

/// p log q with 0 log 0 = 0.
double times_log(double p, double log_q) { return p == 0.0 ? 0.0 : p * log_q; }

Quantity no_quantity(const Result& result) { return {kNaN, result.status, result.message}; }

Quantity quantity(double value) { return {value, Status::ok, "answered"}; }

double entropy_of(std::span<const double> probabilities) {
  CompensatedSum sum;
  for (const double p : probabilities) sum.add(-times_log(p, std::log(p)));
  return std::max(0.0, sum.value());
}

/// KL(p, q) of two distributions over the same states; never negative.
double divergence_of(std::span<const double> p, std::span<const double> q) {
  CompensatedSum sum;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0.0) sum.add(p[i] * std::log(p[i] / q[i]));
  }
  return std::max(0.0, sum.value());
}

/// Calls visit(row-major index, value) for every entry a table holds.
template <typename Visit>
void for_each_held(const Table& table, Visit&& visit) {
  const std::span<const double> values = table.values();
  if (!table.is_sparse()) {
    for (std::size_t i = 0; i < values.size(); ++i) visit(std::uint64_t{i}, values[i]);
    return;
  }
  const std::vector<std::uint64_t> indices = table.stored_indices();
  for (std::size_t i = 0; i < indices.size(); ++i) visit(indices[i], values[i]);
}

std::vector<VariableId> soft_variables(const Evidence& evidence) {
  std::vector<VariableId> variables;
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::likelihood) variables.push_back(v);
  }
  return variables;
}

/// sum_v E[log likelihood_v(X_v)] under the marginals of a result.
double expected_log_likelihood(const Evidence& evidence, const Result& result) {
  CompensatedSum sum;
  for (const VariableId v : soft_variables(evidence)) {
    const std::vector<double>& p = result.marginal(v);
    for (std::size_t x = 0; x < p.size(); ++x) {
      sum.add(times_log(p[x], std::log(evidence.find(v)->likelihood[x])));
    }
  }
  return sum.value();
}

/// sum_f E[log f(X_f)] under the factor marginals of a result.
double expected_log_factors(const FactorGraph& graph, const Result& result) {
  CompensatedSum sum;
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    const Table& table = graph.factor(f).table;
    for_each_held(result.factor_marginals.at(f).table, [&](std::uint64_t index, double p) {
      sum.add(p == 0.0 ? 0.0 : p * table.log_at(index));
    });
  }
  return sum.value();
}

/// Row-major over (a..., b...): sums out one side of a joint of size_a x size_b cells.
std::pair<std::vector<double>, std::vector<double>> sides(std::span<const double> joint,
                                                          std::size_t size_b) {
  std::vector<CompensatedSum> of_a(joint.size() / size_b);
  std::vector<CompensatedSum> of_b(size_b);
  for (std::size_t i = 0; i < joint.size(); ++i) {
    of_a[i / size_b].add(joint[i]);
    of_b[i % size_b].add(joint[i]);
  }
  std::pair<std::vector<double>, std::vector<double>> both;
  for (const CompensatedSum& p : of_a) both.first.push_back(p.value());
  for (const CompensatedSum& p : of_b) both.second.push_back(p.value());
  return both;
}

/// p(a) p(b) for every cell of the joint.
std::vector<double> product_of(std::span<const double> a, std::span<const double> b) {
  std::vector<double> product;
  product.reserve(a.size() * b.size());
  for (const double p : a) {
    for (const double q : b) product.push_back(p * q);
  }
  return product;
}

}  // namespace

Quantity entropy(const FactorGraph& graph, const Evidence& evidence, const InferOptions& options) {
  graph.require_discrete("entropy");
  Query query = Query::marginals(soft_variables(evidence));
  query.factor_marginals = true;
  const Result result = infer_exactly(graph, evidence, query, options);
  if (!result.ok()) return no_quantity(result);
  const double expected =
      expected_log_factors(graph, result) + expected_log_likelihood(evidence, result);
  return quantity(std::max(0.0, result.log_z - expected));
}

Quantity entropy(const FactorGraph& graph, const Evidence& evidence, const Scope& variables,
                 const InferOptions& options) {
  graph.require_discrete("entropy");
  const Result result = infer_exactly(graph, evidence, Query::joint(variables), options);
  if (!result.ok()) return no_quantity(result);
  return quantity(entropy_of(result.joints.front().table.values()));
}

Quantity mutual_information(const FactorGraph& graph, const Evidence& evidence, const Scope& a,
                            const Scope& b, const InferOptions& options) {
  graph.require_discrete("mutual information");
  for (const VariableId v : b) {
    if (std::ranges::find(a, v) != a.end()) {
      throw QueryError(
          fmt::format("mutual information: expected disjoint sets, got {} in both",
                      v < graph.variable_count() ? graph.variable(v).name : std::to_string(v)));
    }
  }
  Scope both = a;
  both.insert(both.end(), b.begin(), b.end());
  const Result result = infer_exactly(graph, evidence, Query::joint(both), options);
  if (!result.ok()) return no_quantity(result);
  std::size_t size_b = 1;
  for (const VariableId v : b) size_b *= graph.cardinality(v);
  const Table joint =
      result.joints.front().table.densified(std::numeric_limits<std::uint64_t>::max());
  const auto [p_a, p_b] = sides(joint.values(), size_b);
  return quantity(divergence_of(joint.values(), product_of(p_a, p_b)));
}

Quantity log_probability_of_evidence(const FactorGraph& graph, const Evidence& evidence,
                                     const InferOptions& options) {
  const Result prior = infer_exactly(graph, {}, Query::log_partition(), options);
  if (!prior.ok()) return no_quantity(prior);
  const Result posterior = infer_exactly(graph, evidence, Query::log_partition(), options);
  Quantity answer = no_quantity(posterior);
  if (posterior.ok()) answer = quantity(posterior.log_z - prior.log_z);
  if (posterior.status == Status::impossible_evidence) answer.value = -kInfinity;
  return answer;
}

Quantity posterior_prior_divergence(const FactorGraph& graph, const Evidence& evidence,
                                    const InferOptions& options) {
  graph.require_discrete("divergence");
  const Result prior = infer_exactly(graph, {}, Query::log_partition(), options);
  if (!prior.ok()) return no_quantity(prior);
  const std::vector<VariableId> soft = soft_variables(evidence);
  const Query query = soft.empty() ? Query::log_partition() : Query::marginals(soft);
  const Result posterior = infer_exactly(graph, evidence, query, options);
  if (!posterior.ok()) return no_quantity(posterior);
  const double log_probability = posterior.log_z - prior.log_z;
  return quantity(std::max(0.0, expected_log_likelihood(evidence, posterior) - log_probability));
}

EvidenceImpact evidence_impact(const FactorGraph& graph, const Evidence& evidence,
                               const InferOptions& options) {
  graph.require_discrete("evidence impact");
  EvidenceImpact impact;
  const Result prior = infer_exactly(graph, {}, Query::marginals(), options);
  const Result posterior =
      prior.ok() ? infer_exactly(graph, evidence, Query::marginals(), options) : prior;
  impact.status = posterior.status;
  impact.message = posterior.message;
  if (!posterior.ok()) return impact;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    impact.divergence.push_back(divergence_of(posterior.marginal(v), prior.marginal(v)));
  }
  return impact;
}

}  // namespace credo
