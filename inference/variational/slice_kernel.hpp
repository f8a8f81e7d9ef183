#pragma once
// The hot loop of a repeating slice: U(x) = choose over d of [ c(x, d) + next over x' of V(x') ].
//
// Contexts stand in groups of eight, one per SIMD lane: for every group and choice, entry j of all
// eight rows lies together, so that probabilities load as one vector and the eight messages they
// meet are independent loads. Rows of a group are padded to the longest with entries of
// probability 0. The scores of a group live in scratch of choices x 8 doubles, in the first-level
// cache; the log-sum-exp runs over them with contexts in the lanes.
//
// Compiled once per instruction set, like the contraction's loops; no standard templates here.

#include <cstdint>

namespace credo::slice_kernel {

inline constexpr std::int64_t kGroup = 8;

enum class Next : std::uint8_t { clamped, charged, best_case, viterbi };
enum class Choice : std::uint8_t { free, arg_max, clamped };

/// One kernel and its settings; pointers are borrowed. Row arrays have layout
/// [group][choice][8], entry arrays [group][choice][place in the row][8].
struct SliceCall {
  Next next_kind = Next::clamped;
  Choice choice_kind = Choice::free;
  double rho = 1.0;
  double weight = 1.0;
  std::int64_t contexts = 0;
  std::int64_t choices = 0;
  /// Entries of every row when all rows have as many and none is padding; else 0.
  std::int64_t row_length = 0;
  /// Start of every (group, choice) in units of 8 entries; groups * choices + 1, if row_length = 0.
  const std::uint64_t* offset = nullptr;
  const std::uint32_t* next = nullptr;
  const double* probability = nullptr;
  const double* log_probability = nullptr;  ///< viterbi; charged: or null
  const double* entry_score = nullptr;      ///< or null; clamped: part of constant
  const double* constant = nullptr;         ///< what adds to every row's next; -infinity: no choice
  const double* end_probability = nullptr;  ///< or null; clamped: part of constant
  const double* end_score = nullptr;        ///< or null
  const double* log_base = nullptr;         ///< or null
  const double* choice_probability = nullptr;  ///< clamped choice

  /// Scores vary by little beside w, or rho: sums that keep their digits.
  bool narrow_choice = false;
  bool narrow_next = false;

  const double* next_message = nullptr;
  double* message = nullptr;
  /// choices x 8.
  double* scratch = nullptr;
  /// Or null: J, contexts x choices.
  double* score = nullptr;

  /// A batch: messages are contexts x 8, of which the first `lanes` lanes count; eight settings
  /// each.
  std::int64_t lanes = 1;
  const double* lane_rho = nullptr;
  const double* lane_weight = nullptr;
  /// rows x lane_stride in the caller's order, in place of the slice's own h; or null.
  const double* lane_row_score = nullptr;
  std::int64_t lane_stride = 0;
  /// What constant holds beside h, per row; or null for 0. Used with lane_row_score.
  const double* row_extra = nullptr;
};

struct SliceKernels {
  void (*sweep)(const SliceCall&);
  void (*sweep_lanes)(const SliceCall&);
};

/// The best loops this processor runs.
[[nodiscard]] const SliceKernels& kernels() noexcept;

}  // namespace credo::slice_kernel
