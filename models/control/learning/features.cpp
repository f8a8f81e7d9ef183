#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/learning/features.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

// Cost of the Fourier features: dimension cosines by the formula for cos(k x), then one product per
// feature and component, through e^(i pi c . x) = prod_d e^(i pi c_d x_d).

namespace credo::control::learning {
namespace {

constexpr double kMostFeatures = 1e6;

struct Wave {
  double real = 1.0;
  double imaginary = 0.0;
};

Wave operator*(const Wave& a, const Wave& b) {
  return {a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real};
}

void check_bounds(std::span<const double> low, std::span<const double> high) {
  const bool paired = !low.empty() && low.size() == high.size();
  for (std::size_t d = 0; paired && d < low.size(); ++d) {
    if (std::isfinite(low[d]) && std::isfinite(high[d]) && low[d] < high[d]) continue;
    throw OptionError(fmt::format(
        "Fourier features: component {} ranges from {} to {}, expected finite, increasing bounds",
        d, low[d], high[d]));
  }
  if (!paired) {
    throw OptionError(fmt::format(
        "Fourier features: {} lower and {} upper bounds, expected one of each per component",
        low.size(), high.size()));
  }
}

}  // namespace

FeatureMap::FeatureMap(std::string name, std::size_t count, Function function)
    : name_(std::move(name)), count_(count), function_(std::move(function)) {}

FeatureMap FeatureMap::one_hot(std::size_t states) {
  FeatureMap map("table", states, [](std::span<const double> s, std::vector<Feature>& out) {
    out.push_back({static_cast<std::size_t>(s[0]), 1.0});
  });
  map.is_table_ = true;
  return map;
}

FeatureMap FeatureMap::fourier(std::vector<double> low, std::vector<double> high,
                               std::size_t order) {
  check_bounds(low, high);
  const double size = std::pow(static_cast<double>(order) + 1.0, static_cast<double>(low.size()));
  if (size > kMostFeatures) {
    throw OptionError(
        fmt::format("Fourier features of order {} over {} components are {:.0f}, "
                    "expected at most {:.0f}: lower the order",
                    order, low.size(), size, kMostFeatures));
  }
  std::string name = fmt::format("Fourier, order {}", order);
  const auto count = static_cast<std::size_t>(size);
  const double scale = std::sqrt(2.0 / size);
  const auto waves = [=, low = std::move(low), high = std::move(high)](std::span<const double> s,
                                                                       std::vector<Feature>& out) {
    std::vector<Wave> all = {{scale, 0.0}};
    for (std::size_t d = 0; d < low.size(); ++d) {
      const double x = std::clamp((s[d] - low[d]) / (high[d] - low[d]), 0.0, 1.0);
      const Wave turn{std::cos(std::numbers::pi * x), std::sin(std::numbers::pi * x)};
      const std::size_t before = all.size();
      for (std::size_t i = 0; i < before * order; ++i) all.push_back(all[i] * turn);
    }
    for (std::size_t i = 0; i < all.size(); ++i) out.push_back({i, all[i].real});
  };
  return {std::move(name), count, waves};
}

FeatureMap FeatureMap::usual(const Environment& environment, std::size_t order) {
  const EnvironmentFacts& facts = environment.facts();
  return facts.observations.is_discrete() ? one_hot(facts.observations.count)
                                          : fourier(facts.typical_low, facts.typical_high, order);
}

std::vector<Feature> FeatureMap::operator()(std::span<const double> observation) const {
  std::vector<Feature> features;
  function_(observation, features);
  return features;
}

}  // namespace credo::control::learning
