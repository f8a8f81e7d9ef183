// Comma-separated values, read in one pass over the text. Every complaint has the line and the
// column (in bytes) of the field it is about.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/characters.hpp>
#include <credo/core/names.hpp>
#include <credo/models/data_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace credo {

namespace {

struct Field {
  std::string text;
  Position where;
};

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }

  /// The fields of the next line.
  std::vector<Field> line() {
    std::vector<Field> fields{field()};
    while (!at_end() && text_[at_] == ',') {
      take();
      fields.push_back(field());
    }
    if (!at_end() && text_[at_] == '\r') take();
    if (!at_end() && text_[at_] != '\n') fail(here_, "a comma or the end of the line", next());
    if (!at_end()) take();
    return fields;
  }

  [[noreturn]] void fail(Position where, const std::string& expected,
                         const std::string& got) const {
    throw ParseError(source_, where.line, where.column, expected, got);
  }

 private:
  Field field() {
    Field field{"", here_};
    if (!at_end() && text_[at_] == '"') {
      quoted(field);
      return field;
    }
    while (!at_end() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') {
      field.text += take();
    }
    const std::size_t first = field.text.find_first_not_of(" \t");
    const std::size_t last = field.text.find_last_not_of(" \t");
    if (first == std::string::npos) return {"", field.where};
    field.where.column += first;
    field.text = field.text.substr(first, last - first + 1);
    return field;
  }

  void quoted(Field& field) {
    take();
    while (!at_end()) {
      const char c = take();
      if (c != '"') {
        field.text += c;
      } else if (!at_end() && text_[at_] == '"') {
        field.text += take();
      } else {
        return;
      }
    }
    fail(here_, "the closing quote of a field", "the end of the text");
  }

  char take() {
    const char c = text_[at_++];
    if (c == '\n') {
      ++here_.line;
      here_.column = 1;
    } else {
      ++here_.column;
    }
    return c;
  }

  [[nodiscard]] std::string next() const { return shown(text_.substr(at_, 1)); }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
  Position here_;
};

/// The variable of every column.
std::vector<VariableId> header(CsvReader& reader, const FactorGraph& graph) {
  if (reader.at_end()) reader.fail({}, "a line of variable names", "the end of the text");
  std::vector<std::string> names;
  for (const Variable& variable : graph.variables()) names.push_back(variable.name);
  std::vector<VariableId> columns;
  for (const Field& field : reader.line()) {
    const auto v = graph.find_variable(field.text);
    if (!v) {
      reader.fail(field.where, "a variable of the model",
                  shown(field.text) + did_you_mean(field.text, names));
    }
    if (std::ranges::find(columns, *v) != columns.end()) {
      reader.fail(field.where, "each variable once", shown(field.text) + " again");
    }
    columns.push_back(*v);
  }
  return columns;
}

std::uint32_t state_of(const CsvReader& reader, const Variable& variable, const Field& field) {
  // A state may be called "?", hence its name first.
  if (const auto state = variable.find_state(field.text)) {
    return static_cast<std::uint32_t>(*state);
  }
  if (field.text.empty() || field.text == "?") return DataTable::kMissing;
  reader.fail(
      field.where,
      fmt::format("a state of {} ({} of them) or nothing", variable.name, variable.cardinality),
      shown(field.text) + did_you_mean(field.text, variable.states));
}

void append_field(std::string& text, std::string_view field) {
  // Blanks at the ends of a field without quotes are none of it.
  const bool plain = field.find_first_of(",\"\r\n") == std::string_view::npos &&
                     (field.empty() || (field.find_first_not_of(" \t") == 0 &&
                                        field.find_last_not_of(" \t") == field.size() - 1));
  if (plain) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

/// How a missing state is written: as nothing, unless that is what a state is called.
std::string_view missing_text(const Variable& variable) {
  if (!variable.find_state("")) return "";
  if (!variable.find_state("?")) return "?";
  throw ModelError(fmt::format(
      "data: expected a variable {} of which no state is called \"\" or none \"?\", got "
      "both, which leaves no word for what is missing",
      variable.name));
}

}  // namespace

DataTable read_data(std::string_view text, const FactorGraph& graph,
                    const std::string& source_name) {
  DataTable data(graph);
  CsvReader reader(text, source_name);
  const std::vector<VariableId> columns = header(reader, graph);
  std::vector<std::uint32_t> states(graph.variable_count(), DataTable::kMissing);
  while (!reader.at_end()) {
    const std::vector<Field> fields = reader.line();
    const bool blank = fields.size() == 1 && fields[0].text.empty();
    if (blank && columns.size() > 1) continue;
    if (fields.size() != columns.size()) {
      reader.fail(fields.back().where,
                  fmt::format("{} fields, as in the first line", columns.size()),
                  fmt::format("{}", fields.size()));
    }
    for (std::size_t c = 0; c < columns.size(); ++c) {
      states[columns[c]] = state_of(reader, graph.variable(columns[c]), fields[c]);
    }
    data.add_row(states);
  }
  return data;
}

DataTable read_data(const std::filesystem::path& path, const FactorGraph& graph) {
  ByteSource source = ByteSource::from_file(path);
  const std::string text = read_all(source);
  return read_data(text, graph, source.name());
}

std::string write_data(const DataTable& data, const FactorGraph& graph) {
  data.require_fits(graph);
  std::string text;
  for (VariableId v = 0; v < data.columns(); ++v) {
    if (v > 0) text += ',';
    append_field(text, graph.variable(v).name);
  }
  text += '\n';
  for (std::size_t r = 0; r < data.rows(); ++r) {
    const double weight = data.weight(r);
    if (weight != std::floor(weight)) {
      throw ModelError(fmt::format("data, row {}: expected a whole weight, got {}", r, weight));
    }
    std::string line;
    for (VariableId v = 0; v < data.columns(); ++v) {
      const std::uint32_t state = data.row(r)[v];
      if (v > 0) line += ',';
      const Variable& variable = graph.variable(v);
      append_field(line, state == DataTable::kMissing ? std::string(missing_text(variable))
                                                      : variable.state_name(state));
    }
    line += '\n';
    for (double written = 0.0; written < weight; written += 1.0) text += line;
  }
  return text;
}

}  // namespace credo
