#pragma once
// The best member of a family on a graph with continuous variables. Internal.

#include <credo/inference/variational/variational.hpp>

namespace credo::variational {

/// As maximize(), for questions that were validated.
[[nodiscard]] VariationalResult maximize_gaussian(const FactorGraph& graph,
                                                  const Evidence& evidence, const Family& family,
                                                  const VariationalOptions& options);

/// As solubility().
[[nodiscard]] Solubility gaussian_solubility(const FactorGraph& graph, const Evidence& evidence,
                                             const Family& family);

}  // namespace credo::variational
