#pragma once
// What the loops of a slice compute with beside the contraction's vectors: logarithms of vectors,
// and how a choice is made from a column of scores. Compiled once per instruction set, in the
// namespace that CREDO_KERNEL_VARIANT names. No standard library here.

#include <credo/inference/contraction/kernel_arithmetic.hpp>
#include <credo/inference/variational/slice_kernel.hpp>

namespace credo::slice_kernel::CREDO_KERNEL_VARIANT {

using contraction::CREDO_KERNEL_VARIANT::exp_nonpositive;
using contraction::CREDO_KERNEL_VARIANT::Index;
using contraction::CREDO_KERNEL_VARIANT::IntVector;
using contraction::CREDO_KERNEL_VARIANT::kMinusInfinity;
using contraction::CREDO_KERNEL_VARIANT::kWidth;
using contraction::CREDO_KERNEL_VARIANT::load;
using contraction::CREDO_KERNEL_VARIANT::splat;
using contraction::CREDO_KERNEL_VARIANT::store;
using contraction::CREDO_KERNEL_VARIANT::Vector;

static_assert(kWidth == kGroup);

inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

/// log x for normal x > 0, within 2 ulp of max(1, |log x|). x = 2^n m with m in [sqrt(1/2),
/// sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1), by its series to s^21.
inline Vector log_positive(Vector x) {
  const IntVector bits = reinterpret_cast<IntVector>(x);
  // Adding makes the exponent field of m's range one binade: 0x3fe6a09e is sqrt(1/2)'s top half.
  const IntVector shifted = bits + (0x3ff0000000000000LL - 0x3fe6a09e00000000LL);
  const IntVector exponent = (shifted >> 52) - 1023;
  const IntVector mantissa = (shifted & 0x000fffffffffffffLL) + 0x3fe6a09e00000000LL;
  const Vector m = reinterpret_cast<Vector>(mantissa);
  const Vector n = __builtin_convertvector(exponent, Vector);
  const Vector s = (m - 1.0) / (m + 1.0);
  const Vector z = s * s;
  Vector p = splat(2.0 / 21.0);
  p = p * z + 2.0 / 19.0;
  p = p * z + 2.0 / 17.0;
  p = p * z + 2.0 / 15.0;
  p = p * z + 2.0 / 13.0;
  p = p * z + 2.0 / 11.0;
  p = p * z + 2.0 / 9.0;
  p = p * z + 2.0 / 7.0;
  p = p * z + 2.0 / 5.0;
  p = p * z + 2.0 / 3.0;
  const Vector low = n * 1.90821492927058770002e-10 + (p * z) * s;
  return n * 6.93147180369123816490e-01 + (low + 2.0 * s);
}

/// Weighted log-sum-exp in two passes over terms t: first note() the largest, then add().
/// Lanes without a finite term stay -infinity; +infinity (an impossible state under rho < 0) stays.
struct LogSum {
  Vector largest = splat(kMinusInfinity);
  Vector shift = splat(0.0);
  Vector sum = splat(0.0);

  void note(Vector t) { largest = larger(t, largest); }
  void fix() {
    const IntVector infinite =
        (largest == splat(kMinusInfinity)) | (largest == splat(-kMinusInfinity));
    shift = infinite ? splat(0.0) : largest;
  }
  void add(Vector mass, Vector t) {
    const Vector d = t - shift;
    // Only lanes with an infinite largest term have d > 0 or d = NaN; their sum is not used.
    sum += mass * exp_nonpositive(d < splat(0.0) ? d : splat(0.0));
  }
  [[nodiscard]] Vector value() const {
    const IntVector infinite =
        (largest == splat(kMinusInfinity)) | (largest == splat(-kMinusInfinity));
    const Vector finite = shift + log_positive(infinite ? splat(1.0) : sum);
    return infinite ? largest : finite;
  }
};

/// What choosing needs besides scores; stride: from one choice to the next, in doubles.
struct ChoiceColumn {
  const double* score;
  Index stride;
  const double* log_base;  ///< or null
  Index base_stride;
  bool base_is_scalar;  ///< one number for all lanes
  const double* probability;
};

inline Vector base_at(const ChoiceColumn& column, Index d) {
  const double* p = column.log_base + d * column.base_stride;
  return column.base_is_scalar ? splat(*p) : load(p);
}

/// w log sum_d exp(score(d) / w), the largest score being known.
template <typename Score>
inline Vector soft_maximum(Score score, Index choices, Vector largest, Vector weight,
                           Vector inverse) {
  const IntVector none = largest == splat(kMinusInfinity);
  const Vector shift = none ? splat(0.0) : largest;
  Vector sum = splat(0.0);
  for (Index d = 0; d < choices; ++d) sum += exp_nonpositive((score(d) - shift) * inverse);
  const Vector value = shift + weight * log_positive(none ? splat(1.0) : sum);
  return none ? splat(kMinusInfinity) : value;
}

/// w log sum_d m exp(J / w).
inline Vector choose_free(const ChoiceColumn& column, Index choices, Vector weight) {
  const auto at = [&](Index d) {
    const Vector score = load(column.score + d * column.stride);
    return column.log_base == nullptr ? score : score + weight * base_at(column, d);
  };
  Vector largest = splat(kMinusInfinity);
  for (Index d = 0; d < choices; ++d) largest = larger(at(d), largest);
  return soft_maximum(at, choices, largest, weight, 1.0 / weight);
}

inline Vector choose_largest(const ChoiceColumn& column, Index choices) {
  Vector largest = splat(kMinusInfinity);
  for (Index d = 0; d < choices; ++d)
    largest = larger(load(column.score + d * column.stride), largest);
  return largest;
}

/// sum_d q (J - w log(q / m)), 0 where q = 0; a context without any choice is impossible.
inline Vector choose_clamped(const ChoiceColumn& column, Index choices, Vector weight) {
  Vector sum = splat(0.0);
  Vector mass = splat(0.0);
  for (Index d = 0; d < choices; ++d) {
    const double* p = column.probability + d * column.base_stride;
    const Vector q = column.base_is_scalar ? splat(*p) : load(p);
    const IntVector none = q == splat(0.0);
    Vector term = load(column.score + d * column.stride);
    const Vector surprise = log_positive(none ? splat(1.0) : q);
    const Vector cost = column.log_base == nullptr ? surprise : surprise - base_at(column, d);
    term -= weight == splat(0.0) ? splat(0.0) : weight * cost;
    sum += none ? splat(0.0) : q * term;
    mass += q;
  }
  return mass == splat(0.0) ? splat(kMinusInfinity) : sum;
}

inline Vector choose(Choice kind, const ChoiceColumn& column, Index choices, Vector weight) {
  if (kind == Choice::free) return choose_free(column, choices, weight);
  if (kind == Choice::arg_max) return choose_largest(column, choices);
  return choose_clamped(column, choices, weight);
}

/// The batch's entry point; see SliceKernels.
void sweep_lanes(const SliceCall& call);

}  // namespace credo::slice_kernel::CREDO_KERNEL_VARIANT
