// credo convert: read in one format, write in another.

#include "commands.hpp"
#include "input.hpp"
#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>

#include <fmt/format.h>

namespace credo::cli {
namespace {

Format target_format(const Arguments& arguments) {
  if (!arguments.to.empty()) {
    return format_of_name(arguments.to);
  }
  if (const auto format = format_of_path(arguments.output.path)) {
    return *format;
  }
  std::string known;
  for (const FormatInfo& info : formats()) {
    known += fmt::format("{}.{}", known.empty() ? "" : ", ", info.extensions.front());
  }
  throw OptionError(fmt::format(
      "cannot tell the format of '{}' from its extension; expected {} (each also .gz), or --to "
      "FORMAT",
      arguments.output.path, known));
}

}  // namespace

ExitCode run_convert(const Arguments& arguments) {
  const Format format = target_format(arguments);
  const LoadedModel model = load_model(arguments.model, arguments.from);
  write_output(write_model(model.graph, format), arguments.output.path);
  const std::string lost = losses(model.graph, format);
  if (!lost.empty() && !arguments.output.quiet) {
    complain("note: " + lost);
  }
  return ExitCode::answered;
}

}  // namespace credo::cli
