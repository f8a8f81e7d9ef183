#pragma once
// What rounding may do to the values of a finite horizon. Internal.

#include <credo/models/control/solve.hpp>

#include <span>
#include <vector>

namespace credo::control {

/// The backward step, as far as rounding asks.
struct RoundedStep {
  Method method = Method::clamped;
  double temperature = 1.0;
  double rho = 1.0;
};

/// A bound on |computed - exact V_t(s)| over all finite values (steps 0 .. T, states), in units of
/// reward. Higham 2002, sections 3.1 and 4.2, to first order in the unit roundoff; powers and
/// logarithms are taken to be right to 4 units in the last place.
[[nodiscard]] double rounding_bound(const Mdp& mdp, const RoundedStep& step,
                                    std::span<const std::vector<double>> values);

}  // namespace credo::control
