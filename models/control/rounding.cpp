#include <credo/models/control/rounding.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

// A backward step is a monotone map that adds what is added to all of its arguments: it passes the
// errors of the next values on without enlarging them (their sup norm), and adds its own. With k
// successors, A actions and numbers of size M = max |r| + max |V_t| + max |V_{t+1}|, its own are
//   sums of products and their weights   (k + 8) M units of roundoff,
//   log-sum-exp                          (k + A + 16) max(1, |rho|) alpha + 8 M more,
// the first because sums of k terms lose k units relative to the sum of magnitudes, the second
// because relative errors of a sum of positive terms are absolute ones of its logarithm. The steps
// add up. Cost: outcomes + steps x states.

namespace credo::control {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon() / 2.0;

double largest(std::span<const double> values) {
  double result = 0.0;
  for (const double v : values) {
    if (std::isfinite(v)) result = std::max(result, std::fabs(v));
  }
  return result;
}

bool is_soft(Method method) { return method != Method::hard && method != Method::best_case; }

}  // namespace

double rounding_bound(const Mdp& mdp, const RoundedStep& step,
                      std::span<const std::vector<double>> values) {
  double reward = 0.0;
  std::size_t successors = 0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      successors = std::max(successors, mdp.outcomes(s, a).size());
      for (const Outcome& o : mdp.outcomes(s, a)) reward = std::max(reward, std::fabs(o.reward));
    }
  }
  const auto terms = static_cast<double>(successors + 1);  // the sink of a discount, too
  const bool soft = is_soft(step.method);
  const double price =
      step.method == Method::risk && std::isfinite(step.rho) ? std::fabs(step.rho) : 1.0;
  const double own = soft ? (terms + static_cast<double>(mdp.action_count()) + 16.0) *
                                std::max(1.0, price) * step.temperature
                          : 0.0;
  // The last values are given: divided by alpha and multiplied again.
  double total = values.empty() ? 0.0 : 2.0 * largest(values.back());
  for (std::size_t t = 0; t + 1 < values.size(); ++t) {
    const double size = reward + largest(values[t]) + largest(values[t + 1]);
    total += (terms + (soft ? 16.0 : 8.0)) * size + own;
  }
  return kUnit * total;
}

}  // namespace credo::control
