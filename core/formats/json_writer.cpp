// The writer of credo's own JSON; docs/formats.md is its reference.

#include <credo/core/error.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/json_gaussian.hpp>
#include <credo/core/formats/json_text.hpp>
#include <credo/core/formats/json_words.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace credo {

namespace {

using json::append_array;
using json::append_lines;
using json::append_value;
using json::in_quotes;
using json::kMark;
using json::kVersion;

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
  append_array(text, table.values(), [&](double value) { append_value(text, value); });
  text += "}";
}

void append_variable(std::string& text, const Variable& v) {
  text += fmt::format("{{\"name\": {}, ", in_quotes(v.name));
  if (v.is_continuous()) {
    text += fmt::format("\"dimension\": {}}}", v.dimension);
    return;
  }
  if (v.states.empty()) {
    text += fmt::format("\"cardinality\": {}}}", v.cardinality);
    return;
  }
  text += "\"states\": ";
  append_array(text, v.states, [&](const std::string& state) { text += in_quotes(state); });
  text += "}";
}

}  // namespace

std::string write_json(const FactorGraph& graph) {
  const json::SharedTables<Table> shared(graph.factors());
  std::string text = fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {}", kMark, kVersion);
  if (!graph.name.empty()) text += fmt::format(",\n  \"name\": {}", in_quotes(graph.name));
  append_lines(text, "variables", graph.variables(),
               [&](const Variable& v) { append_variable(text, v); });
  append_lines(text, "tables", shared.tables,
               [&](const Table* table) { append_table(text, *table); });
  append_lines(text, "factors", graph.factors(), [&](const Factor& f) {
    text += "{\"scope\": ";
    append_array(text, f.scope, [&](VariableId v) { text += in_quotes(graph.variable(v).name); });
    if (f.child) text += fmt::format(", \"child\": {}", in_quotes(graph.variable(*f.child).name));
    text += ", \"table\": ";
    shared.append(text, f.table, append_table);
    text += "}";
  });
  json::append_gaussian_members(text, graph);
  return text + "\n}\n";
}

}  // namespace credo
