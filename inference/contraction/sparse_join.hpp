#pragma once
// Sparse tables of one step, joined into one pattern.

#include <credo/inference/contraction/leaf_values.hpp>

#include <memory>

namespace credo::contraction {

/// Throws Stopped. The product of a sparse leaf's tables at the observed states, as compressed rows
/// over the leaf's scope in the program's arithmetic.
[[nodiscard]] SparseValues join_tables(Arithmetic arithmetic, const ReducedModel& model,
                                       const Leaf& leaf, const Evidence& evidence,
                                       const LeafCache& cache);

}  // namespace credo::contraction
