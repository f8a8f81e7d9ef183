#pragma once
// What drawings as text and as SVG share. Internal.

#include <credo/models/control/mdp.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

namespace credo::control {

/// Actions whose probabilities differ by less are drawn as equal.
inline constexpr double kTie = 1e-9;

[[nodiscard]] inline std::span<const double> row_of(const Mdp& mdp, std::span<const double> policy,
                                                    std::size_t state) {
  return policy.subspan(state * mdp.action_count(), mdp.action_count());
}

/// The first of the most likely actions; rounding does not decide between equals.
[[nodiscard]] inline std::size_t best_action(const Mdp& mdp, std::span<const double> policy,
                                             std::size_t state) {
  const auto p = row_of(mdp, policy, state);
  const double most = *std::max_element(p.begin(), p.end());
  const auto is_most = [most](double x) { return !(x < most - kTie); };
  return static_cast<std::size_t>(std::find_if(p.begin(), p.end(), is_most) - p.begin());
}

/// Whether all available actions are equally likely.
[[nodiscard]] inline bool is_indifferent(const Mdp& mdp, std::span<const double> policy,
                                         std::size_t state) {
  double low = std::numeric_limits<double>::infinity();
  double high = 0.0;
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    if (!mdp.is_available(state, a)) continue;
    low = std::min(low, row_of(mdp, policy, state)[a]);
    high = std::max(high, row_of(mdp, policy, state)[a]);
  }
  return high - low < kTie;
}

}  // namespace credo::control
