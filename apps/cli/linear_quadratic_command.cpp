// credo control on linear-quadratic problems: gains, values, and what is expected of them.

#include "linear_quadratic_command.hpp"

#include "json_writer.hpp"
#include "limits.hpp"
#include "output.hpp"
#include "session.hpp"
#include "text_table.hpp"

#include <credo/core/error.hpp>
#include <credo/models/control/linear_quadratic.hpp>
#include <credo/models/control/linear_quadratic_json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace credo::cli {
namespace {

using control::LinearQuadratic;
using control::LinearQuadraticDecision;
using control::LinearQuadraticSolution;

void refuse_options(const Arguments& arguments) {
  const ControlArguments& c = arguments.control;
  const auto refuse = [](bool given, const char* name) {
    if (given) {
      throw OptionError(
          fmt::format("{} belongs to problems with states that can be counted, not to "
                      "linear-quadratic ones",
                      name));
    }
  };
  refuse(!c.map.empty(), "--map");
  refuse(c.slippery.has_value(), "--slippery");
  refuse(c.discount.has_value(), "--discount");
  refuse(c.episodes.has_value(), "--simulate");
  refuse(!c.picture.empty(), "--picture");
  refuse(c.all_values, "--values");
  refuse(c.prior != "uniform", "--prior");
  refuse(!arguments.output.trace_path.empty(), "--trace");
}

control::LinearQuadraticOptions make_options(const Arguments& arguments,
                                             const Stopwatch& since_start, Session& session) {
  const ControlArguments& c = arguments.control;
  const std::string& limit = arguments.engine.memory_limit;
  control::LinearQuadraticOptions options;
  options.method = control::require_method(c.method);
  if (c.rho && options.method != control::Method::risk) {
    throw OptionError(fmt::format("--rho belongs to --method risk, got --method {}", c.method));
  }
  options.rho = c.rho.value_or(options.rho);
  options.temperature = c.temperature;
  options.horizon = c.horizon;
  if (c.tolerance) options.tolerance = *c.tolerance;
  options.memory_limit_bytes =
      limit.empty() ? default_memory_limit_bytes() : parse_size_bytes(limit);
  if (arguments.engine.time_limit_seconds) {
    options.time_limit_seconds =
        remaining_seconds(make_infer_options(arguments.engine, since_start));
  }
  options.observer = session.observer();
  options.validate();
  return options;
}

/// "[1, 2; 3, 4]".
std::string describe(const std::vector<double>& entries, std::size_t columns) {
  std::string text = "[";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const double entry = entries[i] + 0.0;  // no minus before a zero
    text += fmt::format("{}{:.6g}", i == 0 ? "" : i % columns == 0 ? "; " : ", ", entry);
  }
  return text + "]";
}

std::string to_text(const LinearQuadratic& problem, const LinearQuadraticSolution& s,
                    const ControlArguments& c) {
  const std::size_t n = problem.states;
  const bool infinite = s.iterations > 0;
  std::string text =
      fmt::format("{}, {}, {}, method {}, temperature {:.6g}\n", counted(n, "state"),
                  counted(problem.controls, "control"),
                  infinite ? "infinite horizon" : counted(s.decisions.size(), "decision"), c.method,
                  c.temperature);
  if (infinite) {
    text += fmt::format(
        "Riccati residual {:.1e} after {} backward steps, spectral radius of A + B K {:.6g}\n",
        s.residual, s.iterations, s.spectral_radius);
    text += fmt::format("value per step {:.10g}, expected reward per step {:.10g}\n\n",
                        s.decisions.front().constant, s.expected_reward);
  } else {
    text += fmt::format("value {:.10g}, expected reward {:.10g}\n\n", s.value, s.expected_reward);
  }
  TextTable table;
  table.add_row({"step", "K", "k", "Sigma", "P", "p", "c"});
  constexpr std::size_t shown = 10;
  for (std::size_t t = 0; t < std::min(shown, s.decisions.size()); ++t) {
    const LinearQuadraticDecision& d = s.decisions[t];
    table.add_row({infinite ? "all" : std::to_string(t + 1), describe(d.gain, n),
                   describe(d.offset, 1), describe(d.covariance, problem.controls),
                   describe(d.curvature, n), describe(d.slope, 1),
                   fmt::format("{:.6g}", d.constant)});
  }
  text += table.render();
  if (s.decisions.size() > shown) {
    text += fmt::format("... {} more steps (--format json has them)\n", s.decisions.size() - shown);
  }
  return text;
}

void write_decision(JsonWriter& json, const LinearQuadraticDecision& d) {
  json.begin_object();
  json.field("gain", d.gain).field("offset", d.offset).field("covariance", d.covariance);
  json.field("P", d.curvature).field("p", d.slope).field("c", d.constant);
  json.end_object();
}

std::string to_json(const LinearQuadratic& problem, const LinearQuadraticSolution& s,
                    const ControlArguments& c) {
  JsonWriter json;
  json.begin_object();
  json.field("command", "control").field("problem", "linear-quadratic");
  json.field("status", status_name(s.status)).field("message", s.message);
  json.field("method", c.method).field("temperature", c.temperature);
  json.field("states", problem.states).field("controls", problem.controls);
  json.field("value", s.value).field("expected_reward", s.expected_reward);
  json.key("horizon");
  s.iterations > 0 || s.decisions.empty() ? json.null() : json.value(s.decisions.size());
  if (s.iterations > 0) {
    json.field("residual", s.residual).field("iterations", s.iterations);
    json.field("spectral_radius", s.spectral_radius);
  }
  json.key("breakdown_step");
  s.breakdown_step ? json.value(*s.breakdown_step) : json.null();
  json.key("decisions").begin_array();
  for (const LinearQuadraticDecision& d : s.decisions) write_decision(json, d);
  json.end_array().end_object();
  return json.take();
}

}  // namespace

bool is_linear_quadratic(const ControlArguments& arguments) {
  return control::is_linear_quadratic_json(arguments.environment);
}

ExitCode run_linear_quadratic(const Arguments& arguments, const Stopwatch& since_start) {
  const ControlArguments& c = arguments.control;
  const std::string format = require_one_of("--format", arguments.output.format, {"text", "json"});
  refuse_options(arguments);
  const LinearQuadratic problem = control::read_linear_quadratic_json(c.environment);
  Session session(arguments.output, since_start);
  const auto options = make_options(arguments, since_start, session);
  LinearQuadraticSolution solution = control::solve_linear_quadratic(problem, options);
  session.finish();
  solution.message = message_of(solution.status, solution.message, arguments.engine);
  if (format == "json") {
    write_output(to_json(problem, solution, c), arguments.output.path);
  } else if (solution.ok()) {
    write_output(to_text(problem, solution, c), arguments.output.path);
  }
  if (!solution.ok()) complain(solution.message);
  return exit_code_of(solution.status);
}

}  // namespace credo::cli
