#include <credo/inference/gaussian/divergence.hpp>

#include <fmt/format.h>

#include <unordered_set>

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

std::string explain_rounded_certainty(const std::string& name, double variance) {
  return fmt::format(
      "the covariance of {} was taken for singular: a direction keeps {:.2g} of its variance, "
      "which "
      "rounding alone can leave",
      name, variance);
}

std::string rounded_certainty(const FactorGraph& graph) {
  std::unordered_set<const void*> known;
  for (GaussianFactorId g = 0; g < graph.gaussian_factors().size(); ++g) {
    const GaussianTable& table = graph.gaussian_factor(g).table;
    // A single number keeps all of its variance or has none.
    if (!table.is_conditional() || table.dimensions().back() < 2) continue;
    if (!known.insert(table.identity()).second) continue;
    for (std::uint64_t entry = 0; entry < table.size(); ++entry) {
      const double variance = table.rounded_variance(entry);
      if (variance > 0.0) return explain_rounded_certainty(graph.describe_gaussian(g), variance);
    }
  }
  return "";
}

}  // namespace credo::gaussian
