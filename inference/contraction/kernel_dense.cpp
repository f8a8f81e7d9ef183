// The dense contraction. For every kept index outside the run (outer), the run is
// done vertically (lanes hold different outputs) or horizontally (lanes hold
// partial sums), summing over the reduced loops and the table of offsets.
// A sum of logarithms takes two passes: the maxima first, left in out; then the
// sum of exponentials relative to them (ExpSum).
// Invariant: each output is written by one call and its terms are added in the
// order of the loops, so that the bits do not depend on the split of outer.

#include <credo/inference/contraction/kernel_loops.hpp>

namespace credo::contraction::CREDO_KERNEL_VARIANT {

namespace {

/// The logarithm of a sum of exponentials relative to their maximum.
inline double log_sum(double largest, double sum) {
  return largest == kMinusInfinity ? kMinusInfinity : largest + log(sum);
}

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

/// Calls body(offset position) for every reduced index outside the table, which costs that many
/// operations a time; fewer times where the caller wants no more.
template <typename Body>
inline void for_each_reduced(const DenseCall& call, const Position& at, Index operations,
                             Looks& looks, const Body& body) {
  if (call.reduce_count == 0) {
    looks.spend(operations);
    body(at);
    return;
  }
  Odometer reduced(call.reduce, call.reduce_count, call.operand_count, 0);
  do {
    Position here = at;
    for (int i = 0; i < call.operand_count; ++i) here.operand[i] += reduced.at().operand[i];
    body(here);
  } while (looks.spend(operations) && reduced.next());
}

/// Blocks * kWidth outputs at run index r, kept in registers.
template <typename Semiring, int VectorCount, int Blocks, bool ExpSum>
inline void vertical_block(const DenseCall& call, const Operands& operands, const Position& at,
                           Index r, const double* maxima, double* out, Looks& looks) {
  Vector sum[Blocks];
  for (int b = 0; b < Blocks; ++b) sum[b] = splat(ExpSum ? 0.0 : Semiring::kZero);
  const Index operations = call.table_size * Blocks * kWidth;
  for_each_reduced(call, at, operations, looks, [&](const Position& here) {
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
inline double vertical_scalar(const DenseCall& call, const Position& at, Index r, double largest,
                              Looks& looks) {
  double sum = ExpSum ? 0.0 : Semiring::kZero;
  if (ExpSum && largest == kMinusInfinity) return 0.0;
  for_each_reduced(call, at, call.table_size, looks, [&](const Position& here) {
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
void vertical_run(const DenseCall& call, const Operands& operands, const Position& at, double* out,
                  Looks& looks) {
  Index r = 0;
  const Index run = call.run.extent;
  double maxima[4 * kWidth];
  const auto block = [&]<int Blocks>() {
    if constexpr (ExpSum) {
      for (int i = 0; i < Blocks * kWidth; ++i) maxima[i] = out[r + i];
      double sums[Blocks * kWidth];
      vertical_block<Semiring, VectorCount, Blocks, true>(call, operands, at, r, maxima, sums,
                                                          looks);
      for (int i = 0; i < Blocks * kWidth; ++i) {
        out[r + i] = log_sum(maxima[i], sums[i]);
      }
    } else {
      vertical_block<Semiring, VectorCount, Blocks, false>(call, operands, at, r, nullptr, out + r,
                                                           looks);
    }
    r += Blocks * kWidth;
  };
  while (r + 4 * kWidth <= run && looks.goes_on()) block.template operator()<4>();
  while (r + kWidth <= run && looks.goes_on()) block.template operator()<1>();
  for (; r < run && looks.goes_on(); ++r) {
    if constexpr (ExpSum) {
      const double largest = out[r];
      const double sum = vertical_scalar<Semiring, true>(call, at, r, largest, looks);
      out[r] = log_sum(largest, sum);
    } else {
      out[r] = vertical_scalar<Semiring, false>(call, at, r, 0.0, looks);
    }
  }
}

template <typename Semiring, bool ExpSum>
void slow_run(const DenseCall& call, const Position& at, double* out, Looks& looks) {
  for (Index r = 0; r < call.run.extent && looks.goes_on(); ++r) {
    double& result = out[r * call.run.out_stride];
    if constexpr (ExpSum) {
      const double largest = result;
      const double sum = vertical_scalar<Semiring, true>(call, at, r, largest, looks);
      result = log_sum(largest, sum);
    } else {
      result = vertical_scalar<Semiring, false>(call, at, r, 0.0, looks);
    }
  }
}

/// One output reduced along the run with kWidth partial results.
template <typename Semiring, int VectorCount, bool ExpSum>
double horizontal_run(const DenseCall& call, const Operands& operands, const Position& at,
                      double largest, Looks& looks) {
  if (ExpSum && largest == kMinusInfinity) return 0.0;
  Vector partial = splat(ExpSum ? 0.0 : Semiring::kZero);
  double tail = ExpSum ? 0.0 : Semiring::kZero;
  for_each_reduced(call, at, call.table_size * call.run.extent, looks, [&](const Position& here) {
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
  Looks looks(call.pulse);
  Odometer outer(call.outer, call.outer_count, call.operand_count, call.outer_begin);
  for (Index o = call.outer_begin; o < call.outer_end && looks.goes_on(); ++o, outer.next()) {
    const Position& at = outer.at();
    double* out = call.out + at.out;
    if (call.horizontal) {
      const double largest = ExpSum ? *out : 0.0;
      const double sum =
          horizontal_run<Semiring, VectorCount, ExpSum>(call, operands, at, largest, looks);
      if constexpr (ExpSum) {
        *out = log_sum(largest, sum);
      } else {
        *out = sum;
      }
    } else if (fast) {
      vertical_run<Semiring, VectorCount, ExpSum>(call, operands, at, out, looks);
    } else {
      slow_run<Semiring, ExpSum>(call, at, out, looks);
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

/// The offsets of a run are walked once per outer index, so they stay in the nearest cache.
void gather(const DenseCall& call) {
  Looks looks(call.pulse);
  Odometer outer(call.outer, call.outer_count, 1, call.outer_begin);
  for (Index o = call.outer_begin; o < call.outer_end; ++o, outer.next()) {
    if (!looks.spend(call.run.extent)) return;
    const double* from = call.operand[0] + outer.at().operand[0];
    double* out = call.out + outer.at().out;
    for (Index r = 0; r < call.run.extent; ++r) out[r] = from[call.table[0][r]];
  }
}

bool reduces(const DenseCall& call) {
  return call.reduce_count > 0 || call.table_size > 1 || call.horizontal;
}

}  // namespace

void dense(const DenseCall& call) {
  if (call.gather) return gather(call);
  const Operands operands = split(call);
  if (call.arithmetic == Arithmetic::linear) {
    if (call.maximise) return dense_by_count<LinearMax, false>(call, operands);
    return dense_by_count<LinearSum, false>(call, operands);
  }
  dense_by_count<LogMax, false>(call, operands);
  // A sum of one term is that term: no exponential, no logarithm, no rounding.
  if (!call.maximise && reduces(call)) dense_by_count<LogMax, true>(call, operands);
}

}  // namespace credo::contraction::CREDO_KERNEL_VARIANT
