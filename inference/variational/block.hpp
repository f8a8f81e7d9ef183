#pragma once
// One conditional improved while the others stay: the block update.

#include <credo/inference/variational/expectation_forest.hpp>
#include <credo/inference/variational/problem.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace credo::variational {

/// Rows of probabilities over (parents..., variable), dense, linear.
using Rows = std::vector<double>;

/// Which part of a problem is looked at.
struct BlockScope {
  std::vector<char> scores;  ///< by score of the problem
  std::vector<char> nodes;   ///< by node: closed under parents, and contains the scopes of scores
  std::vector<char> costs;   ///< by node: whether what it pays for itself counts
};
[[nodiscard]] BlockScope everything(const Problem& problem);

/// What one update did to L.
struct BlockGain {
  double before = 0.0;  ///< the block's part of L; counts no violations
  double after = 0.0;
  double violations_before = 0.0;  ///< expected number of scores of -infinity
  double violations_after = 0.0;
};

/// L(q) = E_q[ sum of scores ] + costs on trees of dual numbers.
class BlockSolver {
 public:
  BlockSolver(const Problem& problem, BlockScope scope);

  [[nodiscard]] const ForestPlan& plan() const noexcept { return plan_; }
  /// The number of the component of q that a node is in.
  [[nodiscard]] std::size_t component_of(std::size_t node) const {
    return plan_.tree_of[problem_.nodes[node].variable];
  }
  /// Allocates and sets every optimised node to rows[node]; multiplier scales every weight.
  void start(std::span<const Rows> rows, double multiplier);
  void set(std::size_t node, Rows rows);
  [[nodiscard]] const Rows& rows(std::size_t node) const { return rows_[node]; }
  /// Replaces q of the node by the best one given the others. keep_unreached: rows that q does not
  /// reach stay; else they are solved with A = 0.
  BlockGain update(std::size_t node, bool keep_unreached);
  /// What conditions the node: A over (parents..., variable), -infinity where infeasible.
  [[nodiscard]] DualTable around(std::size_t node) { return forest_->around(input_of_[node]); }
  [[nodiscard]] ExpectationTotal total() { return forest_->total(); }

 private:
  [[nodiscard]] DualTable input_of_node(std::size_t node) const;
  [[nodiscard]] std::vector<DualTable> make_inputs() const;
  [[nodiscard]] double cost(std::size_t node, double q, std::size_t entry,
                            double& violations) const;
  void plan_inputs();

  const Problem& problem_;
  BlockScope scope_;
  ForestPlan plan_;
  std::optional<ExpectationForest> forest_;
  std::vector<std::size_t> input_of_;          ///< by node
  std::vector<std::size_t> own_input_;         ///< by score: its input, or kNoBucket
  std::vector<std::size_t> carrier_;           ///< by score: the sparse kernel that carries it
  std::vector<std::vector<double>> log_base_;  ///< by node; empty: counting
  std::vector<Rows> rows_;
  double multiplier_ = 1.0;
};

/// Kernels and base measures, rows normalised; uniform where there are none. By node.
[[nodiscard]] std::vector<Rows> uniform_start(const Problem& problem);
/// Entries of a conditional's full table.
[[nodiscard]] std::size_t entries_of(const Problem& problem, const Node& node);

}  // namespace credo::variational
