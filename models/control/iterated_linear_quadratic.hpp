#pragma once
// Smooth dynamics and rewards by repeated linear-quadratic control: iLQR as inference.

#include <credo/models/control/linear_quadratic.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control {

/// x_t+1 = f(x_t, u_t), sum of r(x_t, u_t) for t = 1 .. T, plus r_f(x_T+1), from one x_1. Functions
/// must be smooth (twice differentiable where trajectories pass).
struct SmoothProblem {
  using Vector = std::span<const double>;
  std::size_t states = 0;
  std::size_t controls = 0;
  std::size_t horizon = 0;
  std::vector<double> initial = {};
  /// Writes f(x, u) to next.
  std::function<void(Vector x, Vector u, std::span<double> next)> dynamics = {};
  std::function<double(Vector x, Vector u)> reward = {};
  std::function<double(Vector x)> final_reward = {};  ///< empty: 0
  /// Writes A = df/dx (n x n) and B = df/du (n x m), row-major; empty: central differences.
  std::function<void(Vector x, Vector u, std::span<double> a, std::span<double> b)> jacobian = {};

  /// Throws ModelError.
  void validate() const;
};

struct IteratedOptions {
  /// T x m, the first trajectory; empty: zeros.
  std::vector<double> initial_controls = {};
  std::size_t maximum_iterations = 500;
  /// Stop when the predicted gain of a whole step is less, in units of reward.
  double tolerance = 1e-8;
  /// Added to the curvature in u: grows tenfold after a step that does not improve, shrinks after
  /// one that does.
  double regularisation = 1e-3;
  /// Step of the central differences, relative to max(1, |x|).
  double difference = 1e-5;
  /// Asked before every iteration (phase "ilqr"); then the status is deadline or cancelled, and the
  /// trajectory the best so far.
  double time_limit_seconds = kInfinity;
  Observer observer = {};

  /// Throws OptionError.
  void validate() const;
};

/// Poisoned until computed.
struct IteratedSolution {
  /// ok: converged, which is asked with no more regularisation than the options', because a large
  /// one makes every promise small; refused, deadline, cancelled: stopped before, message says why
  /// (the trajectory is the best found).
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// fixed_point (a stationary trajectory: a local maximum at best) or unconverged.
  Guarantee guarantee = Guarantee::none;
  double total_reward = kNaN;
  std::vector<double> states;    ///< (T + 1) x n
  std::vector<double> controls;  ///< T x m
  /// q(u | x) around the trajectory, of the last backward pass: u = u_t + K (x - x_t) + noise.
  std::vector<LinearQuadraticDecision> decisions;
  /// Total reward after every iteration: never falls.
  std::vector<double> trace;
  std::size_t iterations = 0;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Expands dynamics (to first order) and reward (to second, its upward curvature cut off) along the
/// trajectory, solves the linear-quadratic problem of the deviations by elimination, and follows
/// its gains along a line search that accepts only improvements (Li and Todorov 2004; Tassa, Erez
/// and Todorov 2012 for the regularisation). Throws ModelError and OptionError; a trajectory that
/// leaves the range of numbers is a status.
[[nodiscard]] IteratedSolution solve_iterated(const SmoothProblem& problem,
                                              const IteratedOptions& options = {});

/// Swing-up with the equations and constants of Gymnasium's Pendulum-v1 (g = 10, m = l = 1, 0.05 s,
/// torque at most 2): x = (angle from upright, not wrapped; angular velocity), u mapped to the
/// torque 2 tanh(u / 2), r = -(angle^2 + 0.1 velocity^2 + 0.001 u^2). It hangs at first: angle pi.
[[nodiscard]] SmoothProblem pendulum_swing_up(std::size_t horizon = 90);
/// 2 tanh(u / 2).
[[nodiscard]] double pendulum_torque(double u);
/// Controls that push the pendulum at its own frequency: a first trajectory.
[[nodiscard]] std::vector<double> pendulum_first_controls(std::size_t horizon = 90);

/// Curves over time, one panel each.
struct Curve {
  std::string name;
  std::vector<double> values;
  std::vector<double> levels = {};  ///< values marked by a dashed line
};
/// An SVG document. seconds: between two values.
[[nodiscard]] std::string draw_curves(std::span<const Curve> curves, double seconds,
                                      std::string_view title);

}  // namespace credo::control
