// credo meu: maximum expected utility of influence diagrams, and of processes whose state is
// hidden.

#include "commands.hpp"
#include "input.hpp"
#include "json_writer.hpp"
#include "output.hpp"
#include "text_table.hpp"

#include <credo/core/error.hpp>
#include <credo/models/control/partial_observability.hpp>
#include <credo/models/control/pomdp_file.hpp>
#include <credo/models/control/pomdp_json.hpp>
#include <credo/models/decision/influence_diagram_json.hpp>

#include <fmt/format.h>

#include <optional>

namespace credo::cli {
namespace {

using decision::InfluenceDiagram;
using decision::NaivePosterior;
using decision::Solution;

/// What was solved, and what came of it.
struct Decided {
  InfluenceDiagram diagram;
  Solution solution;
  std::optional<NaivePosterior> naive;
};

/// A file that is not JSON is a .POMDP file.
bool is_json(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return first != std::string::npos && text[first] == '{';
}

/// Only processes count their observations; diagrams list nodes.
bool is_process(const std::string& text) {
  if (!is_json(text)) return text.find("observations") != std::string::npos;
  return text.find("\"observations\"") != std::string::npos &&
         text.find("\"nodes\"") == std::string::npos;
}

decision::SolveOptions make_solve_options(const Arguments& a, const Stopwatch& since_start,
                                          Session& session) {
  const InferOptions engine = make_infer_options(a.engine, since_start);
  decision::SolveOptions options;
  options.temperature = a.decision.temperature;
  options.variational.memory_limit_bytes = engine.memory_limit_bytes;
  options.variational.time_limit_seconds = remaining_seconds(engine);
  options.variational.marginals = false;
  options.variational.restarts = a.decision.restarts;
  options.variational.seed = a.engine.seed;
  options.variational.observer = session.observer();
  return options;
}

control::Memory require_memory(const std::string& name) {
  const std::string known = require_one_of("--memory", name, {"full", "window", "state"});
  if (known == "full") return control::Memory::full;
  return known == "window" ? control::Memory::window : control::Memory::state;
}

Decided decide_process(const std::string& text, const Arguments& a,
                       const decision::SolveOptions& solve) {
  const DecisionArguments& d = a.decision;
  control::PartialObservabilityOptions options;
  if (!d.horizon) throw OptionError("a hidden process needs --horizon T, the number of decisions");
  if (d.recall) throw OptionError("--recall belongs to influence diagrams; see --memory");
  options.horizon = *d.horizon;
  options.memory = require_memory(d.memory);
  if (d.window && options.memory != control::Memory::window) {
    throw OptionError("--window belongs to --memory window");
  }
  options.window = d.window.value_or(options.window);
  options.discount = d.discount;
  options.solve = solve;
  options.naive_posterior = d.naive;
  const control::Pomdp pomdp = is_json(text) ? control::parse_pomdp_json(text, a.model)
                                             : control::parse_pomdp(text, a.model);
  control::PartialObservabilityResult result = control::solve_partially_observed(pomdp, options);
  return {std::move(result.diagram), std::move(result.solution), std::move(result.naive)};
}

/// What is left for the posterior that is merely conditioned on.
InferOptions naive_limits(const Arguments& a, const decision::SolveOptions& solve,
                          const Stopwatch& since_start) {
  InferOptions limits = make_infer_options(a.engine, since_start);
  limits.observer = solve.variational.observer;
  return limits;
}

Decided decide_diagram(const std::string& text, const Arguments& a,
                       const decision::SolveOptions& solve, const Stopwatch& since_start) {
  const DecisionArguments& d = a.decision;
  if (d.horizon || d.window || d.discount || d.memory != "full") {
    throw OptionError(
        "--horizon, --memory, --window and --discount belong to processes, not to influence "
        "diagrams");
  }
  Decided decided;
  decided.diagram = decision::parse_influence_diagram_json(text, a.model);
  if (d.recall) decided.diagram = decided.diagram.with_perfect_recall();
  decided.solution = decision::solve(decided.diagram, solve);
  if (d.naive) {
    decided.naive = decision::naive_posterior(decided.diagram, d.temperature,
                                              naive_limits(a, solve, since_start));
  }
  return decided;
}

void write_strategy(JsonWriter& json, const Decided& decided) {
  const FactorGraph& graph = decided.diagram.graph();
  json.key("strategy").begin_object();
  for (const decision::DecisionRule& rule : decided.solution.strategy) {
    const Variable& variable = graph.variable(rule.decision);
    json.key(variable.name).begin_object().key("sees").begin_array(true);
    for (const VariableId v : rule.information) json.value(graph.variable(v).name);
    json.end_array().key("states").begin_array(true);
    for (std::size_t i = 0; i < variable.cardinality; ++i) json.value(variable.state_name(i));
    json.end_array().key("rows").begin_array();
    std::vector<double> row(variable.cardinality);
    for (std::uint64_t i = 0; i < rule.table.size(); ++i) {
      row[i % row.size()] = rule.table.at(i);
      if ((i + 1) % row.size() == 0) json.value(row);
    }
    json.end_array().end_object();
  }
  json.end_object();
}

void write_utilities(JsonWriter& json, const Decided& decided) {
  json.key("utilities").begin_object();
  const auto utilities = decided.diagram.utilities();
  for (std::size_t i = 0; i < decided.solution.evaluation.utilities.size(); ++i) {
    json.field(utilities[i].name, decided.solution.evaluation.utilities[i]);
  }
  json.end_object();
}

std::string to_json(const Decided& decided, const Arguments& a) {
  const Solution& s = decided.solution;
  JsonWriter json;
  json.begin_object().field("task", "meu").field("model", a.model);
  json.field("status", status_name(s.status)).field("message", s.message);
  json.field("guarantee", guarantee_name(s.guarantee)).field("algorithm", s.algorithm_used);
  json.field("temperature", a.decision.temperature).field("certified", s.certified());
  json.field("certificate", s.solubility.explanation);
  json.field("value", s.value).field("expected_utility", s.expected_utility);
  if (s.ok()) {
    write_utilities(json, decided);
    write_strategy(json, decided);
  } else {
    json.key("utilities").null().key("strategy").null();
  }
  if (decided.naive) {
    json.key("naive_posterior").begin_object().field("value", decided.naive->value);
    json.field("believed_utility", decided.naive->believed_utility);
    json.field("expected_utility", decided.naive->evaluation.total).end_object();
  }
  json.key("timings").begin_object(true).field("plan", s.variational.timings.plan_seconds);
  json.field("infer", s.variational.timings.infer_seconds).end_object();
  return json.end_object().take();
}

std::string to_text(const Decided& decided, const Arguments& a) {
  const Solution& s = decided.solution;
  std::string out = describe_strategy(decided.diagram, s.strategy, s.evaluation) + '\n';
  TextTable table;
  const auto add = [&](const char* name, double value, const char* what) {
    table.add_row({name, fmt::format("{:.10g}", value), what});
  };
  add("expected utility", s.expected_utility, "of this strategy");
  if (a.decision.temperature > 0.0) add("value", s.value, "with the entropy of the choices");
  if (decided.naive && decided.naive->ok()) {
    add("believed utility", decided.naive->believed_utility, "by conditioning on high utility");
    add("what that earns", decided.naive->evaluation.total, "expected utility of its choices");
  }
  return out + table.render() +
         fmt::format("\n{}, {}: {}\n", guarantee_name(s.guarantee), s.algorithm_used,
                     s.solubility.explanation);
}

}  // namespace

ExitCode run_decision(const Arguments& arguments, const Stopwatch& since_start) {
  const std::string format = require_one_of("--format", arguments.output.format, {"text", "json"});
  Session session(arguments.output, since_start);
  decision::SolveOptions solve = make_solve_options(arguments, since_start, session);
  const std::string text = read_text(arguments.model, "an influence diagram or a process as JSON",
                                     solve.variational.memory_limit_bytes);
  solve.variational.time_limit_seconds =
      remaining_seconds(make_infer_options(arguments.engine, since_start));
  Decided decided = is_process(text) ? decide_process(text, arguments, solve)
                                     : decide_diagram(text, arguments, solve, since_start);
  session.finish();
  Solution& solution = decided.solution;
  solution.message = message_of(solution.status, solution.message, arguments.engine);
  if (format == "json") {
    write_output(to_json(decided, arguments), arguments.output.path);
  } else if (solution.ok()) {
    write_output(to_text(decided, arguments), arguments.output.path);
  }
  const bool in_part = solution.ok() && solution.variational.stopped != Status::ok;
  if (decided.naive && !decided.naive->ok() && !arguments.output.quiet) {
    complain("what conditioning on high utility believes: " + decided.naive->message);
  }
  if (!solution.ok() || (in_part && !arguments.output.quiet)) complain(solution.message);
  return exit_code_of(solution.status);
}

}  // namespace credo::cli
