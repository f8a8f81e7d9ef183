#pragma once
// What the criteria of linearly solvable problems share. Internal.

#include <credo/models/control/linearly_solvable.hpp>

#include <vector>

namespace credo::control {

/// -sum_s p(s_1 = s) log z(s).
[[nodiscard]] double expected_initial_cost(const LinearlySolvable& problem,
                                           const std::vector<double>& log_z);

/// first_exit, discounted.
[[nodiscard]] LinearlySolvableSolution solve_fixed_point(const LinearlySolvable& problem,
                                                         const LinearlySolvableOptions& options);
/// average.
[[nodiscard]] LinearlySolvableSolution solve_average(const LinearlySolvable& problem,
                                                     const LinearlySolvableOptions& options);

}  // namespace credo::control
