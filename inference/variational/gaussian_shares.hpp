#pragma once
// Scores under a q that falls into independent components. Internal.

#include <credo/inference/variational/gaussian_moments.hpp>

#include <cstddef>
#include <vector>

namespace credo::variational {

/// A quadratic score and the moments of q that its expectation takes: those of the components that
/// it touches, each over its own variables of the score.
struct SharedScore {
  struct Part {
    std::size_t component;
    SplitScope scope;                        ///< in the order of the score
    StateIndex index;                        ///< of cells, from the states of the score
    std::vector<Eigen::Index> coordinates;   ///< of scope.continuous among those of the score
    std::vector<Frontier::Cell> cells = {};  ///< by joint state of scope.discrete
    /// E[score | own states and values], its infeasible forms left out, and the probability of
    /// those; by joint state of scope.discrete. Set by average().
    std::vector<Form> averaged = {};
    std::vector<double> violations = {};
  };

  SplitScope scope;
  std::vector<std::size_t> extents;  ///< of scope.discrete
  std::vector<Form> forms;           ///< by joint state of scope.discrete
  std::vector<Part> parts;
  /// Under q, set by settle(): the mean of the feasible forms, the probability of the others, and
  /// the size of what the mean is a sum of.
  double mean = 0.0;
  double violations = 0.0;
  double magnitude = 0.0;
};

/// component_of: by variable.
[[nodiscard]] SharedScore make_shared_score(const FactorGraph& graph, SplitScope scope,
                                            std::vector<Form> forms,
                                            const std::vector<std::size_t>& component_of);

/// Averages over the cells of all parts but `own`. Independent parts have no covariance with one
/// another, so that first and second moments by state are all it takes.
void average(SharedScore& score, std::size_t own);

/// The score's expectation from the averages and cells of one part.
void settle(SharedScore& score, std::size_t own);

/// Moments over `wanted`, whose variables are all of the frontier, in its order.
[[nodiscard]] std::vector<Frontier::Cell> cells_over(const FactorGraph& graph,
                                                     const Frontier& frontier,
                                                     const SplitScope& wanted);

}  // namespace credo::variational
