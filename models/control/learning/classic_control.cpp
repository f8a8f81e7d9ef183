#include <credo/core/error.hpp>
#include <credo/models/control/learning/classic_control.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

// Explicit (cart-pole) and semi-implicit (pendulum, car) Euler steps of the published equations of
// motion. Cart-pole: Florian 2007, "Correct equations for the dynamics of the cart-pole system",
// without friction. Every episode draws as many numbers as its state has random components.

namespace credo::control::learning {
namespace {

constexpr double kPi = std::numbers::pi;

/// An environment whose state is a fixed number of doubles.
template <std::size_t Size>
class Mechanical : public Environment {
 protected:
  explicit Mechanical(EnvironmentFacts facts) : Environment(std::move(facts)) {}
  [[nodiscard]] std::array<double, Size>& motion() { return motion_; }
  [[nodiscard]] std::vector<double> inner_state() const final {
    return {motion_.begin(), motion_.end()};
  }

 private:
  [[nodiscard]] bool set_inner_state(std::span<const double> inner) final {
    if (inner.size() != Size) return false;
    std::copy(inner.begin(), inner.end(), motion_.begin());
    return true;
  }

  std::array<double, Size> motion_{};
};

std::size_t checked_limit(std::optional<std::size_t> given, std::size_t published) {
  if (given && *given == 0) throw OptionError("time_limit 0, expected at least 1 or none");
  return given.value_or(published);
}

class CartPole final : public Mechanical<4> {
 public:
  explicit CartPole(std::size_t time_limit)
      : Mechanical({.name = "cart_pole",
                    .observations =
                        Space::box({-2.0 * kFarthest, -kInfinity, -2.0 * kSteepest, -kInfinity},
                                   {2.0 * kFarthest, kInfinity, 2.0 * kSteepest, kInfinity}),
                    .actions = Space::discrete(2),
                    .time_limit = time_limit,
                    .typical_low = {-kFarthest, -3.0, -kSteepest, -3.5},
                    .typical_high = {kFarthest, 3.0, kSteepest, 3.5}}) {}

 private:
  static constexpr double kFarthest = 2.4;
  static constexpr double kSteepest = 12.0 * kPi / 180.0;
  static constexpr double kGravity = 9.8;
  static constexpr double kPoleMass = 0.1;
  static constexpr double kTotalMass = 1.0 + kPoleMass;
  static constexpr double kHalfLength = 0.5;
  static constexpr double kForce = 10.0;
  static constexpr double kSeconds = 0.02;

  std::vector<double> begin(Random& random) override {
    for (double& x : motion()) x = random.uniform(-0.05, 0.05);
    return inner_state();
  }

  Step advance(std::span<const double> action, Random&) override {
    auto& [x, speed, angle, turning] = motion();
    const double cosine = std::cos(angle);
    const double sine = std::sin(angle);
    const double force = action[0] == 1.0 ? kForce : -kForce;
    const double push = (force + kPoleMass * kHalfLength * turning * turning * sine) / kTotalMass;
    const double angular = (kGravity * sine - cosine * push) /
                           (kHalfLength * (4.0 / 3.0 - kPoleMass * cosine * cosine / kTotalMass));
    const double linear = push - kPoleMass * kHalfLength * angular * cosine / kTotalMass;
    x += kSeconds * speed;
    speed += kSeconds * linear;
    angle += kSeconds * turning;
    turning += kSeconds * angular;
    return {inner_state(), 1.0, std::fabs(x) > kFarthest || std::fabs(angle) > kSteepest, false};
  }
};

class Pendulum final : public Mechanical<2> {
 public:
  explicit Pendulum(std::size_t time_limit)
      : Mechanical({.name = "pendulum",
                    .observations = Space::box({-1.0, -1.0, -kFastest}, {1.0, 1.0, kFastest}),
                    .actions = Space::box({-kStrongest}, {kStrongest}),
                    .time_limit = time_limit,
                    .typical_low = {-1.0, -1.0, -kFastest},
                    .typical_high = {1.0, 1.0, kFastest}}) {}

 private:
  static constexpr double kFastest = 8.0;
  static constexpr double kStrongest = 2.0;
  static constexpr double kGravity = 10.0;
  static constexpr double kSeconds = 0.05;

  [[nodiscard]] std::vector<double> observation() {
    const auto& [angle, turning] = motion();
    return {std::cos(angle), std::sin(angle), turning};
  }

  std::vector<double> begin(Random& random) override {
    motion()[0] = random.uniform(-kPi, kPi);
    motion()[1] = random.uniform(-1.0, 1.0);
    return observation();
  }

  Step advance(std::span<const double> action, Random&) override {
    auto& [angle, turning] = motion();
    const double torque = std::clamp(action[0], -kStrongest, kStrongest);
    const double turns = std::floor((angle + kPi) / (2.0 * kPi));
    const double from_top = angle - 2.0 * kPi * turns;
    const double cost = from_top * from_top + 0.1 * turning * turning + 0.001 * torque * torque;
    // 3 g / (2 l) sin theta + 3 / (m l^2) torque, with m = l = 1.
    const double acceleration = 1.5 * kGravity * std::sin(angle) + 3.0 * torque;
    turning = std::clamp(turning + kSeconds * acceleration, -kFastest, kFastest);
    angle += kSeconds * turning;
    return {observation(), -cost, false, false};
  }
};

class MountainCar final : public Mechanical<2> {
 public:
  explicit MountainCar(std::size_t time_limit)
      : Mechanical({.name = "mountain_car_continuous",
                    .observations = Space::box({kLeft, -kFastest}, {kRight, kFastest}),
                    .actions = Space::box({-1.0}, {1.0}),
                    .time_limit = time_limit,
                    .typical_low = {kLeft, -kFastest},
                    .typical_high = {kRight, kFastest}}) {}

 private:
  static constexpr double kLeft = -1.2;
  static constexpr double kRight = 0.6;
  static constexpr double kGoal = 0.45;
  static constexpr double kFastest = 0.07;
  static constexpr double kPower = 0.0015;
  static constexpr double kSlope = 0.0025;

  std::vector<double> begin(Random& random) override {
    motion() = {random.uniform(-0.6, -0.4), 0.0};
    return inner_state();
  }

  Step advance(std::span<const double> action, Random&) override {
    auto& [position, velocity] = motion();
    const double force = std::clamp(action[0], -1.0, 1.0);
    velocity += kPower * force - kSlope * std::cos(3.0 * position);
    velocity = std::clamp(velocity, -kFastest, kFastest);
    position = std::clamp(position + velocity, kLeft, kRight);
    if (position == kLeft && velocity < 0.0) velocity = 0.0;
    const bool there = position >= kGoal && velocity >= 0.0;
    const double cost = 0.1 * action[0] * action[0];
    return {inner_state(), (there ? 100.0 : 0.0) - cost, there, false};
  }
};

}  // namespace

std::unique_ptr<Environment> cart_pole(std::optional<std::size_t> time_limit) {
  return std::make_unique<CartPole>(checked_limit(time_limit, 500));
}

std::unique_ptr<Environment> pendulum(std::optional<std::size_t> time_limit) {
  return std::make_unique<Pendulum>(checked_limit(time_limit, 200));
}

std::unique_ptr<Environment> mountain_car_continuous(std::optional<std::size_t> time_limit) {
  return std::make_unique<MountainCar>(checked_limit(time_limit, 999));
}

}  // namespace credo::control::learning
