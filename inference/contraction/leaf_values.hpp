#pragma once
// Numbers for the leaves of a program: views into tables, or copies.

#include <credo/core/evidence.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/contraction/program.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <vector>

namespace credo::contraction {

/// Binary exponents that bound the non-zero entries of a table:
/// 2^smallest <= x <= 2^largest. Linear arithmetic only.
struct ExponentRange {
  int smallest = 0;
  int largest = 0;
};

/// Compressed rows over a leaf's scope, values in the program's arithmetic. The
/// scope itself is the leaf's: leaves with other variables share these numbers.
struct SparseValues {
  std::vector<std::size_t> shape;
  std::vector<std::uint64_t> row_index;
  std::vector<std::uint64_t> row_begin;
  std::vector<std::uint32_t> column;
  std::vector<double> values;
  /// log value = log(values) + scale (see LeafValues::scale).
  double scale = 0.0;
  ExponentRange range;
  /// Per merged table: its stored entry behind every entry here.
  std::vector<std::vector<std::uint64_t>> source_entry;
};

/// A leaf bound to evidence.
struct LeafValues {
  const double* data = nullptr;
  std::shared_ptr<const std::vector<double>> owned;
  std::shared_ptr<const SparseValues> sparse;
  /// Added to the exponent (linear: powers of two; log: nats), per lane or one for all.
  double scale = 0.0;
  ExponentRange range;
};

inline constexpr double kLog2E = std::numbers::log2e;

/// An entry in the arithmetic of a program, its table scaled: value * 2^-scale, or log value.
inline double convert(double value, Domain from, Arithmetic to, double scale) {
  if (to == Arithmetic::log) return from == Domain::log ? value : std::log(value);
  if (from == Domain::log) return std::exp(value - scale * std::numbers::ln2);
  return scale == 0.0 ? value : std::ldexp(value, -static_cast<int>(scale));
}

/// Copies shared by leaves that have the same numbers (T copies of one transition).
struct LeafCache {
  std::map<std::string, LeafValues> values;
  /// Told what binding costs; null: nobody asks.
  Monitor* monitor = nullptr;

  void count(double operations) const {
    if (monitor != nullptr) monitor->count(operations, "contract", 0.0);
  }
};

/// Throws Stopped. Binds one leaf; evidences has one entry per lane. Copies that do not depend
/// on evidence, or depend on it alike, are made once per cache.
[[nodiscard]] LeafValues bind_leaf(const Program& program, const ReducedModel& model,
                                   std::size_t leaf, std::span<const Evidence* const> evidences,
                                   LeafCache& cache);

}  // namespace credo::contraction
