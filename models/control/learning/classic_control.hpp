#pragma once
// CartPole-v1, Pendulum-v1 and MountainCarContinuous-v0 with Gymnasium's public equations,
// constants, time limits and reset ranges (Towers et al. 2024, arXiv:2407.17032). All in double
// precision; Gymnasium rounds observations to single precision.

#include <credo/models/control/learning/environment.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace credo::control::learning {

/// Barto, Sutton, Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning
/// control problems". Observation (x, dx/dt, theta, dtheta/dt) in m, m/s, rad, rad/s; actions 0
/// pushes left and 1 right with 10 N for 0.02 s; reward 1 for every step; terminates beyond 2.4 m
/// or 12 degrees; starts uniform in [-0.05, 0.05]^4. Time limit 500.
[[nodiscard]] std::unique_ptr<Environment> cart_pole(
    std::optional<std::size_t> time_limit = std::nullopt);

/// Swing-up of a rod of 1 kg and 1 m. Observation (cos theta, sin theta, dtheta/dt), theta = 0
/// upright; the action is a torque, held within [-2, 2] N m for 0.05 s; reward -(theta^2 + 0.1
/// (dtheta/dt)^2 + 0.001 torque^2) with theta in [-pi, pi); never terminates; starts uniform in
/// [-pi, pi] x [-1, 1]. The state is (theta, dtheta/dt). Time limit 200.
[[nodiscard]] std::unique_ptr<Environment> pendulum(
    std::optional<std::size_t> time_limit = std::nullopt);

/// Moore 1990, "Efficient memory-based learning for robot control". Observation (position,
/// velocity) in [-1.2, 0.6] x [-0.07, 0.07]; the action is a force, held within [-1, 1], times
/// 0.0015; reward 100 on reaching position 0.45 with a velocity that is not negative (terminates),
/// minus 0.1 action^2 (of the action as given); starts uniform in [-0.6, -0.4] at rest. Time limit
/// 999.
[[nodiscard]] std::unique_ptr<Environment> mountain_car_continuous(
    std::optional<std::size_t> time_limit = std::nullopt);

}  // namespace credo::control::learning
