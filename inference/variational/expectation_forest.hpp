#pragma once
// Conditional expectations under a q that falls into independent components.

#include <credo/inference/variational/expectation.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace credo::variational {

/// One tree per component of q, before anything is allocated.
struct ForestPlan {
  /// Where an input is: a conditional in one tree, a score in every tree that it touches.
  struct Place {
    std::size_t tree = 0;
    std::size_t input = 0;  ///< of the tree
    Scope scope;            ///< of the input, within the tree
  };
  std::vector<ExpectationPlan> trees;
  std::vector<std::vector<Place>> places;  ///< by input; none for scalars
  std::vector<std::size_t> tree_of;        ///< by variable; kNoBucket for those without conditional
  double operations = 0.0;                 ///< of all messages and averages, once
  double peak_bytes = 0.0;
};

/// inputs: every variable that a score mentions is the child of a conditional among them. given: as
/// in plan_expectation().
[[nodiscard]] ForestPlan plan_forest(const FactorGraph& graph, std::span<const InputShape> inputs,
                                     const std::vector<VariableId>& given);

/// As ExpectationTree, over all components at once. p of a score is 1 everywhere.
class ExpectationForest {
 public:
  ExpectationForest(const FactorGraph& graph, const ForestPlan& plan,
                    std::vector<DualTable> inputs);

  /// Replaces a conditional over the same scope.
  void set(std::size_t input, DualTable table);
  /// What multiplies a conditional in its component, the scores averaged over the others.
  [[nodiscard]] DualTable around(std::size_t input);
  [[nodiscard]] ExpectationTotal total();

 private:
  /// A score's share of one tree: the score averaged over the other shares' marginals.
  struct Share {
    std::size_t tree;
    std::size_t input;
    DualTable marginal;            ///< of q over the share's scope
    std::uint64_t marginal_of;     ///< version of the tree that it is from
    std::uint64_t average_of = 0;  ///< sum of the other trees' versions
  };
  struct Shared {
    DualTable score;
    std::vector<Share> shares;
  };

  void add_shared(const ForestPlan& plan, std::size_t input, DualTable score);
  const DualTable& marginal(Share& share);
  void average(Shared& shared, std::size_t tree);
  void refresh(std::size_t tree);

  const FactorGraph& graph_;
  std::vector<ExpectationTree> trees_;
  std::vector<std::optional<ForestPlan::Place>> place_;  ///< by input: of conditionals
  std::vector<DualTable> scalars_;
  std::vector<Shared> shared_;
  std::vector<std::vector<std::size_t>> shared_by_;   ///< by tree: numbers in shared_
  std::vector<std::vector<std::size_t>> neighbours_;  ///< by tree: those it shares a score with
  std::vector<std::uint64_t> versions_;               ///< by tree: of its conditionals
  std::vector<char> stale_;                           ///< by tree: some average may be old
};

}  // namespace credo::variational
