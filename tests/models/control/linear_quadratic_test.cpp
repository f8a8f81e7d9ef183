// Linear-quadratic control: the published recursion, reference numbers, dense conditioning,
// simulation, breakdown, infinite horizons, wrong input.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/linear_quadratic.hpp>
#include <credo/models/random.hpp>

#include <doctest/doctest.h>
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/LU>

#include <cmath>
#include <numbers>

using namespace credo;
using namespace credo::control;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

std::vector<double> rows(const MatrixXd& m) {
  std::vector<double> entries;
  for (Eigen::Index i = 0; i < m.rows(); ++i) {
    for (Eigen::Index k = 0; k < m.cols(); ++k) entries.push_back(m(i, k));
  }
  return entries;
}

MatrixXd matrix(const std::vector<double>& entries, Eigen::Index r, Eigen::Index c) {
  return Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(entries.data(), r, c);
}

double normal(Random& random) {
  const double u = 1.0 - random.uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * random.uniform());
}

MatrixXd random_matrix(Random& random, Eigen::Index r, Eigen::Index c) {
  MatrixXd m(r, c);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = random.uniform(-1.0, 1.0);
  return m;
}

MatrixXd random_covariance(Random& random, Eigen::Index n) {
  const MatrixXd root = random_matrix(random, n, n);
  return root * root.transpose() + 0.1 * MatrixXd::Identity(n, n);
}

/// The system of i2c's linear example (Watson, Abdulsamad and Peters 2019).
LinearQuadratic published(double noise, std::vector<double> goal = {}) {
  LinearQuadratic problem;
  problem.states = 2;
  problem.controls = 1;
  LinearQuadraticStep step;
  step.transition = {1.1, 0.0, 0.1, 1.1};
  step.control = {0.1, 0.0};
  step.offset = {-0.1, 0.0};
  step.noise = {noise, 0.0, 0.0, noise};
  step.state_cost = {10.0, 0.0, 0.0, 10.0};
  step.control_cost = {1.0};
  step.goal = goal;
  problem.steps = {step};
  problem.final_cost = step.state_cost;
  problem.final_goal = goal;
  problem.initial_mean = {1.0, 1.0};
  problem.initial_covariance = {0.0, 0.0, 0.0, 0.0};
  problem.horizon = 60;
  return problem;
}

/// Everything there is: several states and controls, offsets, goals, cross terms, gradients,
/// different at every time.
LinearQuadratic random_problem(Random& random, std::size_t steps) {
  LinearQuadratic problem;
  problem.states = 3;
  problem.controls = 2;
  for (std::size_t t = 0; t < steps; ++t) {
    LinearQuadraticStep step;
    step.transition = rows(random_matrix(random, 3, 3));
    step.control = rows(random_matrix(random, 3, 2));
    step.offset = rows(random_matrix(random, 3, 1));
    step.noise = rows(0.2 * random_covariance(random, 3));
    const MatrixXd cost = random_covariance(random, 5);
    step.state_cost = rows(cost.topLeftCorner(3, 3));
    step.cross_cost = rows(cost.topRightCorner(3, 2));
    step.control_cost = rows(cost.bottomRightCorner(2, 2));
    step.goal = rows(random_matrix(random, 3, 1));
    step.state_gradient = rows(random_matrix(random, 3, 1));
    step.control_gradient = rows(random_matrix(random, 2, 1));
    problem.steps.push_back(step);
  }
  problem.final_cost = rows(random_covariance(random, 3));
  problem.final_goal = rows(random_matrix(random, 3, 1));
  problem.initial_mean = rows(random_matrix(random, 3, 1));
  problem.initial_covariance = rows(random_covariance(random, 3));
  return problem;
}

struct Value {
  MatrixXd p;
  VectorXd slope;
  double c = 0.0;
  MatrixXd gain;
  VectorXd offset;
  MatrixXd covariance;
};

/// The textbook's recursion for one step, affine terms and all; rho infinite: clamped.
Value backward(const LinearQuadratic& problem, const LinearQuadraticStep& step, const Value& next,
               double alpha, double rho) {
  const auto n = static_cast<Eigen::Index>(problem.states);
  const auto m = static_cast<Eigen::Index>(problem.controls);
  const MatrixXd a = matrix(step.transition, n, n);
  const MatrixXd b = matrix(step.control, n, m);
  const MatrixXd w = matrix(step.noise, n, n);
  const MatrixXd q = matrix(step.state_cost, n, n);
  const MatrixXd s = matrix(step.cross_cost, n, m);
  const MatrixXd r = matrix(step.control_cost, m, m);
  const VectorXd offset = matrix(step.offset, n, 1);
  const VectorXd goal = matrix(step.goal, n, 1);
  MatrixXd p = next.p;
  VectorXd l = next.slope;
  double c = next.c - (p * w).trace() / 2.0;
  if (std::isfinite(rho)) {
    const MatrixXd shrink = MatrixXd::Identity(n, n) + next.p * w / (alpha * rho);
    p = shrink.partialPivLu().solve(next.p);
    l = shrink.partialPivLu().solve(next.slope);
    c = next.c + next.slope.dot(w * l) / (2.0 * alpha * rho) -
        alpha * rho / 2.0 * std::log(shrink.determinant());
  }
  // cost-to-go of (x, u): half of x'Hx + 2x'Gu + u'Mu, plus hx'x + hu'u.
  const MatrixXd h = q + a.transpose() * p * a;
  const MatrixXd g = s + a.transpose() * p * b;
  const MatrixXd mm = r + b.transpose() * p * b;
  const VectorXd hx =
      a.transpose() * (p * offset + l) - q * goal + VectorXd(matrix(step.state_gradient, n, 1));
  const VectorXd hu = b.transpose() * (p * offset + l) - s.transpose() * goal +
                      VectorXd(matrix(step.control_gradient, m, 1));
  const MatrixXd inverse = mm.inverse();
  Value v;
  v.gain = -inverse * g.transpose();
  v.offset = -inverse * hu;
  v.covariance = alpha * inverse;
  v.p = h - g * inverse * g.transpose();
  v.slope = hx - g * inverse * hu;
  v.c = c - offset.dot(p * offset) / 2.0 - l.dot(offset) - goal.dot(q * goal) / 2.0 +
        hu.dot(inverse * hu) / 2.0 +
        alpha / 2.0 * std::log((2.0 * std::numbers::pi * alpha * inverse).determinant());
  return v;
}

std::vector<Value> backward(const LinearQuadratic& problem, double alpha, double rho) {
  const auto n = static_cast<Eigen::Index>(problem.states);
  Value v;
  v.p = matrix(problem.final_cost, n, n);
  const VectorXd goal = matrix(problem.final_goal, n, 1);
  v.slope = -v.p * goal;
  v.c = -goal.dot(v.p * goal) / 2.0;
  std::vector<Value> values(problem.steps.size());
  for (std::size_t t = problem.steps.size(); t-- > 0;) {
    v = values[t] = backward(problem, problem.steps[t], v, alpha, rho);
  }
  return values;
}

double difference(const std::vector<double>& a, const MatrixXd& b) {
  return (matrix(a, b.rows(), b.cols()) - b).cwiseAbs().maxCoeff();
}

void check_digits(double value, double printed) { CHECK(std::fabs(value - printed) < 5.1e-11); }

}  // namespace

TEST_CASE("linear-quadratic: published gains and values to the printed digits") {
  const LinearQuadraticSolution s = solve_linear_quadratic(published(0.0, {1.0, -1.0}));
  REQUIRE_MESSAGE(s.ok(), s.message);
  const LinearQuadraticDecision& first = s.decisions.front();
  check_digits(first.gain[0], -5.8777869752);
  check_digits(first.gain[1], -8.2253625131);
  check_digits(first.curvature[0], 87.3943945073);
  check_digits(first.curvature[1], 140.1261155788);
  check_digits(first.curvature[3], 556.1184072812);
  check_digits(first.slope[0], 52.7317210715);
  check_digits(first.slope[1], 415.9922917024);
  check_digits(first.offset[0], -2.3475755379);
}

TEST_CASE("linear-quadratic: published gains of the posterior and of the risk dial") {
  const double expected[][3] = {{1.0, -2.3244697968, -0.2930461847},
                                {10.0, -4.1098001038, -2.5365829969},
                                {100.0, -5.4522156689, -6.7365578648}};
  for (const auto& [rho, k0, k1] : expected) {
    CAPTURE(rho);
    LinearQuadraticOptions options;
    options.method = Method::risk;
    options.rho = rho;
    const LinearQuadraticSolution s = solve_linear_quadratic(published(0.01), options);
    REQUIRE_MESSAGE(s.ok(), s.message);
    check_digits(s.decisions.front().gain[0], k0);
    check_digits(s.decisions.front().gain[1], k1);
  }
  LinearQuadraticOptions worst;
  worst.method = Method::risk;
  worst.rho = -10.0;
  const LinearQuadraticSolution s = solve_linear_quadratic(published(0.01), worst);
  CHECK(s.status == Status::refused);
  CHECK(s.breakdown_step.has_value());
  CHECK(std::isnan(s.value));
  CHECK(s.decisions.empty());
  CHECK(s.message.find("rho = -10") != std::string::npos);
}

TEST_CASE("linear-quadratic: the recursion with every affine and cross term, at all times") {
  Random random(1);
  for (int repeat = 0; repeat < 5; ++repeat) {
    const LinearQuadratic problem = random_problem(random, 8);
    for (const double rho : {kInfinity, 1.0, 5.0, -400.0}) {
      CAPTURE(rho);
      LinearQuadraticOptions options;
      options.method = std::isinf(rho) ? Method::clamped : Method::risk;
      options.rho = rho;
      options.temperature = 0.7;
      const LinearQuadraticSolution s = solve_linear_quadratic(problem, options);
      REQUIRE_MESSAGE(s.ok(), s.message);
      const std::vector<Value> v = backward(problem, 0.7, rho);
      for (std::size_t t = 0; t < 8; ++t) {
        CHECK(difference(s.decisions[t].gain, v[t].gain) < 1e-10);
        CHECK(difference(s.decisions[t].offset, v[t].offset) < 1e-10);
        CHECK(difference(s.decisions[t].covariance, v[t].covariance) < 1e-10);
        CHECK(difference(s.decisions[t].curvature, v[t].p) < 1e-10);
        CHECK(difference(s.decisions[t].slope, v[t].slope) < 1e-10);
        CHECK(s.decisions[t].constant == doctest::Approx(v[t].c).epsilon(1e-11));
      }
    }
  }
}

TEST_CASE("linear-quadratic: the posterior is dense Gaussian conditioning") {
  Random random(2);
  LinearQuadratic problem = random_problem(random, 3);
  LinearQuadraticOptions options;
  options.method = Method::posterior;
  options.temperature = 1.3;
  const LinearQuadraticSolution s = solve_linear_quadratic(problem, options);
  REQUIRE_MESSAGE(s.ok(), s.message);
  // Variables x1 u1 x2 u2 x3 u3 x4 in one precision matrix; conditioned on x1 and integrated over
  // what follows, u1 must be the decision.
  const Eigen::Index total = 4 * 3 + 3 * 2;
  MatrixXd precision = MatrixXd::Zero(total, total);
  VectorXd linear = VectorXd::Zero(total);
  for (std::size_t t = 0; t < 3; ++t) {
    const LinearQuadraticStep& step = problem.steps[t];
    const auto at = static_cast<Eigen::Index>(5 * t);
    MatrixXd cost(5, 5);
    cost << matrix(step.state_cost, 3, 3), matrix(step.cross_cost, 3, 2),
        matrix(step.cross_cost, 3, 2).transpose(), matrix(step.control_cost, 2, 2);
    VectorXd gradient(5);
    gradient << matrix(step.state_gradient, 3, 1), matrix(step.control_gradient, 2, 1);
    gradient -= cost.leftCols(3) * matrix(step.goal, 3, 1);
    precision.block(at, at, 5, 5) += cost / 1.3;
    linear.segment(at, 5) -= gradient / 1.3;
    MatrixXd residual(3, 8);
    residual << -matrix(step.transition, 3, 3), -matrix(step.control, 3, 2),
        MatrixXd::Identity(3, 3);
    const MatrixXd inverse = matrix(step.noise, 3, 3).inverse();
    precision.block(at, at, 8, 8) += residual.transpose() * inverse * residual;
    linear.segment(at, 8) += residual.transpose() * inverse * matrix(step.offset, 3, 1);
  }
  precision.bottomRightCorner(3, 3) += matrix(problem.final_cost, 3, 3) / 1.3;
  linear.tail(3) += matrix(problem.final_cost, 3, 3) * matrix(problem.final_goal, 3, 1) / 1.3;
  const MatrixXd covariance = precision.bottomRightCorner(total - 3, total - 3).inverse();
  const VectorXd mean = covariance * linear.tail(total - 3);
  const MatrixXd slope = -covariance * precision.bottomLeftCorner(total - 3, 3);
  CHECK(difference(s.decisions[0].gain, slope.topRows(2)) < 1e-10);
  CHECK(difference(s.decisions[0].offset, mean.head(2)) < 1e-10);
  CHECK(difference(s.decisions[0].covariance, covariance.topLeftCorner(2, 2)) < 1e-10);
}

TEST_CASE("linear-quadratic: without noise clamped, posterior and worst case agree") {
  for (const double rho : {kInfinity, 1.0, -10.0}) {
    LinearQuadraticOptions options;
    options.method = Method::risk;
    options.rho = rho;
    const LinearQuadraticSolution s = solve_linear_quadratic(published(0.0), options);
    REQUIRE_MESSAGE(s.ok(), s.message);
    check_digits(s.decisions.front().gain[0], -5.8777869752);
    check_digits(s.decisions.front().gain[1], -8.2253625131);
  }
}

TEST_CASE("linear-quadratic: hard is the clamped mean, its value the expected reward") {
  Random random(3);
  const LinearQuadratic problem = random_problem(random, 6);
  LinearQuadraticOptions options;
  const LinearQuadraticSolution soft = solve_linear_quadratic(problem, options);
  options.method = Method::hard;
  options.temperature = 0.3;
  const LinearQuadraticSolution hard = solve_linear_quadratic(problem, options);
  REQUIRE_MESSAGE(hard.ok(), hard.message);
  CHECK(hard.value == doctest::Approx(hard.expected_reward).epsilon(1e-11));
  CHECK(hard.expected_reward > soft.expected_reward);
  for (std::size_t t = 0; t < 6; ++t) {
    CHECK(difference(hard.decisions[t].gain, matrix(soft.decisions[t].gain, 2, 3)) < 1e-11);
    for (const double x : hard.decisions[t].covariance) CHECK(x == 0.0);
  }
  options.method = Method::exponential_utility;
  LinearQuadraticOptions posterior = options;
  posterior.method = Method::posterior;
  CHECK(difference(solve_linear_quadratic(problem, options).decisions[0].gain,
                   matrix(solve_linear_quadratic(problem, posterior).decisions[0].gain, 2, 3)) <
        1e-11);
}

TEST_CASE("linear-quadratic: expected reward by covariances and by simulation") {
  Random random(4);
  const LinearQuadratic problem = random_problem(random, 5);
  const LinearQuadraticSolution s = solve_linear_quadratic(problem);
  REQUIRE_MESSAGE(s.ok(), s.message);
  const auto reward = [&](const LinearQuadraticStep& step, const VectorXd& x, const VectorXd& u) {
    const VectorXd d = x - matrix(step.goal, 3, 1);
    return -(d.dot(matrix(step.state_cost, 3, 3) * d) +
             2.0 * d.dot(matrix(step.cross_cost, 3, 2) * u) +
             u.dot(matrix(step.control_cost, 2, 2) * u)) /
               2.0 -
           x.dot(matrix(step.state_gradient, 3, 1).col(0)) -
           u.dot(matrix(step.control_gradient, 2, 1).col(0));
  };
  VectorXd mean = matrix(problem.initial_mean, 3, 1);
  MatrixXd covariance = matrix(problem.initial_covariance, 3, 3);
  double expected = 0.0;
  for (std::size_t t = 0; t < 5; ++t) {
    const LinearQuadraticStep& step = problem.steps[t];
    const MatrixXd k = matrix(s.decisions[t].gain, 2, 3);
    const MatrixXd sigma = matrix(s.decisions[t].covariance, 2, 2);
    const VectorXd u = k * mean + matrix(s.decisions[t].offset, 2, 1);
    expected +=
        reward(step, mean, u) -
        (covariance * (matrix(step.state_cost, 3, 3) + 2.0 * matrix(step.cross_cost, 3, 2) * k +
                       k.transpose() * matrix(step.control_cost, 2, 2) * k))
                .trace() /
            2.0 -
        (sigma * matrix(step.control_cost, 2, 2)).trace() / 2.0;
    const MatrixXd b = matrix(step.control, 3, 2);
    const MatrixXd loop = matrix(step.transition, 3, 3) + b * k;
    mean = (matrix(step.transition, 3, 3) * mean + b * u + matrix(step.offset, 3, 1)).eval();
    covariance = (loop * covariance * loop.transpose() + b * sigma * b.transpose() +
                  matrix(step.noise, 3, 3))
                     .eval();
  }
  const VectorXd d = mean - matrix(problem.final_goal, 3, 1);
  expected -= (d.dot(matrix(problem.final_cost, 3, 3) * d) +
               (covariance * matrix(problem.final_cost, 3, 3)).trace()) /
              2.0;
  CHECK(s.expected_reward == doctest::Approx(expected).epsilon(1e-11));

  double sum = 0.0;
  double squares = 0.0;
  constexpr int kEpisodes = 4000;
  const auto draw = [&](const MatrixXd& c) {
    VectorXd e(c.rows());
    for (Eigen::Index i = 0; i < e.size(); ++i) e[i] = normal(random);
    return VectorXd(c.llt().matrixL() * e);
  };
  for (int episode = 0; episode < kEpisodes; ++episode) {
    VectorXd x =
        matrix(problem.initial_mean, 3, 1) + draw(matrix(problem.initial_covariance, 3, 3));
    double total = 0.0;
    for (std::size_t t = 0; t < 5; ++t) {
      const LinearQuadraticStep& step = problem.steps[t];
      const VectorXd u = matrix(s.decisions[t].gain, 2, 3) * x +
                         matrix(s.decisions[t].offset, 2, 1) +
                         draw(matrix(s.decisions[t].covariance, 2, 2));
      total += reward(step, x, u);
      x = (matrix(step.transition, 3, 3) * x + matrix(step.control, 3, 2) * u +
           matrix(step.offset, 3, 1) + draw(matrix(step.noise, 3, 3)))
              .eval();
    }
    const VectorXd away = x - matrix(problem.final_goal, 3, 1);
    total -= away.dot(matrix(problem.final_cost, 3, 3) * away) / 2.0;
    sum += total;
    squares += total * total;
  }
  const double average = sum / kEpisodes;
  const double error = std::sqrt((squares / kEpisodes - average * average) / kEpisodes);
  CHECK(std::fabs(average - expected) < 4.0 * error);
}

TEST_CASE("linear-quadratic: infinite horizons solve the algebraic Riccati equation") {
  LinearQuadratic problem = published(0.01, {1.0, -1.0});
  problem.horizon.reset();
  for (const double rho : {kInfinity, 1.0, 100.0}) {
    CAPTURE(rho);
    LinearQuadraticOptions options;
    options.method = Method::risk;
    options.rho = rho;
    const LinearQuadraticSolution s = solve_linear_quadratic(problem, options);
    REQUIRE_MESSAGE(s.ok(), s.message);
    CHECK(s.residual <= 1e-13);
    // The posterior counts on lucky noise: in the true world its gains do not even stabilise.
    CHECK((s.spectral_radius < 1.0) == (rho != 1.0));
    CHECK(std::isinf(s.expected_reward) == (rho == 1.0));
    const LinearQuadraticDecision& d = s.decisions.front();
    LinearQuadratic full = problem;
    full.steps[0].cross_cost = {0.0, 0.0};
    full.steps[0].state_gradient = {0.0, 0.0};
    full.steps[0].control_gradient = {0.0};
    Value v;
    v.p = matrix(d.curvature, 2, 2);
    v.slope = matrix(d.slope, 2, 1);
    const Value again = backward(full, full.steps[0], v, 1.0, rho);
    CHECK((again.p - v.p).cwiseAbs().maxCoeff() < 1e-12 * v.p.cwiseAbs().maxCoeff());
    CHECK((again.slope - v.slope).cwiseAbs().maxCoeff() < 1e-12 * v.p.cwiseAbs().maxCoeff());
    CHECK(d.constant == doctest::Approx(again.c).epsilon(1e-10));
    if (std::isinf(rho)) {
      CHECK(std::fabs(d.curvature[0] - 87.39443895) < 5.1e-9);  // scipy's solve_discrete_are
      // Max-entropy value per step = expected reward + entropy of the control.
      CHECK(s.expected_reward +
                std::log(2.0 * std::numbers::pi * std::numbers::e * d.covariance[0]) / 2.0 ==
            doctest::Approx(d.constant).epsilon(1e-9));
    }
  }
  problem.steps[0].control = {0.0, 0.1};  // the first state grows by 1.1 whatever is done
  const LinearQuadraticSolution s = solve_linear_quadratic(problem);
  CHECK(s.status == Status::refused);
  CHECK(s.message.find("cannot be stabilised") != std::string::npos);
  CHECK(s.message.find("1.1") != std::string::npos);
}

TEST_CASE("linear-quadratic: infinite horizons in any unit, and where rounding ends them") {
  // Scalar, Q = R = B = 1: P^2 - A^2 P - 1 = 0, and p = A p / (1 + P) - g.
  LinearQuadratic problem;
  problem.states = 1;
  problem.controls = 1;
  problem.steps = {{{1.1}, {1.0}, {}, {}, {1.0}, {1.0}}};
  const auto curvature = [](double a) { return (a * a + std::sqrt(a * a * a * a + 4.0)) / 2.0; };
  for (const double goal : {1e-8, 1.0, 1e6, 1e12}) {
    CAPTURE(goal);
    problem.steps[0].goal = {goal};
    const LinearQuadraticSolution s = solve_linear_quadratic(problem);
    REQUIRE_MESSAGE(s.ok(), s.message);
    CHECK(s.residual <= 1e-13);
    CHECK(s.iterations < 100);
    const double p = curvature(1.1);
    const double slope = -goal / (1.0 - 1.1 / (1.0 + p));
    CHECK(s.decisions[0].curvature[0] == doctest::Approx(p).epsilon(1e-13));
    CHECK(std::fabs(s.decisions[0].slope[0] / slope - 1.0) < 1e-12);
  }
  // A^2 P / (1 + P) is a difference of numbers 1e8 times as large: rounding shows, and is named.
  problem.steps[0].transition = {1e4};
  problem.steps[0].control_cost = {1e-4};
  const LinearQuadraticSolution s = solve_linear_quadratic(problem);
  REQUIRE_MESSAGE(s.ok(), s.message);
  CHECK(s.residual > 1e-13);
  CHECK(s.message.find("rounding") != std::string::npos);
  // P (1e-4 + P) = 1e-4 + P + 1e4 P, Q = 1: P^2 - (1e4 + 1 - 1e-4) P - 1e-4 = 0.
  CHECK(s.decisions[0].curvature[0] == doctest::Approx(10000.9999).epsilon(1e-6));
}

TEST_CASE("linear-quadratic: long horizons, and those that are too long") {
  LinearQuadratic problem;
  problem.states = 1;
  problem.controls = 1;
  problem.steps = {{{1.0}, {1.0}, {}, {}, {1.0}, {1.0}}};
  problem.initial_mean = {1.0};
  LinearQuadraticOptions options;
  options.method = Method::hard;
  options.horizon = 5000;
  const LinearQuadraticSolution s = solve_linear_quadratic(problem, options);
  REQUIRE_MESSAGE(s.ok(), s.message);
  CHECK(s.value == doctest::Approx(-std::numbers::phi / 2.0).epsilon(1e-12));
  options.horizon = 1'000'000'000;
  const LinearQuadraticSolution refused = solve_linear_quadratic(problem, options);
  CHECK(refused.status == Status::refused);
  CHECK(refused.message.find("1000000000 steps") != std::string::npos);
}

TEST_CASE("linear-quadratic: wrong matrices are named") {
  const auto refuses = [](const char* name, auto change) {
    LinearQuadratic problem = published(0.01);
    change(problem);
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(static_cast<void>(solve_linear_quadratic(problem)),
                         doctest::Contains(name), ModelError);
  };
  refuses("A (transition)", [](auto& p) { p.steps[0].transition.pop_back(); });
  refuses("B (control)", [](auto& p) { p.steps[0].control = {1.0}; });
  refuses("R (control cost)", [](auto& p) { p.steps[0].control_cost = {-1.0}; });
  refuses("Q (state cost)", [](auto& p) { p.steps[0].state_cost = {1.0, 0.5, 0.0, 1.0}; });
  refuses("W (noise)", [](auto& p) { p.steps[0].noise = {1.0, 2.0, 2.0, 1.0}; });
  refuses("g (goal)", [](auto& p) { p.steps[0].goal = {1.0}; });
  refuses("Q_f (final cost)", [](auto& p) { p.final_cost = {1.0}; });
  refuses("initial covariance", [](auto& p) { p.initial_covariance = {-1.0, 0, 0, 1.0}; });
  refuses("a (offset)", [](auto& p) { p.steps[0].offset = {kInfinity, 0.0}; });
  LinearQuadraticOptions options;
  options.method = Method::map;
  CHECK_THROWS_AS(static_cast<void>(solve_linear_quadratic(published(0.01), options)), OptionError);
  options.method = Method::clamped;
  options.temperature = 0.0;
  CHECK_THROWS_AS(static_cast<void>(solve_linear_quadratic(published(0.01), options)), OptionError);
}
