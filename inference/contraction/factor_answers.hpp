#pragma once
// What an answer says about single factors: beliefs over their scopes, and the
// derivatives of log Z with respect to their entries.

#include <credo/inference/contraction/lane_reader.hpp>

namespace credo::contraction {

/// b_f(x_f) for every factor that is left in the reduced model, stored as the factor stores its
/// table. Needs Program::leaf_adjoint of the factors' leaves.
void read_factor_marginals(const LaneReader& reader, Result& result);

/// d log Z / d f(x_f), linear, per held entry of every factor that is left. Needs the same.
void read_sensitivity(const LaneReader& reader, Result& result);

/// Per node: log Z of the component that the node belongs to.
[[nodiscard]] std::vector<double> log_z_of_components(const LaneReader& reader);

}  // namespace credo::contraction
