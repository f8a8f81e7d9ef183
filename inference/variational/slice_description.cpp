#include <credo/core/error.hpp>
#include <credo/inference/variational/slice.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>

// What a description must be; messages name rows as (x, d).

namespace credo {

namespace {

constexpr double kMassSlack = 1e-9;
constexpr double kConditionalSlack = 1e-6;

class Checker {
 public:
  explicit Checker(const SliceDescription& description)
      : d_(description), rows_(d_.contexts * d_.choices) {}

  void check() const {
    check_sizes();
    check_entries();
    check_scores();
    check_settings();
    for (std::size_t row = 0; row < rows_; ++row) check_row(row);
  }

 private:
  [[noreturn]] static void fail(const std::string& what) { throw ModelError("slice: " + what); }

  [[nodiscard]] std::string row_name(std::size_t row) const {
    return fmt::format("row {} (x = {}, d = {})", row, row / d_.choices, row % d_.choices);
  }

  static void check_length(std::string_view what, std::size_t expected, std::size_t got,
                           bool or_none) {
    if (got == expected || (or_none && got == 0)) return;
    fail(fmt::format("{} has {} entries; expected {}{}", what, got, expected,
                     or_none ? " or none" : ""));
  }

  void check_sizes() const {
    if (d_.contexts == 0 || d_.choices == 0) fail("expected at least one context and one choice");
    if (d_.contexts > std::numeric_limits<std::uint32_t>::max())
      fail("expected fewer than 2^32 contexts");
    check_length("begin", rows_ + 1, d_.begin.size(), false);
    if (d_.begin.front() != 0)
      fail(fmt::format("begin starts with {}; expected 0", d_.begin.front()));
    for (std::size_t row = 0; row < rows_; ++row) {
      if (d_.begin[row + 1] < d_.begin[row]) fail("begin decreases after " + row_name(row));
    }
    check_length("next", d_.begin.back(), d_.next.size(), false);
    check_length("probability", d_.next.size(), d_.probability.size(), false);
    check_length("entry_score", d_.next.size(), d_.entry_score.size(), true);
    check_length("row_score", rows_, d_.row_score.size(), false);
    check_length("end_probability", rows_, d_.end_probability.size(), true);
    check_length("end_score", rows_, d_.end_score.size(), true);
    check_length("log_base", rows_, d_.log_base.size(), true);
    check_length("choice_probability", d_.choice_kind == ChoiceKind::clamped ? rows_ : 0,
                 d_.choice_probability.size(), false);
  }

  /// The row of an entry, for messages.
  [[nodiscard]] std::string entry_name(std::size_t entry) const {
    std::size_t row = 0;
    while (d_.begin[row + 1] <= entry) ++row;
    return fmt::format("entry {} of {}", entry - d_.begin[row], row_name(row));
  }

  void check_entries() const {
    for (std::size_t e = 0; e < d_.next.size(); ++e) {
      if (d_.next[e] >= d_.contexts) {
        fail(fmt::format("{} leads to context {}; there are {}", entry_name(e), d_.next[e],
                         d_.contexts));
      }
      if (!(d_.probability[e] >= 0.0) || std::isinf(d_.probability[e])) {
        fail(fmt::format("{} has probability {}; expected a finite number >= 0", entry_name(e),
                         d_.probability[e]));
      }
      if (!d_.entry_score.empty() && !(d_.entry_score[e] < kInfinity)) {
        fail(fmt::format("{} has score {}; expected a number or -infinity", entry_name(e),
                         d_.entry_score[e]));
      }
    }
  }

  void check_below_infinity(std::string_view what, const std::vector<double>& values) const {
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (values[row] < kInfinity) continue;
      fail(fmt::format("{} of {} is {}; expected a number or -infinity", what, row_name(row),
                       values[row]));
    }
  }

  void check_scores() const {
    check_below_infinity("the score", d_.row_score);
    check_below_infinity("the score of the end", d_.end_score);
    check_below_infinity("the log base measure", d_.log_base);
  }

  void check_settings() const {
    if (!std::isfinite(d_.rho) || d_.rho == 0.0) {
      fail(
          fmt::format("rho is {}; expected a finite number other than 0 (for an infinite rho clamp "
                      "the next variable)",
                      d_.rho));
    }
    const bool zero_allowed = d_.choice_kind == ChoiceKind::clamped;
    if (!std::isfinite(d_.weight) || d_.weight < 0.0 || (d_.weight == 0.0 && !zero_allowed)) {
      fail(fmt::format(
          "the weight is {}; expected a finite number > 0 (for 0 make the choice arg-max)",
          d_.weight));
    }
  }

  void check_row(std::size_t row) const {
    double mass = d_.end_probability.empty() ? 0.0 : d_.end_probability[row];
    if (!(mass >= 0.0) || std::isinf(mass)) {
      fail(fmt::format("the end of {} has probability {}; expected a finite number >= 0",
                       row_name(row), mass));
    }
    for (std::uint64_t e = d_.begin[row]; e < d_.begin[row + 1]; ++e) mass += d_.probability[e];
    if (d_.next_kind == NextKind::clamped && mass > 1.0 + kMassSlack) {
      fail(fmt::format("the probabilities of {} sum to {}; expected at most 1", row_name(row),
                       mass));
    }
    if (d_.choice_kind == ChoiceKind::clamped && row % d_.choices == 0)
      check_conditional(row / d_.choices);
  }

  void check_conditional(std::size_t context) const {
    double sum = 0.0;
    for (std::size_t d = 0; d < d_.choices; ++d) {
      const double q = d_.choice_probability[context * d_.choices + d];
      if (!(q >= 0.0) || std::isinf(q)) {
        fail(fmt::format("q of {} is {}; expected a probability",
                         row_name(context * d_.choices + d), q));
      }
      sum += q;
    }
    if (sum != 0.0 && std::fabs(sum - 1.0) > kConditionalSlack) {
      fail(fmt::format("q of context {} sums to {}; expected 1 (or 0: no choice)", context, sum));
    }
  }

  const SliceDescription& d_;
  std::size_t rows_;
};

}  // namespace

void SliceDescription::validate() const { Checker(*this).check(); }

}  // namespace credo
