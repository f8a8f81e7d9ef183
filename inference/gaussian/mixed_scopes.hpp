#pragma once
// Sets of variables that are asked for together in graphs with continuous variables. Internal.

#include <credo/core/factor_graph.hpp>
#include <credo/inference/query.hpp>

#include <string>

namespace credo::gaussian {

/// Whether the first is continuous; of a joint that is answered all are then. False when empty.
[[nodiscard]] bool is_continuous(const FactorGraph& graph, const Scope& scope);

/// "" when every joint that is asked for is of one kind, else which two are not.
[[nodiscard]] std::string why_not_of_one_kind(const FactorGraph& graph, const Query& query);

}  // namespace credo::gaussian
