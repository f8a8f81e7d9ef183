// Trajectories worked out by a separate program: the cart-pole from its two equations of motion as
// a linear system, the others step by step from the published equations.

#include <credo/core/error.hpp>
#include <credo/models/control/learning/classic_control.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>

namespace credo::control::learning {
namespace {

using doctest::Approx;

/// An episode that begins with these numbers.
void place(Environment& environment, std::vector<double> inner) {
  environment.reset(1);
  EnvironmentState state = environment.state();
  state.inner = std::move(inner);
  environment.restore(state);
}

void check_near(const std::vector<double>& found, const std::vector<double>& expected,
                double relative) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i] == Approx(expected[i]).epsilon(relative));
  }
}

TEST_CASE("cart-pole: ten steps of a known trajectory") {
  const auto environment = cart_pole();
  place(*environment, {0.01, -0.02, 0.03, 0.04});
  Step step;
  for (const std::size_t push : {1U, 1U, 0U, 1U, 0U, 0U, 0U, 1U, 1U, 0U}) {
    step = environment->step(push);
    CHECK(step.reward == 1.0);
    CHECK_FALSE(step.ended());
  }
  check_near(
      step.observation,
      {0.03307522673769141, -0.021722714704495077, 0.0023459644800119727, 0.07798192441069773},
      1e-12);
}

TEST_CASE("cart-pole: terminates when the pole falls, with a reward for that step") {
  const auto environment = cart_pole();
  place(*environment, {0.01, -0.02, 0.03, 0.04});
  std::size_t steps = 0;
  Step step;
  while (!step.ended()) {
    step = environment->step(std::size_t{1});
    ++steps;
  }
  CHECK(steps == 10);
  CHECK(step.terminated);
  CHECK_FALSE(step.truncated);
  CHECK(step.reward == 1.0);
  CHECK(step.observation[2] == Approx(-0.2235691808247548).epsilon(1e-12));
}

TEST_CASE("cart-pole: leaving the track terminates, too") {
  const auto environment = cart_pole();
  place(*environment, {2.39, 1.0, 0.0, 0.0});
  CHECK(environment->step(std::size_t{0}).terminated);
}

TEST_CASE("pendulum: a known trajectory, torque held within its bounds") {
  const auto environment = pendulum();
  place(*environment, {3.0, -0.5});
  double total = 0.0;
  Step step;
  for (int k = 0; k < 200; ++k) {
    CHECK_FALSE(step.ended());
    const std::array<double, 1> torque = {2.5 * std::sin(0.3 * k)};
    step = environment->step(torque);
    total += step.reward;
    if (k != 9) continue;
    const double angle = 3.507573608319565;
    check_near(step.observation, {std::cos(angle), std::sin(angle), 2.0021086669524695}, 1e-12);
    CHECK(step.reward == Approx(-8.686604705977919).epsilon(1e-12));
    CHECK(total == Approx(-91.82668110973796).epsilon(1e-12));
  }
  CHECK(total == Approx(-1680.523719810647).epsilon(1e-8));
  CHECK(step.truncated);
  CHECK_FALSE(step.terminated);
}

TEST_CASE("mountain car: pushing the way it goes brings it up") {
  const auto environment = mountain_car_continuous();
  place(*environment, {-0.5, 0.0});
  double total = 0.0;
  std::size_t steps = 0;
  Step step;
  step.observation = {-0.5, 0.0};
  while (!step.ended()) {
    const std::array<double, 1> force = {step.observation[1] >= 0.0 ? 1.0 : -1.0};
    step = environment->step(force);
    total += step.reward;
    if (++steps == 20) {
      check_near(step.observation, {-0.28580044406169947, 0.015573301578866255}, 1e-11);
    }
  }
  CHECK(steps == 106);
  CHECK(step.terminated);
  check_near(step.observation, {0.5020867242469917, 0.06404767726163292}, 1e-9);
  CHECK(total == Approx(89.4).epsilon(1e-12));
}

TEST_CASE("mountain car: the left wall stops it, and effort costs as much as was asked for") {
  const auto environment = mountain_car_continuous();
  place(*environment, {-1.15, -0.07});
  const std::array<double, 1> force = {-3.0};
  const Step step = environment->step(force);
  check_near(step.observation, {-1.2, 0.0}, 1e-15);
  CHECK(step.reward == Approx(-0.9).epsilon(1e-15));
}

TEST_CASE("classic control: published time limits, starts within the published ranges") {
  CHECK(cart_pole()->facts().time_limit == 500U);
  CHECK(pendulum()->facts().time_limit == 200U);
  CHECK(mountain_car_continuous()->facts().time_limit == 999U);
  CHECK(pendulum(7)->facts().time_limit == 7U);
  CHECK_THROWS_AS((void)cart_pole(0), OptionError);
  const auto car = mountain_car_continuous();
  const auto cart = cart_pole();
  const auto rod = pendulum();
  double smallest = 0.0;
  double largest = -1.0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const double position = car->reset(seed)[0];
    smallest = std::min(smallest, position);
    largest = std::max(largest, position);
    CHECK(car->reset(seed)[1] == 0.0);
    for (const double x : cart->reset(seed)) CHECK(std::fabs(x) <= 0.05);
    CHECK(std::fabs(rod->reset(seed)[2]) <= 1.0);
  }
  CHECK((smallest >= -0.6 && smallest < -0.59));
  CHECK((largest <= -0.4 && largest > -0.41));
}

TEST_CASE("environments: same seed and actions, same bits, also from a saved state") {
  const auto one = cart_pole(30);
  const auto two = cart_pole(30);
  CHECK(one->reset(5) == two->reset(5));
  EnvironmentState saved;
  std::vector<double> trail;
  for (std::size_t k = 0; k < 60; ++k) {
    if (k == 20) saved = one->state();
    const Step a = one->step(k % 2);
    CHECK(a.observation == two->step(k % 2).observation);
    if (k >= 20) trail.insert(trail.end(), a.observation.begin(), a.observation.end());
    if (a.ended()) CHECK(one->reset() == two->reset());
  }
  const auto three = cart_pole(30);
  three->restore(saved);
  std::vector<double> again;
  for (std::size_t k = 20; k < 60; ++k) {
    const Step a = three->step(k % 2);
    again.insert(again.end(), a.observation.begin(), a.observation.end());
    if (a.ended()) (void)three->reset();
  }
  CHECK(trail == again);
}

TEST_CASE("environments: a step that makes no sense is refused with what to do") {
  const auto environment = cart_pole(3);
  CHECK_THROWS_WITH_AS(environment->step(std::size_t{0}),
                       "cart_pole: a step was asked for, but no episode is running (none was "
                       "begun): call reset first",
                       ModelError);
  environment->reset(1);
  CHECK_THROWS_WITH_AS(environment->step(std::size_t{2}),
                       "cart_pole: action 2, expected one of 0 .. 1", ModelError);
  for (const double action : {-1.0, 0.5, kNaN, kInfinity}) {
    CHECK_THROWS_AS(environment->step({&action, 1}), ModelError);
  }
  const std::array<double, 2> two = {0.0, 1.0};
  CHECK_THROWS_AS(environment->step(two), ModelError);
  for (std::size_t k = 0; k < 3; ++k) (void)environment->step(k % 2);
  CHECK_THROWS_WITH_AS(environment->step(std::size_t{0}),
                       "cart_pole: a step was asked for, but no episode is running (the last ended "
                       "after 3 steps): call reset first",
                       ModelError);
  const auto rod = pendulum();
  rod->reset(1);
  CHECK_THROWS_AS(rod->step({&kInfinity, 1}), ModelError);
  EnvironmentState state = rod->state();
  CHECK_THROWS_AS(environment->restore(state), ModelError);
  state.generator = "1 2 3";
  CHECK_THROWS_AS(rod->restore(state), ModelError);
}

}  // namespace
}  // namespace credo::control::learning
