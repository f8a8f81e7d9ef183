#pragma once
// What is said where a Gaussian integral diverges.

#include <string>

namespace credo::gaussian {

/// Over a variable of that name, of which a direction has no curvature.
[[nodiscard]] std::string explain_flat(const std::string& name);
/// The same, where it has negative curvature.
[[nodiscard]] std::string explain_indefinite(const std::string& name);

}  // namespace credo::gaussian
