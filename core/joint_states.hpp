#pragma once
// Walking all joint states of a few variables in row-major order.

#include <cstddef>
#include <span>
#include <vector>

namespace credo {

/// Calls visit(states) for every joint state of the extents, row-major: the last varies fastest.
/// Once, with no states, when there are no extents. Extents are at least 1.
template <typename Visit>
void for_each_joint_state(std::span<const std::size_t> extents, Visit&& visit) {
  std::vector<std::size_t> states(extents.size(), 0);
  while (true) {
    visit(std::span<const std::size_t>(states));
    std::size_t d = extents.size();
    while (d > 0 && ++states[d - 1] == extents[d - 1]) states[--d] = 0;
    if (d == 0) return;
  }
}

}  // namespace credo
