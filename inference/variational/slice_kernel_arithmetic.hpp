#pragma once
// What the loops of a slice compute with beside the contraction's vectors: logarithms of vectors,
// and how a choice is made from a column of scores. Compiled once per instruction set, in the
// namespace that CREDO_KERNEL_VARIANT names. No standard library here.

#include <credo/inference/contraction/kernel_arithmetic.hpp>
#include <credo/inference/variational/slice_kernel.hpp>

namespace credo::slice_kernel::CREDO_KERNEL_VARIANT {

using contraction::CREDO_KERNEL_VARIANT::exp_nonpositive;
using contraction::CREDO_KERNEL_VARIANT::exp_series;
using contraction::CREDO_KERNEL_VARIANT::Index;
using contraction::CREDO_KERNEL_VARIANT::IntVector;
using contraction::CREDO_KERNEL_VARIANT::kMinusInfinity;
using contraction::CREDO_KERNEL_VARIANT::kWidth;
using contraction::CREDO_KERNEL_VARIANT::load;
using contraction::CREDO_KERNEL_VARIANT::splat;
using contraction::CREDO_KERNEL_VARIANT::store;
using contraction::CREDO_KERNEL_VARIANT::Vector;

static_assert(kWidth == kGroup);

constexpr double kLargest = __DBL_MAX__;

inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

/// 2 atanh(s) - 2 s for |s| <= 0.172, by its series to s^21.
inline Vector atanh_tail(Vector s) {
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
  return (p * z) * s;
}

/// log x for normal x > 0, within 2 ulp of max(1, |log x|). x = 2^n m with m in [sqrt(1/2),
/// sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1).
inline Vector log_positive(Vector x) {
  const IntVector bits = reinterpret_cast<IntVector>(x);
  // Adding makes the exponent field of m's range one binade: 0x3fe6a09e is sqrt(1/2)'s top half.
  const IntVector shifted = bits + (0x3ff0000000000000LL - 0x3fe6a09e00000000LL);
  const IntVector exponent = (shifted >> 52) - 1023;
  const IntVector mantissa = (shifted & 0x000fffffffffffffLL) + 0x3fe6a09e00000000LL;
  const Vector m = reinterpret_cast<Vector>(mantissa);
  const Vector n = __builtin_convertvector(exponent, Vector);
  const Vector s = (m - 1.0) / (m + 1.0);
  const Vector low = n * 1.90821492927058770002e-10 + atanh_tail(s);
  return n * 6.93147180369123816490e-01 + (low + 2.0 * s);
}

/// The same for subnormal x, too.
inline Vector log_any(Vector x) {
  const IntVector subnormal = x < splat(0x1p-1022);
  const Vector log = log_positive(subnormal ? x * 0x1p54 : x);
  return subnormal ? log - 54.0 * 6.93147180559945309417e-01 : log;
}

/// log(1 + x) for -0.29 <= x <= 0.41, to a few units in the last place of the result.
inline Vector log_one_plus(Vector x) {
  const Vector s = x / (2.0 + x);
  return 2.0 * s + atanh_tail(s);
}

/// exp(x) - 1 for x <= 0 (or -infinity), to a few units in the last place of the result.
inline Vector exp_minus_one(Vector x) {
  const IntVector near = x >= splat(-0.25);
  const Vector r = near ? x : splat(0.0);
  return near ? r + (exp_series(r) * r) * r : exp_nonpositive(x) - 1.0;
}

/// 1 / w, finite for subnormal w, too: what it multiplies is 0 or as good as infinite.
inline Vector inverse_of(Vector w) {
  const Vector inverse = 1.0 / w;
  return inverse > splat(kLargest) ? splat(kLargest) : inverse;
}

/// Where the largest term of a sum of exponentials is not a number to subtract: there are none, or
/// an impossible state under rho < 0.
inline IntVector infinite(Vector largest) {
  return (largest == splat(kMinusInfinity)) | (largest == splat(-kMinusInfinity));
}

/// log sum of mass x exp(d), d <= 0; one term at least is 0 and has no tiny mass.
struct LogSum {
  Vector sum = splat(0.0);

  void add(Vector mass, Vector d) { sum += mass * exp_nonpositive(d); }
  [[nodiscard]] Vector value() const { return log_positive(sum); }
};

/// The same where d hardly varies: log M + log(1 + sum of mass x (exp(d) - 1) / M), M the sum of
/// masses, which keeps the digits of d. An M that is 1 up to rounding is 1.
struct LogMean {
  Vector mass = splat(0.0);
  Vector sum = splat(0.0);
  Vector excess = splat(0.0);
  double terms = 24.0;

  void add(Vector m, Vector d) {
    mass += m;
    sum += m * exp_nonpositive(d);
    excess += m == splat(0.0) ? splat(0.0) : m * exp_minus_one(d);
    terms += 1.0;
  }
  /// scale: the logarithm of what the masses are multiples of.
  [[nodiscard]] Vector value(Vector scale) const {
    const Vector total = scale + log_any(mass);
    const IntVector one = (total < splat(terms * 0x1p-53)) & (total > splat(-terms * 0x1p-53));
    const Vector mean = excess / mass;
    const IntVector near = mean > splat(-0.29);
    const Vector exact = (one ? splat(0.0) : total) + log_one_plus(near ? mean : splat(0.0));
    return near ? exact : scale + log_any(sum);
  }
  [[nodiscard]] Vector value() const { return value(splat(0.0)); }
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

inline Vector choose_largest(const ChoiceColumn& column, Index choices) {
  Vector largest = splat(kMinusInfinity);
  for (Index d = 0; d < choices; ++d)
    largest = larger(load(column.score + d * column.stride), largest);
  return largest;
}

/// w log sum_d m exp(J / w).
inline Vector choose_free(const ChoiceColumn& column, Index choices, Vector weight) {
  const auto at = [&](Index d) {
    const Vector score = load(column.score + d * column.stride);
    return column.log_base == nullptr ? score : score + weight * base_at(column, d);
  };
  Vector largest = splat(kMinusInfinity);
  for (Index d = 0; d < choices; ++d) largest = larger(at(d), largest);
  return soft_maximum(at, choices, largest, weight, inverse_of(weight));
}

/// The same where J / w hardly varies: w log m is not added to J, whose digits it would take.
inline Vector choose_narrow(const ChoiceColumn& column, Index choices, Vector weight) {
  const auto score = [&](Index d) { return load(column.score + d * column.stride); };
  const auto base = [&](Index d) {
    return column.log_base == nullptr ? splat(0.0) : base_at(column, d);
  };
  const Vector inverse = inverse_of(weight);
  const Vector largest = choose_largest(column, choices);
  Vector scale = splat(kMinusInfinity);
  for (Index d = 0; d < choices; ++d)
    scale = score(d) > splat(kMinusInfinity) ? larger(base(d), scale) : scale;
  const IntVector none = (largest == splat(kMinusInfinity)) | (scale == splat(kMinusInfinity));
  LogMean sum;
  for (Index d = 0; d < choices; ++d) {
    const IntVector lost = none | (score(d) == splat(kMinusInfinity));
    sum.add(lost ? splat(0.0) : exp_nonpositive(lost ? splat(0.0) : base(d) - scale),
            lost ? splat(0.0) : (score(d) - largest) * inverse);
  }
  return none ? splat(kMinusInfinity) : largest + weight * sum.value(scale);
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
    const Vector surprise = log_any(none ? splat(1.0) : q);
    const Vector cost = column.log_base == nullptr ? surprise : surprise - base_at(column, d);
    term -= weight == splat(0.0) ? splat(0.0) : weight * cost;
    sum += none ? splat(0.0) : q * term;
    mass += q;
  }
  return mass == splat(0.0) ? splat(kMinusInfinity) : sum;
}

[[gnu::noinline]] inline Vector choose(const SliceCall& call, const ChoiceColumn& column,
                                       Vector weight) {
  const Index choices = call.choices;
  if (call.choice_kind == Choice::free) {
    return call.narrow_choice ? choose_narrow(column, choices, weight)
                              : choose_free(column, choices, weight);
  }
  if (call.choice_kind == Choice::arg_max) return choose_largest(column, choices);
  return choose_clamped(column, choices, weight);
}

/// The batch's entry point; see SliceKernels.
void sweep_lanes(const SliceCall& call);

}  // namespace credo::slice_kernel::CREDO_KERNEL_VARIANT
