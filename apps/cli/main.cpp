// The program credo: translates between people, files and the library.

#include "arguments.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "output_paths.hpp"

#include <credo/core/error.hpp>

#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <new>
#include <stdexcept>

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
    return dispatch(*parsed.arguments, since_start);
  } catch (const Refusal& refusal) {
    complain(refusal.what());
    return ExitCode::refused;
  } catch (const Error& error) {
    complain(error.what());
    return ExitCode::wrong_input;
  } catch (const std::bad_alloc&) {
    complain(
        "out of memory: the model or the answer is larger than what is free; "
        "try --memory-limit, or ask for less");
    return ExitCode::refused;
  } catch (const std::length_error&) {
    complain("out of memory: a table is larger than any this machine can address");
    return ExitCode::refused;
  } catch (const std::exception& error) {
    complain(fmt::format("internal error: {}; please report it with the command", error.what()));
    return ExitCode::refused;
  }
}

}  // namespace
}  // namespace credo::cli

int main(int count, char** values) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is seen by write()
  return static_cast<int>(credo::cli::run(count, values));
}
