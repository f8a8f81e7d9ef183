#pragma once
// One eliminated slice of a chain that repeats itself: the map from the message of the next slice
// to the message of this one, compiled to sparse expectation, score addition and blocked
// log-sum-exp.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/family.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo {

/// How the next variable x' is eliminated under its kernel k(x' | x, d).
enum class NextKind : std::uint8_t {
  clamped,    ///< sum_x' k (g + V)                        expectation
  charged,    ///< rho log sum_x' k exp((g + V) / rho)     rho = 1: sum-product; rho < 0: worst case
  best_case,  ///< max over the support of k of g + V      rho -> 0+
  viterbi,    ///< max_x' (log k + g + V)
};

/// How the choice d is eliminated.
enum class ChoiceKind : std::uint8_t {
  free,     ///< w log sum_d m exp(J / w)
  arg_max,  ///< max_d J
  clamped,  ///< sum_d q(d | x) (J - what its entropy costs), q given
};

/// U(x) = choose over d of [ h(x, d) + next over x' of (g(x, d, x') + V(x')) ], x in [0, contexts),
/// d in [0, choices). Entries are compressed rows over (x, d), row = x * choices + d. Rows may sum
/// to less than 1: the rest goes where V = 0 and g = 0 (an absorbing end; for charged its message
/// exp(0) counts). Everything is in nats; a caller with a temperature divides by it.
struct SliceDescription {
  std::size_t contexts = 0;
  std::size_t choices = 1;
  std::vector<std::uint64_t> begin;     ///< contexts * choices + 1
  std::vector<std::uint32_t> next;      ///< x' of every entry
  std::vector<double> probability;      ///< k(x' | x, d) of every entry
  std::vector<double> end_probability;  ///< per row: mass that ends; empty: none
  std::vector<double> row_score;        ///< h per row; -infinity: the choice does not exist
  std::vector<double> entry_score;      ///< g per entry, or empty
  std::vector<double> end_score;        ///< g of the end per row, or empty
  NextKind next_kind = NextKind::clamped;
  double rho = 1.0;
  ChoiceKind choice_kind = ChoiceKind::free;
  double weight = 1.0;           ///< w
  std::vector<double> log_base;  ///< log m per row, or empty (counting)
};

}  // namespace credo
