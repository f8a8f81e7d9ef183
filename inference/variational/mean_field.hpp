#pragma once
// The mean-field bound as one line of the table of algorithms.

#include <credo/inference/infer.hpp>

#include <string>

namespace credo {

/// Answers pr and mar; "" or the reason, with numbers.
[[nodiscard]] std::string why_not_mean_field(const FactorGraph& graph, const Evidence& evidence,
                                             const Query& query, const InferOptions& options);

/// log Z >= L = log_z = log_z_lower; marginals are those of q, joints their products; continuous
/// variables are Gaussian under q, and their graph must have a finite integral. Impossible
/// evidence is said where zero propagation or an affordable exact run proves it; refused where
/// every start ends with L = -infinity and neither that nor a state of positive probability was
/// found. Stopped, the best bound so far. Of options.iteration it reads tolerance (of L) and
/// maximum_iterations (of each start).
[[nodiscard]] Result run_mean_field(const FactorGraph& graph, const Evidence& evidence,
                                    const Query& query, const InferOptions& options);

}  // namespace credo
