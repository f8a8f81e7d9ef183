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
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace credo {

/// How the next variable x' is eliminated under its kernel k(x' | x, d).
enum class NextKind : std::uint8_t {
  clamped,    ///< sum_x' k (g + V)                        expectation
  charged,    ///< rho log sum_x' k exp((g + V) / rho)     rho = 1: sum-product; rho < 0: worst case
  best_case,  ///< max over the support of k of g + V      rho -> 0+
  viterbi,    ///< max_x' (log k + g + V)
};
/// "clamped", "charged", "best-case", "viterbi".
[[nodiscard]] std::string_view next_kind_name(NextKind kind) noexcept;

/// How the choice d is eliminated.
enum class ChoiceKind : std::uint8_t {
  free,     ///< w log sum_d m exp(J / w)
  arg_max,  ///< max_d J
  clamped,  ///< sum_d q (J - w log(q / m)), q(d | x) given; w = 0: no entropy
};
/// "free", "arg-max", "clamped".
[[nodiscard]] std::string_view choice_kind_name(ChoiceKind kind) noexcept;

/// U(x) = choose over d of [ h(x, d) + next over x' of (g(x, d, x') + V(x')) ], x in [0, contexts),
/// d in [0, choices). Entries are compressed rows over (x, d), row = x * choices + d. Besides its
/// entries a row may have an end, where V = 0: it counts as one more x'. Everything is in nats; a
/// caller with a temperature divides by it (or gives w and rho in the units of the scores).
///
/// A context none of whose choices exists has U = -infinity, and so has a choice whose expectation
/// meets such a context. A row of mass 0 has expectation 0, and logarithm or maximum -infinity.
/// Where J / w (or (g + V) / rho) hardly varies, masses m (or k) that sum to 1 up to rounding are
/// taken to sum to 1, so that U has the digits of J however large w is.
struct SliceDescription {
  std::size_t contexts = 0;
  std::size_t choices = 1;
  std::vector<std::uint64_t> begin;  ///< contexts * choices + 1
  std::vector<std::uint32_t> next;   ///< x' of every entry
  std::vector<double> probability;   ///< k(x' | x, d) of every entry
  /// Mass of the end per row. Empty: 1 - the sum of the row's entries, or 0 when that is < 1e-9.
  std::vector<double> end_probability;
  std::vector<double> row_score;    ///< h per row; -infinity: the choice does not exist
  std::vector<double> entry_score;  ///< g per entry, or empty
  std::vector<double> end_score;    ///< g of the end per row, or empty
  NextKind next_kind = NextKind::clamped;
  double rho = 1.0;  ///< charged only; not 0, finite, of any size
  ChoiceKind choice_kind = ChoiceKind::free;
  double weight = 1.0;                     ///< w > 0; clamped choice: w >= 0
  std::vector<double> log_base;            ///< log m per row, or empty (counting)
  std::vector<double> choice_probability;  ///< clamped choice only: q per row

  /// Throws ModelError naming the row (x, d) or entry, what was given and what was expected:
  /// lengths, order of begin, x' out of range, negative, NaN or infinite probabilities, rows of a
  /// clamped kernel with more mass than 1 + 1e-9, scores that are NaN or +infinity,
  /// weights out of their domain, rows of q that do not sum to 1 within 1e-6 (or to 0).
  void validate() const;
};

/// Settings of several slices that share one kernel; the batch reads the kernel once.
struct SliceLanes {
  std::size_t count = 1;
  std::vector<double> weight;     ///< w per lane; empty: the slice's own
  std::vector<double> rho;        ///< per lane (charged); empty: the slice's own
  std::vector<double> row_score;  ///< h, rows x count, lane fastest; empty: the slice's own
};

/// A validated description, immutable, in the layout of the hot loop; copies share it.
///
/// Cost of apply(): one gather and multiply-add per entry (charged: and one exp), one exp per row
/// and one log per context of a free choice; nothing but the message is written. Memory: the
/// description's own arrays, which are reused. Every variant of the instruction set is
/// deterministic; variants agree to a few units in the last place.
class Slice {
 public:
  /// Throws as SliceDescription::validate().
  explicit Slice(SliceDescription description);

  [[nodiscard]] std::size_t contexts() const noexcept;
  [[nodiscard]] std::size_t choices() const noexcept;
  /// contexts * choices.
  [[nodiscard]] std::size_t rows() const noexcept;
  /// Entries of positive probability.
  [[nodiscard]] std::uint64_t entries() const noexcept;
  /// Bytes held.
  [[nodiscard]] double bytes() const noexcept;
  [[nodiscard]] NextKind next_kind() const noexcept;
  [[nodiscard]] ChoiceKind choice_kind() const noexcept;
  [[nodiscard]] double rho() const noexcept;
  [[nodiscard]] double weight() const noexcept;
  /// Largest and smallest mass of entries (without the end) over the rows that exist.
  [[nodiscard]] double largest_mass() const noexcept;
  [[nodiscard]] double smallest_mass() const noexcept;

  /// message = U from next_message = V; both contexts long, entries < +infinity, and not the same
  /// memory. Throws QueryError on other lengths.
  void apply(std::span<const double> next_message, std::span<double> message) const;
  /// The same for every lane: contexts x lanes, lane fastest. Each lane equals apply() of a slice
  /// with its settings up to rounding. Throws QueryError on lengths, ModelError on settings.
  void apply(const SliceLanes& lanes, std::span<const double> next_message,
             std::span<double> message) const;
  /// J(x, d), contexts x choices: what the choice is made from. -infinity where it does not exist.
  [[nodiscard]] std::vector<double> score(std::span<const double> next_message) const;
  /// q(d | x), contexts x choices: m exp((J - U) / w); arg-max: 1 on the first largest; clamped:
  /// as given. Rows of contexts with U = -infinity are 0.
  [[nodiscard]] std::vector<double> conditional(std::span<const double> next_message) const;

  /// A bound of |apply() - U| over all contexts, in exact arithmetic, from the largest numbers of
  /// the slice and of the message. Higham 2002, sections 3.1 and 4.2, to first order in the unit
  /// roundoff. Cost: contexts.
  [[nodiscard]] double rounding(std::span<const double> next_message) const;
  /// The same for every context, from what its choice and its successors weigh: scores that do not
  /// count do not matter. 0 where U = -infinity. Cost: some sweeps.
  [[nodiscard]] std::vector<double> roundings(std::span<const double> next_message) const;

  /// One row as the engine sees it, for those who build linear systems or graphs from it.
  struct Row {
    std::vector<std::uint32_t> next;
    std::vector<double> probability;
    std::vector<double> score;  ///< g per entry
    double end_probability = 0.0;
    double end_score = 0.0;
    double row_score = 0.0;           ///< h
    double log_base = 0.0;            ///< log m
    double choice_probability = 0.0;  ///< q, clamped choice
  };
  /// Overwrites `into`; row = x * choices + d < rows().
  void read_row(std::size_t row, Row& into) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// The slice of a two-slice factor graph: variables x = from, d, x' = to and observed ones, and a
/// family in which x' depends on x and d, and d on x. x' may be clamped, charged, free (weight w
/// and base m: the kernel m charged w) or arg-max (best case); d free, arg-max, clamped or absent;
/// x itself may have a conditional, which is ignored. Factors on subsets of (x, d, x') become
/// scores; the one that the kernel of x' is cancels; factors on x alone add to every choice,
/// factors on x' alone to every entry. States of `ended` are where V = 0: entries that lead there
/// join the end of their row, and as contexts they have one choice, of score 0, and no entries.
///
/// Throws ModelError, naming the variable or factor in the way, when graph and family are not of
/// that shape; and as SliceDescription::validate(). Cost: the stored entries of the tables.
[[nodiscard]] SliceDescription compile_slice(const FactorGraph& graph, const Evidence& evidence,
                                             const Family& family, VariableId from, VariableId to,
                                             std::span<const std::size_t> ended = {});

}  // namespace credo
