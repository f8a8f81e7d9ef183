// credo convert: read in one format, write in another.

#include "commands.hpp"
#include "input.hpp"
#include "output.hpp"

#include <credo/core/formats/format.hpp>

namespace credo::cli {

ExitCode run_convert(const Arguments& arguments) {
  const Format format = model_format(arguments);
  const LoadedModel model = load_model(arguments);
  write_output(write_model(model.graph, format), arguments.output.path);
  const std::string lost = losses(model.graph, format);
  if (!lost.empty() && !arguments.output.quiet) {
    complain("note: " + lost);
  }
  return ExitCode::answered;
}

}  // namespace credo::cli
