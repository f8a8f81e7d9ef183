// The contraction of one compressed-row operand with dense ones: a walk over the
// stored entries, so that the cost is entries times extra indices, whatever the
// dense size. A sum of logarithms takes two walks: maxima into out, then the
// exponentials relative to them into scratch.

#include <credo/inference/contraction/kernel_loops.hpp>

namespace credo::contraction::CREDO_KERNEL_VARIANT {

namespace {

/// Calls body(value of the product, output index) for every stored entry and extra index; fewer
/// where the caller wants no more.
template <typename Semiring, typename Body>
inline void for_each_term(const SparseCall& call, Looks& looks, const Body& body) {
  for (Index row = 0; row < call.row_count; ++row) {
    const auto begin = static_cast<Index>(call.row_begin[row]);
    const auto end = static_cast<Index>(call.row_begin[row + 1]);
    for (Index j = begin; j < end; ++j) {
      if (!looks.spend(call.operand_count)) return;
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
      } while (looks.spend(call.operand_count) && extra.next());
    }
  }
}

/// Writes one value everywhere, in pieces that are counted.
void fill(double* out, Index count, double value, Looks& looks) {
  constexpr Index kPiece = 65536;
  for (Index begin = 0; begin < count; begin += kPiece) {
    const Index end = begin + kPiece < count ? begin + kPiece : count;
    if (!looks.spend(end - begin)) return;
    for (Index i = begin; i < end; ++i) out[i] = value;
  }
}

template <typename Semiring>
void sparse_pass(const SparseCall& call, Looks& looks) {
  fill(call.out, call.out_entries, Semiring::kZero, looks);
  for_each_term<Semiring>(call, looks, [&](double term, Index at) {
    call.out[at] = Semiring::plus(call.out[at], term);
  });
}

}  // namespace

void sparse(const SparseCall& call) {
  Looks looks(call.pulse);
  if (call.arithmetic == Arithmetic::linear) {
    return call.maximise ? sparse_pass<LinearMax>(call, looks)
                         : sparse_pass<LinearSum>(call, looks);
  }
  sparse_pass<LogMax>(call, looks);
  if (call.maximise) return;
  fill(call.scratch, call.out_entries, 0.0, looks);
  for_each_term<LogMax>(call, looks, [&](double term, Index at) {
    if (term != kMinusInfinity) call.scratch[at] += exp_nonpositive(term - call.out[at]);
  });
  for (Index i = 0; i < call.out_entries && looks.spend(1); ++i) {
    if (call.scratch[i] != 1.0 && call.out[i] != kMinusInfinity)
      call.out[i] += log(call.scratch[i]);
  }
}

}  // namespace credo::contraction::CREDO_KERNEL_VARIANT
