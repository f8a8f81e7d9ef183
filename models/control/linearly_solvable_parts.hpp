#pragma once
// What the criteria of linearly solvable problems share. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/control/linearly_solvable.hpp>

#include <cstddef>
#include <vector>

namespace credo::control {

/// -sum_s p(s_1 = s) log z(s).
[[nodiscard]] double expected_initial_cost(const LinearlySolvable& problem,
                                           const std::vector<double>& log_z);

/// The public function under a clock: throws contraction::Stopped.
[[nodiscard]] StateChain make_passive_chain(const LinearlySolvable& problem, std::size_t horizon,
                                            contraction::Monitor& monitor);
/// What such a chain, its plan and its messages take, bytes.
[[nodiscard]] double predicted_chain_bytes(const LinearlySolvable& problem,
                                           std::size_t horizon) noexcept;

/// first_exit, discounted.
[[nodiscard]] LinearlySolvableSolution solve_fixed_point(const LinearlySolvable& problem,
                                                         const LinearlySolvableOptions& options);
/// average.
[[nodiscard]] LinearlySolvableSolution solve_average(const LinearlySolvable& problem,
                                                     const LinearlySolvableOptions& options);

}  // namespace credo::control
