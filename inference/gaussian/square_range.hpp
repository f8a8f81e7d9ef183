#pragma once
// Whether log densities stay within the doubles.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <string>

namespace credo::gaussian {

/// Why a squared deviation, or the sum of the logarithms, may leave the doubles, so that a log
/// density of -infinity proves nothing: a sentence with numbers. "" where the magnitudes of values,
/// offsets, gains, precisions and of reciprocal variances leave twenty powers of ten and more to
/// the largest double. Linear in the tables.
[[nodiscard]] std::string why_squares_overflow(const FactorGraph& graph, const Evidence& evidence);

}  // namespace credo::gaussian
