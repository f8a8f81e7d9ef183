#include "arguments.hpp"

#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/algorithms.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/learning/learners.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

// The only file that knows CLI11.

namespace credo::cli {
namespace {

constexpr const char* kVersion = "credo 0.1.0";

struct CommandRow {
  Command command;
  const char* name;
  const char* summary;
};

constexpr std::array<CommandRow, 13> kCommands{{
    {Command::pr, "pr", "Log partition function (probability of evidence)"},
    {Command::mar, "mar", "Marginals of every variable"},
    {Command::map, "map", "Most probable assignment, or the k best"},
    {Command::mmap, "mmap", "Marginal MAP: best assignment of the query's variables"},
    {Command::sample, "sample", "Exact posterior samples as CSV"},
    {Command::info, "info", "Sizes, structure and cost of a model; what each algorithm would do"},
    {Command::convert, "convert", "Between formats, by extension"},
    {Command::fit, "fit", "Tables of a Bayesian network from data"},
    {Command::draw, "draw", "The graph as DOT, SVG or PNG"},
    {Command::control, "control", "Control as inference on an environment or an MDP file"},
    {Command::learn, "learn", "Learning from samples, beside the exact answer"},
    {Command::meu, "meu", "Maximum expected utility of an influence diagram or a hidden process"},
    {Command::bench, "bench", "The project's own benchmarks"},
}};

/// CLI11 reads "-1" as a huge unsigned number, and cuts what is too large.
std::string check_count(const std::string& text) {
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, value);
  if (failure == std::errc::result_out_of_range) {
    return fmt::format("expected a whole number below 2^64, got '{}'", text);
  }
  return failure == std::errc{} && end == last
             ? ""
             : fmt::format("expected a whole number, got '{}'", text);
}

/// CLI11's own words for what is no number are no help.
std::string check_number(const std::string& text) {
  double value = 0.0;
  const char* const last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, value);
  return failure == std::errc{} && end == last ? ""
                                               : fmt::format("expected a number, got '{}'", text);
}

std::string algorithms_text() {
  std::string text = "Algorithms (--algorithm NAME, default auto: the first that can answer):\n";
  for (const Algorithm& algorithm : algorithms()) {
    text += fmt::format("  {:<18} {} [{}]\n", algorithm.name, algorithm.summary,
                        guarantee_name(algorithm.guarantee));
  }
  return text + "\n";
}

constexpr const char* kModelsText =
    "Models: .uai .bif .xmlbif .net .json, each also .gz; '-' is standard input with --from.\n";
constexpr const char* kExitCodesText =
    "Exit codes: 0 answered, 1 wrong input, 2 refused, 3 evidence of probability zero,\n"
    "            4 stopped without any answer.";

/// What a command's help ends with: only what its options are about.
std::string footer(const CLI::App& app) {
  std::string text;
  if (app.get_option_no_throw("--algorithm") != nullptr) text += algorithms_text();
  if (app.get_option_no_throw("--from") != nullptr) text += kModelsText;
  return text + kExitCodesText;
}

void add_model(CLI::App& app, Arguments& a) {
  app.add_option("model", a.model, "Model file, or - for standard input")
      ->type_name("MODEL")
      ->required();
  app.add_option("--from", a.from, "Format of the model: uai, bif, xmlbif, net or json")
      ->type_name("FORMAT");
}

void add_evidence(CLI::App& app, EvidenceArguments& e) {
  app.add_option("--evid", e.file, "UAI evidence file: n var state ...")->type_name("FILE");
  app.add_option("--set", e.settings,
                 "Hard evidence by name, repeatable; x=1.5 or x=1,2 where x is continuous")
      ->type_name("NAME=STATE")
      ->allow_extra_args(false);
  app.add_option("--likelihood", e.likelihoods, "Soft evidence by name, repeatable")
      ->type_name("NAME=v1,v2,...")
      ->allow_extra_args(false);
}

/// Budgets of commands that plan.
void add_budget(CLI::App& app, EngineArguments& e) {
  app.add_option("--time-limit", e.time_limit_seconds, "Answer within so many seconds")
      ->type_name("S")
      ->check(check_number);
  app.add_option("--memory-limit", e.memory_limit, "As in 8GiB [80 % of what is free]")
      ->type_name("SIZE");
  app.add_option("--threads", e.threads, "Threads")
      ->type_name("N")
      ->check(check_count)
      ->capture_default_str();
  app.add_option("--seed", e.seed, "Seed")
      ->type_name("N")
      ->check(check_count)
      ->capture_default_str();
}

void add_engine(CLI::App& app, EngineArguments& e) {
  app.add_option("--algorithm", e.algorithm, "Algorithm, or auto")
      ->type_name("NAME")
      ->capture_default_str();
  add_budget(app, e);
}

/// Of belief propagation.
void add_iteration(CLI::App& app, EngineArguments& e) {
  app.add_option("--schedule", e.schedule, "Messages: auto, sequential, parallel or residual")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--damping", e.damping, "Messages: share of the old one kept, below 1 [0]")
      ->type_name("D")
      ->check(check_number);
  app.add_option("--tolerance", e.tolerance, "Messages: converged at so few nats [1e-9]")
      ->type_name("E")
      ->check(check_number);
  app.add_option("--iterations", e.iterations, "Messages: at most so many sweeps [1000]")
      ->type_name("N")
      ->check(check_count);
}

void add_output(CLI::App& app, OutputArguments& o, const char* formats) {
  app.add_option("-o,--output", o.path, "Output file [standard output]")->type_name("FILE");
  if (formats != nullptr) {
    app.add_option("--format", o.format, "Output format [the first]")->type_name(formats);
  }
  app.add_flag("--quiet", o.quiet, "No progress and no remarks");
  app.add_flag("--no-progress", o.no_progress, "No progress on standard error");
}

void add_trace(CLI::App& app, OutputArguments& o) {
  app.add_option("--trace", o.trace_path, "The run's plan, messages and progress as JSON")
      ->type_name("FILE");
}

std::string environment_help() {
  std::string names;
  for (const auto& environment : control::environments()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", environment.name);
  }
  return "Environment (" + names + ") or MDP file (.json)";
}

void add_tables(CLI::App& app, std::string& map, std::optional<bool>& slippery) {
  app.add_option("--map", map, "4x4, 8x8 or a text file")->type_name("MAP");
  auto* const yes =
      app.add_flag_callback("--slippery", [&slippery] { slippery = true; }, "Actions may slip");
  app.add_flag_callback(
         "--no-slippery", [&slippery] { slippery = false; }, "Actions never slip")
      ->excludes(yes);
}

void add_control(CLI::App& app, ControlArguments& c) {
  app.add_option("environment", c.environment, environment_help())
      ->type_name("ENV|FILE")
      ->required();
  add_tables(app, c.map, c.slippery);
  app.add_option("--method", c.method,
                 "posterior (exact sum-product), clamped (maximum entropy with the true dynamics), "
                 "hard (arg-max), map (most likely trajectory), mmap (open-loop plan), risk, "
                 "exponential-utility or best-case")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--rho", c.rho,
                 "Price of bending the dynamics, method risk: 1 the posterior, large the true "
                 "dynamics, below 0 the worst [1]")
      ->type_name("R")
      ->check(check_number);
  app.add_option("--temperature", c.temperature, "Reward units per nat")
      ->type_name("A")
      ->check(check_number)
      ->capture_default_str();
  app.add_option("--prior", c.prior, "Prior over actions: uniform or counting")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--horizon", c.horizon, "Number of decisions [infinite]")
      ->type_name("T")
      ->check(check_count);
  app.add_option("--discount", c.discount, "Discount [the process' own]")
      ->type_name("G")
      ->check(check_number);
  app.add_option("--tolerance", c.tolerance, "Certified error of the infinite horizon's values")
      ->type_name("E")
      ->check(check_number);
  app.add_flag("--values", c.all_values, "JSON: values of every step");
  app.add_option("--simulate", c.episodes, "Also draw N episodes of the policy in the true world")
      ->type_name("N")
      ->check(check_count);
  app.add_option("--picture", c.picture, "SVG: value [default], tube, luck or gap")
      ->type_name("NAME");
}

void add_learning(CLI::App& app, LearnArguments& l) {
  const std::vector<std::string> names = control::learning::learning_environment_names();
  app.add_option("environment", l.environment,
                 fmt::format("Environment ({}) or MDP file (.json)", fmt::join(names, ", ")))
      ->type_name("ENV|FILE")
      ->required();
  add_tables(app, l.map, l.slippery);
  app.add_flag("--exploring-starts", l.exploring_starts, "Tables: episodes begin in any state");
  app.add_option("--episode-limit", l.episode_limit, "Truncate episodes [the published limit]")
      ->type_name("T")
      ->check(check_count);
  app.add_option("--method", l.method,
                 "soft-q, policy-gradient (entropy in the return), entropy-bonus, path-consistency "
                 "or sac (soft actor-critic, needs libtorch)")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--steps", l.steps, "Steps of the environment in all")
      ->type_name("N")
      ->check(check_count)
      ->capture_default_str();
  app.add_option("--temperature", l.temperature, "Reward units per nat [1; sac learns it]")
      ->type_name("A")
      ->check(check_number);
  app.add_option("--discount", l.discount, "Discount")
      ->type_name("G")
      ->check(check_number)
      ->capture_default_str();
  app.add_option("--prior", l.prior, "Prior over actions: uniform or counting")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--learning-rate", l.learning_rate, "Of the main step [the method's own]")
      ->type_name("R")
      ->check(check_number);
  app.add_option("--exploration", l.exploration,
                 "soft-q, path-consistency: probability of acting by the prior [0.1]")
      ->type_name("P")
      ->check(check_number);
  app.add_option("--curve", l.curve_path, "Learning curve, .csv or .svg")->type_name("FILE");
  app.add_option("--curve-interval", l.curve_interval, "Steps between its points")
      ->type_name("N")
      ->check(check_count)
      ->capture_default_str();
  app.add_option("--checkpoint", l.checkpoint_path, "Where to save what --resume goes on from")
      ->type_name("FILE");
  app.add_option("--checkpoint-interval", l.checkpoint_interval,
                 "Save every so many steps, too [at the end only]")
      ->type_name("N")
      ->check(check_count);
  app.add_option("--resume", l.resume_path, "Go on from a checkpoint of the same question")
      ->type_name("FILE");
}

void add_decision(CLI::App& app, Arguments& a) {
  DecisionArguments& d = a.decision;
  app.add_option("model", a.model,
                 "Influence diagram or partially observed process (.json, .POMDP)")
      ->type_name("FILE")
      ->required();
  app.add_option("--temperature", d.temperature, "Utility units per nat of soft choices; 0: hard")
      ->type_name("A")
      ->check(check_number)
      ->capture_default_str();
  app.add_flag("--recall", d.recall, "Diagrams: decisions also see all earlier ones' information");
  app.add_option("--horizon", d.horizon, "Processes: number of decisions, required")
      ->type_name("T")
      ->check(check_count);
  app.add_option("--memory", d.memory, "Processes: what actions see: full, window or state")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--window", d.window, "Processes: observations in a window [1]")
      ->type_name("N")
      ->check(check_count);
  app.add_option("--discount", d.discount, "Processes: discount [the process' own]")
      ->type_name("G")
      ->check(check_number);
  app.add_option("--restarts", d.restarts, "Starts of ascent where one sweep is not optimal")
      ->type_name("N")
      ->check(check_count)
      ->capture_default_str();
  app.add_flag("--naive", d.naive, "Also what conditioning on high utility believes and earns");
}

void add_fit(CLI::App& app, Arguments& a) {
  FitArguments& f = a.fit;
  app.add_option("--data", f.data, "Comma-separated states under names; empty or ?: missing")
      ->type_name("FILE")
      ->required();
  app.add_option("-o,--output", a.output.path, "Output file")->type_name("FILE")->required();
  app.add_option("--to", a.to, "Format of the output [by extension]")->type_name("FORMAT");
  app.add_option("--prior", f.prior,
                 "Added counts: none (maximum likelihood), per-entry or bdeu (shared by a table)")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--strength", f.strength, "How many are added")
      ->type_name("C")
      ->check(check_number)
      ->capture_default_str();
  app.add_option("--restarts", f.restarts, "Starts where values are missing; the first: MODEL's")
      ->type_name("N")
      ->check(check_count)
      ->capture_default_str();
  add_budget(app, a.engine);
  app.add_flag("--quiet", a.output.quiet, "No progress and no remarks");
  app.add_flag("--no-progress", a.output.no_progress, "No progress on standard error");
}

void add_options(CLI::App& app, Arguments& a) {
  if (a.command == Command::control) {
    add_control(app, a.control);
    add_budget(app, a.engine);
    add_output(app, a.output, "text|json|svg");
    add_trace(app, a.output);
    return;
  }
  if (a.command == Command::learn) {
    add_learning(app, a.learn);
    app.add_option("--time-limit", a.engine.time_limit_seconds, "Stop after so many seconds")
        ->type_name("S")
        ->check(check_number);
    app.add_option("--seed", a.engine.seed, "Seed")
        ->type_name("N")
        ->check(check_count)
        ->capture_default_str();
    add_output(app, a.output, "text|json");
    return;
  }
  if (a.command == Command::meu) {
    add_decision(app, a);
    add_budget(app, a.engine);
    add_output(app, a.output, "text|json");
    return;
  }
  add_model(app, a);
  if (a.command == Command::convert) {
    app.add_option("-o,--output", a.output.path, "Output file")->type_name("FILE")->required();
    app.add_option("--to", a.to, "Format of the output [by extension]")->type_name("FORMAT");
    app.add_flag("--quiet", a.output.quiet, "No remarks");
    return;
  }
  if (a.command == Command::fit) {
    add_fit(app, a);
    return;
  }
  if (a.command == Command::draw) {
    add_output(app, a.output, "dot|svg|png");
    app.add_flag("--plan", a.draw_plan, "Draw the plan of exact inference, not the model");
    add_evidence(app, a.evidence);
    return;
  }
  add_evidence(app, a.evidence);
  add_engine(app, a.engine);
  if (a.command == Command::info) {
    add_output(app, a.output, "text|json");
    return;
  }
  if (a.command == Command::sample) {
    app.add_option("-n", a.sample_count, "Number of samples")
        ->type_name("N")
        ->check(check_count)
        ->required();
    add_output(app, a.output, "csv|json");
  } else {
    add_output(app, a.output, "text|json|uai");
  }
  add_trace(app, a.output);
  if (a.command == Command::pr || a.command == Command::mar || a.command == Command::map) {
    add_iteration(app, a.engine);
  }
  if (a.command == Command::map) {
    app.add_option("--k-best", a.k_best, "Number of assignments, best first")
        ->type_name("K")
        ->check(check_count);
  }
  if (a.command == Command::mmap) {
    app.add_option("--query", a.query_file, "UAI query file: n var ...")
        ->type_name("FILE")
        ->required();
  }
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandRow& row : kCommands) {
    names.emplace_back(row.name);
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

[[noreturn]] void refuse_unexpected(const CLI::App& app, const std::vector<std::string>& extras) {
  const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& extra) {
    return extra.size() > 1 && extra.front() == '-';
  });
  if (option == extras.end()) {
    throw OptionError(
        fmt::format("unexpected argument '{}'; see {} --help", extras.front(), app.get_name()));
  }
  const std::string name = option->substr(0, option->find('='));
  const std::vector<std::string> known = option_names(app);
  throw OptionError(fmt::format("unknown option '{}' of {}{}; see {} --help", name, app.get_name(),
                                did_you_mean(name, known), app.get_name()));
}

ParsedArguments parse_command(const CommandRow& row, int count, const char* const* values) {
  Arguments a;
  a.command = row.command;
  CLI::App app{row.summary, fmt::format("credo {}", row.name)};
  app.get_formatter()->column_width(34);
  add_options(app, a);
  app.footer(footer(app));
  std::vector<std::string> rest(values + 2, values + count);
  std::reverse(rest.begin(), rest.end());  // CLI11 takes them off the back
  try {
    app.parse(rest);
  } catch (const CLI::CallForHelp&) {
    std::string help = app.help();
    help.replace(0, std::min(help.size(), help.find("Usage: ")),
                 fmt::format("{}\n\n", row.summary));
    return {std::nullopt, help};
  } catch (const CLI::ExtrasError&) {
    refuse_unexpected(app, app.remaining());
  } catch (const CLI::ParseError& error) {
    throw OptionError(fmt::format("{}; see {} --help", error.what(), app.get_name()));
  }
  return {std::move(a), {}};
}

std::string main_help() {
  std::string text =
      "credo: probabilistic graphical models, answers with their warrant\n\n"
      "Usage: credo COMMAND [options]      (credo COMMAND --help for its options)\n\n";
  for (const CommandRow& row : kCommands) {
    text += fmt::format("  {:<9} {}\n", row.name, row.summary);
  }
  return text + "\n" + algorithms_text() + kModelsText + kExitCodesText + "\n";
}

}  // namespace

ParsedArguments parse_arguments(int count, const char* const* values) {
  const std::string_view name = count > 1 ? values[1] : "";
  if (name == "--help" || name == "-h" || name == "help") {
    return {std::nullopt, main_help()};
  }
  if (name == "--version") {
    return {std::nullopt, std::string(kVersion) + "\n"};
  }
  const auto* const row = std::find_if(kCommands.begin(), kCommands.end(),
                                       [&](const CommandRow& r) { return name == r.name; });
  if (row == kCommands.end()) {
    const std::vector<std::string> names = command_names();
    const std::string given =
        name.empty() ? "no command given" : fmt::format("unknown command '{}'", name);
    throw OptionError(fmt::format("{}{}\ncommands: {}", given, did_you_mean(name, names),
                                  fmt::join(names, ", ")));
  }
  if (row->command == Command::bench) {
    Arguments a;
    a.command = Command::bench;
    a.bench_arguments.assign(values + 2, values + count);
    return {std::move(a), {}};
  }
  return parse_command(*row, count, values);
}

}  // namespace credo::cli
