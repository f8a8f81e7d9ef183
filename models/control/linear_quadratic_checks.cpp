// What is wrong with a linear-quadratic problem, and what linear algebra says about its loop.
//
// Stabilisable: [A - lambda I, B] has full row rank for every eigenvalue lambda of A of modulus at
// least 1 (Hautus 1969). The long-run reward of a stable loop x' = (A + B K) x + ... is the
// reward's mean under the stationary moments; the covariance solves S = F S F' + W + B Sigma B'
// (doubling: S_2k = S_k + F^k S_k F^k'). Cost: n^3 per doubling and per eigenvalue.

#include <credo/core/error.hpp>
#include <credo/models/control/linear_quadratic.hpp>
#include <credo/models/control/linear_quadratic_matrix.hpp>
#include <credo/models/control/linear_quadratic_parts.hpp>

#include <fmt/format.h>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <complex>
#include <string_view>

namespace credo::control {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Checks of one problem; every message begins with the place.
class Checker {
 public:
  explicit Checker(std::string place) : place_(std::move(place)) {}

  void size(std::string_view name, const std::vector<double>& entries, std::size_t rows,
            std::size_t columns, bool required = false) const {
    if (entries.empty() && !required) return;
    if (entries.size() != rows * columns) {
      fail(name, fmt::format("expected {} x {} = {} numbers, got {}", rows, columns, rows * columns,
                             entries.size()));
    }
    for (const double x : entries) {
      if (!std::isfinite(x)) fail(name, fmt::format("expected finite numbers, got {}", x));
    }
  }

  void symmetric(std::string_view name, const std::vector<double>& entries, std::size_t n) const {
    size(name, entries, n, n);
    double largest = 0.0;
    for (const double x : entries) largest = std::max(largest, std::fabs(x));
    for (std::size_t i = 0; i < n && !entries.empty(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (std::fabs(entries[i * n + k] - entries[k * n + i]) <= 1e-9 * largest) continue;
        fail(name, fmt::format("expected a symmetric matrix, got {} at ({}, {}) and {} at ({}, {})",
                               entries[i * n + k], i, k, entries[k * n + i], k, i));
      }
    }
  }

  void semidefinite(std::string_view name, const std::vector<double>& entries,
                    std::size_t n) const {
    symmetric(name, entries, n);
    if (entries.empty()) return;
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(matrix(entries, n, n),
                                                         Eigen::EigenvaluesOnly);
    const double smallest = solver.eigenvalues()[0];
    if (smallest >= -1e-9 * solver.eigenvalues().cwiseAbs().maxCoeff()) return;
    fail(name,
         fmt::format("expected a positive semi-definite matrix, got the eigenvalue {}", smallest));
  }

 private:
  [[noreturn]] void fail(std::string_view name, const std::string& why) const {
    throw ModelError(fmt::format("{}, {}: {}", place_, name, why));
  }

  std::string place_;
};

void check_step(const Checker& check, const LinearQuadraticStep& step, std::size_t n,
                std::size_t m) {
  check.size("A (transition)", step.transition, n, n, true);
  check.size("B (control)", step.control, n, m, true);
  check.size("a (offset)", step.offset, n, 1);
  check.semidefinite("W (noise)", step.noise, n);
  check.symmetric("Q (state cost)", step.state_cost, n);
  check.semidefinite("R (control cost)", step.control_cost, m);
  check.size("S (cross cost)", step.cross_cost, n, m);
  check.size("g (goal)", step.goal, n, 1);
  check.size("q (state gradient)", step.state_gradient, n, 1);
  check.size("h (control gradient)", step.control_gradient, m, 1);
}

/// A + B K, and what is added to its fixed point.
struct Loop {
  MatrixXd matrix_;
  VectorXd offset;
  MatrixXd noise;
};

Loop loop_of(const LinearQuadratic& p, const LinearQuadraticDecision& d) {
  const LinearQuadraticStep& step = p.steps.front();
  const MatrixXd b = matrix(step.control, p.states, p.controls);
  return {matrix(step.transition, p.states, p.states) + b * matrix(d.gain, p.controls, p.states),
          matrix(step.offset, p.states, 1) + b * matrix(d.offset, p.controls, 1),
          matrix(step.noise, p.states, p.states) +
              b * matrix(d.covariance, p.controls, p.controls) * b.transpose()};
}

/// S = F S F' + N for a stable F.
MatrixXd stationary_covariance(MatrixXd power, MatrixXd sum) {
  constexpr int kDoublings = 60;
  for (int i = 0; i < kDoublings; ++i) {
    const MatrixXd more = power * sum * power.transpose();
    sum += more;
    if (more.cwiseAbs().maxCoeff() <= 1e-17 * sum.cwiseAbs().maxCoeff()) break;
    power = (power * power).eval();
  }
  return sum;
}

}  // namespace

void LinearQuadratic::validate() const {
  constexpr std::string_view kProblem = "linear-quadratic problem";
  if (states == 0 || controls == 0) {
    throw ModelError(fmt::format("{}: expected at least one state and one control, got {} and {}",
                                 kProblem, states, controls));
  }
  if (steps.empty()) throw ModelError(fmt::format("{}: expected at least one step", kProblem));
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const Checker check(steps.size() == 1 ? std::string(kProblem)
                                          : fmt::format("{}, step {}", kProblem, t));
    check_step(check, steps[t], states, controls);
  }
  const Checker check{std::string(kProblem)};
  check.symmetric("Q_f (final cost)", final_cost, states);
  check.size("g_f (final goal)", final_goal, states, 1);
  check.size("q_f (final gradient)", final_gradient, states, 1);
  check.size("the initial mean", initial_mean, states, 1);
  check.semidefinite("the initial covariance", initial_covariance, states);
  if (horizon && (*horizon == 0 || (steps.size() > 1 && *horizon != steps.size()))) {
    throw ModelError(fmt::format("{}: expected a horizon of {}, got {}", kProblem,
                                 steps.size() > 1 ? std::to_string(steps.size()) : "at least 1",
                                 *horizon));
  }
}

double closed_loop_radius(const LinearQuadratic& problem, const LinearQuadraticDecision& decision) {
  return Eigen::EigenSolver<MatrixXd>(loop_of(problem, decision).matrix_, false)
      .eigenvalues()
      .cwiseAbs()
      .maxCoeff();
}

std::string why_not_stabilisable(const LinearQuadratic& problem) {
  using Complex = std::complex<double>;
  const auto n = static_cast<Index>(problem.states);
  const MatrixXd a = matrix(problem.steps.front().transition, problem.states, problem.states);
  const MatrixXd b = matrix(problem.steps.front().control, problem.states, problem.controls);
  const Eigen::EigenSolver<MatrixXd> solver(a, false);
  for (const Complex lambda : solver.eigenvalues()) {
    if (std::abs(lambda) < 1.0 - 1e-9) continue;
    Eigen::MatrixXcd pencil(n, n + b.cols());
    pencil << a.cast<Complex>() - lambda * Eigen::MatrixXcd::Identity(n, n), b.cast<Complex>();
    Eigen::ColPivHouseholderQR<Eigen::MatrixXcd> rank(pencil.rows(), pencil.cols());
    rank.setThreshold(1e-9);
    if (rank.compute(pencil).rank() == n) continue;
    return fmt::format(
        "(A, B) cannot be stabilised: no control moves the eigenvalue {:.6g}{} of A, whose modulus "
        "{:.6g} is not below 1; expected every such eigenvalue to be controllable, or a finite "
        "horizon",
        lambda.real(), lambda.imag() == 0.0 ? "" : fmt::format("{:+.6g}i", lambda.imag()),
        std::abs(lambda));
  }
  return "";
}

double average_reward(const LinearQuadratic& problem, const LinearQuadraticDecision& decision) {
  if (!(closed_loop_radius(problem, decision) < 1.0)) return -kInfinity;
  const Loop loop = loop_of(problem, decision);
  const Index n = loop.matrix_.rows();
  const VectorXd mean = (MatrixXd::Identity(n, n) - loop.matrix_).partialPivLu().solve(loop.offset);
  const MatrixXd covariance = stationary_covariance(loop.matrix_, loop.noise);
  LinearQuadratic one = problem;
  one.final_cost.clear();
  one.final_goal.clear();
  one.final_gradient.clear();
  one.initial_mean.assign(mean.data(), mean.data() + n);
  const MatrixXd symmetric = (covariance + covariance.transpose()) / 2.0;
  one.initial_covariance.assign(symmetric.data(), symmetric.data() + symmetric.size());
  return expected_reward(one, {decision});
}

}  // namespace credo::control
