// credo control: control as inference on a built-in environment or an MDP file.

#include "commands.hpp"
#include "json_writer.hpp"
#include "output.hpp"
#include "text_table.hpp"
#include "trace.hpp"

#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/mdp_json.hpp>
#include <credo/models/control/posterior.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace credo::cli {
namespace {

using control::Mdp;
using control::Posterior;

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
  return control::read_mdp_json(c.environment);
}

void require_available_method(const ControlArguments& c) {
  const std::string known =
      require_one_of("--method", c.method, {"posterior", "clamped", "hard", "map", "mmap", "risk"});
  if (c.rho && known != "risk") {
    throw OptionError(fmt::format("--rho belongs to --method risk, got --method {}", known));
  }
  if (known != "posterior") {
    throw Refusal(fmt::format(
        "method '{}' is not available; available: posterior (exact sum-product)", known));
  }
}

control::PosteriorOptions make_options(const Arguments& a, const Stopwatch& since_start) {
  control::PosteriorOptions options;
  const ControlArguments& c = a.control;
  options.temperature = c.temperature;
  if (c.prior == "given") {
    throw OptionError("--prior 'given' needs a table; expected uniform or counting");
  }
  options.prior = control::require_action_prior(c.prior);
  options.horizon = c.horizon;
  options.discount = c.discount;
  options.tolerance = c.tolerance.value_or(options.tolerance);
  options.infer = make_infer_options(a.engine, since_start);
  return options;
}

void write_rows(JsonWriter& json, const std::vector<double>& values, std::size_t columns) {
  json.begin_array();
  for (std::size_t i = 0; i < values.size(); i += columns) {
    json.value(std::span<const double>(values).subspan(i, columns));
  }
  json.end_array();
}

std::string posterior_json(const Mdp& mdp, const Posterior& p, const ControlArguments& c) {
  JsonWriter json;
  json.begin_object().field("task", "control").field("environment", c.environment);
  json.field("method", c.method).field("status", status_name(p.status));
  json.field("message", p.message).field("guarantee", guarantee_name(p.guarantee));
  json.field("algorithm", p.algorithm_used).field("temperature", c.temperature);
  json.field("prior", c.prior).key("horizon");
  c.horizon ? json.value(*c.horizon) : json.null();
  json.field("discount", c.discount.value_or(mdp.discount()));
  json.field("states", mdp.state_count()).field("actions", mdp.action_count());
  json.key("value");
  p.ok() ? json.value(p.value()) : json.null();
  if (c.all_values && p.ok()) {
    json.key("values").begin_array();
    for (std::size_t t = 0; t < p.log_beta_state.size(); ++t) {
      json.value(p.value(t));
    }
    json.end_array();
  }
  json.field("initial_value", p.initial_value).key("policy");
  if (p.ok()) {
    write_rows(json, p.policy(), p.actions);
  } else {
    json.null();
  }
  // The exact posterior is its own family: there is no bound to report and no gap.
  json.field("log_z", p.log_z).key("elbo").null().key("gap").begin_object(true);
  json.key("initial").null().key("policy").null().key("dynamics").null().end_object();
  json.field("expected_return", p.expected_return);
  json.field("believed_return", p.believed_return);
  json.field("iterations", p.iterations).field("error_bound", p.error_bound);
  json.key("timings").begin_object(true).field("plan", p.timings.plan_seconds);
  json.field("infer", p.timings.infer_seconds).end_object();
  return json.end_object().take();
}

std::string describe_number(double x) {
  return std::isnan(x) ? "not computed" : fmt::format("{:.10g}", x);
}

std::string posterior_text(const Mdp& mdp, const Posterior& p, const ControlArguments& c) {
  std::string horizon = p.infinite
                            ? "infinite horizon"
                            : fmt::format("{} decision{}", *p.horizon, *p.horizon == 1 ? "" : "s");
  if (const double discount = c.discount.value_or(mdp.discount()); discount < 1.0) {
    horizon += fmt::format(", discount {}", discount);
  }
  std::string out = fmt::format("{}: {} states, {} actions, {}, temperature {}, {} prior\n\n",
                                printable(c.environment), mdp.state_count(), mdp.action_count(),
                                horizon, c.temperature, c.prior);
  out += control::policy_text(mdp, p.policy()) + '\n';
  TextTable table;
  table.add_row({"log Z", describe_number(p.log_z),
                 "log of E[exp(return / temperature)] under the action prior"});
  table.add_row({"initial value", describe_number(p.initial_value),
                 "temperature x log message, mean over the start"});
  table.add_row({"believed return", describe_number(p.believed_return),
                 "expected by the posterior, lucky dynamics included"});
  table.add_row({"expected return", describe_number(p.expected_return),
                 "of this policy under the true dynamics"});
  out += table.render();
  return out + fmt::format("\n{}, {}, {} backward steps, error at most {:.2g}\n",
                           guarantee_name(p.guarantee), p.algorithm_used, p.iterations,
                           p.error_bound);
}

std::string trace_json(const Posterior& p, const std::vector<Session::Event>& events) {
  JsonWriter json;
  json.begin_object().field("task", "control").field("status", status_name(p.status));
  json.key("log_messages").begin_array();
  for (const auto& message : p.log_beta_state) {
    json.value(message);
  }
  json.end_array().key("forward").begin_array();
  for (const auto& message : p.forward) {
    json.value(message);
  }
  json.end_array().key("state_marginals").begin_array();
  for (const auto& marginal : p.state_marginals) {
    json.value(marginal);
  }
  json.end_array().key("progress");
  write_events(json, events);
  return json.end_object().take();
}

}  // namespace

ExitCode run_control(const Arguments& arguments, const Stopwatch& since_start) {
  const ControlArguments& c = arguments.control;
  const std::string format =
      require_one_of("--format", arguments.output.format, {"text", "json", "svg"});
  require_available_method(c);
  control::PosteriorOptions options = make_options(arguments, since_start);
  const Mdp mdp = load_process(c);
  Session session(arguments.output, since_start);
  options.infer.observer = session.observer();
  const Posterior posterior = control::solve_posterior(mdp, options);
  session.finish();

  if (!arguments.output.trace_path.empty()) {
    write_output(trace_json(posterior, session.events()), arguments.output.trace_path);
  }
  if (format == "json") {
    write_output(posterior_json(mdp, posterior, c), arguments.output.path);
  } else if (posterior.ok()) {
    write_output(format == "svg" ? control::value_svg(mdp, posterior.value(), posterior.policy())
                                 : posterior_text(mdp, posterior, c),
                 arguments.output.path);
  }
  if (!posterior.ok()) {
    complain(posterior.message);
  }
  return exit_code_of(posterior.status);
}

}  // namespace credo::cli
