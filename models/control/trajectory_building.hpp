#pragma once
// Building a trajectory's graph under a clock, and what it will take. Internal.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/control/trajectory.hpp>

#include <cstddef>

namespace credo::control {

/// The public function, which asks the monitor at every state of the process and at every step of
/// the horizon. Throws contraction::Stopped when it says no.
[[nodiscard]] Trajectory make_trajectory(const Mdp& mdp, const TrajectoryOptions& options,
                                         contraction::Monitor& monitor);

/// What a graph of so many decisions takes beside its shared tables, with the plan of a
/// contraction, bytes.
[[nodiscard]] double predicted_graph_bytes(std::size_t horizon) noexcept;

/// The limit, or the address space of a process (2^47 bytes) when the limit is larger or none:
/// counts beyond it wrap around before an allocation can fail.
[[nodiscard]] double largest_usable_bytes(double memory_limit_bytes) noexcept;

}  // namespace credo::control
