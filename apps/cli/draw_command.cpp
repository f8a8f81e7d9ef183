// credo draw: the model, or its plan, as DOT, SVG or PNG.

#include "commands.hpp"
#include "dot.hpp"
#include "graphviz.hpp"
#include "input.hpp"
#include "output.hpp"
#include "preview.hpp"
#include "watchdog.hpp"

#include <credo/core/error.hpp>

#include <fmt/format.h>

#include <filesystem>

namespace credo::cli {
namespace {

std::string picture_format(const OutputArguments& output) {
  const std::string extension = std::filesystem::path(output.path).extension().string();
  if (!output.format.empty() || extension.empty()) {
    return require_one_of("--format", output.format, {"dot", "svg", "png"});
  }
  const std::string format = extension == ".gv" ? "dot" : extension.substr(1);
  if (format != "dot" && format != "svg" && format != "png") {
    throw OptionError(fmt::format(
        "cannot tell the picture's format from '{}': expected .dot, .gv, .svg or .png, or --format",
        output.path));
  }
  return format;
}

}  // namespace

ExitCode run_draw(const Arguments& arguments, const Stopwatch& since_start) {
  const std::string format = picture_format(arguments.output);
  const LoadedModel model = load_model(arguments);
  const Evidence evidence = load_evidence(arguments.evidence, model.graph);
  std::string dot;
  if (arguments.draw_plan) {
    Session session(arguments.output, since_start);
    InferOptions options = make_infer_options(arguments.engine, since_start);
    options.observer = session.observer();
    dot = preview_plan(model.graph, evidence, options).to_dot(model.graph);
  } else {
    dot = to_dot(model.graph, evidence);
  }
  watchdog::resume();
  watchdog::enter("drawing");
  write_output(format == "dot" ? dot : run_graphviz(dot, format), arguments.output.path);
  return ExitCode::answered;
}

}  // namespace credo::cli
