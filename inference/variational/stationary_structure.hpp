#pragma once
// What the support of a slice alone says about its fixed point: which contexts are impossible, how
// far every context is from an end, and which contexts are joined by loops that cost nothing.

#include <credo/inference/variational/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace credo::stationary {

inline constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max();

/// Rows that lead to each context, one per entry whose score is finite.
struct Predecessors {
  explicit Predecessors(const Slice& slice);
  [[nodiscard]] std::span<const std::uint64_t> of(std::size_t x) const {
    return {rows.data() + begin[x], rows.data() + begin[x + 1]};
  }
  std::vector<std::uint64_t> begin;
  std::vector<std::uint64_t> rows;
};

struct Structure {
  /// Rows with a finite score for some finite message: they exist and, as their kind demands, all
  /// or some of what they lead to is possible.
  std::vector<char> row_alive;
  /// Contexts whose value is not -infinity.
  std::vector<char> alive;
  std::size_t impossible = 0;
  /// Steps to an end along living rows, at least; kFar where none can be reached.
  std::vector<std::uint32_t> distance;
  /// The way out: the living row of a context that leads closer (by the smallest mean distance); a
  /// choice d, or kFar for impossible contexts. The chain that follows it ends.
  std::vector<std::uint32_t> way_out;
  /// Arg-max only. Contexts that reach each other along rows without score and without end have one
  /// value: members share a number; kFar: alone. Empty when there are none.
  std::vector<std::uint32_t> loop_of;
  std::size_t loops = 0;
  /// Rows inside such a loop: they tie for ever and say nothing about the value.
  std::vector<char> inner_row;

  /// A living context from which no end can be reached, or contexts().
  [[nodiscard]] std::size_t first_stuck() const noexcept;
};

/// Cost: entries, a few times (loops: once per layer of rows that leave).
[[nodiscard]] Structure analyse(const Slice& slice);

/// Maximal end components of the rows without score (de Alfaro 1997, algorithm 3.1): fills the
/// loops.
void find_free_loops(const Slice& slice, Structure& structure);

}  // namespace credo::stationary
