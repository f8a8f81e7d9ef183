#pragma once
// First two moments of a family, from its first conditional to its last. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/gaussian_sweep.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace credo::variational {

/// The joint moments of some variables: one cell per joint state of the discrete ones.
struct Frontier {
  struct Cell {
    double weight = 1.0;  ///< q(states)
    Eigen::VectorXd mean;
    Eigen::MatrixXd covariance;
  };
  SplitScope scope;
  std::vector<Cell> cells{Cell{}};

  /// Mean and covariance of the continuous variables, all cells together.
  [[nodiscard]] Cell merged() const;
};

/// Visits the nodes parents first; at each the frontier has the node's variable, its parents and
/// needs[node]. order: one of those (empty: any).
struct MomentPlan {
  std::vector<std::size_t> order;
  std::vector<std::vector<VariableId>> dropped;  ///< by place in the order: after the visit
  double peak_bytes = 0.0;
};
[[nodiscard]] MomentPlan plan_moments(const GaussianProblem& problem, std::span<const Scope> needs,
                                      std::vector<std::size_t> order = {});

using MomentVisitor = std::function<void(std::size_t node, const Frontier&)>;
void run_moments(const GaussianProblem& problem, const GaussianFamily& q, const MomentPlan& plan,
                 const MomentVisitor& visit, contraction::Monitor& monitor);

/// Some of its variables and cells, the others summed or marginalised out.
[[nodiscard]] Frontier without(const FactorGraph& graph, const Frontier& frontier,
                               const Scope& dropped);

/// The moments of some coordinates.
[[nodiscard]] Frontier::Cell picked(const Frontier::Cell& cell,
                                    const std::vector<Eigen::Index>& kept);

}  // namespace credo::variational
