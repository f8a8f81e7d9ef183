// The kernels of one instruction set. This file and its neighbours kernel_dense.cpp
// and kernel_sparse.cpp are compiled once per instruction set, with
// CREDO_KERNEL_VARIANT naming the namespace. See kernel.hpp for what is computed.

#include <credo/inference/contraction/kernel_loops.hpp>

#ifndef CREDO_KERNEL_VARIANT
#error "compile through CMake: CREDO_KERNEL_VARIANT names the instruction set"
#endif

namespace credo::contraction::CREDO_KERNEL_VARIANT {

namespace {

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
