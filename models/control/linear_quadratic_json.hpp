#pragma once
// Linear-quadratic problems as JSON (docs/linear-quadratic.md).

#include <credo/models/control/linear_quadratic.hpp>

#include <string>
#include <string_view>

namespace credo::control {

/// Keys A, B (required), offset, W, Q, R, S, goal, and Q_final, goal_final, initial_mean,
/// initial_covariance, horizon; matrices are lists of rows. Instead of one step: "steps", a list of
/// objects with the first eight keys. Throws ParseError, ModelError, naming source and key.
[[nodiscard]] LinearQuadratic parse_linear_quadratic_json(std::string_view text,
                                                          const std::string& source);
/// Throws FileError too.
[[nodiscard]] LinearQuadratic read_linear_quadratic_json(const std::string& path);

/// Whether a file is JSON with one of the keys A and steps: what tells these problems from other
/// ones. False when it cannot be read.
[[nodiscard]] bool is_linear_quadratic_json(const std::string& path);

}  // namespace credo::control
