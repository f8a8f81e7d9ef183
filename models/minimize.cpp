#include <credo/core/error.hpp>
#include <credo/models/minimize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

// Limited-memory BFGS: the direction is -H g, H the inverse Hessian estimated from the last few
// pairs (step s, change of gradient y) by the two-loop recursion (Nocedal and Wright 2006,
// algorithm 7.4). The step length is found by doubling and by halving or secants until the value
// falls enough (Armijo) and the slope has risen enough (weak Wolfe), so that s . y > 0 and H stays
// positive definite. Close to the minimum f changes by less than its rounding; there the decrease
// is judged by the slope alone (Hager and Zhang 2005, the approximate Wolfe conditions).

namespace credo {
namespace {

constexpr double kSufficientDecrease = 1e-4;
constexpr double kSufficientCurvature = 0.9;
/// The approximate condition's bound on the slope, as a fraction of the first one.
constexpr double kSlopeRise = 0.8;
/// Relative rounding of f.
constexpr double kRounding = 1e-13;
constexpr int kMaximumTrials = 80;

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(std::span<const double> a) {
  double result = 0.0;
  for (const double x : a) result = std::fmax(result, std::fabs(x));
  return result;
}

void add_scaled(double scale, std::span<const double> direction, std::vector<double>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += scale * direction[i];
}

/// One accepted step.
struct Pair {
  std::vector<double> step;
  std::vector<double> change;
  double inverse_product;  ///< 1 / (step . change)
};

/// H v by the two loops.
std::vector<double> apply_inverse_hessian(const std::deque<Pair>& pairs, std::vector<double> v) {
  std::vector<double> weight(pairs.size());
  for (std::size_t k = pairs.size(); k-- > 0;) {
    weight[k] = pairs[k].inverse_product * dot(pairs[k].step, v);
    add_scaled(-weight[k], pairs[k].change, v);
  }
  if (!pairs.empty()) {
    const Pair& last = pairs.back();
    const double scale = 1.0 / (last.inverse_product * dot(last.change, last.change));
    for (double& x : v) x *= scale;
  }
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    add_scaled(weight[k] - pairs[k].inverse_product * dot(pairs[k].change, v), pairs[k].step, v);
  }
  return v;
}

struct Point {
  std::vector<double> x;
  double value = kNaN;
  std::vector<double> gradient;
};

/// Between a step that is too short and one that is too long.
struct Bracket {
  double low = 0.0;
  double low_slope = kNaN;
  double high = kInfinity;
  double high_slope = kNaN;

  /// Where the slope would vanish if it were linear, within the middle 80 %; the middle when the
  /// slopes do not tell.
  [[nodiscard]] double next() const {
    if (high == kInfinity) return 2.0 * low;
    double part = 0.5;
    if (high_slope > 0.0) part = std::clamp(low_slope / (low_slope - high_slope), 0.1, 0.9);
    return low + part * (high - low);
  }
};

class Minimizer {
 public:
  Minimizer(const SmoothFunction& function, const MinimizeOptions& options)
      : function_(function), options_(options) {}

  Minimum run(std::vector<double> start) {
    here_ = evaluate(std::move(start));
    if (!is_finite(here_)) return finish(false, "the function is not finite at the start");
    result_.trace.push_back(here_.value);
    while (largest(here_.gradient) > options_.gradient_tolerance) {
      if (result_.iterations == options_.maximum_iterations) {
        return finish(false, fmt::format("{} iterations were not enough", result_.iterations));
      }
      if (!step()) return finish(false, "no step lowers the function any further");
      ++result_.iterations;
      result_.trace.push_back(here_.value);
    }
    return finish(true, "converged");
  }

 private:
  static bool is_finite(const Point& p) {
    return std::isfinite(p.value) && std::isfinite(dot(p.gradient, p.gradient));
  }

  Point evaluate(std::vector<double> x) {
    Point p{std::move(x), kNaN, {}};
    p.gradient.assign(p.x.size(), 0.0);
    p.value = function_(p.x, p.gradient);
    ++result_.evaluations;
    return p;
  }

  /// Moves along the quasi-Newton direction, or along the gradient when that fails.
  bool step() {
    std::vector<double> direction = apply_inverse_hessian(pairs_, here_.gradient);
    for (double& d : direction) d = -d;
    if (search(direction)) return true;
    if (pairs_.empty()) return false;
    pairs_.clear();
    direction = here_.gradient;
    for (double& d : direction) d = -d;
    return search(direction);
  }

  bool search(const std::vector<double>& direction) {
    const double slope = dot(direction, here_.gradient);
    if (!(slope < 0.0)) return false;
    Bracket bracket{0.0, slope};
    double length = pairs_.empty() ? 1.0 / std::fmax(1.0, largest(direction)) : 1.0;
    for (int trial = 0; trial < kMaximumTrials; ++trial) {
      std::vector<double> x = here_.x;
      add_scaled(length, direction, x);
      Point next = evaluate(std::move(x));
      const double next_slope = is_finite(next) ? dot(direction, next.gradient) : kNaN;
      if (!is_finite(next) || !falls_enough(next.value, length * slope, next_slope, slope)) {
        bracket.high = length;
        bracket.high_slope = next_slope;
      } else if (next_slope < kSufficientCurvature * slope) {
        bracket.low = length;
        bracket.low_slope = next_slope;
      } else {
        accept(std::move(next));
        return true;
      }
      length = bracket.next();
    }
    return false;
  }

  [[nodiscard]] bool falls_enough(double value, double predicted, double next_slope,
                                  double slope) const {
    if (value <= here_.value + kSufficientDecrease * predicted) return true;
    const double rounding = kRounding * std::fmax(1.0, std::fabs(here_.value));
    return value <= here_.value + rounding && next_slope <= -kSlopeRise * slope;
  }

  void accept(Point next) {
    Pair pair{next.x, next.gradient, 0.0};
    add_scaled(-1.0, here_.x, pair.step);
    add_scaled(-1.0, here_.gradient, pair.change);
    const double product = dot(pair.step, pair.change);
    if (product > 0.0 && std::isfinite(1.0 / product)) {
      pair.inverse_product = 1.0 / product;
      pairs_.push_back(std::move(pair));
      if (pairs_.size() > options_.memory) pairs_.pop_front();
    }
    here_ = std::move(next);
  }

  Minimum finish(bool converged, std::string message) {
    result_.converged = converged;
    result_.message = std::move(message);
    result_.x = here_.x;
    result_.value = here_.value;
    result_.gradient_norm = largest(here_.gradient);
    return std::move(result_);
  }

  const SmoothFunction& function_;
  const MinimizeOptions& options_;
  std::deque<Pair> pairs_;
  Point here_;
  Minimum result_;
};

}  // namespace

void MinimizeOptions::validate() const {
  if (!(gradient_tolerance > 0.0)) {
    throw OptionError(
        fmt::format("gradient_tolerance {}, expected a number above 0", gradient_tolerance));
  }
  if (memory == 0) throw OptionError("memory 0, expected at least 1");
}

Minimum minimize(const SmoothFunction& function, std::vector<double> start,
                 const MinimizeOptions& options) {
  options.validate();
  return Minimizer(function, options).run(std::move(start));
}

}  // namespace credo
