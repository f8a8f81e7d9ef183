#pragma once
// What finite and infinite horizons share. Internal.

#include <credo/models/control/linear_quadratic.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace credo::control {

/// Kinds of the conditionals of one method.
struct LinearQuadraticKinds {
  double charge = 0.0;  ///< of the dynamics; infinite: clamped
  bool best = false;    ///< controls are arg-max
};
[[nodiscard]] LinearQuadraticKinds kinds_of(const LinearQuadraticOptions& options);

/// r / alpha over (x, u).
[[nodiscard]] GaussianTable reward_table(const LinearQuadratic& problem,
                                         const LinearQuadraticStep& step, double temperature);
/// p(x' | x, u).
[[nodiscard]] GaussianTable dynamics_table(const LinearQuadratic& problem,
                                           const LinearQuadraticStep& step);
/// V / alpha over x, for a decision's value.
[[nodiscard]] QuadraticForm value_form(const LinearQuadraticDecision& decision, double temperature);
/// And back.
void take_value(const QuadraticForm& form, double temperature, LinearQuadraticDecision& decision);

/// A matrix that may have been left out.
[[nodiscard]] std::vector<double> or_zeros(const std::vector<double>& entries, std::size_t count);

/// The fixed point of one slice.
[[nodiscard]] LinearQuadraticSolution solve_stationary(const LinearQuadratic& problem,
                                                       const LinearQuadraticOptions& options);

/// The largest modulus of the eigenvalues of A + B K.
[[nodiscard]] double closed_loop_radius(const LinearQuadratic& problem,
                                        const LinearQuadraticDecision& decision);
/// "" when (A, B) can be stabilised, else which eigenvalue cannot be moved.
[[nodiscard]] std::string why_not_stabilisable(const LinearQuadratic& problem);
/// Long-run reward per step of one decision rule; -infinity when the loop is not stable.
[[nodiscard]] double average_reward(const LinearQuadratic& problem,
                                    const LinearQuadraticDecision& decision);

}  // namespace credo::control
