#pragma once
// The algorithm "gaussian_belief_propagation": messages between continuous variables.

#include <credo/inference/infer.hpp>

#include <string>

namespace credo {

/// "" when every unobserved variable is continuous, the task is pr, mar (joints of two neighbours
/// at most) or map, and the messages fit the memory limit; else the reason, with numbers.
[[nodiscard]] std::string why_not_gaussian_belief_propagation(const FactorGraph& graph,
                                                              const Evidence& evidence,
                                                              const Query& query,
                                                              const InferOptions& options);

/// Messages on the Markov network of the precision J that evidence leaves (factors of any arity;
/// one block per variable). Exact on forests. Elsewhere means are exact at a fixed point;
/// covariances and log Z (Bethe's value) are not, and the message says whether the network is
/// walk-summable: rho(|R|) < 1, R = I - D^-1/2 J D^-1/2, with the spectral norms of the whitened
/// blocks for |R|, which makes convergence certain. Refused where the integral is seen to diverge,
/// a kernel has no noise, or messages break down (a precision among them is not positive definite).
[[nodiscard]] Result run_gaussian_belief_propagation(const FactorGraph& graph,
                                                     const Evidence& evidence, const Query& query,
                                                     const InferOptions& options);

}  // namespace credo
