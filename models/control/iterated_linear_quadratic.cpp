// iLQR as inference.
//
// Around a trajectory the deviations (dx, du) obey linear dynamics and a quadratic reward: a
// linear-quadratic problem, whose arg-max family is one sweep of the generic engine. Its offsets k
// say where to go, its gains K how to stay near: u = u_t + s k_t + K_t (x - x_t) is rolled out for
// s = 1, 1/2, 1/4 ... until the true reward improves, so the reward never falls. Curvature of the
// reward that points upwards is cut off (its eigenvalues), and `regularisation` is added to that in
// u: both keep the elimination's integrals alive. Invariant: states and controls are a trajectory
// of the true dynamics. Cost per iteration: T (n + m)^2 evaluations of f and r when derivatives are
// differences, and one sweep.

#include <credo/core/error.hpp>
#include <credo/inference/contraction/monitor.hpp>
#include <credo/models/control/iterated_linear_quadratic.hpp>

#include <fmt/format.h>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::control {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> rows(const RowMajor& m) { return {m.data(), m.data() + m.size()}; }

/// The reward's expansion at one point: gradient, and curvature of the cost without what points up.
struct Expansion {
  VectorXd gradient;
  MatrixXd cost;
};

template <typename Function>
Expansion expand(const Function& f, VectorXd z, double step) {
  const Index n = z.size();
  // Second differences lose twice the digits.
  VectorXd h(n);
  for (Index i = 0; i < n; ++i) h[i] = 10.0 * step * std::max(1.0, std::fabs(z[i]));
  const auto at = [&](Index i, double a, Index k, double b) {
    VectorXd moved = z;
    moved[i] += a * h[i];
    moved[k] += b * h[k];
    return f(moved);
  };
  Expansion result{VectorXd(n), MatrixXd(n, n)};
  const double centre = f(z);
  for (Index i = 0; i < n; ++i) {
    const double above = at(i, 1.0, i, 0.0);
    const double below = at(i, -1.0, i, 0.0);
    result.gradient[i] = (above - below) / (2.0 * h[i]);
    result.cost(i, i) = -(above - 2.0 * centre + below) / (h[i] * h[i]);
    for (Index k = 0; k < i; ++k) {
      result.cost(i, k) = result.cost(k, i) =
          -(at(i, 1, k, 1) - at(i, 1, k, -1) - at(i, -1, k, 1) + at(i, -1, k, -1)) /
          (4.0 * h[i] * h[k]);
    }
  }
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(result.cost);
  result.cost = solver.eigenvectors() * solver.eigenvalues().cwiseMax(0.0).asDiagonal() *
                solver.eigenvectors().transpose();
  return result;
}

class Iteration {
 public:
  Iteration(const SmoothProblem& problem, const IteratedOptions& options)
      : problem_(problem),
        options_(options),
        n_(static_cast<Index>(problem.states)),
        m_(static_cast<Index>(problem.controls)),
        regularisation_(options.regularisation) {}

  IteratedSolution run() {
    controls_ = options_.initial_controls;
    controls_.resize(problem_.horizon * problem_.controls, 0.0);
    solution_.total_reward = roll_out(controls_, states_);
    if (!std::isfinite(solution_.total_reward)) {
      return stop(Status::refused, "the first trajectory leaves the range of numbers");
    }
    for (std::size_t i = 1; i <= options_.maximum_iterations; ++i) {
      if (!monitor_.may_continue("ilqr", share_of(i))) {
        return stop(monitor_.stopped(), fmt::format("stopped after {} iterations", i - 1));
      }
      solution_.iterations = i;
      if (!solve_deviations()) continue;
      const double predicted = predicted_gain();
      if (regularisation_ <= options_.regularisation) promised_ = predicted;
      if (predicted <= options_.tolerance) {
        if (regularisation_ <= options_.regularisation) return stop(Status::ok, "converged");
        if (!std::exchange(asked_again_, true)) {
          regularisation_ = options_.regularisation;
          continue;
        }
        return stop_at_rounding();
      }
      if (!improve(i) && regularisation_ > kLargestRegularisation) {
        return stop(
            Status::refused,
            fmt::format("no step improves the reward, although {:.3g} was predicted", predicted));
      }
      solution_.trace.push_back(solution_.total_reward);
    }
    return stop(Status::refused, fmt::format("stopped after {} iterations before its fixed point",
                                             options_.maximum_iterations));
  }

 private:
  static constexpr double kLargestRegularisation = 1e10;

  [[nodiscard]] double share_of(std::size_t iteration) const {
    return static_cast<double>(iteration) / static_cast<double>(options_.maximum_iterations);
  }

  /// No step improves, with or without regularisation: the end, if what a step promises is too
  /// little to be seen in the reward.
  IteratedSolution stop_at_rounding() {
    constexpr double kRounding = 1e-10;
    if (promised_ <= kRounding * (1.0 + std::fabs(solution_.total_reward))) {
      return stop(Status::ok,
                  fmt::format("converged up to rounding: a step still promises {:.3g}", promised_));
    }
    return stop(
        Status::refused,
        fmt::format("no step improves the reward, although {:.3g} was predicted", promised_));
  }

  IteratedSolution stop(Status status, std::string message) {
    solution_.status = status;
    solution_.message = std::move(message);
    solution_.guarantee = status == Status::ok ? Guarantee::fixed_point : Guarantee::unconverged;
    solution_.states = std::move(states_);
    solution_.controls = std::move(controls_);
    return std::move(solution_);
  }

  [[nodiscard]] std::span<const double> state(std::size_t t) const {
    return std::span(states_).subspan(t * problem_.states, problem_.states);
  }
  [[nodiscard]] std::span<const double> control(std::size_t t) const {
    return std::span(controls_).subspan(t * problem_.controls, problem_.controls);
  }

  /// Total reward of open-loop controls.
  double roll_out(const std::vector<double>& controls, std::vector<double>& states) const {
    return roll(states, [&](std::size_t t, std::span<const double>) {
      return std::vector<double>(
          controls.begin() + static_cast<std::ptrdiff_t>(t * problem_.controls),
          controls.begin() + static_cast<std::ptrdiff_t>((t + 1) * problem_.controls));
    });
  }

  template <typename Choose>
  double roll(std::vector<double>& states, const Choose& choose) const {
    states.assign((problem_.horizon + 1) * problem_.states, 0.0);
    std::ranges::copy(problem_.initial, states.begin());
    double total = 0.0;
    for (std::size_t t = 0; t < problem_.horizon; ++t) {
      const std::span<double> x = std::span(states).subspan(t * problem_.states, problem_.states);
      const std::vector<double> u = choose(t, x);
      total += problem_.reward(x, u);
      problem_.dynamics(x, u,
                        std::span(states).subspan((t + 1) * problem_.states, problem_.states));
    }
    if (problem_.final_reward) {
      total += problem_.final_reward(std::span(states).last(problem_.states));
    }
    return total;
  }

  [[nodiscard]] VectorXd joint(std::size_t t) const {
    VectorXd z(n_ + m_);
    std::ranges::copy(state(t), z.data());
    std::ranges::copy(control(t), z.data() + n_);
    return z;
  }

  void linearise(std::size_t t, LinearQuadraticStep& step) const {
    step.transition.resize(problem_.states * problem_.states);
    step.control.resize(problem_.states * problem_.controls);
    if (problem_.jacobian) {
      problem_.jacobian(state(t), control(t), step.transition, step.control);
      return;
    }
    const VectorXd z = joint(t);
    RowMajor derivative(n_, n_ + m_);
    VectorXd above(n_);
    VectorXd below(n_);
    for (Index i = 0; i < n_ + m_; ++i) {
      const double h = options_.difference * std::max(1.0, std::fabs(z[i]));
      VectorXd moved = z;
      moved[i] = z[i] + h;
      apply(moved, above);
      moved[i] = z[i] - h;
      apply(moved, below);
      derivative.col(i) = (above - below) / (2.0 * h);
    }
    step.transition = rows(derivative.leftCols(n_));
    step.control = rows(derivative.rightCols(m_));
  }

  void apply(const VectorXd& z, VectorXd& next) const {
    problem_.dynamics({z.data(), problem_.states}, {z.data() + n_, problem_.controls},
                      {next.data(), problem_.states});
  }

  /// Expands once per trajectory and solves for the regularisation at hand.
  bool solve_deviations() {
    if (expanded_.steps.empty()) expand_trajectory();
    LinearQuadratic deviations = expanded_;
    for (LinearQuadraticStep& step : deviations.steps) {
      for (std::size_t i = 0; i < problem_.controls; ++i) {
        step.control_cost[i * problem_.controls + i] += regularisation_;
      }
    }
    LinearQuadraticOptions options;
    options.method = Method::hard;
    const LinearQuadraticSolution solved = solve_linear_quadratic(deviations, options);
    if (!solved.ok()) {
      regularisation_ *= 10.0;
      return false;
    }
    solution_.decisions = solved.decisions;
    return true;
  }

  void expand_trajectory() {
    expanded_ = {};
    expanded_.states = problem_.states;
    expanded_.controls = problem_.controls;
    for (std::size_t t = 0; t < problem_.horizon; ++t) {
      LinearQuadraticStep step;
      linearise(t, step);
      const Expansion e = expand(
          [&](const VectorXd& z) {
            return problem_.reward({z.data(), problem_.states}, {z.data() + n_, problem_.controls});
          },
          joint(t), options_.difference);
      step.state_cost = rows(e.cost.topLeftCorner(n_, n_));
      step.cross_cost = rows(e.cost.topRightCorner(n_, m_));
      step.control_cost = rows(e.cost.bottomRightCorner(m_, m_));
      step.state_gradient = rows(-e.gradient.head(n_));
      step.control_gradient = rows(-e.gradient.tail(m_));
      expanded_.steps.push_back(std::move(step));
    }
    if (!problem_.final_reward) return;
    VectorXd last(n_);
    std::ranges::copy(state(problem_.horizon), last.data());
    const Expansion e = expand(
        [&](const VectorXd& z) { return problem_.final_reward({z.data(), problem_.states}); }, last,
        options_.difference);
    expanded_.final_cost = rows(e.cost);
    expanded_.final_gradient = rows(-e.gradient);
  }

  /// V(0) of the deviations: what a whole step promises.
  [[nodiscard]] double predicted_gain() const { return solution_.decisions.front().constant; }

  bool improve(std::size_t) {
    std::vector<double> states;
    std::vector<double> controls(controls_.size());
    for (double scale = 1.0; scale > 1e-4; scale /= 2.0) {
      const double total = roll(states, [&](std::size_t t, std::span<const double> x) {
        std::vector<double> u = choose(t, x, scale);
        std::ranges::copy(u, controls.begin() + static_cast<std::ptrdiff_t>(t * problem_.controls));
        return u;
      });
      if (!(total > solution_.total_reward)) continue;  // NaN too
      solution_.total_reward = total;
      states_ = std::move(states);
      controls_ = std::move(controls);
      expanded_.steps.clear();
      regularisation_ = std::max(regularisation_ / 10.0, 1e-12);
      asked_again_ = false;
      promised_ = kInfinity;
      return true;
    }
    regularisation_ *= 10.0;
    return false;
  }

  [[nodiscard]] std::vector<double> choose(std::size_t t, std::span<const double> x,
                                           double scale) const {
    const LinearQuadraticDecision& d = solution_.decisions[t];
    std::vector<double> u(control(t).begin(), control(t).end());
    for (std::size_t i = 0; i < u.size(); ++i) {
      u[i] += scale * d.offset[i];
      for (std::size_t k = 0; k < problem_.states; ++k) {
        u[i] += d.gain[i * problem_.states + k] * (x[k] - state(t)[k]);
      }
    }
    return u;
  }

  const SmoothProblem& problem_;
  const IteratedOptions& options_;
  Index n_;
  Index m_;
  double regularisation_;
  InferOptions limits_ = contraction::limits_of(options_);
  contraction::Monitor monitor_{limits_};
  /// What a step from this trajectory promises with the options' regularisation at most.
  double promised_ = kInfinity;
  /// Whether that was asked again after it had grown.
  bool asked_again_ = false;
  std::vector<double> states_;
  std::vector<double> controls_;
  LinearQuadratic expanded_;
  IteratedSolution solution_;
};

}  // namespace

void SmoothProblem::validate() const {
  constexpr double kMostNumbers = 0x1p44;
  if (static_cast<double>(horizon) * static_cast<double>(states + controls) > kMostNumbers) {
    throw ModelError(fmt::format(
        "smooth problem: a trajectory of {} steps of {} numbers is more than a process can "
        "address; expected a smaller horizon",
        horizon, states + controls));
  }
  if (states == 0 || controls == 0 || horizon == 0 || !dynamics || !reward) {
    throw ModelError(
        "smooth problem: expected at least one state, one control and one step, dynamics and a "
        "reward");
  }
  if (initial.size() != states) {
    throw ModelError(fmt::format("smooth problem: expected an initial state of {} numbers, got {}",
                                 states, initial.size()));
  }
}

void IteratedOptions::validate() const {
  const auto positive = [](const char* name, double value) {
    if (value > 0.0 && std::isfinite(value)) return;
    throw OptionError(fmt::format("{}: expected a finite number above 0, got {}", name, value));
  };
  positive("tolerance", tolerance);
  positive("regularisation", regularisation);
  positive("difference", difference);
  if (!(time_limit_seconds >= 0.0)) {
    throw OptionError(
        fmt::format("time_limit_seconds: expected at least 0, got {}", time_limit_seconds));
  }
  if (maximum_iterations == 0) throw OptionError("maximum_iterations: expected at least 1, got 0");
}

IteratedSolution solve_iterated(const SmoothProblem& problem, const IteratedOptions& options) {
  problem.validate();
  options.validate();
  const std::size_t count = problem.horizon * problem.controls;
  if (!options.initial_controls.empty() && options.initial_controls.size() != count) {
    throw OptionError(fmt::format("initial_controls: expected {} numbers, got {}", count,
                                  options.initial_controls.size()));
  }
  return Iteration(problem, options).run();
}

}  // namespace credo::control
