#pragma once
// The symbolic part of eliminating continuous variables: fronts, one per variable, in a forest.

#include <credo/core/factor_graph.hpp>
#include <credo/inference/gaussian/skeleton.hpp>
#include <credo/inference/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace credo::gaussian {

/// Position of a scalar that evidence fixes.
inline constexpr std::uint32_t kObserved = std::numeric_limits<std::uint32_t>::max();

/// A front eliminates one variable of `size` scalars; `separator` scalars of later variables
/// stay. Its scalars are those of the variable, then those of the separator by order of
/// elimination.
struct Front {
  VariableId variable = 0;
  std::uint32_t size = 0;
  std::uint32_t separator = 0;
  std::uint32_t parent = 0;     ///< the front's own index at a root
  std::uint32_t scalars = 0;    ///< into Structure::scalars: size + separator of them
  std::uint32_t positions = 0;  ///< into Structure::positions: the separator in the parent's front
  std::uint64_t square = 0;     ///< offset of (size + separator)^2 numbers
  std::uint64_t gain = 0;       ///< offset of size x separator numbers
  std::uint64_t core = 0;       ///< offset of size x size numbers
  std::uint32_t factors_begin = 0;  ///< into Structure::factors
  std::uint32_t factors_end = 0;

  [[nodiscard]] std::uint32_t order() const noexcept { return size + separator; }
};

/// Where one number of a factor's precision goes: square[to] += precision[from].
struct AssemblyEntry {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  friend bool operator==(const AssemblyEntry&, const AssemblyEntry&) = default;
};

/// A Gaussian factor in the front of the first of its variables to go.
struct BoundFactor {
  GaussianFactorId factor = 0;
  std::uint32_t dimension = 0;
  std::uint32_t scalars = 0;        ///< into Structure::scalars
  std::uint32_t positions = 0;      ///< into Structure::positions: in the front, or kObserved
  std::uint32_t entries_begin = 0;  ///< into Structure::entries
  std::uint32_t entries_end = 0;
};

struct Structure {
  /// Per variable of the graph: its first scalar; scalars are numbered over all continuous
  /// variables in order of addition, observed or not.
  std::vector<std::uint32_t> scalar_of;
  std::uint32_t scalar_count = 0;
  /// In order of elimination: parent > own index, unless a root.
  std::vector<Front> fronts;
  std::vector<BoundFactor> factors;
  std::vector<std::uint32_t> scalars;
  std::vector<std::uint32_t> positions;
  /// Into the lower triangle of a front's square; factors that stand alike share theirs.
  std::vector<AssemblyEntry> entries;
  /// Per variable: its front, or kObserved.
  std::vector<std::uint32_t> front_of;
  std::uint64_t square_size = 0;
  std::uint64_t gain_size = 0;
  std::uint64_t core_size = 0;
  /// Steps in the order of the fronts; operations and bytes of log Z with all marginals.
  Plan plan;
};

struct StructureRequest {
  /// Continuous variables that are not observed.
  std::vector<VariableId> variables = {};
  /// Sets of them that must stand in one front.
  std::vector<Scope> joints = {};
  /// Whether the plan gets its steps; without them only its sums.
  bool describe = true;
};

/// Orders the variables (PlanOptions) and lays out the fronts. Factors without a variable of the
/// request are left out. keep_going() false stops the search for an order, at the best so far or
/// with an empty structure.
[[nodiscard]] Structure build_structure(const Skeleton& skeleton, const StructureRequest& request,
                                        const PlanOptions& options,
                                        const std::function<bool()>& keep_going);

}  // namespace credo::gaussian
