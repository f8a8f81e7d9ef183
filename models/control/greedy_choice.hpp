#pragma once
// One action per state from scores, when several are equal. Internal.

#include <credo/models/control/backup.hpp>

#include <span>
#include <vector>

namespace credo::control {

/// The largest finite |value|, at least 1.
[[nodiscard]] double largest_value(std::span<const double> value);

/// Infinite horizon: among choices that are equal up to the certified error (nats), the first,
/// unless the episode would never end: then one that leads on to states from which it ends. In
/// states without such a choice, the fallback's. contexts x actions. Cost: outcomes.
[[nodiscard]] std::vector<double> greedy_ending_policy(const SolvedStep& step,
                                                       std::span<const double> value, double error,
                                                       const std::vector<double>& fallback);

}  // namespace credo::control
