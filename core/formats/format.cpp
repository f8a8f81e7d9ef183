#include <credo/core/error.hpp>
#include <credo/core/formats/atomic_file.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/format.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::array<std::string_view, 1> kUai{"uai"};
constexpr std::array<std::string_view, 1> kBif{"bif"};
constexpr std::array<std::string_view, 2> kXmlbif{"xmlbif", "xml"};
constexpr std::array<std::string_view, 1> kNet{"net"};
constexpr std::array<std::string_view, 1> kJson{"json"};

// The only registry of formats: the command line, errors and the tests read it.
constexpr std::array kFormats{
    FormatInfo{Format::uai, "uai", "UAI competition", kUai, false, &read_uai, &write_uai},
    FormatInfo{Format::bif, "bif", "Bayesian interchange format", kBif, true, &read_bif,
               &write_bif},
    FormatInfo{Format::xmlbif, "xmlbif", "XMLBIF 0.3", kXmlbif, true, &read_xmlbif, &write_xmlbif},
    FormatInfo{Format::net, "net", "Hugin NET", kNet, true, &read_net, &write_net},
    FormatInfo{Format::json, "json", "credo's own, lossless", kJson, false, &read_json,
               &write_json},
};

std::string all_names() {
  std::vector<std::string_view> names;
  for (const FormatInfo& info : kFormats) names.push_back(info.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Format require_format(const std::filesystem::path& path, std::optional<Format> format) {
  if (!format) format = format_of_path(path);
  if (format) return *format;
  std::vector<std::string> extensions;
  for (const FormatInfo& info : kFormats) {
    for (const std::string_view e : info.extensions) extensions.push_back(fmt::format(".{}", e));
  }
  throw FileError(fmt::format(
      "{}: unknown format: expected an extension among {} (each also with .gz), or a format's name",
      path.string(), fmt::join(extensions, ", ")));
}

bool has_default_names(const FactorGraph& graph) {
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (graph.variable(v).name != fmt::format("x{}", v) || !graph.variable(v).states.empty()) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::span<const FormatInfo> formats() noexcept { return kFormats; }

const FormatInfo& format_info(Format format) noexcept {
  return *std::ranges::find(kFormats, format, &FormatInfo::format);
}

Format format_of_name(std::string_view name) {
  const auto at = std::ranges::find(kFormats, name, &FormatInfo::name);
  if (at == kFormats.end()) {
    throw OptionError(fmt::format("format: expected one of {}, got {}", all_names(), name));
  }
  return at->format;
}

std::optional<Format> format_of_path(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  if (extension == ".gz") extension = path.stem().extension().string();
  if (extension.empty()) return std::nullopt;
  extension.erase(0, 1);
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const FormatInfo& info : kFormats) {
    if (std::ranges::find(info.extensions, extension) != info.extensions.end()) return info.format;
  }
  return std::nullopt;
}

namespace {

FactorGraph read_from(ByteSource source, Format format, const ReadOptions& options) {
  if (!options.encoding.empty()) source.set_encoding(options.encoding);
  if (!options.uai_as_markov) return format_info(format).read(source);
  if (format == Format::uai) return read_uai_as_markov(source);
  throw OptionError(fmt::format("{}: only files of format uai can be read as MARKOV, got {}",
                                source.name(), format_info(format).name));
}

}  // namespace

FactorGraph read_model(const std::filesystem::path& path, std::optional<Format> format,
                       const ReadOptions& options) {
  const Format known = require_format(path, format);
  return read_from(ByteSource::from_file(path), known, options);
}

FactorGraph read_model(std::string_view text, Format format, std::string source_name,
                       const ReadOptions& options) {
  return read_from(ByteSource::from_memory(text, std::move(source_name)), format, options);
}

FactorGraph read_model(std::istream& stream, Format format, std::string source_name,
                       const ReadOptions& options) {
  return read_from(ByteSource::from_stream(stream, std::move(source_name)), format, options);
}

std::string write_model(const FactorGraph& graph, Format format) {
  const FormatInfo& info = format_info(format);
  if (format != Format::json) {
    graph.require_discrete(fmt::format("format {} (json holds any model)", info.name));
  }
  if (info.bayesian_only && !graph.is_bayesian_network()) {
    throw ModelError(fmt::format(
        "{}: expected a Bayesian network (one conditional per variable, no cycle), got a graph of "
        "{} factors over {} variables that is not one; write it as json or uai",
        info.name, graph.factor_count(), graph.variable_count()));
  }
  return info.write(graph);
}

void write_model(const std::filesystem::path& path, const FactorGraph& graph,
                 std::optional<Format> format) {
  write_file_atomically(path, write_model(graph, require_format(path, format)));
}

std::string losses(const FactorGraph& graph, Format format) {
  if (format != Format::uai) return "";
  std::vector<std::string_view> lost;
  if (!graph.name.empty()) lost.push_back("the network's name");
  if (!has_default_names(graph)) lost.push_back("names of variables and states");
  const bool marked =
      std::ranges::any_of(graph.factors(), [](const Factor& f) { return f.child.has_value(); });
  if (marked && !graph.is_bayesian_network()) lost.push_back("directions of conditionals");
  if (lost.empty()) return "";
  return fmt::format("uai does not keep {}", fmt::join(lost, ", "));
}

}  // namespace credo
