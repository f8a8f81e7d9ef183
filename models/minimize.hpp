#pragma once
// Unconstrained minimisation of a smooth function from its gradient.

#include <credo/core/numerics.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// f(x): returns the value and writes df/dx, as many entries as x. +infinity or NaN outside the
/// domain of f; the gradient does not matter there.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct MinimizeOptions {
  /// Done when max_i |df/dx_i| is at most this.
  double gradient_tolerance = 1e-9;
  std::size_t maximum_iterations = 1000;
  /// Pairs (step, change of the gradient) that the inverse Hessian is estimated from.
  std::size_t memory = 12;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed.
struct Minimum {
  bool converged = false;
  /// Why it stopped.
  std::string message = "not run yet";
  std::vector<double> x;
  double value = kNaN;
  /// max_i |df/dx_i| at x.
  double gradient_norm = kNaN;
  std::size_t iterations = 0;
  std::size_t evaluations = 0;
  /// f at the start and after every iteration: never increasing, up to rounding of f.
  std::vector<double> trace;
};

/// A stationary point of f, the global minimum when f is convex: limited-memory BFGS from `start`
/// with a line search for the weak Wolfe conditions. Never throws for numerical reasons: a function
/// without a minimum ends as not converged. Cost per iteration: one or two evaluations, and
/// memory x size. Nocedal and Wright 2006, algorithms 7.4 and 7.5.
[[nodiscard]] Minimum minimize(const SmoothFunction& function, std::vector<double> start,
                               const MinimizeOptions& options = {});

}  // namespace credo
