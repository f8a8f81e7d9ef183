#pragma once
// What every method does with one conditional on quadratic scores. Internal.

#include <credo/inference/variational/gaussian_problem.hpp>

#include <cstddef>
#include <vector>

namespace credo::variational {

/// q by node.
struct GaussianFamily {
  std::vector<Table> tables;                 ///< discrete nodes, linear
  std::vector<std::vector<Kernel>> kernels;  ///< continuous nodes, by joint state of the parents
};

/// The optimum of one conditional from the sum of its scores: rule, breakdown and its words.
class ConditionalRule {
 public:
  ConditionalRule(const GaussianProblem& problem, std::size_t node)
      : problem_(problem), node_(node) {}
  /// j over (v, continuous parents); kernel: among its scores or its own, or nullptr.
  [[nodiscard]] Optimum operator()(const Form& j, const Kernel* kernel) const;

 private:
  [[noreturn]] void complain(const Optimum& failed, bool has_kernel) const;

  const GaussianProblem& problem_;
  std::size_t node_;
};

/// The quadratic forms of a score, log densities in place of kernels. Throws Breakdown where a
/// kernel has no density.
[[nodiscard]] std::vector<Form> densities_of(const GaussianProblem& problem,
                                             const GaussianScore& score);

/// What kernel q of a continuous node pays for itself for the i-th joint state of its discrete
/// parents: w H(q) or -rho KL(q, k), a function of the continuous parents.
[[nodiscard]] Form own_cost(const GaussianProblem& problem, std::size_t node, std::size_t i,
                            const Kernel& q);

/// The entropy of an optimised discrete conditional relative to its base or kernel, times its
/// weight, in one entry; 0 where q is.
[[nodiscard]] double own_cost(const Node& node, const Table& q, std::size_t entry);

/// Some q: kernels where a conditional has one; else uniform, or standard normal.
[[nodiscard]] GaussianFamily stand_in(const GaussianProblem& problem);

}  // namespace credo::variational
