#pragma once
// The variational family that a method is: what each conditional of a trajectory may do.

#include <credo/inference/variational/family.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/control/trajectory.hpp>

namespace credo::control {

/// q(s_1) prod_t q(a_t | s_t) q(s_{t+1} | s_t, a_t) for maximize(): the actions are free (hard and
/// exponential utility: arg-max), the states
///   posterior                      free
///   clamped, hard                  clamped to p(s_1), p(s_{t+1} | s_t, a_t)
///   risk, exponential utility      charged rho, 1
/// The trajectory must have been made with the same rho (infinity when clamped), and where the
/// action prior plays no part with a counting prior that counts after the end, too. Throws
/// OptionError for map, mmap and best case, which are not families, and ModelError when a charged
/// transition has unavailable actions and so is no conditional of the graph.
[[nodiscard]] Family make_family(const Trajectory& trajectory, Method method, double rho = 1.0);

}  // namespace credo::control
