// BIF, the Bayesian interchange format (Cozman 1998, version 0.15), as spoken by
// the Bayesian network repositories: names may hold nearly any character, rows
// "(parent states) p1, p2;" come in any order, `table` lists p(child given
// parents) row-major over (child, parents...), `default` fills the rows not given.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/dense_tables.hpp>
#include <credo/core/formats/network_builder.hpp>
#include <credo/core/formats/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::string_view kPunctuation = "{}()[]|,;\"";
// A network without a name of its own.
constexpr std::string_view kNoName = "unknown";

struct Row {
  std::uint64_t index;
  Position position;
};

class BifReader {
 public:
  explicit BifReader(ByteSource& source)
      : cursor_(source, {kPunctuation, Comments::slashes}), network_(source.name()) {}

  FactorGraph read() {
    cursor_.expect_word("network");
    const bool bare = cursor_.peek() != '"';
    std::string name = read_name("the name of the network");
    if (bare && name == kNoName) name.clear();
    cursor_.expect('{');
    while (!cursor_.accept('}')) read_property("'property' or '}'");
    while (!cursor_.at_end()) {
      if (cursor_.accept_word("variable")) {
        read_variable();
      } else if (cursor_.accept_word("probability")) {
        read_conditional();
      } else {
        cursor_.fail("'variable' or 'probability'");
      }
    }
    return network_.finish(std::move(name), cursor_.position());
  }

 private:
  /// A bare or quoted name; name_at_ is where it begins.
  std::string read_name(std::string_view expected) {
    const bool quoted = cursor_.peek() == '"';
    name_at_ = cursor_.position();
    std::string name = quoted ? cursor_.quoted() : std::string(cursor_.word(expected));
    network_.check_name(name, {name_at_.line, name_at_.column + (quoted ? 1 : 0)});
    return name;
  }

  VariableId read_variable_name() {
    const std::string name = read_name("the name of a variable");
    return network_.variable(name, name_at_);
  }

  void read_property(std::string_view otherwise) {
    if (!cursor_.accept_word("property")) cursor_.fail(otherwise);
    while (!cursor_.accept(';')) {
      const char c = cursor_.peek();
      if (c == '"') {
        cursor_.quoted();
      } else if (cursor_.optional_word().empty() && (c == '\0' || !cursor_.accept(c))) {
        cursor_.fail("';' at the end of a property");
      }
    }
  }

  void read_variable() {
    std::string name = read_name("the name of a variable");
    const Position at = name_at_;
    std::vector<std::string> states;
    cursor_.expect('{');
    while (!cursor_.accept('}')) {
      if (states.empty() && cursor_.accept_word("type")) {
        states = read_states();
      } else {
        read_property("'type', 'property' or '}'");
      }
    }
    network_.add_variable(std::move(name), std::move(states), at);
  }

  std::vector<std::string> read_states() {
    cursor_.expect_word("discrete");
    cursor_.expect('[');
    const std::uint64_t count = cursor_.natural("the number of states");
    const Position at = cursor_.position();
    cursor_.expect(']');
    cursor_.expect('{');
    std::vector<std::string> states;
    do {
      states.push_back(read_name("the name of a state"));
    } while (cursor_.accept(','));
    cursor_.expect('}');
    if (states.size() != count) {
      cursor_.fail_at(at, fmt::format("the number of states listed, {}", states.size()),
                      fmt::format("{}", count));
    }
    cursor_.expect(';');
    return states;
  }

  void read_conditional() {
    cursor_.expect('(');
    const VariableId child = read_variable_name();
    const Position at = name_at_;
    std::vector<VariableId> parents;
    if (cursor_.accept('|')) {
      do {
        parents.push_back(read_variable_name());
      } while (cursor_.accept(','));
    }
    cursor_.expect(')');
    network_.begin_conditional(child, std::move(parents), at);
    cursor_.expect('{');
    rows_.clear();
    values_.clear();
    default_.clear();
    bool whole = false;
    while (!cursor_.accept('}')) whole = read_entries(whole) || whole;
    if (whole) {
      network_.end_conditional(child_to_end(values_, network_.states_of_child()));
    } else {
      finish_rows(at);
    }
  }

  /// One statement of a probability block; true when it was the whole table.
  bool read_entries(bool whole) {
    if (cursor_.accept('(')) {
      if (whole) cursor_.fail("'}' after a table");
      read_row();
      return false;
    }
    if (cursor_.accept_word("table")) {
      if (whole || !rows_.empty()) cursor_.fail("one table, or one row per state of the parents");
      const std::uint64_t rows = network_.parent_states();
      const std::uint64_t states = network_.states_of_child();
      read_numbers(values_, rows > ~std::uint64_t{0} / states ? rows : rows * states);
      return true;
    }
    if (cursor_.accept_word("default")) {
      if (whole || !default_.empty()) cursor_.fail("one default");
      read_numbers(default_, network_.states_of_child());
      return false;
    }
    read_property("'table', 'default', 'property', '(' or '}'");
    return false;
  }

  void read_row() {
    Row row{0, cursor_.position()};
    const Scope& scope = network_.scope();
    for (std::size_t i = 0; i + 1 < scope.size(); ++i) {
      if (i > 0) cursor_.expect(',');
      const std::string name = read_name("the state of a parent");
      const std::size_t state = network_.state(scope[i], name, name_at_);
      row.index = row.index * network_.graph().cardinality(scope[i]) + state;
    }
    cursor_.expect(')');
    read_numbers(values_, network_.states_of_child());
    rows_.push_back(row);
  }

  /// Exactly `count` probabilities, commas between them optional, then ';'.
  void read_numbers(std::vector<double>& values, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) cursor_.accept(',');
      if (cursor_.peek() == ';') {
        cursor_.fail(fmt::format("{} probabilities", count), fmt::format("{} before ';'", i));
      }
      values.push_back(cursor_.non_negative("a finite non-negative probability"));
    }
    if (!cursor_.accept(';')) cursor_.fail(fmt::format("';' after {} probabilities", count));
  }

  void finish_rows(Position at) {
    const std::uint64_t count = network_.parent_states();
    const std::size_t width = network_.states_of_child();
    if (default_.empty() && rows_.size() != count) {
      cursor_.fail_at(at, fmt::format("{} rows, one per state of the parents", count),
                      fmt::format("{}", rows_.size()));
    }
    if (!default_.empty()) charge_default(count, width, at);
    std::vector<double> values(static_cast<std::size_t>(count) * width);
    std::vector<char> given(static_cast<std::size_t>(count), 0);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      char& seen = given[rows_[r].index];
      if (seen != 0) {
        cursor_.fail_at(rows_[r].position, "each state of the parents once", "a row given before");
      }
      seen = 1;
      std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(r * width), width,
                  values.begin() + static_cast<std::ptrdiff_t>(rows_[r].index * width));
    }
    for (std::size_t row = 0; row < given.size(); ++row) {
      if (given[row] != 0) continue;
      std::ranges::copy(default_, values.begin() + static_cast<std::ptrdiff_t>(row * width));
    }
    network_.end_conditional(std::move(values));
  }

  /// Entries that a default creates out of nothing are limited by the size of the text, so that no
  /// short file fills the memory.
  void charge_default(std::uint64_t count, std::size_t width, Position at) {
    constexpr std::uint64_t kAlwaysFine = std::uint64_t{1} << 20;
    const std::uint64_t budget = kAlwaysFine + 16 * cursor_.bytes_read();
    if (count > budget / width || defaulted_ + count * width > budget) {
      cursor_.fail_at(at, fmt::format("defaults that fill at most {} entries", budget),
                      fmt::format("{} more rows of {}", count, width));
    }
    defaulted_ += count * width;
  }

  Cursor cursor_;
  NetworkBuilder network_;
  Position name_at_;
  /// Of the block being read: rows in the order of the file, and their numbers.
  std::vector<Row> rows_;
  std::vector<double> values_;
  std::vector<double> default_;
  std::uint64_t defaulted_ = 0;
};

/// A name as BIF spells it: bare when it is one word, else in quotes.
std::string spelled(const std::string& name) {
  require_plain_name("bif", name);
  if (name.find('"') != std::string::npos) {
    throw ModelError(fmt::format(
        "bif: cannot spell the name {}: it holds a quote; write it as json", shown(name)));
  }
  const bool bare = !name.empty() && name.find_first_of(kPunctuation) == std::string::npos &&
                    name.find_first_of(" \t\r\n\f\v") == std::string::npos &&
                    name.find("//") == std::string::npos && name.find("/*") == std::string::npos;
  return bare ? name : fmt::format("\"{}\"", name);
}

void append_variable(std::string& text, const Variable& v) {
  text += fmt::format("variable {} {{\n  type discrete [ {} ] {{ ", spelled(v.name), v.cardinality);
  for (std::size_t i = 0; i < v.cardinality; ++i) {
    text += (i == 0 ? "" : ", ") + spelled(v.state_name(i));
  }
  text += " };\n}\n";
}

void append_row(std::string& text, std::span<const double> row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) text += ", ";
    append_number(text, row[i]);
  }
  text += ";\n";
}

void append_conditional(std::string& text, const FactorGraph& graph, FactorId id) {
  const Scope scope = child_last(graph.factor(id));
  const std::span<const VariableId> parents = std::span(scope).first(scope.size() - 1);
  text += fmt::format("probability ( {}", spelled(graph.variable(scope.back()).name));
  for (std::size_t i = 0; i < parents.size(); ++i) {
    text += (i == 0 ? " | " : ", ") + spelled(graph.variable(parents[i]).name);
  }
  text += " ) {\n";
  const std::vector<double> values = child_last_values(graph, id, "bif");
  const std::size_t width = graph.cardinality(scope.back());
  std::vector<std::size_t> state(parents.size(), 0);
  for (std::size_t row = 0; row < values.size() / width; ++row) {
    text += parents.empty() ? "  table " : "  (";
    for (std::size_t i = 0; i < parents.size(); ++i) {
      text += (i == 0 ? "" : ", ") + spelled(graph.variable(parents[i]).state_name(state[i]));
    }
    if (!parents.empty()) text += ") ";
    append_row(text, std::span(values).subspan(row * width, width));
    for (std::size_t i = parents.size(); i-- > 0;) {
      if (++state[i] < graph.cardinality(parents[i])) break;
      state[i] = 0;
    }
  }
  text += "}\n";
}

}  // namespace

FactorGraph read_bif(ByteSource& source) { return BifReader(source).read(); }

std::string write_bif(const FactorGraph& graph) {
  std::string name(kNoName);
  if (!graph.name.empty()) {
    name = graph.name == kNoName ? fmt::format("\"{}\"", kNoName) : spelled(graph.name);
  }
  std::string text = fmt::format("network {} {{\n}}\n", name);
  for (const Variable& v : graph.variables()) append_variable(text, v);
  for (FactorId f = 0; f < graph.factor_count(); ++f) append_conditional(text, graph, f);
  return text;
}

}  // namespace credo
