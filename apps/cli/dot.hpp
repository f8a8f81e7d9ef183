#pragma once
// Models in Graphviz's language.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <string>

namespace credo::cli {

/// The directed graph of a Bayesian network; else the bipartite graph of variables (ellipses) and
/// factors (squares). Variables with findings are shaded.
[[nodiscard]] std::string to_dot(const FactorGraph& graph, const Evidence& evidence);

}  // namespace credo::cli
