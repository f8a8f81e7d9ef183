#pragma once
// Coordinate ascent over the components of a q with continuous variables. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>

#include <cstddef>
#include <vector>

namespace credo::variational {

/// The best of the starts.
struct GaussianAscentAnswer {
  GaussianFamily q;
  double value = -kInfinity;  ///< L
  double violations = kInfinity;
  std::vector<double> trace;  ///< L after every update of a component in the last stage
  std::size_t start = 0;
  std::size_t sweeps = 0;
  double residual = kNaN;
  bool converged = false;
  bool monotone = true;
};

/// Before anything is allocated.
[[nodiscard]] GaussianCost cost_of_ascent(const GaussianProblem& problem);

/// Components are those of the graph of conditionals; each is solved exactly, given the others.
/// initial: rows of the discrete nodes in the first start. Throws Breakdown when the integral of a
/// component does not exist, when one is not soluble by itself, or when L has no upper bound, and
/// contraction::Stopped.
[[nodiscard]] GaussianAscentAnswer run_gaussian_ascent(const GaussianProblem& problem,
                                                       const std::vector<Rows>& initial,
                                                       const VariationalOptions& options,
                                                       contraction::Monitor& monitor);

}  // namespace credo::variational
