#pragma once
// One function per group of commands: load, ask the library, show.

#include "arguments.hpp"
#include "exit_code.hpp"
#include "session.hpp"

namespace credo::cli {

/// pr, mar, map, mmap, sample.
ExitCode run_query(const Arguments& arguments, const Stopwatch& since_start);
ExitCode run_info(const Arguments& arguments, const Stopwatch& since_start);
ExitCode run_convert(const Arguments& arguments);
/// Tables of a network from data.
ExitCode run_fit(const Arguments& arguments, const Stopwatch& since_start);
ExitCode run_draw(const Arguments& arguments, const Stopwatch& since_start);
ExitCode run_control(const Arguments& arguments, const Stopwatch& since_start);
ExitCode run_learn(const Arguments& arguments, const Stopwatch& since_start);
/// meu.
ExitCode run_decision(const Arguments& arguments, const Stopwatch& since_start);
/// Replaces this program by the benchmarks'; returns or throws only when it cannot.
ExitCode run_bench(const Arguments& arguments);

}  // namespace credo::cli
