#pragma once
// One start of expectation maximisation: its tables, how far they came, and whether the point where
// the iterations come to rest is a maximum or only stationary.

#include <credo/models/expected_counts.hpp>
#include <credo/models/parameter_learning.hpp>
#include <credo/models/tied_tables.hpp>

#include <functional>

namespace credo {

/// Asked often while an ascent runs; false stops it.
using MayContinue = std::function<bool()>;

class ExpectationAscent {
 public:
  /// Borrows options and counter.
  ExpectationAscent(const LearnOptions& options, TiedTables start, ExpectedCounter& counter);

  /// Iterates until an iteration gains nothing, the last one allowed, or the answer no. What was
  /// reached by the last whole iteration stays; before the first that is the start.
  void climb(const MayContinue& may_continue);

  /// Where the iterations came to rest: shakes every probability by a random part of at most a
  /// tenth and climbs again. A maximum is higher than wherever that leads; a point that only
  /// symmetry made stationary (equal columns for two hidden states, for one) is not, and is left
  /// for the higher one. Repeats until a point stands the test. Returns how many were left.
  std::size_t leave_saddles(Random& random, const MayContinue& may_continue);

  /// Of this start alone.
  [[nodiscard]] const ParameterFit& fit() const noexcept { return fit_; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  [[nodiscard]] bool is_settled();
  /// Goes on from where a shaken ascent arrived.
  void adopt(ExpectationAscent&& higher);

  const LearnOptions* options_;
  TiedTables tables_;
  ExpectedCounter* counter_;
  ParameterFit fit_;
  bool stopped_ = false;
};

}  // namespace credo
