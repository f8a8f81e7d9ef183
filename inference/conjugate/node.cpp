// What all nodes share.

#include <credo/inference/conjugate/node.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace credo::conjugate {

Node::Node(const ConjugatePlate& plate) : plate_(&plate) {
  if (!plate.missing) return;
  missing_.resize(plate.count);
  for (std::size_t i = 0; i < plate.count; ++i) {
    bool missing = false;
    if (plate.states.empty()) {
      const auto element = std::span(plate.values).subspan(i * plate.size(), plate.size());
      missing = std::ranges::any_of(element, [](double x) { return std::isnan(x); });
    } else {
      missing = plate.states[i] == ConjugateModel::kMissing;
    }
    missing_[i] = missing ? 1 : 0;
  }
}

double Draws::normal() {
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace credo::conjugate
