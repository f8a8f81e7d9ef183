#pragma once
// The fused sparse sweep that one would write for four choices and five successors if nothing else
// were ever needed: rows in groups of eight, everything unrolled, scores in registers, the
// exponential cut to the accuracy that a log-sum-exp needs. What the compiled slice is measured
// against.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace credo::bench {

inline constexpr std::size_t kHandChoices = 4;
inline constexpr std::size_t kHandSuccessors = 5;

/// Entry j of the rows (x, d), x in a group of eight: place ((group * 4 + d) * 5 + j) * 8 + x % 8.
struct HandWrittenSlice {
  std::size_t contexts = 0;  ///< a multiple of 8
  std::vector<std::uint32_t> next;
  std::vector<double> probability;
  std::vector<double> score;  ///< (group * 4 + d) * 8 + x % 8
};

/// From rows (x, d) of five successors each.
[[nodiscard]] HandWrittenSlice arrange_by_hand(std::size_t contexts,
                                               const std::vector<std::uint32_t>& next,
                                               const std::vector<double>& probability,
                                               const std::vector<double>& score);

/// u = log sum_d exp(score + sum p v), or the maximum.
void hand_written_soft(const HandWrittenSlice& slice, const double* v, double* u);
void hand_written_hard(const HandWrittenSlice& slice, const double* v, double* u);

}  // namespace credo::bench
