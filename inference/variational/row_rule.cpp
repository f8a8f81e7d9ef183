// q proportional to m exp(J / w), with the largest exponent taken out first; rows of probabilities
// are normalised by their own sum, so that they add up to 1 whatever the size of J.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace credo::variational {

double solve_row(ConditionalKind kind, double weight, std::span<const double> log_base,
                 std::span<double> j, std::span<double> q) {
  std::ranges::fill(q, 0.0);
  if (kind == ConditionalKind::arg_max) {
    const auto best = std::ranges::max_element(j);
    if (best == j.end() || *best == -kInfinity) return -kInfinity;
    if (!q.empty()) q[static_cast<std::size_t>(best - j.begin())] = 1.0;
    return *best;
  }
  double largest = -kInfinity;
  for (std::size_t k = 0; k < j.size(); ++k) {
    const double base = log_base.empty() ? 0.0 : log_base[k];
    if (base == -kInfinity) {
      j[k] = -kInfinity;  // also where J = -infinity and the weight is negative
    } else if (j[k] == -kInfinity && weight < 0.0) {
      if (!q.empty()) q[k] = 1.0;  // the worst case, at any finite price
      return -kInfinity;
    } else {
      j[k] = j[k] / weight + base;
    }
    largest = std::max(largest, j[k]);
  }
  if (largest == -kInfinity) return -kInfinity;
  double sum = 0.0;
  for (double& t : j) {
    t = std::exp(t - largest);
    sum += t;
  }
  for (std::size_t k = 0; k < q.size(); ++k) q[k] = j[k] / sum;
  return weight * (largest + std::log(sum));
}

}  // namespace credo::variational
