#pragma once
// What a Slice holds: the arrays of the hot loop (see slice_kernel.hpp for their layout).

#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/slice_kernel.hpp>

#include <vector>

namespace credo {

struct Slice::Data {
  /// Rearranges a validated description.
  explicit Data(SliceDescription description);

  std::size_t contexts = 0;
  std::size_t choices = 0;
  std::size_t groups = 0;
  std::uint64_t entries = 0;
  NextKind next_kind = NextKind::clamped;
  ChoiceKind choice_kind = ChoiceKind::free;
  double rho = 1.0;
  double weight = 1.0;
  double largest_mass = 0.0;
  double smallest_mass = 0.0;
  /// max - min of h + sum k g (clamped) or h over the rows that exist; the same of g, the 0 of an
  /// end without score included.
  double row_score_range = 0.0;
  double entry_score_range = 0.0;
  /// Of what bounds of rounding are made: terms of the longest row, and the largest sum of score
  /// magnitudes (with w log m, w log q, rho log k) that a row adds.
  std::size_t longest_row = 0;
  double largest_terms = 0.0;

  /// Entries of every row, or 0 when they differ; then offset says where rows are.
  std::size_t row_length = 0;
  std::vector<std::uint64_t> offset;
  std::vector<std::uint32_t> next;
  std::vector<double> probability;
  std::vector<double> log_probability;
  std::vector<double> entry_score;
  std::vector<double> row_score;
  /// Clamped: sum of k g with the end's, per row; empty when all are 0.
  std::vector<double> row_extra;
  /// row_score + row_extra; empty when it is row_score.
  std::vector<double> constant;
  std::vector<double> end_probability;
  std::vector<double> end_score;
  std::vector<double> log_base;
  std::vector<double> choice_probability;

  [[nodiscard]] double bytes() const noexcept;
  /// messages: contexts x stride numbers, which say which of the sums is accurate.
  [[nodiscard]] slice_kernel::SliceCall call(std::span<const double> next_message,
                                             double* message) const;
  /// Lanes first .. first + 7 of a batch, as far as there are so many. They are packed side by side
  /// first: eight lanes of a context are one line of the cache.
  void apply_eight(const SliceLanes& lanes, std::size_t first, std::span<const double> next_message,
                   std::span<double> message) const;
  /// Overwrites the scores of one context with its conditional.
  void choose(std::size_t context, std::span<double> scores) const;
  void read_row(std::size_t row, Row& into) const;

 private:
  [[nodiscard]] std::size_t place(std::size_t row) const noexcept;
  [[nodiscard]] std::vector<double> grouped_rows(std::vector<double> by_row, double padding) const;
  void note_masses(const SliceDescription& description);
  void note_ranges();
  void note_terms(const SliceDescription& description);
  void fill_log_probability(const SliceDescription& description);
  /// Whether w and rho are large beside what the scores of a sweep vary by.
  void choose_sums(std::span<const double> next_message, double largest_weight, double largest_rho,
                   slice_kernel::SliceCall& call) const;
  void permute_even(SliceDescription& description);
  void copy_padded(const SliceDescription& description);
  void add_up_expected_scores(const SliceDescription& description);
};

}  // namespace credo
