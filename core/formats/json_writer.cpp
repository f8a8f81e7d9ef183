// The writer of credo's own JSON; docs/formats.md is its reference.

#include <credo/core/error.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/json_words.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <unordered_map>
#include <utility>
#include <vector>

namespace credo {

namespace {

using json::kMark;
using json::kMinusInfinity;
using json::kVersion;

std::string in_quotes(std::string_view text) {
  if (!is_utf8(text)) {
    throw ModelError(
        fmt::format("json: cannot spell the name {}: it is not valid UTF-8", shown(text)));
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

/// "[a, b, c]" with each element appended by `append`.
template <typename Range, typename Append>
void append_array(std::string& text, const Range& range, Append append) {
  text.push_back('[');
  bool first = true;
  for (const auto& element : range) {
    if (!first) text += ", ";
    first = false;
    append(element);
  }
  text.push_back(']');
}

void append_table(std::string& text, const Table& table) {
  const auto number = [&](auto n) { append_number(text, n); };
  text += "{\"shape\": ";
  append_array(text, table.shape(), [&](std::size_t n) { number(std::uint64_t{n}); });
  if (table.domain() == Domain::log) text += ", \"domain\": \"log\"";
  if (table.is_sparse()) {
    text += ", \"index\": ";
    append_array(text, table.stored_indices(), number);
  }
  text += ", \"values\": ";
  append_array(text, table.values(), [&](double value) {
    if (value == -kInfinity) {
      text += fmt::format("\"{}\"", kMinusInfinity);
    } else {
      number(value);
    }
  });
  text += "}";
}

void append_variable(std::string& text, const Variable& v) {
  text += fmt::format("{{\"name\": {}, ", in_quotes(v.name));
  if (v.states.empty()) {
    text += fmt::format("\"cardinality\": {}}}", v.cardinality);
    return;
  }
  text += "\"states\": ";
  append_array(text, v.states, [&](const std::string& state) { text += in_quotes(state); });
  text += "}";
}

/// One element per line, so that differences of files can be read.
template <typename Range, typename Append>
void append_lines(std::string& text, std::string_view key, const Range& range, Append append) {
  text += fmt::format(",\n  \"{}\": [", key);
  bool first = true;
  for (const auto& element : range) {
    text += first ? "\n    " : ",\n    ";
    first = false;
    append(element);
  }
  text += first ? "]" : "\n  ]";
}

}  // namespace

std::string write_json(const FactorGraph& graph) {
  std::unordered_map<const void*, std::size_t> uses;
  for (const Factor& f : graph.factors()) ++uses[f.table.identity()];
  std::unordered_map<const void*, std::size_t> number_of;
  std::vector<const Table*> shared;
  for (const Factor& f : graph.factors()) {
    if (uses[f.table.identity()] < 2) continue;
    if (number_of.emplace(f.table.identity(), shared.size()).second) shared.push_back(&f.table);
  }
  std::string text = fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {}", kMark, kVersion);
  if (!graph.name.empty()) text += fmt::format(",\n  \"name\": {}", in_quotes(graph.name));
  append_lines(text, "variables", graph.variables(),
               [&](const Variable& v) { append_variable(text, v); });
  append_lines(text, "tables", shared, [&](const Table* table) { append_table(text, *table); });
  append_lines(text, "factors", graph.factors(), [&](const Factor& f) {
    text += "{\"scope\": ";
    append_array(text, f.scope, [&](VariableId v) { text += in_quotes(graph.variable(v).name); });
    if (f.child) text += fmt::format(", \"child\": {}", in_quotes(graph.variable(*f.child).name));
    text += ", \"table\": ";
    const auto at = number_of.find(f.table.identity());
    if (at != number_of.end()) {
      text += fmt::format("{}", at->second);
    } else {
      append_table(text, f.table);
    }
    text += "}";
  });
  return text + "\n}\n";
}

}  // namespace credo
