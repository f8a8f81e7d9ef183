// The commands, and the command line as plain values.

#include "arguments.hpp"

#include "option_groups.hpp"
#include "option_list.hpp"

#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/inference/algorithms.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

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
std::string footer(const OptionList& list) {
  std::string text;
  if (list.contains("--algorithm")) text += algorithms_text();
  if (list.contains("--from")) text += kModelsText;
  return text + kExitCodesText;
}

void add_options(OptionList& list, Arguments& a) {
  switch (a.command) {
    case Command::control:
      return add_control_options(list, a);
    case Command::learn:
      return add_learning_options(list, a);
    case Command::meu:
      return add_decision_options(list, a);
    default:
      return add_query_options(list, a);
  }
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandRow& row : kCommands) {
    names.emplace_back(row.name);
  }
  return names;
}

ParsedArguments parse_command(const CommandRow& row, const std::vector<std::string>& words) {
  Arguments a;
  a.command = row.command;
  OptionList list(fmt::format("credo {}", row.name), row.summary);
  add_options(list, a);
  list.set_footer(footer(list));
  if (auto help = list.parse(words)) {
    return {std::nullopt, std::move(*help)};
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
  return parse_command(*row, {values + 2, values + count});
}

}  // namespace credo::cli
