#pragma once
// The algorithm "moment_matching": mixed graphs, mixtures replaced by their moments.

#include <credo/inference/infer.hpp>

#include <string>

namespace credo {

/// "" when the clusters fit the budget and every mixture has moments; else the reason. Plans.
[[nodiscard]] std::string why_not_moment_matching(const FactorGraph& graph,
                                                  const Evidence& evidence, const Query& query,
                                                  const InferOptions& options);

/// pr and mar, with joints of variables of one kind. Two passes over a tree of clusters; a message
/// over continuous variables is one Gaussian per joint state of its discrete variables: the mixture
/// over what was eliminated is replaced by the Gaussian of its mass, mean and covariance. Guarantee
/// none, and the message says how often and at what loss. Exact, and said to be, when no mixture
/// of different Gaussians had to be replaced on the way up: then log Z, discrete marginals, means
/// and covariances are exact. An observation that repeats what is certain adds nothing to log Z.
/// Refused, naming it, where a variable has no proper distribution.
[[nodiscard]] Result run_moment_matching(const FactorGraph& graph, const Evidence& evidence,
                                         const Query& query, const InferOptions& options);

}  // namespace credo
