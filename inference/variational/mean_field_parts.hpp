#pragma once
// Parts of the mean-field row: joints of a product, continuous variables, where to start. Internal.

#include <credo/inference/infer.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace credo::variational {

/// Why a graph with continuous variables cannot be climbed; "" when it can.
[[nodiscard]] std::string why_not_gaussian_field(const FactorGraph& graph, const Evidence& evidence,
                                                 const Query& query, const InferOptions& options);

/// prod_v q_v(x_v), at the stored entries of a sparse table if there is one: L > -infinity has no
/// probability elsewhere.
[[nodiscard]] Belief product_of(const FactorGraph& graph, const Scope& scope,
                                const std::vector<std::vector<double>>& marginals,
                                const Table* pattern);

/// The same of continuous variables: means side by side, covariances on the diagonal.
[[nodiscard]] GaussianMarginal product_of(const Scope& scope,
                                          const std::vector<GaussianMoments>& moments);

/// Where p~ is positive, as far as that is cheaply known. A product of single variables with
/// L > -infinity exists exactly when Z > 0: all of its mass on one such state. Continuous variables
/// are left out, with their factors.
struct Support {
  bool none = false;               ///< Z = 0
  std::vector<std::size_t> state;  ///< p~(state) > 0; empty when none was found
};
[[nodiscard]] Support find_support(const FactorGraph& graph, const Evidence& evidence,
                                   InferOptions options);

}  // namespace credo::variational
