#pragma once
// Longest paths to an end: the fixed point of a slice in which choice and next variable are both
// maxima.

#include <credo/inference/variational/slice.hpp>
#include <credo/inference/variational/stationary_structure.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace credo::stationary {

struct BestPaths {
  /// V*(x): the largest sum of scores (viterbi: and log probabilities) of a path from x to an end;
  /// -infinity where there is none.
  std::vector<double> value;
  /// d of the first step, kFar without. Following it ends.
  std::vector<std::uint32_t> choice;
  /// sup |value - V*|, V* the best of the paths that meet no context twice; 0 where sums are exact.
  double error_bound = 0.0;
  std::size_t rounds = 0;
  /// A context whose value still rose when every path without a loop was known, or contexts().
  std::size_t gaining = 0;
};

/// Moore's rounds from the ends backwards: loops that neither gain nor lose are never
/// entered. Needs arg-max over best-case or viterbi. go_on is asked every round; false stops.
[[nodiscard]] BestPaths best_paths(const Slice& slice, const Structure& structure,
                                   std::size_t maximum_rounds, const std::function<bool()>& go_on);

}  // namespace credo::stationary
