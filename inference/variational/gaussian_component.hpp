#pragma once
// The independent components of a q with continuous variables, and their updates. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/gaussian_layout.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::variational {

/// L of everything: the mean of what is finite, how many scores of -infinity are expected, and the
/// size of what the mean is a sum of.
struct FieldTotal {
  double mean = 0.0;
  double violations = 0.0;
  double magnitude = 0.0;

  void add(const SharedScore& score);
  void add_cost(double cost);  ///< of a component
};

/// Replaces q of one component by the best one given the others. The scores that it shares are
/// averaged over those; what is left is a family of its own, solved in one step where it is a
/// single conditional, else by the sweep.
class FieldSolver {
 public:
  /// Throws Breakdown where a shared kernel has no density, or a component is not soluble.
  explicit FieldSolver(const GaussianProblem& problem);

  [[nodiscard]] std::size_t size() const noexcept { return layout_.components.size(); }
  [[nodiscard]] std::size_t component_of(std::size_t node) const {
    return layout_.component_of[node];
  }
  [[nodiscard]] bool optimised(std::size_t component) const {
    return layout_.components[component].optimised;
  }

  /// Sets the discrete conditionals to rows, by node, and the others to what stands for them.
  void start(std::span<const Rows> rows);
  /// Scales every weight, and gives every component with continuous variables an update, since what
  /// stands for them means nothing.
  void prepare(double multiplier, contraction::Monitor& monitor);
  void update(std::size_t component, contraction::Monitor& monitor);

  /// Moves the means of all components that are one free Gaussian each to where L is largest given
  /// all else. Throws Breakdown where it is largest nowhere.
  void improve_means(contraction::Monitor& monitor);

  /// What a component has a share in: its scores and its cost.
  [[nodiscard]] FieldTotal share(std::size_t component) const;
  [[nodiscard]] FieldTotal total() const;
  [[nodiscard]] const GaussianFamily& q() const noexcept { return q_; }
  /// Of a continuous node without parents.
  [[nodiscard]] GaussianMoments moments(std::size_t node) const;
  /// The largest change of a mean since this was asked, in standard deviations under q.
  [[nodiscard]] double moved();

 private:
  [[nodiscard]] const FactorGraph& graph() const { return problem_.graph(); }
  [[nodiscard]] SharedScore::Part& part_at(FieldPlace place) {
    return layout_.scores[place.score].parts[place.part];
  }
  void tell(std::size_t component, contraction::Monitor& monitor);
  void tell_one(const FieldComponent& component);
  void take_cells(SharedScore::Part& part, std::vector<Frontier::Cell> cells);
  void solve_discrete(FieldComponent& component);
  void solve_continuous(FieldComponent& component);
  bool sweep(FieldComponent& component, contraction::Monitor& monitor);

  GaussianProblem problem_;
  std::vector<double> weights_;  ///< by node, before they are scaled
  FieldLayout layout_;
  GaussianFamily q_;
  double moved_ = 0.0;
};

}  // namespace credo::variational
