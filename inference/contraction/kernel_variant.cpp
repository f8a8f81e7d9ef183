// Compiled once per instruction set, with CREDO_KERNEL_VARIANT naming the
// namespace. See kernel.hpp for what is computed. No standard library here.

#include <credo/inference/contraction/kernel.hpp>

#ifndef CREDO_KERNEL_VARIANT
#error "compile through CMake: CREDO_KERNEL_VARIANT names the instruction set"
#endif

extern "C" double log(double) noexcept;

namespace credo::contraction::CREDO_KERNEL_VARIANT {

namespace {

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
  p = p * r + 1.0;
  p = p * r + 1.0;
  const IntVector bits = reinterpret_cast<IntVector>(shifted) << 52;
  const Vector scaled = reinterpret_cast<Vector>(reinterpret_cast<IntVector>(p) + bits);
  return tiny ? splat(0.0) : scaled;
}

inline double exp_nonpositive(double x) { return exp_nonpositive(splat(x))[0]; }

/// Semirings as (combine, reduce) pairs. `Pass` splits the log-domain sum in two:
/// its maxima first, then the sum of exponentials relative to them.
struct LinearSum {
  static constexpr double kZero = 0.0;
  static constexpr double kOne = 1.0;
  template <typename T>
  static T times(T a, T b) {
    return a * b;
  }
  template <typename T>
  static T plus(T a, T b) {
    return a + b;
  }
};
struct LinearMax {
  static constexpr double kZero = 0.0;
  static constexpr double kOne = 1.0;
  template <typename T>
  static T times(T a, T b) {
    return a * b;
  }
  template <typename T>
  static T plus(T a, T b) {
    return a > b ? a : b;
  }
};
struct LogMax {
  static constexpr double kZero = kMinusInfinity;
  static constexpr double kOne = 0.0;
  template <typename T>
  static T times(T a, T b) {
    return a + b;
  }
  template <typename T>
  static T plus(T a, T b) {
    return a > b ? a : b;
  }
};

/// Offsets of the operands while loops run.
struct Position {
  Index operand[kMaxOperands] = {};
  Index out = 0;
};

inline void advance(Position& at, const Loop& loop, Index steps, int operands) {
  for (int i = 0; i < operands; ++i) at.operand[i] += loop.stride[i] * steps;
  at.out += loop.out_stride * steps;
}

constexpr int kMaxLoops = 256;

/// Counts through loops, innermost last, keeping a position.
class Odometer {
 public:
  Odometer(const Loop* loops, int count, int operands, Index start)
      : loops_(loops), count_(count), operands_(operands) {
    for (int d = count - 1; d >= 0; --d) {
      index_[d] = start % loops[d].extent;
      start /= loops[d].extent;
      advance(at_, loops[d], index_[d], operands);
    }
  }
  [[nodiscard]] const Position& at() const { return at_; }
  /// False after the last position.
  bool next() {
    for (int d = count_ - 1; d >= 0; --d) {
      advance(at_, loops_[d], 1, operands_);
      if (++index_[d] < loops_[d].extent) return true;
      advance(at_, loops_[d], -index_[d], operands_);
      index_[d] = 0;
    }
    return false;
  }

 private:
  const Loop* loops_;
  int count_;
  int operands_;
  Position at_;
  Index index_[kMaxLoops];
};

/// Operands split into those contiguous along the run and those broadcast.
struct Operands {
  int vector_count = 0;
  int scalar_count = 0;
  int vector[kMaxOperands] = {};
  int scalar[kMaxOperands] = {};
};

Operands split(const DenseCall& call) {
  Operands operands;
  for (int i = 0; i < call.operand_count; ++i) {
    if (call.run.stride[i] != 0) {
      operands.vector[operands.vector_count++] = i;
    } else {
      operands.scalar[operands.scalar_count++] = i;
    }
  }
  return operands;
}

/// Product of the broadcast operands at table entry e.
template <typename Semiring>
inline double scalar_product(const DenseCall& call, const Operands& operands, const Position& at,
                             Index e) {
  double product = Semiring::kOne;
  for (int k = 0; k < operands.scalar_count; ++k) {
    const int i = operands.scalar[k];
    product = Semiring::times(product, call.operand[i][at.operand[i] + call.table[i][e]]);
  }
  return product;
}

/// Calls body(offset position) for every reduced index outside the table.
template <typename Body>
inline void for_each_reduced(const DenseCall& call, const Position& at, const Body& body) {
  if (call.reduce_count == 0) {
    body(at);
    return;
  }
  Odometer reduced(call.reduce, call.reduce_count, call.operand_count, 0);
  do {
    Position here = at;
    for (int i = 0; i < call.operand_count; ++i) here.operand[i] += reduced.at().operand[i];
    body(here);
  } while (reduced.next());
}

/// Blocks * kWidth outputs at run index r, kept in registers.
template <typename Semiring, int VectorCount, int Blocks, bool ExpSum>
inline void vertical_block(const DenseCall& call, const Operands& operands, const Position& at,
                           Index r, const double* maxima, double* out) {
  Vector sum[Blocks];
  for (int b = 0; b < Blocks; ++b) sum[b] = splat(ExpSum ? 0.0 : Semiring::kZero);
  for_each_reduced(call, at, [&](const Position& here) {
    const double* base[VectorCount > 0 ? VectorCount : 1];
    const Index* table[VectorCount > 0 ? VectorCount : 1];
    for (int k = 0; k < VectorCount; ++k) {
      const int i = operands.vector[k];
      base[k] = call.operand[i] + here.operand[i] + r;
      table[k] = call.table[i];
    }
    for (Index e = 0; e < call.table_size; ++e) {
      const Vector scalar = splat(scalar_product<Semiring>(call, operands, here, e));
      for (int b = 0; b < Blocks; ++b) {
        Vector term = scalar;
        for (int k = 0; k < VectorCount; ++k) {
          term = Semiring::times(term, load(base[k] + table[k][e] + b * kWidth));
        }
        if constexpr (ExpSum) {
          const Vector largest = load(maxima + b * kWidth);
          const IntVector zero = largest == splat(kMinusInfinity);
          sum[b] += exp_nonpositive(zero ? splat(kMinusInfinity) : term - largest);
        } else {
          sum[b] = Semiring::plus(sum[b], term);
        }
      }
    }
  });
  for (int b = 0; b < Blocks; ++b) store(out + b * kWidth, sum[b]);
}

/// One output; any strides.
template <typename Semiring, bool ExpSum>
inline double vertical_scalar(const DenseCall& call, const Position& at, Index r, double largest) {
  double sum = ExpSum ? 0.0 : Semiring::kZero;
  if (ExpSum && largest == kMinusInfinity) return 0.0;
  for_each_reduced(call, at, [&](const Position& here) {
    for (Index e = 0; e < call.table_size; ++e) {
      double term = Semiring::kOne;
      for (int i = 0; i < call.operand_count; ++i) {
        term = Semiring::times(
            term, call.operand[i][here.operand[i] + r * call.run.stride[i] + call.table[i][e]]);
      }
      if constexpr (ExpSum) {
        sum += exp_nonpositive(term - largest);
      } else {
        sum = Semiring::plus(sum, term);
      }
    }
  });
  return sum;
}

bool run_is_fast(const DenseCall& call) {
  for (int i = 0; i < call.operand_count; ++i) {
    if (call.run.stride[i] != 0 && call.run.stride[i] != 1) return false;
  }
  return call.horizontal || call.run.out_stride == 1;
}

template <typename Semiring, int VectorCount, bool ExpSum>
void vertical_run(const DenseCall& call, const Operands& operands, const Position& at,
                  double* out) {
  Index r = 0;
  const Index run = call.run.extent;
  double maxima[4 * kWidth];
  const auto block = [&]<int Blocks>() {
    if constexpr (ExpSum) {
      for (int i = 0; i < Blocks * kWidth; ++i) maxima[i] = out[r + i];
      double sums[Blocks * kWidth];
      vertical_block<Semiring, VectorCount, Blocks, true>(call, operands, at, r, maxima, sums);
      for (int i = 0; i < Blocks * kWidth; ++i) {
        out[r + i] = maxima[i] == kMinusInfinity ? kMinusInfinity : maxima[i] + log(sums[i]);
      }
    } else {
      vertical_block<Semiring, VectorCount, Blocks, false>(call, operands, at, r, nullptr, out + r);
    }
    r += Blocks * kWidth;
  };
  while (r + 4 * kWidth <= run) block.template operator()<4>();
  while (r + kWidth <= run) block.template operator()<1>();
  for (; r < run; ++r) {
    if constexpr (ExpSum) {
      const double largest = out[r];
      const double sum = vertical_scalar<Semiring, true>(call, at, r, largest);
      out[r] = largest == kMinusInfinity ? kMinusInfinity : largest + log(sum);
    } else {
      out[r] = vertical_scalar<Semiring, false>(call, at, r, 0.0);
    }
  }
}

template <typename Semiring, bool ExpSum>
void slow_run(const DenseCall& call, const Position& at, double* out) {
  for (Index r = 0; r < call.run.extent; ++r) {
    double& result = out[r * call.run.out_stride];
    if constexpr (ExpSum) {
      const double largest = result;
      const double sum = vertical_scalar<Semiring, true>(call, at, r, largest);
      result = largest == kMinusInfinity ? kMinusInfinity : largest + log(sum);
    } else {
      result = vertical_scalar<Semiring, false>(call, at, r, 0.0);
    }
  }
}

/// One output reduced along the run with kWidth partial results.
template <typename Semiring, int VectorCount, bool ExpSum>
double horizontal_run(const DenseCall& call, const Operands& operands, const Position& at,
                      double largest) {
  if (ExpSum && largest == kMinusInfinity) return 0.0;
  Vector partial = splat(ExpSum ? 0.0 : Semiring::kZero);
  double tail = ExpSum ? 0.0 : Semiring::kZero;
  for_each_reduced(call, at, [&](const Position& here) {
    for (Index e = 0; e < call.table_size; ++e) {
      const double scalar = scalar_product<Semiring>(call, operands, here, e);
      const double* base[VectorCount > 0 ? VectorCount : 1];
      for (int k = 0; k < VectorCount; ++k) {
        const int i = operands.vector[k];
        base[k] = call.operand[i] + here.operand[i] + call.table[i][e];
      }
      Index r = 0;
      for (; r + kWidth <= call.run.extent; r += kWidth) {
        Vector term = splat(scalar);
        for (int k = 0; k < VectorCount; ++k) term = Semiring::times(term, load(base[k] + r));
        if constexpr (ExpSum) {
          partial += exp_nonpositive(term - largest);
        } else {
          partial = Semiring::plus(partial, term);
        }
      }
      for (; r < call.run.extent; ++r) {
        double term = scalar;
        for (int k = 0; k < VectorCount; ++k) term = Semiring::times(term, base[k][r]);
        if constexpr (ExpSum) {
          tail += exp_nonpositive(term - largest);
        } else {
          tail = Semiring::plus(tail, term);
        }
      }
    }
  });
  for (int i = 0; i < kWidth; ++i) {
    tail = ExpSum ? tail + partial[i] : Semiring::plus(tail, partial[i]);
  }
  return tail;
}

template <typename Semiring, int VectorCount, bool ExpSum>
void dense_pass(const DenseCall& call, const Operands& operands) {
  const bool fast = run_is_fast(call);
  Odometer outer(call.outer, call.outer_count, call.operand_count, call.outer_begin);
  for (Index o = call.outer_begin; o < call.outer_end; ++o, outer.next()) {
    const Position& at = outer.at();
    double* out = call.out + at.out;
    if (call.horizontal) {
      const double largest = ExpSum ? *out : 0.0;
      const double sum = horizontal_run<Semiring, VectorCount, ExpSum>(call, operands, at, largest);
      if constexpr (ExpSum) {
        *out = largest == kMinusInfinity ? kMinusInfinity : largest + log(sum);
      } else {
        *out = sum;
      }
    } else if (fast) {
      vertical_run<Semiring, VectorCount, ExpSum>(call, operands, at, out);
    } else {
      slow_run<Semiring, ExpSum>(call, at, out);
    }
  }
}

template <typename Semiring, bool ExpSum>
void dense_by_count(const DenseCall& call, const Operands& operands) {
  switch (operands.vector_count) {
    case 0:
      return dense_pass<Semiring, 0, ExpSum>(call, operands);
    case 1:
      return dense_pass<Semiring, 1, ExpSum>(call, operands);
    case 2:
      return dense_pass<Semiring, 2, ExpSum>(call, operands);
    case 3:
      return dense_pass<Semiring, 3, ExpSum>(call, operands);
    default:
      return dense_pass<Semiring, 4, ExpSum>(call, operands);
  }
}

bool reduces(const DenseCall& call) {
  return call.reduce_count > 0 || call.table_size > 1 || call.horizontal;
}

void dense(const DenseCall& call) {
  const Operands operands = split(call);
  if (call.arithmetic == Arithmetic::linear) {
    if (call.maximise) return dense_by_count<LinearMax, false>(call, operands);
    return dense_by_count<LinearSum, false>(call, operands);
  }
  dense_by_count<LogMax, false>(call, operands);
  // A sum of one term is that term: no exponential, no logarithm, no rounding.
  if (!call.maximise && reduces(call)) dense_by_count<LogMax, true>(call, operands);
}

/// Calls body(value of the product, output index) for every stored entry and extra index.
template <typename Semiring, typename Body>
inline void for_each_term(const SparseCall& call, const Body& body) {
  for (Index row = 0; row < call.row_count; ++row) {
    const auto begin = static_cast<Index>(call.row_begin[row]);
    const auto end = static_cast<Index>(call.row_begin[row + 1]);
    for (Index j = begin; j < end; ++j) {
      const auto column = static_cast<Index>(call.column[j]);
      Position at;
      for (int i = 1; i < call.operand_count; ++i) {
        at.operand[i] = call.row_offset[i][row] + column * call.column_stride[i];
      }
      at.out = call.out_is_entries ? j : call.out_row_offset[row] + column * call.out_column_stride;
      const double stored = call.out_is_entries ? Semiring::kOne : call.operand[0][j];
      if (call.extra_count == 0) {
        double term = stored;
        for (int i = 1; i < call.operand_count; ++i) {
          term = Semiring::times(term, call.operand[i][at.operand[i]]);
        }
        body(term, at.out);
        continue;
      }
      Odometer extra(call.extra, call.extra_count, call.operand_count, 0);
      do {
        double term = stored;
        for (int i = 1; i < call.operand_count; ++i) {
          term = Semiring::times(term, call.operand[i][at.operand[i] + extra.at().operand[i]]);
        }
        body(term, at.out + extra.at().out);
      } while (extra.next());
    }
  }
}

template <typename Semiring>
void sparse_pass(const SparseCall& call) {
  for (Index i = 0; i < call.out_entries; ++i) call.out[i] = Semiring::kZero;
  for_each_term<Semiring>(
      call, [&](double term, Index at) { call.out[at] = Semiring::plus(call.out[at], term); });
}

void sparse(const SparseCall& call) {
  if (call.arithmetic == Arithmetic::linear) {
    return call.maximise ? sparse_pass<LinearMax>(call) : sparse_pass<LinearSum>(call);
  }
  sparse_pass<LogMax>(call);
  if (call.maximise) return;
  for (Index i = 0; i < call.out_entries; ++i) call.scratch[i] = 0.0;
  for_each_term<LogMax>(call, [&](double term, Index at) {
    if (term != kMinusInfinity) call.scratch[at] += exp_nonpositive(term - call.out[at]);
  });
  for (Index i = 0; i < call.out_entries; ++i) {
    if (call.scratch[i] != 1.0 && call.out[i] != kMinusInfinity)
      call.out[i] += log(call.scratch[i]);
  }
}

Extent extent(const double* x, Index count, Index lane, Index lanes, Arithmetic arithmetic) {
  const double zero = arithmetic == Arithmetic::linear ? 0.0 : kMinusInfinity;
  const double huge = __builtin_inf();
  double smallest = huge;
  double largest = zero;
  bool has_zero = false;
  Index i = lane;
  if (lanes == 1 && count >= kWidth) {
    Vector low = splat(huge);
    Vector high = splat(zero);
    IntVector zeros = {};
    for (; i + kWidth <= count; i += kWidth) {
      const Vector v = load(x + i);
      const IntVector is_zero = v == splat(zero);
      zeros |= is_zero;
      const Vector masked = is_zero ? splat(huge) : v;
      low = masked < low ? masked : low;
      high = v > high ? v : high;
    }
    for (int k = 0; k < kWidth; ++k) {
      smallest = low[k] < smallest ? low[k] : smallest;
      largest = high[k] > largest ? high[k] : largest;
      has_zero = has_zero || zeros[k] != 0;
    }
  }
  for (; i < count; i += lanes) {
    has_zero = has_zero || x[i] == zero;
    if (x[i] != zero && x[i] < smallest) smallest = x[i];
    if (x[i] > largest) largest = x[i];
  }
  return {smallest == huge ? zero : smallest, largest, has_zero};
}

#define CREDO_STRING_OF(x) #x
#define CREDO_STRING(x) CREDO_STRING_OF(x)

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {CREDO_STRING(CREDO_KERNEL_VARIANT), &dense, &sparse, &extent};

}  // namespace credo::contraction::CREDO_KERNEL_VARIANT
