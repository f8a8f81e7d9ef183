#pragma once
// Entropies, mutual information and divergences of exact posteriors p(x) = p~(x) / Z
// under evidence e, in nats. Definitions: Cover and Thomas 2006, chapter 2.
// All of them ask infer() and throw as it does (EvidenceError, QueryError, OptionError).

#include <credo/inference/infer.hpp>

#include <vector>

namespace credo {

/// A quantity with the status of the inference it came from; NaN unless ok.
struct Quantity {
  double value = kNaN;
  Status status = Status::not_run;
  std::string message = "not run yet";
};

/// H(X) = log Z - E_p[log p~(X)] of the joint posterior.
[[nodiscard]] Quantity entropy(const FactorGraph& graph, const Evidence& evidence,
                               const InferOptions& options = {});
/// H(X_S) = -sum p(x_S) log p(x_S) of a set of distinct variables.
[[nodiscard]] Quantity entropy(const FactorGraph& graph, const Evidence& evidence,
                               const Scope& variables, const InferOptions& options = {});
/// I(X_A; X_B given evidence) = sum p(a, b) log p(a, b) / (p(a) p(b)). A and B disjoint.
[[nodiscard]] Quantity mutual_information(const FactorGraph& graph, const Evidence& evidence,
                                          const Scope& a, const Scope& b,
                                          const InferOptions& options = {});
/// log p(e) = log Z(e) - log Z(): the log probability of evidence; -infinity, with its status, when
/// the evidence is impossible.
[[nodiscard]] Quantity log_probability_of_evidence(const FactorGraph& graph,
                                                   const Evidence& evidence,
                                                   const InferOptions& options = {});
/// KL(p(X given e), p(X)) of the joints = E[log likelihood of the findings] - log p(e).
[[nodiscard]] Quantity posterior_prior_divergence(const FactorGraph& graph,
                                                  const Evidence& evidence,
                                                  const InferOptions& options = {});
/// KL(p(x_v given e), p(x_v)) for every variable: what the evidence moved.
struct EvidenceImpact {
  std::vector<double> divergence;  ///< one per variable of the graph
  Status status = Status::not_run;
  std::string message = "not run yet";
};
[[nodiscard]] EvidenceImpact evidence_impact(const FactorGraph& graph, const Evidence& evidence,
                                             const InferOptions& options = {});

}  // namespace credo
