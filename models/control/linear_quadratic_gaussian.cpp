// LQG: filter and gains apart.
//
// The expected reward is that of the joint linear system of x and x^, whose control sees x^ only:
//   x'  = A x + B u + a + w,  x^' = (I - L C)(A x^ + B u + a) + L C x' + L v,
// once more an all-clamped family of the generic engine.
// Cost: T (2 n + m)^3.

#include <credo/core/error.hpp>
#include <credo/models/control/linear_quadratic_gaussian.hpp>
#include <credo/models/control/linear_quadratic_matrix.hpp>
#include <credo/models/control/linear_quadratic_parts.hpp>
#include <credo/models/state_space/filter_gain.hpp>
#include <credo/models/state_space/state_space.hpp>

#include <fmt/format.h>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <utility>

namespace credo::control {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

std::vector<double> rows(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

RowMajor symmetric(const MatrixXd& m) { return (m + m.transpose()) / 2.0; }

/// The chain that is filtered, for its covariances, which see neither controls nor means: without
/// them it is certain to observe d, whatever noise is missing.
StateSpaceModel chain_of(const LinearQuadratic& problem, const Sensor& sensor,
                         std::size_t horizon) {
  StateSpaceModel chain;
  chain.states = problem.states;
  chain.observations = sensor.observations;
  for (std::size_t t = 0; t < horizon; ++t) {
    const LinearQuadraticStep& step = problem.step(t);
    chain.steps.push_back(
        {step.transition, {}, step.noise, sensor.observation, sensor.offset, sensor.noise});
  }
  chain.initial_covariance = problem.initial_covariance;
  return chain;
}

class Separation {
 public:
  Separation(const LinearQuadratic& problem, const Sensor& sensor)
      : problem_(problem),
        n_(problem.states),
        c_(matrix(sensor.observation, sensor.observations, n_)),
        v_(matrix(sensor.noise, sensor.observations, sensor.observations)),
        root_v_(root(v_)) {}

  /// One step of (x, x^).
  [[nodiscard]] LinearQuadraticStep joint(const LinearQuadraticStep& step,
                                          const MatrixXd& next_gain) const {
    const MatrixXd a = matrix(step.transition, n_, n_);
    const MatrixXd b = matrix(step.control, n_, problem_.controls);
    const MatrixXd offset = matrix(step.offset, n_, 1);
    const MatrixXd w = matrix(step.noise, n_, n_);
    const MatrixXd seen = next_gain * c_;
    const auto n = static_cast<Index>(n_);
    MatrixXd transition = MatrixXd::Zero(2 * n, 2 * n);
    transition.topLeftCorner(n, n) = a;
    transition.bottomLeftCorner(n, n) = seen * a;
    transition.bottomRightCorner(n, n) = a - seen * a;
    LinearQuadraticStep result;
    result.transition = rows(transition);
    result.control = rows(stacked(b, b));
    result.offset = rows(stacked(offset, offset));
    result.noise = rows(spread(w, next_gain));
    result.state_cost = rows(padded(matrix(step.state_cost, n_, n_)));
    result.control_cost = step.control_cost;
    result.cross_cost = rows(stacked(matrix(step.cross_cost, n_, problem_.controls),
                                     MatrixXd::Zero(n, static_cast<Index>(problem_.controls))));
    result.goal = rows(stacked(matrix(step.goal, n_, 1), MatrixXd::Zero(n, 1)));
    result.state_gradient = rows(stacked(matrix(step.state_gradient, n_, 1), MatrixXd::Zero(n, 1)));
    result.control_gradient = step.control_gradient;
    return result;
  }

  /// Covariance of (w, L C w + L v), from roots: no rounding makes it indefinite.
  [[nodiscard]] RowMajor spread(const MatrixXd& w, const MatrixXd& gain) const {
    const auto n = static_cast<Index>(n_);
    const MatrixXd root_w = root(w);
    MatrixXd joint = MatrixXd::Zero(2 * n, n + root_v_.cols());
    joint.topLeftCorner(n, n) = root_w;
    joint.bottomLeftCorner(n, n) = gain * c_ * root_w;
    joint.bottomRightCorner(n, root_v_.cols()) = gain * root_v_;
    return symmetric(joint * joint.transpose());
  }

  /// G with G G' = covariance.
  static MatrixXd root(const MatrixXd& covariance) {
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance);
    return solver.eigenvectors() * solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal();
  }

  [[nodiscard]] MatrixXd padded(const MatrixXd& m) const {
    const auto n = static_cast<Index>(n_);
    MatrixXd result = MatrixXd::Zero(2 * n, 2 * n);
    result.topLeftCorner(n, n) = m;
    return result;
  }

  static MatrixXd stacked(const MatrixXd& above, const MatrixXd& below) {
    MatrixXd result(above.rows() + below.rows(), above.cols());
    result << above, below;
    return result;
  }

  [[nodiscard]] double expected(const std::vector<LinearQuadraticDecision>& decisions,
                                const std::vector<MatrixXd>& gains) const {
    LinearQuadratic joint_problem;
    joint_problem.states = 2 * n_;
    joint_problem.controls = problem_.controls;
    const auto n = static_cast<Index>(n_);
    std::vector<LinearQuadraticDecision> blind;
    for (std::size_t t = 0; t < decisions.size(); ++t) {
      // What is seen after the last control does not matter.
      joint_problem.steps.push_back(
          joint(problem_.step(t), gains[std::min(t + 1, gains.size() - 1)]));
      LinearQuadraticDecision d = decisions[t];
      MatrixXd wide = MatrixXd::Zero(static_cast<Index>(problem_.controls), 2 * n);
      wide.rightCols(n) = matrix(d.gain, problem_.controls, n_);
      d.gain = rows(wide);
      blind.push_back(std::move(d));
    }
    joint_problem.final_cost = rows(padded(matrix(problem_.final_cost, n_, n_)));
    joint_problem.final_goal =
        rows(stacked(matrix(problem_.final_goal, n_, 1), MatrixXd::Zero(n, 1)));
    joint_problem.final_gradient =
        rows(stacked(matrix(problem_.final_gradient, n_, 1), MatrixXd::Zero(n, 1)));
    const MatrixXd mean = matrix(problem_.initial_mean, n_, 1);
    joint_problem.initial_mean = rows(stacked(mean, mean));
    joint_problem.initial_covariance =
        rows(spread(matrix(problem_.initial_covariance, n_, n_), gains.front()));
    return expected_reward(joint_problem, blind);
  }

 private:
  const LinearQuadratic& problem_;
  std::size_t n_;
  MatrixXd c_;
  MatrixXd v_;
  MatrixXd root_v_;
};

}  // namespace

LinearQuadraticGaussianSolution solve_linear_quadratic_gaussian(
    const LinearQuadratic& problem, const Sensor& sensor, const LinearQuadraticOptions& options) {
  if (options.method != Method::clamped && options.method != Method::hard) {
    throw OptionError(fmt::format(
        "hidden states: expected the method clamped or hard, got {}: what is seen and what is done "
        "do not separate",
        method_name(options.method)));
  }
  LinearQuadraticSolution seen = solve_linear_quadratic(problem, options);
  LinearQuadraticGaussianSolution result;
  result.status = seen.status;
  result.message = seen.message;
  if (seen.iterations > 0) {
    throw OptionError("hidden states: expected a finite horizon");
  }
  if (!seen.ok()) return result;
  const std::size_t horizon = seen.decisions.size();
  const StateSpaceModel chain = chain_of(problem, sensor, horizon);
  chain.validate();
  const std::vector<double> certain = or_zeros(sensor.offset, sensor.observations);
  const StateSpaceAnswer filtered = filter(chain, ObservationSequence(horizon, certain));
  if (!filtered.ok()) {
    result.status = filtered.status;
    result.message = filtered.message;
    return result;
  }
  const Separation separation(problem, sensor);
  std::vector<MatrixXd> gains;
  MatrixXd predicted = matrix(problem.initial_covariance, problem.states, problem.states);
  for (std::size_t t = 0; t < horizon; ++t) {
    result.filter_gains.push_back(filter_gain(chain, chain.step(t), rows(predicted)));
    gains.push_back(matrix(result.filter_gains.back(), problem.states, sensor.observations));
    const MatrixXd a = matrix(problem.step(t).transition, problem.states, problem.states);
    predicted =
        a * matrix(filtered.covariances[t], problem.states, problem.states) * a.transpose() +
        matrix(problem.step(t).noise, problem.states, problem.states);
  }
  result.filtered_covariances = filtered.covariances;
  result.expected_reward = separation.expected(seen.decisions, gains);
  result.decisions = std::move(seen.decisions);
  return result;
}

}  // namespace credo::control
