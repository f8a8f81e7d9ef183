#pragma once
// The conditionals of a family as constraints on the beliefs of factors.

#include <credo/inference/message_passing/factor_rule.hpp>
#include <credo/inference/variational/family.hpp>

#include <string>
#include <vector>

namespace credo::message_passing {

/// Per factor the constrained factor that takes it in, or kNone: the first whose scope holds all of
/// its unobserved variables, if there are at least two. Only factors that are not constrained
/// themselves. Empty when nothing is taken in.
[[nodiscard]] std::vector<FactorId> find_hosts(const FactorGraph& graph, const Evidence& evidence,
                                               const Family* family);

/// Throws ModelError on conditionals that no factor's rule can express.
[[nodiscard]] Constraints make_constraints(const FactorGraph& graph, const EdgeGraph& edges,
                                           const Family* family);

/// Why beliefs that meet the constraints on a forest may have dependences that the family's q has
/// not, so that F at them may exceed max L; "" when q can be any of them.
[[nodiscard]] std::string why_not_contained(const FactorGraph& graph, const Evidence& evidence,
                                            const EdgeGraph& edges, const Constraints& constraints,
                                            const Family& family);

}  // namespace credo::message_passing
