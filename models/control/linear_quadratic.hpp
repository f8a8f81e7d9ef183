#pragma once
// Linear dynamics, Gaussian noise, quadratic rewards: LQR and its risk-sensitive relatives, as a
// family of linear-Gaussian conditionals on a factor graph.

#include <credo/inference/variational/variational.hpp>
#include <credo/models/control/solve.hpp>
#include <credo/models/require_index.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace credo::control {

/// One step of n states x and m controls u. Matrices are row-major; empty ones are 0.
///   x' = A x + B u + a + w,  w ~ N(0, W)
///   r(x, u) = -((x - g)' Q (x - g) + 2 (x - g)' S u + u' R u) / 2 - q' x - h' u
struct LinearQuadraticStep {
  std::vector<double> transition = {};        ///< A, n x n
  std::vector<double> control = {};           ///< B, n x m
  std::vector<double> offset = {};            ///< a, n
  std::vector<double> noise = {};             ///< W, n x n, positive semi-definite
  std::vector<double> state_cost = {};        ///< Q, n x n, symmetric
  std::vector<double> control_cost = {};      ///< R, m x m, positive semi-definite
  std::vector<double> cross_cost = {};        ///< S, n x m
  std::vector<double> goal = {};              ///< g, n
  std::vector<double> state_gradient = {};    ///< q, n
  std::vector<double> control_gradient = {};  ///< h, m
};

/// A problem of T decisions, u_1 .. u_T, and states x_1 .. x_T+1; the final reward is
/// -(x - g_f)' Q_f (x - g_f) / 2 - q_f' x.
struct LinearQuadratic {
  std::size_t states = 0;
  std::size_t controls = 0;
  /// One step for all times, or one per decision.
  std::vector<LinearQuadraticStep> steps = {};
  std::vector<double> final_cost = {};          ///< Q_f, n x n
  std::vector<double> final_goal = {};          ///< g_f, n
  std::vector<double> final_gradient = {};      ///< q_f, n
  std::vector<double> initial_mean = {};        ///< n
  std::vector<double> initial_covariance = {};  ///< n x n, positive semi-definite
  /// T; nothing: the number of steps when there are several, else infinite.
  std::optional<std::size_t> horizon = std::nullopt;

  /// Throws ModelError naming the matrix (and the step): wrong size, not finite, not symmetric
  /// within 1e-9 of its largest entry, R, W or the initial covariance with a negative eigenvalue, a
  /// horizon of 0 or other than the number of steps.
  void validate() const;
  [[nodiscard]] const LinearQuadraticStep& step(std::size_t t) const {
    if (steps.size() == 1) return steps.front();
    require_index("LinearQuadratic", "step", t, steps.size());
    return steps[t];
  }
};

struct LinearQuadraticOptions {
  /// clamped (LQR with temperature: the true noise), hard (LQR: the mean only), posterior (exact
  /// inference: risk-seeking), risk (rho) or exponential_utility (posterior with the best control).
  Method method = Method::clamped;
  /// alpha > 0, in units of reward.
  double temperature = 1.0;
  /// risk only, not 0: 1 the posterior, infinite clamped, negative the worst noise at the price
  /// |rho| alpha KL.
  double rho = 1.0;
  /// In place of the problem's own.
  std::optional<std::size_t> horizon = std::nullopt;
  /// Infinite horizon: largest change of any entry in one step, of P relative to its largest entry,
  /// of p relative to its own or to P times the largest of g, g_f and a.
  double tolerance = 1e-13;
  std::size_t maximum_steps = 100'000;
  /// Finite horizon: also log Z and its distance from the bound.
  bool gap = false;
  /// Finite horizon: refused when more is needed, about 6 kB + 100 (n + m)^2 bytes per step.
  double memory_limit_bytes = 8.0 * 1024 * 1024 * 1024;
  /// Then the answer is Status::deadline; when the observer says no, Status::cancelled.
  double time_limit_seconds = kInfinity;
  Observer observer = {};

  /// Throws OptionError.
  void validate() const;
};

/// What is done in one step, and what is expected from it on.
struct LinearQuadraticDecision {
  /// q(u | x) = N(K x + k, Sigma); Sigma = 0 when the control is the best one.
  std::vector<double> gain;        ///< K, m x n
  std::vector<double> offset;      ///< k, m
  std::vector<double> covariance;  ///< Sigma, m x m
  /// V(x) = c - (x' P x + 2 p' x) / 2, in units of reward.
  std::vector<double> curvature;  ///< P, n x n
  std::vector<double> slope;      ///< p, n
  double constant = kNaN;         ///< c
};

/// Poisoned until computed.
struct LinearQuadraticSolution {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// u_1 .. u_T; one when the horizon is infinite. There V is relative: c is the value per step,
  /// the same everywhere.
  std::vector<LinearQuadraticDecision> decisions;
  /// alpha times max L: E V(x_1) when clamped or hard, alpha log Z for the posterior. NaN when the
  /// horizon is infinite.
  double value = kNaN;
  double log_z = kNaN;  ///< when asked for
  /// E of the sum of rewards of these decisions in the true world (noise as it is). Per step in the
  /// long run when the horizon is infinite (and -infinity there when A + B K is not stable).
  double expected_reward = kNaN;
  /// Infinite horizon: the largest change of the last step, relative as in the tolerance, and how
  /// many there were. Above the tolerance where rounding keeps it there, and message says so.
  double residual = kNaN;
  std::size_t iterations = 0;
  /// Infinite horizon: spectral radius of A + B K.
  double spectral_radius = kNaN;
  /// Refused: the step (from 0) at which an integral, maximum or minimum does not exist.
  std::optional<std::size_t> breakdown_step;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// One reverse sweep on the unrolled graph; for an infinite horizon the fixed point of one slice of
/// it, which solves the discrete algebraic Riccati equation of the method (P of clamped and hard:
/// P = Q + A' P A - A' P B (R + B' P B)^-1 B' P A). Throws ModelError and OptionError; a breakdown,
/// a pair (A, B) that cannot be stabilised and a fixed point out of reach are statuses.
[[nodiscard]] LinearQuadraticSolution solve_linear_quadratic(
    const LinearQuadratic& problem, const LinearQuadraticOptions& options = {});

/// E of the sum of rewards of given decisions (gains, offsets, covariances) in the true world, over
/// as many steps: an all-clamped family.
[[nodiscard]] double expected_reward(const LinearQuadratic& problem,
                                     const std::vector<LinearQuadraticDecision>& decisions);

/// The factor graph of the problem, for those who want to see or vary it.
struct LinearQuadraticGraph {
  FactorGraph graph;
  std::vector<VariableId> states;          ///< x_1 .. x_T+1
  std::vector<VariableId> controls;        ///< u_1 .. u_T
  std::vector<GaussianFactorId> dynamics;  ///< p(x_t+1 | x_t, u_t)
  GaussianFactorId initial = 0;            ///< p(x_1)
};
/// Log-factors r / alpha; conditionals of x; nothing else. Throws ModelError.
[[nodiscard]] LinearQuadraticGraph linear_quadratic_graph(const LinearQuadratic& problem,
                                                          std::size_t horizon, double temperature);

}  // namespace credo::control
