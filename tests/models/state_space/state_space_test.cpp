// State space models against the textbook's Kalman filter and Rauch-Tung-Striebel smoother.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/random.hpp>
#include <credo/models/state_space/state_space.hpp>

#include <doctest/doctest.h>
#include <Eigen/Core>
#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

using namespace credo;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

using RowMajor = Eigen::Matrix<double, -1, -1, Eigen::RowMajor>;

std::vector<double> rows(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

MatrixXd matrix(const std::vector<double>& entries, Eigen::Index r, Eigen::Index c) {
  if (entries.empty()) return MatrixXd::Zero(r, c);
  return Eigen::Map<const RowMajor>(entries.data(), r, c);
}

MatrixXd random_matrix(Random& random, Eigen::Index r, Eigen::Index c) {
  MatrixXd m(r, c);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = random.uniform(-0.8, 0.8);
  return m;
}

MatrixXd random_covariance(Random& random, Eigen::Index n) {
  const MatrixXd root = random_matrix(random, n, n);
  return root * root.transpose() + 0.1 * MatrixXd::Identity(n, n);
}

StateSpaceModel random_model(Random& random, std::size_t steps) {
  StateSpaceModel model;
  model.states = 3;
  model.observations = 2;
  for (std::size_t t = 0; t < steps; ++t) {
    model.steps.push_back({rows(random_matrix(random, 3, 3)), rows(random_matrix(random, 3, 1)),
                           rows(random_covariance(random, 3)), rows(random_matrix(random, 2, 3)),
                           rows(random_matrix(random, 2, 1)), rows(random_covariance(random, 2))});
  }
  model.initial_mean = rows(random_matrix(random, 3, 1));
  model.initial_covariance = rows(random_covariance(random, 3));
  return model;
}

ObservationSequence random_observations(Random& random, std::size_t count) {
  ObservationSequence y;
  for (std::size_t t = 0; t < count; ++t) {
    y.push_back({random.uniform(-2.0, 2.0), random.uniform(-2.0, 2.0)});
  }
  return y;
}

/// The textbook: predictions, filtered and smoothed moments.
struct Textbook {
  std::vector<VectorXd> mean;
  std::vector<MatrixXd> covariance;
  std::vector<VectorXd> smoothed_mean;
  std::vector<MatrixXd> smoothed_covariance;
  double log_likelihood = 0.0;
};

Textbook textbook(const StateSpaceModel& model, const ObservationSequence& observations) {
  const auto n = static_cast<Eigen::Index>(model.states);
  const auto k = static_cast<Eigen::Index>(model.observations);
  Textbook result;
  std::vector<VectorXd> predicted_mean;
  std::vector<MatrixXd> predicted_covariance;
  VectorXd m = matrix(model.initial_mean, n, 1);
  MatrixXd p = matrix(model.initial_covariance, n, n);
  for (std::size_t t = 0; t < observations.size(); ++t) {
    const StateSpaceStep& s = model.step(t);
    predicted_mean.push_back(m);
    predicted_covariance.push_back(p);
    std::vector<Eigen::Index> there;
    for (Eigen::Index i = 0; i < k && !observations[t].empty(); ++i) {
      if (!std::isnan(observations[t][static_cast<std::size_t>(i)])) there.push_back(i);
    }
    const auto r = static_cast<Eigen::Index>(there.size());
    if (r > 0) {
      const MatrixXd c = matrix(s.observation, k, n)(there, Eigen::all);
      const MatrixXd v = matrix(s.observation_noise, k, k)(there, there);
      VectorXd innovation = -c * m - VectorXd(matrix(s.observation_offset, k, 1)(there, 0));
      for (Eigen::Index i = 0; i < r; ++i) {
        innovation[i] +=
            observations[t][static_cast<std::size_t>(there[static_cast<std::size_t>(i)])];
      }
      const MatrixXd spread = c * p * c.transpose() + v;
      const MatrixXd gain = p * c.transpose() * spread.inverse();
      m += gain * innovation;
      p = (p - gain * spread * gain.transpose()).eval();
      result.log_likelihood -= (innovation.dot(spread.inverse() * innovation) +
                                std::log((2.0 * std::numbers::pi * spread).determinant())) /
                               2.0;
    }
    result.mean.push_back(m);
    result.covariance.push_back(p);
    const MatrixXd a = matrix(s.transition, n, n);
    m = (a * m + matrix(s.offset, n, 1)).eval();
    p = (a * p * a.transpose() + matrix(s.noise, n, n)).eval();
  }
  result.smoothed_mean = result.mean;
  result.smoothed_covariance = result.covariance;
  for (std::size_t t = observations.size() - 1; t-- > 0;) {
    const MatrixXd back = result.covariance[t] *
                          matrix(model.step(t).transition, n, n).transpose() *
                          predicted_covariance[t + 1].inverse();
    result.smoothed_mean[t] += back * (result.smoothed_mean[t + 1] - predicted_mean[t + 1]);
    result.smoothed_covariance[t] +=
        back * (result.smoothed_covariance[t + 1] - predicted_covariance[t + 1]) * back.transpose();
  }
  return result;
}

void check_near(const std::vector<double>& a, const MatrixXd& b, double tolerance) {
  CHECK((matrix(a, b.rows(), b.cols()) - b).cwiseAbs().maxCoeff() < tolerance);
}

}  // namespace

TEST_CASE("state space: filter, smoother and likelihood, different at every time") {
  Random random(1);
  for (int repeat = 0; repeat < 4; ++repeat) {
    const StateSpaceModel model = random_model(random, 12);
    ObservationSequence y = random_observations(random, 12);
    if (repeat > 0) {  // missing components, missing vectors, one way and another
      y[3][1] = kNaN;
      y[5] = {};
      y[6] = {kNaN, kNaN};
      y[11][0] = kNaN;
      y[0] = {};
    }
    const Textbook expected = textbook(model, y);
    const StateSpaceAnswer f = filter(model, y);
    const StateSpaceAnswer s = smooth(model, y);
    REQUIRE_MESSAGE(f.ok(), f.message);
    REQUIRE_MESSAGE(s.ok(), s.message);
    CHECK(f.log_likelihood == doctest::Approx(expected.log_likelihood).epsilon(1e-11));
    CHECK(s.log_likelihood == doctest::Approx(expected.log_likelihood).epsilon(1e-11));
    for (std::size_t t = 0; t < 12; ++t) {
      CAPTURE(t);
      check_near(f.means[t], expected.mean[t], 1e-11);
      check_near(f.covariances[t], expected.covariance[t], 1e-11);
      check_near(s.means[t], expected.smoothed_mean[t], 1e-11);
      check_near(s.covariances[t], expected.smoothed_covariance[t], 1e-11);
    }
  }
}

TEST_CASE("state space: certain dynamics and certain observations") {
  // A constant seen exactly in its first component.
  StateSpaceModel model;
  model.states = 2;
  model.observations = 1;
  model.steps = {{{1, 0, 0, 1}, {}, {}, {1, 0}, {}, {}}};
  model.initial_mean = {0.0, 1.0};
  model.initial_covariance = {2.0, 1.0, 1.0, 3.0};
  const StateSpaceAnswer f = filter(model, {{1.0}, {}});
  REQUIRE_MESSAGE(f.ok(), f.message);
  CHECK(f.means[1][0] == doctest::Approx(1.0).epsilon(1e-12));
  CHECK(f.means[1][1] == doctest::Approx(1.5).epsilon(1e-12));
  CHECK(f.covariances[1][0] == doctest::Approx(0.0).scale(1.0).epsilon(1e-12));
  CHECK(f.covariances[1][3] == doctest::Approx(2.5).epsilon(1e-12));
  const StateSpaceAnswer s = smooth(model, {{1.0}, {}});
  REQUIRE_MESSAGE(s.ok(), s.message);
  CHECK(s.means[0][1] == doctest::Approx(1.5).epsilon(1e-12));
  const StateSpaceAnswer contradiction = filter(model, {{1.0}, {2.0}});
  CHECK(contradiction.status == Status::impossible_evidence);
  CHECK(contradiction.log_likelihood == -kInfinity);
}

TEST_CASE("state space: a precise sensor beside a wide noise of one direction") {
  // x_1 = m + g e with one standard normal e, seen through a small noise; then a step with a wide
  // noise along h. Given y, e is normal with variance v / (c^2 + v), c = C g.
  const VectorXd g = matrix({0.366365, 0.850680}, 2, 1);
  const VectorXd h = matrix({148.41197, -171.92812}, 2, 1);
  const MatrixXd a = matrix({0.353309, -0.183064, -0.122294, 0.129730}, 2, 2);
  const MatrixXd sensor = matrix({0.785290, -0.588091}, 1, 2);
  const VectorXd mean = matrix({-0.716246, 0.227519}, 2, 1);
  for (const double v : {3.4e-3, 3.4e-7, 3.4e-11}) {
    CAPTURE(v);
    StateSpaceModel model;
    model.states = 2;
    model.observations = 1;
    model.steps = {{rows(a), {-0.09, 1.6}, rows(h * h.transpose()), rows(sensor), {-1.49}, {v}}};
    model.initial_mean = rows(mean);
    model.initial_covariance = rows(g * g.transpose());
    const StateSpaceAnswer found = smooth(model, {{-1.07}, {}});
    REQUIRE(found.ok());
    const double c = (sensor * g)(0);
    const double residual = -1.07 + 1.49 - (sensor * mean)(0);
    const double variance = c * c + v;
    const MatrixXd first = g * g.transpose() * (v / variance);
    const MatrixXd second = a * first * a.transpose() + h * h.transpose();
    CHECK((matrix(found.covariances[0], 2, 2) - first).norm() <= 1e-9 * first.norm());
    CHECK((matrix(found.covariances[1], 2, 2) - second).norm() <= 1e-13 * second.norm());
    CHECK((matrix(found.means[0], 2, 1) - mean - g * (c * residual / variance)).norm() <= 1e-12);
    const double density =
        -0.5 * (residual * residual / variance + std::log(2.0 * std::numbers::pi * variance));
    CHECK(found.log_likelihood == doctest::Approx(density).epsilon(1e-11));
  }
}

TEST_CASE("state space: a compiled smoother without an answer has no moments") {
  StateSpaceModel model;
  model.states = 1;
  model.observations = 1;
  model.steps = {{{1.0}, {}, {}, {1.0}, {}, {}}};  // x = 0 for good, seen exactly
  CompiledSmoother smoother(model, {{0.0}, {0.0}});
  CHECK(smoother.mean(0).empty());
  CHECK(smoother.run({{0.0}, {1.0}}).status == Status::impossible_evidence);
  CHECK(smoother.mean(1).empty());
  CHECK(smoother.covariance(1).empty());
  CHECK(smoother.run({{0.0}, {0.0}}).ok());
  CHECK(smoother.mean(1).size() == 1);
}

TEST_CASE("state space: certain dynamics that forget, forty steps") {
  // All is a function of x_1, and the observations are a regression on it.
  const MatrixXd a = matrix({0.35, -0.62, 0.12, 0.08}, 2, 2);
  const MatrixXd sensor = matrix({1.0, 0.5, -0.3, 1.2}, 2, 2);
  StateSpaceModel model;
  model.states = 2;
  model.observations = 2;
  model.steps = {{rows(a), {}, {}, rows(sensor), {}, {0.5, 0.0, 0.0, 2.0}}};
  model.initial_covariance = {2.0, 0.3, 0.3, 1.0};
  ObservationSequence y;
  MatrixXd precision = matrix(model.initial_covariance, 2, 2).inverse();
  VectorXd weighted = VectorXd::Zero(2);
  const MatrixXd weights = matrix({2.0, 0.0, 0.0, 0.5}, 2, 2);
  std::vector<MatrixXd> power{MatrixXd::Identity(2, 2)};
  for (std::size_t t = 0; t < 40; ++t) {
    y.push_back({std::sin(static_cast<double>(t)), std::cos(3.0 * static_cast<double>(t))});
    const MatrixXd seen = sensor * power.back();
    precision += seen.transpose() * weights * seen;
    weighted += seen.transpose() * weights * matrix(y.back(), 2, 1);
    power.push_back(a * power.back());
  }
  const MatrixXd covariance = precision.inverse();
  const StateSpaceAnswer found = smooth(model, y);
  REQUIRE(found.message == "answered");
  for (std::size_t t = 0; t < 40; ++t) {
    CAPTURE(t);
    const MatrixXd expected = power[t] * covariance * power[t].transpose();
    CHECK((matrix(found.covariances[t], 2, 2) - expected).norm() <= 1e-12 * expected.norm());
    const VectorXd mean = power[t] * covariance * weighted;
    CHECK((matrix(found.means[t], 2, 1) - mean).norm() <= 1e-12 * mean.norm());
  }
  CHECK(found.log_likelihood == doctest::Approx(filter(model, y).log_likelihood).epsilon(1e-12));
}

TEST_CASE("state space: steady states without noise in what is seen, and without end") {
  StateSpaceModel model;
  model.states = 1;
  model.observations = 2;
  model.steps = {{{0.9}, {0.3}, {1.0}, {1.0, 1.0}, {1.0, 2.0}, {}}};
  const SteadyState twice = steady_state(model);  // two sensors say the same, exactly
  REQUIRE_MESSAGE(twice.ok(), twice.message);
  CHECK(std::fabs(twice.filtered_covariance[0]) < 1e-15);
  CHECK(twice.predicted_covariance[0] == doctest::Approx(1.0));
  CHECK(twice.gain[0] == doctest::Approx(0.5));
  CHECK(twice.gain[1] == doctest::Approx(0.5));
  model.observations = 1;
  model.steps = {{{1.1}, {}, {1.0}, {0.0}, {}, {1.0}}};  // grows unseen
  const SteadyState blind = steady_state(model);
  CHECK(blind.status == Status::refused);
  CHECK(blind.message.find("no steady state") != std::string::npos);
}

TEST_CASE("state space: the steady state is the limit of the filter") {
  Random random(2);
  StateSpaceModel model = random_model(random, 1);
  model.steps[0].offset.clear();
  const SteadyState steady = steady_state(model);
  REQUIRE_MESSAGE(steady.ok(), steady.message);
  const Textbook long_run = textbook(model, random_observations(random, 400));
  check_near(steady.filtered_covariance, long_run.covariance.back(), 1e-11);
  const MatrixXd c = matrix(model.steps[0].observation, 2, 3);
  const MatrixXd predicted = matrix(steady.predicted_covariance, 3, 3);
  const MatrixXd spread =
      c * predicted * c.transpose() + matrix(model.steps[0].observation_noise, 2, 2);
  check_near(steady.gain, predicted * c.transpose() * spread.inverse(), 1e-11);
}

TEST_CASE("state space: twenty thousand steps") {
  Random random(3);
  StateSpaceModel model = random_model(random, 1);
  const ObservationSequence y = random_observations(random, 20000);
  const StateSpaceAnswer s = smooth(model, y);
  REQUIRE_MESSAGE(s.ok(), s.message);
  const Textbook expected = textbook(model, y);
  CHECK(s.log_likelihood == doctest::Approx(expected.log_likelihood).epsilon(1e-11));
  for (const std::size_t t : {std::size_t{0}, std::size_t{9999}, std::size_t{19999}}) {
    check_near(s.means[t], expected.smoothed_mean[t], 1e-10);
    check_near(s.covariances[t], expected.smoothed_covariance[t], 1e-10);
  }
}

TEST_CASE("state space: planned once, run on other observations") {
  Random random(5);
  const StateSpaceModel model = random_model(random, 1);
  ObservationSequence y = random_observations(random, 30);
  y[4] = {};
  y[7][0] = kNaN;
  CompiledSmoother smoother(model, y);
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (std::vector<double>& v : y) {
      for (double& component : v) component += random.uniform();
    }
    const GaussianAnswer& answer = smoother.run(y);
    REQUIRE_MESSAGE(answer.ok(), answer.message);
    const Textbook expected = textbook(model, y);
    CHECK(answer.log_z == doctest::Approx(expected.log_likelihood).epsilon(1e-11));
    const auto mean = smoother.mean(9);
    const auto covariance = smoother.covariance(9);
    check_near({mean.begin(), mean.end()}, expected.smoothed_mean[9], 1e-11);
    check_near({covariance.begin(), covariance.end()}, expected.smoothed_covariance[9], 1e-11);
  }
  y[4] = {1.0, 2.0};
  CHECK_THROWS_WITH_AS(smoother.run(y), doctest::Contains("observation 4"), ModelError);
  y.pop_back();
  CHECK_THROWS_AS(smoother.run(y), ModelError);
}

TEST_CASE("state space: in one call, planned, and as a graph") {
  Random random(6);
  for (const std::size_t steps :
       {std::size_t{1}, std::size_t{25}}) {  // the same at all times, or not
    const StateSpaceModel model = random_model(random, steps);
    ObservationSequence y = random_observations(random, 25);
    y[0] = {};
    y[7][0] = kNaN;
    y[8][1] = kNaN;
    y[9] = {kNaN, kNaN};
    y[24] = {};
    const StateSpaceGraph chain = state_space_graph(model, y);
    CompiledGaussian whole(chain.graph, chain.evidence);
    const GaussianAnswer expected = whole.run(chain.evidence);
    CompiledSmoother planned(model, y);
    const StateSpaceAnswer answer = smooth(model, y);
    REQUIRE(expected.ok());
    REQUIRE(answer.ok());
    // The same engine in the same order: the same bits.
    CHECK(planned.run(y).log_z == answer.log_likelihood);
    CHECK(answer.log_likelihood == doctest::Approx(expected.log_z).epsilon(1e-12));
    for (std::size_t t = 0; t < 25; ++t) {
      CHECK(std::ranges::equal(planned.mean(t), answer.means[t]));
      CHECK(std::ranges::equal(planned.covariance(t), answer.covariances[t]));
      for (std::size_t i = 0; i < 9; ++i) {
        const double mean = expected.means[whole.mean_offset(chain.states[t]) + i / 3];
        CHECK(std::fabs(answer.means[t][i / 3] - mean) < 1e-12);
        const double entry = expected.covariances[whole.covariance_offset(chain.states[t]) + i];
        CHECK(std::fabs(answer.covariances[t][i] - entry) < 1e-12);
      }
    }
    // The last filtered moments are the last smoothed ones.
    const StateSpaceAnswer filtered = filter(model, y);
    CHECK(filtered.log_likelihood == doctest::Approx(expected.log_z).epsilon(1e-12));
    for (std::size_t i = 0; i < 9; ++i) {
      CHECK(std::fabs(filtered.covariances[24][i] - answer.covariances[24][i]) < 1e-12);
    }
  }
}

TEST_CASE("state space: many states, one observation, none") {
  Random random(7);
  StateSpaceModel model;
  model.states = 7;
  model.observations = 6;
  model.steps = {{rows(random_matrix(random, 7, 7)),
                  {},
                  rows(random_covariance(random, 7)),
                  rows(random_matrix(random, 6, 7)),
                  {},
                  rows(random_covariance(random, 6))}};
  model.initial_covariance = rows(random_covariance(random, 7));
  ObservationSequence y(5, std::vector<double>(6, 0.5));
  y[2][3] = kNaN;
  const Textbook expected = textbook(model, y);
  const StateSpaceAnswer answer = smooth(model, y);
  REQUIRE(answer.ok());
  CHECK(answer.log_likelihood == doctest::Approx(expected.log_likelihood).epsilon(1e-11));
  for (std::size_t t = 0; t < 5; ++t) {
    check_near(answer.means[t], expected.smoothed_mean[t], 1e-11);
    check_near(answer.covariances[t], expected.smoothed_covariance[t], 1e-11);
  }
  y.resize(1);
  const StateSpaceAnswer one = smooth(model, y);
  check_near(one.means[0], expected.mean[0], 1e-11);
  const StateSpaceAnswer none = smooth(model, {});
  CHECK(none.ok());
  CHECK(none.log_likelihood == 0.0);
  CHECK(none.means.empty());
  // A compiled smoother may be moved.
  CompiledSmoother first(model, y);
  CompiledSmoother second = std::move(first);
  CHECK(second.run(y).log_z == one.log_likelihood);
}

TEST_CASE("state space: wrong input is named") {
  Random random(4);
  StateSpaceModel model = random_model(random, 3);
  CHECK_THROWS_WITH_AS(static_cast<void>(filter(model, {{1.0, 2.0}})),
                       doctest::Contains("expected 3 observations"), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(smooth(model, {{1.0, 2.0}, {1.0}, {}})),
                       doctest::Contains("observation 1"), ModelError);
  CHECK_THROWS_WITH_AS(static_cast<void>(steady_state(model)), doctest::Contains("one step"),
                       ModelError);
  model.steps[1].observation.pop_back();
  CHECK_THROWS_WITH_AS(static_cast<void>(smooth(model, {{}, {}, {}})),
                       doctest::Contains("step 1, C (observation)"), ModelError);
}
