#include <credo/core/numerics.hpp>
#include <credo/models/control/merged_outcome.hpp>

#include <algorithm>
#include <cmath>

// Two ways of getting from (s, a) to s' with different rewards are one entry of p(s' | s, a); which
// of them happened is eliminated like the next state itself, under the same price rho of bending
// the dynamics. Cost: outcomes.

namespace credo::control {
namespace {

/// log of the mean of exp(x - top) under weights that sum to total. Spans of x that are small next
/// to 1 keep their digits, because rho multiplies the result.
double log_mean_exp(std::span<const Outcome> outcomes, double scale, double top, double total) {
  double lowest = top;
  for (const Outcome& o : outcomes) lowest = std::min(lowest, o.reward / scale);
  const bool narrow = top - lowest < 0.5;
  double sum = 0.0;
  for (const Outcome& o : outcomes) {
    const double x = o.reward / scale - top;
    sum += o.probability * (narrow ? std::expm1(x) : std::exp(x));
  }
  return narrow ? std::log1p(sum / total) : std::log(sum / total);
}

}  // namespace

MergedOutcome merge_outcomes(std::span<const Outcome> outcomes, double temperature, double rho) {
  const double scale = rho == 0.0 ? temperature : temperature * rho;
  double probability = 0.0;
  double top = -kInfinity;
  bool equal = true;
  for (const Outcome& o : outcomes) {
    probability += o.probability;
    top = std::max(top, o.reward / scale);
    equal = equal && o.reward == outcomes.front().reward;
  }
  const double reward = outcomes.front().reward;
  // Exact where nothing needs to be summed, so that rewards keep their digits.
  if (equal) return {probability, reward / temperature, reward};
  if (rho == 0.0) return {probability, top, top * scale};
  double weight = 0.0;
  double mean = 0.0;
  for (const Outcome& o : outcomes) {
    const double w = o.probability * (std::isinf(rho) ? 1.0 : std::exp(o.reward / scale - top));
    weight += w;
    mean += w * o.reward;
  }
  mean /= weight;
  if (std::isinf(rho)) return {probability, mean / temperature, mean};
  return {probability, rho * (top + log_mean_exp(outcomes, scale, top, probability)), mean};
}

}  // namespace credo::control
