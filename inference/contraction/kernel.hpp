#pragma once
// The hot loop: out[kept] = (sum | max)_{reduced} prod_i operand_i[kept, reduced].
//
// Every index of the step is a loop with one stride per operand (0 where the
// operand does not have it). The innermost loop is the run: contiguous (stride
// 1) or broadcast (stride 0) in every operand on the fast path, any stride on
// the slow one. In a vertical run the index is kept, and lanes hold different
// outputs; in a horizontal run it is reduced, and lanes hold partial sums.
//
// Cost: one multiply-add per joint state of the step and operand. The file is
// compiled once per instruction set and the best one is chosen when a program
// is built; it includes no standard templates, so no code of one
// instruction set can be merged into another's.

#include <cstdint>

namespace credo::contraction {

inline constexpr int kMaxOperands = 4;

/// One loop: how far every operand and the output move per iteration.
struct Loop {
  std::int64_t extent = 1;
  std::int64_t stride[kMaxOperands] = {};
  std::int64_t out_stride = 0;
};

/// Arithmetic of the entries: doubles, or natural logarithms of them.
enum class Arithmetic : std::uint8_t { linear, log };

/// Asked now and then while a call runs: whether to go on. After a no the call returns soon and its
/// output is not to be used.
struct Pulse {
  bool (*go_on)(void* context) = nullptr;  ///< null: always
  void* context = nullptr;
};

/// A dense contraction; pointers are borrowed for the call.
struct DenseCall {
  int operand_count = 0;
  const double* operand[kMaxOperands] = {};
  double* out = nullptr;
  bool maximise = false;
  Arithmetic arithmetic = Arithmetic::linear;

  /// Kept loops outside the run, outermost first, and the range of their flat index to do.
  int outer_count = 0;
  const Loop* outer = nullptr;
  std::int64_t outer_begin = 0;
  std::int64_t outer_end = 1;
  /// Reduced loops outside the table of offsets, outermost first.
  int reduce_count = 0;
  const Loop* reduce = nullptr;
  /// Flattened inner reduced loops: table_size offsets per operand.
  std::int64_t table_size = 1;
  const std::int64_t* table[kMaxOperands] = {};
  /// The innermost loop.
  Loop run;
  bool horizontal = false;
  /// Only copies operand 0: the run is contiguous in out, and entry r comes from offset
  /// table[0][r].
  bool gather = false;
  Pulse pulse;
};

/// A contraction with one compressed-row operand (index 0) and dense others.
struct SparseCall {
  int operand_count = 0;  ///< including the sparse one
  const double* operand[kMaxOperands] = {};
  double* out = nullptr;
  /// log arithmetic, sum: as many entries as out, overwritten. Else unused.
  double* scratch = nullptr;
  std::int64_t out_entries = 0;
  bool maximise = false;
  Arithmetic arithmetic = Arithmetic::linear;

  std::int64_t row_count = 0;
  const std::uint64_t* row_begin = nullptr;
  const std::uint32_t* column = nullptr;
  /// Offset of every row in dense operand i and in out, and the stride of the column.
  const std::int64_t* row_offset[kMaxOperands] = {};
  std::int64_t column_stride[kMaxOperands] = {};
  const std::int64_t* out_row_offset = nullptr;
  std::int64_t out_column_stride = 0;
  /// The output is aligned with the stored entries instead (out index = entry).
  bool out_is_entries = false;
  /// Indices that the sparse operand does not have, kept or reduced alike; the innermost one last.
  int extra_count = 0;
  const Loop* extra = nullptr;
  Pulse pulse;
};

/// Range of a table's entries, for scaling.
struct Extent {
  double smallest_nonzero;  ///< 0 (linear) or -infinity (log) when all are zero
  double largest;
  bool has_zero;
};

/// The loops for one instruction set.
struct Kernels {
  const char* name;
  void (*dense)(const DenseCall&);
  void (*sparse)(const SparseCall&);
  /// Extremes of entries lane, lane + lanes, ... (lanes divides count).
  Extent (*extent)(const double* x, std::int64_t count, std::int64_t lane, std::int64_t lanes,
                   Arithmetic arithmetic);
};

/// The best kernels this processor runs. All variants give the same bits per
/// variant; results may differ between variants in the last digits.
[[nodiscard]] const Kernels& kernels() noexcept;

}  // namespace credo::contraction
