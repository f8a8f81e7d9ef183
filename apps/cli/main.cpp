// The program credo: translates between people, files and the library.

#include "arguments.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "output_paths.hpp"
#include "session.hpp"
#include "watchdog.hpp"

#include <credo/core/error.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>

namespace credo::cli {
namespace {

ExitCode dispatch(const Arguments& arguments, const Stopwatch& since_start) {
  switch (arguments.command) {
    case Command::info:
      return run_info(arguments, since_start);
    case Command::convert:
      return run_convert(arguments);
    case Command::fit:
      return run_fit(arguments, since_start);
    case Command::draw:
      return run_draw(arguments, since_start);
    case Command::control:
      return run_control(arguments, since_start);
    case Command::learn:
      return run_learn(arguments, since_start);
    case Command::meu:
      return run_decision(arguments, since_start);
    case Command::bench:
      return run_bench(arguments);
    default:
      return run_query(arguments, since_start);
  }
}

ExitCode run(int count, const char* const* values) {
  const Stopwatch since_start;
  try {
    const ParsedArguments parsed = parse_arguments(count, values);
    if (!parsed.arguments) {
      write_output(parsed.text, "");
      return ExitCode::answered;
    }
    check_files(files_of(*parsed.arguments));
    watch_limits(parsed.arguments->engine, since_start);
    return dispatch(*parsed.arguments, since_start);
  } catch (const Refusal& refusal) {
    complain(refusal.what());
    return ExitCode::refused;
  } catch (const Error& error) {
    complain(error.what());
    return ExitCode::wrong_input;
  } catch (const std::bad_alloc&) {
    complain(fmt::format(
        "out of memory while {}: it needs more than --memory-limit allows, or than is free",
        watchdog::phase()));
    return ExitCode::refused;
  } catch (const std::length_error&) {
    complain("out of memory: a table is larger than any this machine can address");
    return ExitCode::refused;
  } catch (const std::exception& error) {
    complain(fmt::format("internal error: {}; please report it with the command", error.what()));
    return ExitCode::refused;
  }
}

/// An allocation may fail where no exception can pass. Everything else is a bug and dumps core.
[[noreturn]] void on_terminate() {
  try {
    if (const std::exception_ptr current = std::current_exception()) {
      std::rethrow_exception(current);
    }
  } catch (const std::bad_alloc&) {
    constexpr std::string_view kMessage = "credo: out of memory; ask for less, or allow more\n";
    std::fwrite(kMessage.data(), 1, kMessage.size(), stderr);
    _exit(static_cast<int>(ExitCode::refused));
  } catch (...) {
  }
  std::abort();
}

}  // namespace
}  // namespace credo::cli

int main(int count, char** values) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is seen by write()
  std::set_terminate(credo::cli::on_terminate);
  const credo::cli::ExitCode code = credo::cli::run(count, values);
  credo::cli::watchdog::release();
  return static_cast<int>(code);
}
