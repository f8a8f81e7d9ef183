#pragma once
// What the hot loops compute with: vectors of eight doubles, exp() of them, and
// the three semirings. Compiled once per instruction set, in the namespace that
// CREDO_KERNEL_VARIANT names. No standard library here (see kernel.hpp).

#include <credo/inference/contraction/kernel.hpp>

#include <cstdint>

extern "C" double log(double) noexcept;

namespace credo::contraction::CREDO_KERNEL_VARIANT {

using Index = std::int64_t;

constexpr int kWidth = 8;
// Unaligned vector of eight doubles: one AVX-512 register, or two AVX, or four SSE.
typedef double Vector __attribute__((vector_size(kWidth * sizeof(double))));
typedef double Unaligned
    __attribute__((vector_size(kWidth * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef std::int64_t IntVector __attribute__((vector_size(kWidth * sizeof(double))));

constexpr double kMinusInfinity = -__builtin_inf();

inline Vector load(const double* p) { return *reinterpret_cast<const Unaligned*>(p); }
inline void store(double* p, Vector v) { *reinterpret_cast<Unaligned*>(p) = v; }
inline Vector splat(double x) { return Vector{x, x, x, x, x, x, x, x}; }

/// (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2, by Taylor's polynomial.
inline Vector exp_series(Vector r) {
  Vector p = splat(1.0 / 6227020800.0);
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return p;
}

/// exp(x) for x <= 0 (or -infinity), within 2 ulp; 0 below -708. Reduction
/// x = n log 2 + r with a two-part log 2, and a Taylor polynomial of degree 13
/// on |r| <= log(2) / 2, where its remainder is below 1e-17.
inline Vector exp_nonpositive(Vector x) {
  const IntVector tiny = x < splat(-708.0);
  const Vector clipped = tiny ? splat(0.0) : x;
  const double magic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const Vector shifted = clipped * 1.4426950408889634074 + magic;
  const Vector n = shifted - magic;
  const Vector r = (clipped - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  Vector p = exp_series(r);
  p = p * r + 1.0;
  p = p * r + 1.0;
  const IntVector bits = reinterpret_cast<IntVector>(shifted) << 52;
  const Vector scaled = reinterpret_cast<Vector>(reinterpret_cast<IntVector>(p) + bits);
  return tiny ? splat(0.0) : scaled;
}

inline double exp_nonpositive(double x) { return exp_nonpositive(splat(x))[0]; }

/// Products of entries, and of their logarithms.
struct LinearProduct {
  static constexpr double kZero = 0.0;
  static constexpr double kOne = 1.0;
  template <typename T>
  static T times(T a, T b) {
    return a * b;
  }
};
struct LogProduct {
  static constexpr double kZero = kMinusInfinity;
  static constexpr double kOne = 0.0;
  template <typename T>
  static T times(T a, T b) {
    return a + b;
  }
};
/// Reductions.
struct Sum {
  template <typename T>
  static T plus(T a, T b) {
    return a + b;
  }
};
struct Maximum {
  template <typename T>
  static T plus(T a, T b) {
    return a > b ? a : b;
  }
};

/// The semirings. A sum of logarithms is no pair of such functions: it runs LogMax
/// first, then adds exponentials relative to the maxima.
struct LinearSum : LinearProduct, Sum {};
struct LinearMax : LinearProduct, Maximum {};
struct LogMax : LogProduct, Maximum {};

}  // namespace credo::contraction::CREDO_KERNEL_VARIANT
