#pragma once
// What is read off the best q: marginals, bounds, and who is to blame for minus infinity.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/problem.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::variational {

/// q as a factor graph with the variables of the model; observed ones have no factor. tables: by
/// node, linear, over (parents..., variable).
[[nodiscard]] FactorGraph graph_of(const Problem& problem, std::span<const Table> tables);

/// q(x_v) of every variable; 1 on the state of observed ones. By a forward pass, or where that is
/// dearer by the contraction engine; empty vectors when both would exceed the memory limit.
[[nodiscard]] std::vector<std::vector<double>> marginals_of(const Problem& problem,
                                                            const Evidence& evidence,
                                                            std::span<const Table> tables,
                                                            const InferOptions& options,
                                                            contraction::Monitor& monitor);

/// Whether L is a lower bound of log Z for every q: w <= 1 and m <= 1, rho >= 1.
[[nodiscard]] bool is_lower_bound(const Problem& problem);

/// Who makes L minus infinity.
struct Blame {
  std::optional<FactorId> factor;
  std::string message;
};

/// feasible(n): whether L > -infinity with the first n scores only, a property that can only be
/// lost as n grows. Bisects for the first score that loses it. Cost: log2(scores) calls.
[[nodiscard]] Blame find_blame(const Problem& problem,
                               const std::function<bool(std::size_t)>& feasible);

}  // namespace credo::variational
