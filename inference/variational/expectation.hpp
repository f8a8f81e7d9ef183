#pragma once
// Conditional expectations of sums of scores by elimination on dual numbers.

#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace credo::variational {

/// A table of dual numbers (p, u), held as p and the mean u / p, so that products multiply p and
/// add means. Minus infinities are counted apart: `violations` is the mean number of scores that
/// are minus infinity, `mean` is of the finite ones.
struct DualTable {
  Scope scope;
  /// Row-major indices of the entries held, increasing; nothing: all of them.
  std::optional<std::vector<std::uint64_t>> stored;
  std::vector<double> p;           ///< empty: 1 everywhere
  std::vector<double> mean;        ///< empty: 0 everywhere
  std::vector<double> violations;  ///< empty: 0 everywhere

  /// Entries held; size is that of the full table.
  [[nodiscard]] std::size_t count(std::size_t size) const { return stored ? stored->size() : size; }
};

/// Multiplies the operands and sums everything but `kept` away. p comes out scaled to a largest
/// entry of 1: only ratios of p matter to means. cluster: all variables of the operands.
[[nodiscard]] DualTable combine(const FactorGraph& graph, const Scope& cluster,
                                std::span<const DualTable* const> operands, const Scope& kept);

/// One bucket of a tree of clusters.
struct ExpectationBucket {
  Scope cluster;
  Scope separator;  ///< cluster without the eliminated variable
  std::size_t parent = 0;
  std::vector<std::size_t> children;
  std::vector<std::size_t> inputs;
};

struct ExpectationPlan {
  std::vector<ExpectationBucket>
      buckets;                         ///< in the order of elimination; a root is its own parent
  std::vector<std::size_t> bucket_of;  ///< by input; kNoBucket for scalars
  double operations = 0.0;             ///< of all messages in both directions, once
  double peak_bytes = 0.0;
};
inline constexpr std::size_t kNoBucket = static_cast<std::size_t>(-1);

/// What the plan has to know of an input.
struct InputShape {
  Scope scope;
  double entries = 0.0;
  bool sparse = false;
  bool conditional = false;  ///< of q, not a score
};

/// The given order, or a cheaper one found by a search where there may be one. given: all variables
/// of the inputs, the first is eliminated first. Cost: of the inputs, not of the graph.
[[nodiscard]] ExpectationPlan plan_expectation(const FactorGraph& graph,
                                               std::span<const InputShape> inputs,
                                               const std::vector<VariableId>& given);

/// Mean and violations of everything.
struct ExpectationTotal {
  double mean = 0.0;
  double violations = 0.0;
};

/// Messages are computed when asked for and kept until an input behind them changes.
class ExpectationTree {
 public:
  ExpectationTree(const FactorGraph& graph, ExpectationPlan plan, std::vector<DualTable> inputs);

  /// Replaces an input over the same scope.
  void set(std::size_t input, DualTable table);
  [[nodiscard]] const DualTable& input(std::size_t number) const { return inputs_[number]; }
  /// The product of all other inputs of its component, over the scope of the input.
  [[nodiscard]] DualTable around(std::size_t input);
  [[nodiscard]] ExpectationTotal total();

 private:
  const DualTable& upward(std::size_t bucket);
  const DualTable& downward(std::size_t bucket);
  void prepare_upward(std::size_t bucket);
  void forget_downward(std::size_t bucket);

  const FactorGraph& graph_;
  ExpectationPlan plan_;
  std::vector<DualTable> inputs_;
  std::vector<std::optional<DualTable>> upward_;
  std::vector<std::optional<DualTable>> downward_;
};

}  // namespace credo::variational
