#include <credo/inference/gaussian/divergence.hpp>

#include <fmt/format.h>

namespace credo::gaussian {

std::string explain_flat(const std::string& name) {
  return fmt::format(
      "the integral over {} diverges: the factors leave a direction of it without curvature (give "
      "it a prior, or observe it)",
      name);
}

std::string explain_indefinite(const std::string& name) {
  return fmt::format(
      "the integral over {} diverges: the precision is indefinite (a direction of it has negative "
      "curvature)",
      name);
}

}  // namespace credo::gaussian
