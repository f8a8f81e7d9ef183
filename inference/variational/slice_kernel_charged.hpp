#pragma once
// The power mean rho log sum k exp((g + V) / rho) of a row, for both loops of a slice: a row has
// probability(j), log_probability(j), reached(j) = g + V, end_probability(), end_score(),
// is_padding(j) and length. Compiled once per instruction set. No standard library here.

#include <credo/inference/variational/slice_kernel_arithmetic.hpp>

namespace credo::slice_kernel::CREDO_KERNEL_VARIANT {

/// Terms (g + V) / |rho| less the largest, with the sign of rho. Scores are subtracted before they
/// are divided, so that no rho is too small. Each is computed twice: exp() costs more.
template <typename Row>
class ChargedTerms {
 public:
  ChargedTerms(const Row& row, Vector rho)
      : row_(row),
        sign_(rho < splat(0.0) ? splat(-1.0) : splat(1.0)),
        inverse_(inverse_of(sign_ * rho)),
        end_(row.end_probability()),
        largest_(signed_score(end_, row.end_score())) {
    for (Index j = 0; j < row.length; ++j) {
      if (row.is_padding(j)) continue;
      largest_ = larger(signed_score(row.probability(j), row.reached(j)), largest_);
    }
    impossible_ = infinite(largest_);
    shift_ = impossible_ ? splat(0.0) : largest_;
  }

  /// visit(mass, d, j), the end last (j = length); d <= 0.
  template <typename Visit>
  void visit(Visit visit) const {
    for (Index j = 0; j < row_.length; ++j) {
      if (row_.is_padding(j)) continue;
      const Vector mass = row_.probability(j);
      visit(mass, below(mass, row_.reached(j)), j);
    }
    visit(end_, below(end_, row_.end_score()), row_.length);
  }

  /// From log sum k exp(d). Without any mass, or with an impossible state under rho < 0, the row is
  /// impossible.
  [[nodiscard]] Vector value(Vector log_sum, Vector rho) const {
    return impossible_ ? splat(kMinusInfinity) : sign_ * shift_ + rho * log_sum;
  }

 private:
  [[nodiscard]] Vector signed_score(Vector mass, Vector t) const {
    return mass > splat(0.0) ? t * sign_ : splat(kMinusInfinity);
  }
  [[nodiscard]] Vector below(Vector mass, Vector t) const {
    const Vector d = (signed_score(mass, t) - shift_) * inverse_;
    return d < splat(0.0) ? d : splat(0.0);  // NaN and d > 0: impossible lanes
  }

  const Row& row_;
  Vector sign_;
  Vector inverse_;
  Vector end_;
  Vector largest_;
  Vector shift_ = splat(0.0);
  IntVector impossible_ = IntVector{};
};

/// Sum: LogSum or LogMean.
template <typename Sum, typename Row>
inline Vector power_mean(const Row& row, Vector rho) {
  const ChargedTerms<Row> terms(row, rho);
  Sum sum;
  terms.visit([&](Vector mass, Vector d, Index) { sum.add(mass, d); });
  return terms.value(sum.value(), rho);
}

/// With masses so small that the largest term need not be the one that counts.
template <typename Row>
inline Vector power_mean_of_logs(const Row& row, Vector rho) {
  const ChargedTerms<Row> terms(row, rho);
  const auto log_term = [&](Vector mass, Vector d, Index j) {
    const IntVector none = mass == splat(0.0);
    const Vector log_mass =
        j < row.length ? row.log_probability(j) : log_any(none ? splat(1.0) : mass);
    return none ? splat(kMinusInfinity) : log_mass + d;
  };
  Vector largest = splat(kMinusInfinity);
  terms.visit(
      [&](Vector mass, Vector d, Index j) { largest = larger(log_term(mass, d, j), largest); });
  const Vector shift = infinite(largest) ? splat(0.0) : largest;
  LogSum sum;
  terms.visit([&](Vector mass, Vector d, Index j) {
    const Vector below = log_term(mass, d, j) - shift;
    sum.add(splat(1.0), below < splat(0.0) ? below : splat(0.0));
  });
  return terms.value(shift + sum.value(), rho);
}

}  // namespace credo::slice_kernel::CREDO_KERNEL_VARIANT
