#pragma once
// What is checked of every conditional when it is added. Internal.

#include <credo/inference/variational/family.hpp>

#include <string>

namespace credo::variational {

/// "q(x | a, b)".
[[nodiscard]] std::string describe(const FactorGraph& graph, const Conditional& conditional);

/// Throws ModelError on unknown and repeated variables, and on continuous parents of a discrete
/// child.
void check_variables(const FactorGraph& graph, const Conditional& conditional);

/// Throws ModelError when a kernel or base measure is not of the shape of (parents..., child).
void check_shape(const FactorGraph& graph, const Conditional& conditional);

/// Throws ModelError when rho is 0 or NaN.
void check_rho(double rho);

}  // namespace credo::variational
