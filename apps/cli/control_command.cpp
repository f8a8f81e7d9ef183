// credo control: control as inference on a built-in environment or an MDP file.

#include "commands.hpp"
#include "control_report.hpp"
#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/mdp_json.hpp>
#include <credo/models/control/solve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace credo::cli {
namespace {

using control::Mdp;

std::string read_map(const std::string& map) {
  if (map == "4x4" || map == "8x8") {
    return map;
  }
  std::ifstream file(map, std::ios::binary);
  if (!file || std::filesystem::is_directory(map)) {
    throw FileError(fmt::format("{}: cannot read this map; expected 4x4, 8x8 or a text file", map));
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_built_in(const std::string& name) {
  const auto known = control::environments();
  return std::any_of(known.begin(), known.end(), [&](const auto& e) { return e.name == name; });
}

/// A file that promises an end which some state never reaches is wrong, when nothing else ends the
/// problem. Without any terminal state the problem itself is refused.
void require_end(const Mdp& mdp, const ControlArguments& c) {
  if (c.horizon || c.discount.value_or(mdp.discount()) < 1.0 || mdp.terminal().empty()) return;
  if (const auto endless = mdp.endless_state()) {
    throw ModelError(fmt::format(
        "{}: transitions of state {}: no terminal state can be reached from state {}, expected an "
        "end within reach of every state when the discount is 1; give --horizon, or a --discount "
        "below 1",
        c.environment, mdp.state_name(*endless), mdp.state_name(*endless)));
  }
}

Mdp load_process(const ControlArguments& c) {
  const bool file =
      !is_built_in(c.environment) && (c.environment.find_first_of("./") != std::string::npos ||
                                      std::filesystem::exists(c.environment));
  if (!file) {
    control::EnvironmentOptions options;
    const auto& environment = control::require_environment(c.environment);
    if (!c.map.empty()) {
      options.map = read_map(c.map);
    }
    options.slippery = c.slippery;
    return environment.make(options);
  }
  if (!c.map.empty() || c.slippery) {
    throw OptionError("--map and --slippery belong to built-in environments, not to MDP files");
  }
  Mdp mdp = control::read_mdp_json(c.environment);
  require_end(mdp, c);
  return mdp;
}

control::ControlOptions make_options(const Arguments& a, const Stopwatch& since_start) {
  control::ControlOptions options;
  const ControlArguments& c = a.control;
  options.method = control::require_method(c.method);
  if (c.rho && options.method != control::Method::risk) {
    throw OptionError(fmt::format("--rho belongs to --method risk, got --method {}", c.method));
  }
  options.rho = c.rho.value_or(options.rho);
  options.temperature = c.temperature;
  if (c.prior == "given") {
    throw OptionError("--prior 'given' needs a table; expected uniform or counting");
  }
  options.prior = control::require_action_prior(c.prior);
  options.horizon = c.horizon;
  options.discount = c.discount;
  options.tolerance = c.tolerance;
  options.infer = make_infer_options(a.engine, since_start);
  return options;
}

}  // namespace

ExitCode run_control(const Arguments& arguments, const Stopwatch& since_start) {
  const ControlArguments& c = arguments.control;
  const std::string format =
      require_one_of("--format", arguments.output.format, {"text", "json", "svg"});
  if (!c.picture.empty() && format != "svg") {
    throw OptionError("--picture belongs to --format svg");
  }
  check_picture(c);
  control::ControlOptions options = make_options(arguments, since_start);
  const Mdp mdp = load_process(c);
  Session session(arguments.output, since_start);
  options.infer.observer = session.observer();
  const control::ControlSolution solution = control::solve_control(mdp, options);
  const auto simulation =
      control_simulation(mdp, solution, c, arguments.engine.seed, options.infer.memory_limit_bytes);
  session.finish();

  if (!arguments.output.trace_path.empty()) {
    write_output(control_trace(solution, session.events()), arguments.output.trace_path);
  }
  if (format == "json") {
    write_output(control_json(mdp, solution, c, simulation), arguments.output.path);
  } else if (solution.ok()) {
    write_output(format == "svg" ? control_picture(mdp, solution, c)
                                 : control_text(mdp, solution, c, simulation),
                 arguments.output.path);
  }
  if (!solution.ok() || !solution.infeasible_factor.empty()) {
    complain(solution.message);
  }
  return exit_code_of(solution.status);
}

}  // namespace credo::cli
