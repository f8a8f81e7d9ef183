#pragma once
// What the dense and the sparse loops of one instruction set share: counting through nested
// loops, and asking now and then whether to go on. See kernel_arithmetic.hpp for the namespace.

#include <credo/inference/contraction/kernel_arithmetic.hpp>

namespace credo::contraction::CREDO_KERNEL_VARIANT {

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

/// Counts multiplications and asks the caller after every million of them whether to go on.
class Looks {
 public:
  explicit Looks(const Pulse& pulse) : pulse_(pulse) {}

  /// False once the caller said no.
  bool spend(Index operations) {
    left_ -= operations;
    if (left_ <= 0) look();
    return goes_on_;
  }
  [[nodiscard]] bool goes_on() const { return goes_on_; }

 private:
  static constexpr Index kOperationsPerLook = 1000000;

  void look() {
    left_ = kOperationsPerLook;
    if (pulse_.go_on != nullptr) goes_on_ = goes_on_ && pulse_.go_on(pulse_.context);
  }

  const Pulse& pulse_;
  Index left_ = kOperationsPerLook;
  bool goes_on_ = true;
};

/// The entry points of one instruction set; see DenseCall and SparseCall.
void dense(const DenseCall& call);
void sparse(const SparseCall& call);

}  // namespace credo::contraction::CREDO_KERNEL_VARIANT
