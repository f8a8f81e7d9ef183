#include "input.hpp"

#include "exit_code.hpp"
#include "session.hpp"
#include "watchdog.hpp"

#include <credo/core/error.hpp>
#include <credo/core/formats/format.hpp>
#include <credo/core/formats/uai_evidence.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace credo::cli {
namespace {

/// NAME and the text after '='. A name may hold '=' itself: the first split that names a variable
/// wins, else the first of all, so that the complaint is about a sensible name.
std::pair<std::string, std::string> split_setting(std::string_view option,
                                                  const std::string& setting,
                                                  const FactorGraph& graph) {
  const std::size_t first = setting.find('=');
  if (first == std::string::npos || first == 0) {
    throw OptionError(fmt::format("{} '{}': expected NAME={}", option, setting,
                                  option == "--set" ? "STATE" : "v1,v2,..."));
  }
  for (std::size_t at = first; at != std::string::npos; at = setting.find('=', at + 1)) {
    if (graph.find_variable(std::string_view(setting).substr(0, at))) {
      return {setting.substr(0, at), setting.substr(at + 1)};
    }
  }
  return {setting.substr(0, first), setting.substr(first + 1)};
}

std::vector<double> parse_numbers(std::string_view option, const std::string& setting,
                                  std::string_view text) {
  std::vector<double> weights;
  while (true) {
    const std::string_view item = text.substr(0, text.find(','));
    double weight = 0.0;
    const auto [end, failure] = std::from_chars(item.data(), item.data() + item.size(), weight);
    if (failure != std::errc{} || end != item.data() + item.size()) {
      throw OptionError(fmt::format("{} '{}': expected a number, got '{}'", option, setting, item));
    }
    weights.push_back(weight);
    if (item.size() == text.size()) {
      return weights;
    }
    text.remove_prefix(item.size() + 1);
  }
}

FactorGraph read_standard_input(const std::string& from, const ReadOptions& options) {
  if (from.empty()) {
    throw OptionError(
        "a model on standard input needs --from FORMAT (uai, bif, xmlbif, net, json)");
  }
  return read_model(std::cin, format_of_name(from), "standard input", options);
}

}  // namespace

Format model_format(const Arguments& arguments) {
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

LoadedModel load_model(const Arguments& arguments) {
  watchdog::enter("reading the model");
  const std::string& path = arguments.model;
  const std::string& from = arguments.from;
  const ReadOptions options{arguments.encoding, arguments.as_markov};
  const Stopwatch stopwatch;
  LoadedModel model;
  if (path == "-") {
    model.source = "standard input";
    model.graph = read_standard_input(from, options);
  } else {
    model.source = path;
    const std::optional<Format> format =
        from.empty() ? std::nullopt : std::optional(format_of_name(from));
    model.graph = read_model(path, format, options);
  }
  model.load_seconds = stopwatch.seconds();
  return model;
}

Evidence load_evidence(const EvidenceArguments& arguments, const FactorGraph& graph) {
  watchdog::enter("reading the evidence");
  Evidence evidence;
  if (!arguments.file.empty()) {
    evidence = read_uai_evidence(std::filesystem::path(arguments.file), graph);
  }
  std::set<std::string> seen;
  const auto once = [&](const std::string& name) {
    if (!seen.insert(name).second) {
      throw EvidenceError(fmt::format(
          "variable '{}' is given twice by --set and --likelihood; expected at most once", name));
    }
  };
  for (const std::string& setting : arguments.settings) {
    const auto [name, state] = split_setting("--set", setting, graph);
    once(name);
    const VariableId v = graph.require_variable(name);
    if (graph.variable(v).is_continuous()) {
      evidence.observe_value(v, parse_numbers("--set", setting, state));
    } else {
      evidence.observe(v, graph.require_state(v, state));
    }
  }
  for (const std::string& setting : arguments.likelihoods) {
    const auto [name, weights] = split_setting("--likelihood", setting, graph);
    once(name);
    evidence.observe_likelihood(graph, name, parse_numbers("--likelihood", setting, weights));
  }
  evidence.validate(graph);
  return evidence;
}

std::vector<VariableId> load_query(const std::string& path, const FactorGraph& graph) {
  return read_uai_query(std::filesystem::path(path), graph);
}

std::string read_text(const std::string& path, std::string_view expected,
                      double memory_limit_bytes) {
  const watchdog::Part part(fmt::format("reading {}", path));
  std::error_code failure;
  if (std::filesystem::is_directory(path, failure)) {
    throw FileError(fmt::format("{}: is a directory, expected {}", path, expected));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(fmt::format("{}: cannot read this file; expected {}", path, expected));
  const auto size = std::filesystem::file_size(path, failure);  // a pipe has none
  if (!failure && static_cast<double>(size) > memory_limit_bytes) {
    throw Refusal(fmt::format("{}: {}; the limit is {}", path,
                              describe_bytes(static_cast<double>(size)),
                              describe_bytes(memory_limit_bytes)));
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace credo::cli
