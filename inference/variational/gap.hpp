#pragma once
// log Z - L, term by term.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/problem.hpp>
#include <credo/inference/variational/variational.hpp>

#include <span>
#include <string>
#include <vector>

namespace credo::variational {

struct GapAnswer {
  double log_z = kNaN;
  std::vector<GapTerm> terms;  ///< parents before children; empty when not affordable
  std::string missing;         ///< why there is no log Z
};

/// log Z without its terms, by an exact algorithm in what is left of the limits. Throws
/// contraction::Stopped.
[[nodiscard]] GapAnswer log_z_alone(const FactorGraph& graph, const Evidence& evidence,
                                    const InferOptions& options,
                                    const contraction::Monitor& monitor);

/// tables: q by node. feasible: L > -infinity; without it only log Z is computed. Throws
/// contraction::Stopped.
[[nodiscard]] GapAnswer local_divergences(const FactorGraph& graph, const Evidence& evidence,
                                          const Problem& problem, std::span<const Table> tables,
                                          bool feasible, const InferOptions& options,
                                          contraction::Monitor& monitor);

}  // namespace credo::variational
