#include "hand_written_sweep.hpp"

// Compiled for the machine at hand (see CMakeLists.txt).

namespace credo::bench {

namespace {

using Vector = double __attribute__((vector_size(64)));
using Unaligned = double __attribute__((vector_size(64), aligned(8), may_alias));
using Integers = std::int64_t __attribute__((vector_size(64)));

inline Vector load(const double* p) { return *reinterpret_cast<const Unaligned*>(p); }
inline Vector splat(double x) { return Vector{x, x, x, x, x, x, x, x}; }
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

/// exp(x), x <= 0, absolute error below 2^-53: the interpolating polynomial of degree 11 in
/// Chebyshev's nodes on |r| <= log(2) / 2.
inline Vector exponential(Vector x) {
  const Vector clipped = larger(x, splat(-700.0));
  const Vector shifted = clipped * 1.4426950408889634 + 6755399441055744.0;
  const Vector n = shifted - 6755399441055744.0;
  const Vector r = (clipped - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
  Vector p = splat(2.51100376059637769300e-08);
  p = p * r + 2.76326396390410286239e-07;
  p = p * r + 2.75572409185789696473e-06;
  p = p * r + 2.48014854823284938896e-05;
  p = p * r + 1.98412698900471130793e-04;
  p = p * r + 1.38888889523147750563e-03;
  p = p * r + 8.33333333331960114665e-03;
  p = p * r + 4.16666666664880988580e-02;
  p = p * r + 1.66666666666666796193e-01;
  p = p * r + 5.00000000000001887379e-01;
  p = p * r + 1.0;
  p = p * r + 1.0;
  return reinterpret_cast<Vector>(reinterpret_cast<Integers>(p) +
                                  (reinterpret_cast<Integers>(shifted) << 52));
}

/// log(x) for x in [1, 4]: x = m or 2 m with m in [1, 2), 2 atanh((m - c) / (m + c)).
inline Vector logarithm(Vector x) {
  const Integers bits = reinterpret_cast<Integers>(x) - 0x3fe6a09e667f3bcdLL;
  const Integers exponent = bits >> 52;
  const Vector m = reinterpret_cast<Vector>(reinterpret_cast<Integers>(x) - (exponent << 52));
  const Vector s = (m - 1.0) / (m + 1.0);
  const Vector z = s * s;
  Vector p = splat(2.0 / 19.0);
  p = p * z + 2.0 / 17.0;
  p = p * z + 2.0 / 15.0;
  p = p * z + 2.0 / 13.0;
  p = p * z + 2.0 / 11.0;
  p = p * z + 2.0 / 9.0;
  p = p * z + 2.0 / 7.0;
  p = p * z + 2.0 / 5.0;
  p = p * z + 2.0 / 3.0;
  p = p * z + 2.0;
  return p * s + __builtin_convertvector(exponent, Vector) * 0.6931471805599453;
}

inline Vector row(const HandWrittenSlice& slice, std::size_t at, const double* v) {
  const std::uint32_t* next = slice.next.data() + at * kHandSuccessors * 8;
  const double* p = slice.probability.data() + at * kHandSuccessors * 8;
  Vector sum = load(slice.score.data() + at * 8);
  for (std::size_t j = 0; j < kHandSuccessors; ++j) {
    const std::uint32_t* i = next + j * 8;
    const Vector there = {v[i[0]], v[i[1]], v[i[2]], v[i[3]], v[i[4]], v[i[5]], v[i[6]], v[i[7]]};
    sum += load(p + j * 8) * there;
  }
  return sum;
}

}  // namespace

HandWrittenSlice arrange_by_hand(std::size_t contexts, const std::vector<std::uint32_t>& next,
                                 const std::vector<double>& probability,
                                 const std::vector<double>& score) {
  HandWrittenSlice slice;
  slice.contexts = contexts;
  slice.next.resize(next.size());
  slice.probability.resize(next.size());
  slice.score.resize(score.size());
  for (std::size_t r = 0; r < score.size(); ++r) {
    const std::size_t lane = r / kHandChoices % 8;
    const std::size_t at = r / kHandChoices / 8 * kHandChoices + r % kHandChoices;
    slice.score[at * 8 + lane] = score[r];
    for (std::size_t j = 0; j < kHandSuccessors; ++j) {
      slice.next[(at * kHandSuccessors + j) * 8 + lane] = next[r * kHandSuccessors + j];
      slice.probability[(at * kHandSuccessors + j) * 8 + lane] =
          probability[r * kHandSuccessors + j];
    }
  }
  return slice;
}

void hand_written_soft(const HandWrittenSlice& slice, const double* v, double* u) {
  for (std::size_t group = 0; group < slice.contexts / 8; ++group) {
    const Vector a = row(slice, group * 4, v);
    const Vector b = row(slice, group * 4 + 1, v);
    const Vector c = row(slice, group * 4 + 2, v);
    const Vector d = row(slice, group * 4 + 3, v);
    const Vector most = larger(larger(a, b), larger(c, d));
    const Vector sum = (exponential(a - most) + exponential(b - most)) +
                       (exponential(c - most) + exponential(d - most));
    *reinterpret_cast<Unaligned*>(u + group * 8) = most + logarithm(sum);
  }
}

void hand_written_hard(const HandWrittenSlice& slice, const double* v, double* u) {
  for (std::size_t group = 0; group < slice.contexts / 8; ++group) {
    const Vector a = larger(row(slice, group * 4, v), row(slice, group * 4 + 1, v));
    const Vector b = larger(row(slice, group * 4 + 2, v), row(slice, group * 4 + 3, v));
    *reinterpret_cast<Unaligned*>(u + group * 8) = larger(a, b);
  }
}

}  // namespace credo::bench
