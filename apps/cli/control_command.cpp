// credo control: control as inference on a built-in environment or an MDP file.

#include "commands.hpp"
#include "control_report.hpp"
#include "exit_code.hpp"
#include "input.hpp"
#include "linear_quadratic_command.hpp"
#include "output.hpp"

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/mdp_json.hpp>
#include <credo/models/control/solve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace credo::cli {
namespace {

using control::Mdp;

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

[[noreturn]] void refuse_size(const std::string& what, double bytes, double limit) {
  throw Refusal(fmt::format("{} needs at least {}, the limit is {}", what, describe_bytes(bytes),
                            describe_bytes(limit)));
}

Mdp make_environment(const ControlArguments& c, double memory_limit_bytes) {
  control::EnvironmentOptions options;
  const auto& environment = control::require_environment(c.environment);
  if (c.map == "4x4" || c.map == "8x8") {
    options.map = c.map;
  } else if (!c.map.empty()) {
    options.map = read_text(c.map, "4x4, 8x8 or a text file", memory_limit_bytes);
    options.map_source = c.map;
  }
  options.slippery = c.slippery;
  if (const double bytes = control::environment_bytes(options); bytes > memory_limit_bytes) {
    refuse_size("the process of the map " + c.map, bytes, memory_limit_bytes);
  }
  return environment.make(options);
}

}  // namespace

Mdp load_process(const ControlArguments& c, double memory_limit_bytes) {
  const bool file =
      !is_built_in(c.environment) && (c.environment.find_first_of("./") != std::string::npos ||
                                      std::filesystem::exists(c.environment));
  if (!file) return make_environment(c, memory_limit_bytes);
  if (!c.map.empty() || c.slippery) {
    throw OptionError("--map and --slippery belong to built-in environments, not to MDP files");
  }
  const std::string text =
      read_text(c.environment, "an environment's name or an MDP file", memory_limit_bytes);
  const double bytes = static_cast<double>(text.size()) + control::mdp_json_bytes(text);
  if (bytes > memory_limit_bytes) {
    refuse_size("reading " + c.environment, bytes, memory_limit_bytes);
  }
  Mdp mdp = control::parse_mdp_json(text, c.environment);
  require_end(mdp, c);
  return mdp;
}

namespace {

void remark_unused_actions(const Mdp& mdp) {
  const std::vector<std::size_t> unused = mdp.unused_actions();
  if (unused.empty()) return;
  complain(fmt::format("note: action {}{} is available in no state",
                       mdp.action_name(unused.front()),
                       unused.size() == 1 ? "" : fmt::format(" (and {} more)", unused.size() - 1)));
}

/// Options that would be passed over in silence.
void check_options(const ControlArguments& c, const std::string& format) {
  if (c.tolerance && c.horizon) {
    throw OptionError(
        "--tolerance belongs to the infinite horizon: with --horizon the values are exact up to "
        "rounding");
  }
  if (c.all_values && format != "json") throw OptionError("--values belongs to --format json");
  if (c.episodes && format == "svg") throw OptionError("--simulate belongs to text and json");
  if (!c.picture.empty() && format != "svg") {
    throw OptionError("--picture belongs to --format svg");
  }
  check_picture(c);
}

/// The largest text of an answer: numbers of every step take about so many characters, twice while
/// the text grows.
void check_text(const control::Mdp& mdp, const Arguments& a, double memory_limit_bytes) {
  constexpr double kCharacters = 2.0 * 20.0;
  const ControlArguments& c = a.control;
  const bool trace = !a.output.trace_path.empty();
  if (!c.horizon || (!c.all_values && !trace)) return;
  const double vectors = trace && c.method == "posterior" ? 3.0 : 1.0;
  const double bytes = kCharacters * vectors * (static_cast<double>(*c.horizon) + 1.0) *
                       static_cast<double>(mdp.state_count());
  if (bytes <= memory_limit_bytes) return;
  refuse_size(fmt::format("writing the {} of {} steps", trace ? "trace" : "values", *c.horizon),
              bytes, memory_limit_bytes);
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
  options.prior =
      control::require_action_prior(require_one_of("--prior", c.prior, {"uniform", "counting"}));
  options.horizon = c.horizon;
  options.discount = c.discount;
  options.tolerance = c.tolerance;
  options.infer = make_infer_options(a.engine, since_start);
  return options;
}

}  // namespace

ExitCode run_control(const Arguments& arguments, const Stopwatch& since_start) {
  const ControlArguments& c = arguments.control;
  if (is_linear_quadratic(c)) return run_linear_quadratic(arguments, since_start);
  const std::string format =
      require_one_of("--format", arguments.output.format, {"text", "json", "svg"});
  check_options(c, format);
  control::ControlOptions options = make_options(arguments, since_start);
  const Stopwatch loading;
  const Mdp mdp = load_process(c, options.infer.memory_limit_bytes);
  const double load_seconds = loading.seconds();
  if (!arguments.output.quiet) remark_unused_actions(mdp);
  check_text(mdp, arguments, options.infer.memory_limit_bytes);
  Session session(arguments.output, since_start);
  options.infer.observer = session.observer();
  const control::ControlSolution solution = control::solve_control(mdp, options);
  const auto simulation =
      control_simulation(mdp, solution, c, arguments.engine.seed, options.infer, since_start);
  session.finish();

  if (!arguments.output.trace_path.empty()) {
    write_output(control_trace(solution, session.events()), arguments.output.trace_path);
  }
  if (format == "json") {
    write_output(control_json(mdp, solution, c, simulation, load_seconds), arguments.output.path);
  } else if (solution.ok()) {
    write_output(format == "svg" ? control_picture(mdp, solution, c, options.infer, since_start)
                                 : control_text(mdp, solution, c, simulation),
                 arguments.output.path);
  }
  const bool in_part = !solution.complete && !arguments.output.quiet;
  if (!solution.ok() || !solution.infeasible_factor.empty() || in_part) complain(solution.message);
  if (simulation && simulation->episodes < *c.episodes && !arguments.output.quiet) {
    complain("--simulate: " + simulation->message);
  }
  return exit_code_of(solution.status);
}

}  // namespace credo::cli
