#pragma once
// credo control on linear-quadratic problems.

#include "arguments.hpp"
#include "exit_code.hpp"
#include "session.hpp"

namespace credo::cli {

/// Whether the file that --environment names describes such a problem.
[[nodiscard]] bool is_linear_quadratic(const ControlArguments& arguments);

[[nodiscard]] ExitCode run_linear_quadratic(const Arguments& arguments,
                                            const Stopwatch& since_start);

}  // namespace credo::cli
