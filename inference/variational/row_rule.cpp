// q proportional to m exp(J / w), with the largest exponent taken out first; rows of probabilities
// are normalised by their own sum, so that they add up to 1 whatever the size of J.
//
// A charge rho much larger than the spread of J would lose log10(rho) digits of U in rho log sum:
// there U = c + rho log(1 + sum k (exp((J - c) / rho) - 1)) with c = sum k J, for a kernel that
// sums to 1.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace credo::variational {

namespace {

// Below this spread of J / rho a charged conditional is nearly clamped.
constexpr double kNearlyClamped = 1e-3;
constexpr double kSumsToOne = 1e-12;
// Violations within this of the fewest are rounding, unless there are none.
constexpr double kSameViolations = 1e-9;

double solve_arg_max(std::span<const double> j, std::span<double> q) {
  const auto best = std::ranges::max_element(j);
  if (best == j.end() || *best == -kInfinity) return -kInfinity;
  if (!q.empty()) q[static_cast<std::size_t>(best - j.begin())] = 1.0;
  return *best;
}

/// Nothing when the row is not nearly clamped.
std::optional<double> nearly_clamped(double rho, std::span<const double> log_kernel,
                                     std::span<const double> j) {
  double smallest = kInfinity;
  double largest = -kInfinity;
  for (std::size_t k = 0; k < j.size(); ++k) {
    if (log_kernel[k] == -kInfinity) continue;
    smallest = std::min(smallest, j[k]);
    largest = std::max(largest, j[k]);
  }
  // Also nothing for infinities, whose difference is not a number.
  if (!(largest - smallest <= kNearlyClamped * std::fabs(rho))) return std::nullopt;
  double sum = 0.0;
  double mean = 0.0;
  for (std::size_t k = 0; k < j.size(); ++k) {
    if (log_kernel[k] == -kInfinity) continue;
    sum += std::exp(log_kernel[k]);
    mean += std::exp(log_kernel[k]) * j[k];
  }
  if (std::fabs(sum - 1.0) > kSumsToOne) return std::nullopt;
  double excess = 0.0;
  for (std::size_t k = 0; k < j.size(); ++k) {
    if (log_kernel[k] == -kInfinity) continue;
    excess += std::exp(log_kernel[k]) * std::expm1((j[k] - mean) / rho);
  }
  return mean + rho * std::log1p(excess);
}

double solve_soft(double weight, std::span<const double> log_base, std::span<double> j,
                  std::span<double> q) {
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

}  // namespace

void keep_to_feasible(ConditionalKind kind, double weight, std::span<const double> violations,
                      std::span<const double> log_base, std::span<double> j) {
  if (violations.empty()) return;
  const bool worst = kind == ConditionalKind::charged && weight < 0.0;
  double fewest = kInfinity;
  double most = 0.0;
  for (std::size_t k = 0; k < j.size(); ++k) {
    if (!log_base.empty() && log_base[k] == -kInfinity) continue;
    fewest = std::min(fewest, violations[k]);
    most = std::max(most, violations[k]);
  }
  for (std::size_t k = 0; k < j.size(); ++k) {
    const bool dropped = worst ? most > 0.0 && violations[k] >= most * (1.0 - kSameViolations)
                               : violations[k] > fewest * (1.0 + kSameViolations);
    if (dropped) j[k] = -kInfinity;
  }
}

double solve_row(ConditionalKind kind, double weight, std::span<const double> log_base,
                 std::span<double> j, std::span<double> q) {
  std::ranges::fill(q, 0.0);
  if (kind == ConditionalKind::arg_max) return solve_arg_max(j, q);
  std::optional<double> accurate;
  if (kind == ConditionalKind::charged) accurate = nearly_clamped(weight, log_base, j);
  const double u = solve_soft(weight, log_base, j, q);
  return accurate.value_or(u);
}

}  // namespace credo::variational
