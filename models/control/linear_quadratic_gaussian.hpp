#pragma once
// Linear-quadratic control of states that are seen through noise: LQG.

#include <credo/models/control/linear_quadratic.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace credo::control {

/// y_t = C x_t + d + v, v ~ N(0, V): seen before u_t is chosen.
struct Sensor {
  std::size_t observations = 0;
  std::vector<double> observation = {};  ///< C, k x n
  std::vector<double> offset = {};       ///< d, k; empty: 0
  std::vector<double> noise = {};        ///< V, k x k, positive semi-definite; empty: 0
};

/// Poisoned until computed.
struct LinearQuadraticGaussianSolution {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// u_t = K_t x^_t + k_t (+ noise), x^_t = E[x_t | y_1 .. y_t, u_1 .. u_t-1]: the decisions of the
  /// problem whose states are seen (separation; Wonham 1968).
  std::vector<LinearQuadraticDecision> decisions;
  /// x^_t = predicted_t + L_t (y_t - C predicted_t - d), n x k.
  std::vector<std::vector<double>> filter_gains;
  /// Covariance of x_t - x^_t, n x n.
  std::vector<std::vector<double>> filtered_covariances;
  /// E of the sum of rewards in the true world.
  double expected_reward = kNaN;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// The past by sum-product (the filter), the future by the clamped sweep. Finite horizons, methods
/// clamped and hard: with other methods the two do not separate. Throws ModelError and OptionError.
[[nodiscard]] LinearQuadraticGaussianSolution solve_linear_quadratic_gaussian(
    const LinearQuadratic& problem, const Sensor& sensor,
    const LinearQuadraticOptions& options = {});

}  // namespace credo::control
