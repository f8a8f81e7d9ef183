#pragma once
// Densities written down directly, for comparison with what messages find.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

namespace credo::testing {

/// Uniform and standard normal numbers with the same bits everywhere.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : engine_(seed) {}
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::mt19937_64 engine_;
};

/// log N(x | mean, covariance), covariance [n, n]: by conditioning one number after another.
inline double log_normal(const std::vector<double>& x, std::vector<double> mean,
                         std::vector<double> covariance) {
  const std::size_t n = x.size();
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double variance = covariance[i * n + i];
    const double error = x[i] - mean[i];
    sum -= 0.5 * (std::log(2.0 * std::numbers::pi * variance) + error * error / variance);
    for (std::size_t j = i + 1; j < n; ++j) {
      const double gain = covariance[j * n + i] / variance;
      mean[j] += gain * error;
      for (std::size_t k = i + 1; k < n; ++k) covariance[j * n + k] -= gain * covariance[i * n + k];
    }
  }
  return sum;
}

/// log of the Dirichlet-multinomial probability of one sequence with these counts.
inline double log_dirichlet_counts(const std::vector<double>& prior,
                                   const std::vector<double>& counts) {
  double total = 0.0;
  double all = 0.0;
  double sum = 0.0;
  for (std::size_t s = 0; s < prior.size(); ++s) {
    sum += std::lgamma(prior[s] + counts[s]) - std::lgamma(prior[s]);
    total += prior[s];
    all += counts[s];
  }
  return sum + std::lgamma(total) - std::lgamma(total + all);
}

/// Never falls, but for rounding.
inline bool is_monotone(const std::vector<double>& trace) {
  for (std::size_t i = 1; i < trace.size(); ++i) {
    if (trace[i] < trace[i - 1] - 1e-12 * std::fabs(trace[i])) return false;
  }
  return !trace.empty();
}

}  // namespace credo::testing
