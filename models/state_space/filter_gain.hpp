#pragma once
// The gain of a filter. Internal.

#include <credo/models/state_space/state_space.hpp>

#include <vector>

namespace credo {

/// L = S C' (C S C' + V)^+, n x k, row-major, for the covariance S of x_t given y_1 .. y_t-1:
/// x^ = predicted + L (y - C predicted - d). Where C S C' + V is singular the smallest such L;
/// the others differ only by what multiplies observations of probability zero.
[[nodiscard]] std::vector<double> filter_gain(const StateSpaceModel& model,
                                              const StateSpaceStep& step,
                                              const std::vector<double>& predicted_covariance);

}  // namespace credo
