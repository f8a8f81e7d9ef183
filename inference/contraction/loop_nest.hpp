#pragma once
// From index sets to loops: which index runs innermost, where outputs lie.

#include <credo/inference/contraction/kernel.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace credo::contraction {

/// An index of a contraction: a variable, or the batch lane.
using IndexId = std::uint32_t;
inline constexpr IndexId kLane = 0xFFFFFFFFU;

/// Where the entries of a table lie: one stride per index it has, in doubles.
struct Layout {
  std::vector<IndexId> indices;
  std::vector<std::int64_t> strides;

  /// 0 when the table does not have the index.
  [[nodiscard]] std::int64_t stride_of(IndexId index) const;
  [[nodiscard]] bool has(IndexId index) const;
};

/// An index with its extent and its rank: later ranks lie further inside.
struct IndexExtent {
  IndexId index = 0;
  std::int64_t extent = 1;
  std::int64_t rank = 0;
};

/// Contiguous layout, outermost first.
[[nodiscard]] Layout contiguous(std::span<const IndexExtent> indices);

/// The loops of one dense contraction and the layout of its output.
struct LoopNest {
  Layout out;
  std::int64_t out_entries = 1;
  std::vector<Loop> outer;
  std::int64_t outer_total = 1;
  std::vector<Loop> reduce;
  std::vector<std::int64_t> table[kMaxOperands];
  std::int64_t table_size = 1;
  Loop run;
  bool horizontal = false;
  /// A copy (see DenseCall::gather): table[0] has one offset per entry of the run.
  bool gather = false;
  /// Multiplications: joint states times operands, at least one per state.
  double operations = 1.0;
  /// Operands worth copying first so that the run becomes contiguous: their
  /// new layouts; empty where the operand is used as it is.
  std::vector<Layout> repack;
};

/// Chooses the run and fills the loops. kept and reduced list every index of
/// the operands once, extents of 1 left out; kept ones become the output.
/// Repacked operands are taken at their new layout.
[[nodiscard]] LoopNest plan_loops(std::span<const Layout> operands, std::vector<IndexExtent> kept,
                                  std::vector<IndexExtent> reduced);

/// Copying one table into another layout of (a superset of) its indices.
[[nodiscard]] LoopNest plan_copy(const Layout& from, const Layout& to,
                                 std::span<const IndexExtent> indices);

}  // namespace credo::contraction
