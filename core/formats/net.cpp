// Hugin NET: "net { ... }", "node N { states = (...); }" and
// "potential (child | parents) { data = ((...)); }". Data nest one pair of
// parentheses per parent, the first outermost, the child innermost and fastest
// (Hugin API reference manual, chapter "The NET language"); one flat list is read too.
// Attributes that say nothing about probabilities (labels, positions) are skipped.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/dense_tables.hpp>
#include <credo/core/formats/network_builder.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace credo {

namespace {

// Our own attribute: the true name, where it is no identifier.
constexpr std::string_view kNameAttribute = "credo_name";

class NetReader {
 public:
  explicit NetReader(ByteSource& source)
      : cursor_(source, {"{}()|;=\"", Comments::percent}), network_(source.name()) {}

  FactorGraph read() {
    std::string name;
    bool has_net = false;
    while (!cursor_.at_end()) {
      if (cursor_.accept_word("net")) {
        if (std::exchange(has_net, true)) cursor_.fail("one net per file");
        read_attributes([&](std::string_view attribute) {
          if (attribute != kNameAttribute && attribute != "name") return false;
          name = read_string("the name of the net in quotes");
          return true;
        });
      } else if (cursor_.accept_word("potential")) {
        read_potential();
      } else if (cursor_.accept_word("discrete")) {
        cursor_.expect_word("node");
        read_node();
      } else if (cursor_.accept_word("node")) {
        read_node();
      } else {
        cursor_.fail(
            "'net', 'node' or 'potential' (decisions, utilities, functions, classes and "
            "continuous nodes are not read)");
      }
    }
    if (!has_net) cursor_.fail("'net'");
    return network_.finish(std::move(name), cursor_.position());
  }

 private:
  std::string read_string(std::string_view expected) {
    if (cursor_.peek() != '"') cursor_.fail(expected);
    const Position at = cursor_.position();
    std::string text = cursor_.quoted(Escapes::backslash);
    network_.check_name(text, {at.line, at.column + 1});
    return text;
  }

  /// "{ name = value; ... }": `known` reads the value of an attribute it knows and says so.
  template <typename Known>
  void read_attributes(Known known) {
    cursor_.expect('{');
    while (!cursor_.accept('}')) {
      const std::string attribute(cursor_.word("the name of an attribute or '}'"));
      cursor_.expect('=');
      if (!known(attribute)) skip_value();
      cursor_.expect(';');
    }
  }

  /// Skips a string, a word, or lists of them nested to any depth.
  void skip_value() {
    std::uint64_t depth = 0;
    do {
      const char c = cursor_.peek();
      if (c == '"') {
        cursor_.quoted(Escapes::backslash);
      } else if (cursor_.accept('(')) {
        ++depth;
      } else if (depth > 0 && cursor_.accept(')')) {
        --depth;
      } else {
        cursor_.word("the value of an attribute");
      }
    } while (depth > 0);
  }

  void read_node() {
    std::string id(cursor_.word("the name of a node"));
    const Position at = cursor_.position();
    network_.check_name(id, at);
    std::vector<std::string> states;
    std::string name;
    read_attributes([&](std::string_view attribute) {
      if (attribute == "states") {
        cursor_.expect('(');
        while (!cursor_.accept(')')) states.push_back(read_string("the name of a state in quotes"));
      } else if (attribute == kNameAttribute) {
        name = read_string("the name of a variable in quotes");
      } else {
        return false;
      }
      return true;
    });
    const auto v = static_cast<VariableId>(network_.graph().variable_count());
    if (!ids_.emplace(id, v).second) {
      network_.fail(at, "each node once", fmt::format("{} again", shown(id)));
    }
    network_.add_variable(name.empty() ? std::move(id) : std::move(name), std::move(states), at);
  }

  VariableId read_variable(std::string_view expected) {
    const std::string id(cursor_.word(expected));
    const auto found = ids_.find(id);
    // An unknown one is unknown as a name too, and gets the nearest names.
    return found != ids_.end() ? found->second : network_.variable(id, cursor_.position());
  }

  void read_potential() {
    cursor_.expect('(');
    const VariableId child = read_variable("the child of a potential");
    const Position at = cursor_.position();
    std::vector<VariableId> parents;
    if (cursor_.accept('|')) {
      while (!cursor_.accept(')')) parents.push_back(read_variable("a parent or ')'"));
    } else if (!cursor_.accept(')')) {
      cursor_.fail("'|' or ')': one child per potential");
    }
    network_.begin_conditional(child, std::move(parents), at);
    std::vector<double> values;
    bool has_data = false;
    read_attributes([&](std::string_view attribute) {
      if (attribute != "data") return false;
      if (std::exchange(has_data, true)) cursor_.fail("one list of data");
      values = read_data();
      return true;
    });
    if (!has_data) network_.fail(at, "a potential with data", "none");
    network_.end_conditional(std::move(values));
  }

  std::vector<double> read_data() {
    // Entries inside each pair of parentheses, outermost first.
    std::vector<std::uint64_t> blocks;
    std::vector<std::size_t> extents;
    const Scope& scope = network_.scope();
    for (std::size_t d = scope.size(); d-- > 0;) {
      extents.push_back(network_.graph().cardinality(scope[d]));
      blocks.push_back(saturating_product(extents));
    }
    std::ranges::reverse(blocks);
    const std::uint64_t count = blocks.front();
    cursor_.expect('(');
    const bool flat = blocks.size() == 1 || cursor_.peek() != '(';
    if (flat) blocks.resize(1);
    std::vector<double> values;
    for (std::uint64_t i = 0; i < count; ++i) {
      for (std::size_t d = opened_at(blocks, i); d < blocks.size(); ++d) {
        if (i > 0 || d > 0) cursor_.expect('(');
      }
      if (cursor_.peek() == ')') {
        cursor_.fail(fmt::format("{} entries of p({} given its parents)", count,
                                 network_.graph().variable(scope.back()).name),
                     fmt::format("{} before ')'", i));
      }
      values.push_back(cursor_.non_negative("a finite non-negative entry"));
      for (std::size_t d = opened_at(blocks, i + 1); d < blocks.size(); ++d) cursor_.expect(')');
    }
    return values;
  }

  /// The outermost pair of parentheses that starts at (or ends before) entry i.
  static std::size_t opened_at(const std::vector<std::uint64_t>& blocks, std::uint64_t i) {
    std::size_t d = blocks.size();
    while (d > 0 && i % blocks[d - 1] == 0) --d;
    return d;
  }

  Cursor cursor_;
  NetworkBuilder network_;
  std::unordered_map<std::string, VariableId> ids_;
};

bool is_identifier(const std::string& name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string in_quotes(std::string_view text) {
  require_plain_name("net", text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

/// Every variable's identifier: its name where that is one, else a free "v<number>".
std::vector<std::string> identifiers(const FactorGraph& graph) {
  std::vector<std::string> ids;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    std::string id = graph.variable(v).name;
    if (!is_identifier(id)) {
      id = fmt::format("v{}", v);
      while (graph.find_variable(id)) id.push_back('_');
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

void append_node(std::string& text, const Variable& v, const std::string& id) {
  text += fmt::format("node {}\n{{\n", id);
  if (id != v.name) text += fmt::format("  {} = {};\n", kNameAttribute, in_quotes(v.name));
  text += "  states = (";
  for (std::size_t i = 0; i < v.cardinality; ++i) {
    if (i > 0) text.push_back(' ');
    text += in_quotes(v.state_name(i));
  }
  text += ");\n}\n";
}

void append_potential(std::string& text, const FactorGraph& graph, FactorId f,
                      const std::vector<std::string>& ids) {
  const Scope scope = child_last(graph.factor(f));
  text += fmt::format("potential ({}{}", ids[scope.back()], scope.size() > 1 ? " |" : "");
  for (std::size_t i = 0; i + 1 < scope.size(); ++i) text += " " + ids[scope[i]];
  text += ")\n{\n  data = ";
  const std::vector<double> values = child_last_values(graph, f, "net");
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::size_t block = 1;
    std::string closing;
    std::string opening;
    for (std::size_t d = scope.size(); d-- > 0;) {
      block *= graph.cardinality(scope[d]);
      if (i % block == 0) opening.push_back('(');
      if ((i + 1) % block == 0) closing.push_back(')');
    }
    if (i > 0) text += opening.empty() ? " " : "\n          ";
    text += opening;
    append_number(text, values[i]);
    text += closing;
  }
  text += ";\n}\n";
}

}  // namespace

FactorGraph read_net(ByteSource& source) { return NetReader(source).read(); }

std::string write_net(const FactorGraph& graph) {
  std::string text = "net\n{\n";
  if (!graph.name.empty()) text += fmt::format("  name = {};\n", in_quotes(graph.name));
  text += "}\n";
  const std::vector<std::string> ids = identifiers(graph);
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    append_node(text, graph.variable(v), ids[v]);
  }
  for (FactorId f = 0; f < graph.factor_count(); ++f) append_potential(text, graph, f, ids);
  return text;
}

}  // namespace credo
