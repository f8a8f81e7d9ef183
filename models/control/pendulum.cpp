// The swing-up of Gymnasium's pendulum as a smooth problem, and curves over time.
//
// velocity' = velocity + 0.05 (3 g / (2 l) sin angle + 3 / (m l^2) torque), angle' = angle + 0.05
// velocity' (Gymnasium 0.29, Pendulum-v1, without its cut at velocity 8, which swing-ups do not
// reach).

#include <credo/core/error.hpp>
#include <credo/models/control/iterated_linear_quadratic.hpp>
#include <credo/models/control/svg_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace credo::control {

namespace {

constexpr double kSeconds = 0.05;
constexpr double kGravity = 10.0;

}  // namespace

double pendulum_torque(double u) { return 2.0 * std::tanh(u / 2.0); }

SmoothProblem pendulum_swing_up(std::size_t horizon) {
  SmoothProblem problem;
  problem.states = 2;
  problem.controls = 1;
  problem.horizon = horizon;
  problem.initial = {std::numbers::pi, 0.0};
  problem.dynamics = [](auto x, auto u, auto next) {
    next[1] = x[1] + kSeconds * (1.5 * kGravity * std::sin(x[0]) + 3.0 * pendulum_torque(u[0]));
    next[0] = x[0] + kSeconds * next[1];
  };
  problem.jacobian = [](auto x, auto u, auto a, auto b) {
    const double squash = pendulum_torque(u[0]) / 2.0;
    const double slope = kSeconds * 1.5 * kGravity * std::cos(x[0]);
    const double push = kSeconds * 3.0 * (1.0 - squash * squash);
    a[0] = 1.0 + kSeconds * slope;
    a[1] = kSeconds;
    a[2] = slope;
    a[3] = 1.0;
    b[0] = kSeconds * push;
    b[1] = push;
  };
  problem.reward = [](auto x, auto u) {
    return -(x[0] * x[0] + 0.1 * x[1] * x[1] + 0.001 * u[0] * u[0]);
  };
  problem.final_reward = [](auto x) { return -10.0 * (x[0] * x[0] + 0.1 * x[1] * x[1]); };
  return problem;
}

std::vector<double> pendulum_first_controls(std::size_t horizon) {
  constexpr std::size_t kMostSteps = std::size_t{1} << 40;  // what a process can address
  if (horizon > kMostSteps) {
    throw OptionError(fmt::format("pendulum: horizon {}, expected at most 2^40 steps", horizon));
  }
  std::vector<double> controls;
  const double frequency = std::sqrt(1.5 * kGravity);
  for (std::size_t t = 0; t < horizon; ++t) {
    controls.push_back(2.0 * std::sin(frequency * kSeconds * static_cast<double>(t)));
  }
  return controls;
}

namespace {

constexpr double kPanelWidth = 560.0;
constexpr double kPanelHeight = 130.0;
constexpr double kLeft = 64.0;

void draw_panel(Svg& svg, const Curve& curve, double top, double seconds, bool last) {
  Range range;
  for (const double value : curve.values) range.include(value);
  for (const double level : curve.levels) range.include(level);
  if (!(range.high > range.low)) range = {range.low - 1.0, range.low + 1.0};
  const double bottom = top + kPanelHeight;
  const auto y_of = [&](double value) { return bottom - kPanelHeight * range.place(value); };
  const double count = std::max(1.0, static_cast<double>(curve.values.size()) - 1.0);
  const auto x_of = [&](double i) { return kLeft + kPanelWidth * i / count; };
  svg.line({kLeft, top}, {kLeft, bottom}, kPaleInk, 1.0);
  svg.line({kLeft, bottom}, {kLeft + kPanelWidth, bottom}, kPaleInk, 1.0);
  svg.text({kLeft + 6.0, top - 6.0}, 13.0, curve.name);
  svg.text({kLeft - 6.0, y_of(range.high) + 4.0}, 11.0, short_number(range.high), Anchor::end,
           kPaleInk);
  svg.text({kLeft - 6.0, y_of(range.low) + 4.0}, 11.0, short_number(range.low), Anchor::end,
           kPaleInk);
  for (const double level : curve.levels) {
    for (double x = kLeft; x < kLeft + kPanelWidth; x += 10.0) {
      svg.line({x, y_of(level)}, {std::min(x + 5.0, kLeft + kPanelWidth), y_of(level)}, "#bbbbbb",
               1.0);
    }
  }
  for (std::size_t i = 1; i < curve.values.size(); ++i) {
    const auto at = static_cast<double>(i);
    svg.line({x_of(at - 1.0), y_of(curve.values[i - 1])}, {x_of(at), y_of(curve.values[i])},
             "#5b2a86", 1.6);
  }
  const double duration = count * seconds;
  for (double tick = 0.0; tick <= duration + 1e-9; tick += 1.0) {
    const double x = kLeft + kPanelWidth * tick / duration;
    svg.line({x, bottom}, {x, bottom + 4.0}, kPaleInk, 1.0);
    if (last) {
      svg.text({x, bottom + 17.0}, 11.0, fmt::format("{:g}", tick), Anchor::middle, kPaleInk);
    }
  }
  if (last) svg.text({kLeft + kPanelWidth, bottom + 32.0}, 11.0, "seconds", Anchor::end, kPaleInk);
}

}  // namespace

std::string draw_curves(std::span<const Curve> curves, double seconds, std::string_view title) {
  Svg svg;
  double top = kHeader;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    draw_panel(svg, curves[i], top, seconds, i + 1 == curves.size());
    top += kPanelHeight + 34.0;
  }
  return svg.document(kLeft + kPanelWidth + 2.0 * kMargin, top + kMargin, title);
}

}  // namespace credo::control
