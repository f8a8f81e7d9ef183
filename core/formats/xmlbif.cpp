// XMLBIF 0.3: BIF / NETWORK with VARIABLE (NAME, OUTCOME...) and DEFINITION (FOR,
// GIVEN..., TABLE). The table is row-major over (given..., for): the child is
// fastest. pugixml parses, without recursion and without expanding entities of
// the document's own; offsets become lines and columns when an error needs them.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/dense_tables.hpp>
#include <credo/core/formats/network_builder.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <pugixml.hpp>
#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

class XmlbifReader {
 public:
  explicit XmlbifReader(ByteSource& source) : text_(read_all(source)), network_(source.name()) {
    const std::string declared = source.is_transcoded() ? "" : declared_encoding();
    if (declared.empty()) return;
    ByteSource again = ByteSource::from_memory(text_, source.name());
    again.set_encoding(declared);
    std::string decoded = read_all(again);
    text_ = std::move(decoded);
  }

  FactorGraph read() {
    pugi::xml_document document;
    // A fragment keeps text outside the root, which is refused below.
    const pugi::xml_parse_result parsed =
        document.load_buffer(text_.data(), text_.size(), pugi::parse_default | pugi::parse_fragment,
                             pugi::encoding_utf8);
    if (const std::size_t zero = text_.find('\0'); zero != std::string::npos) {
      network_.fail(position(zero), "well-formed XML", "the byte 0");
    }
    if (!parsed) {
      network_.fail(position(parsed.offset), "well-formed XML", parsed.description());
    }
    const pugi::xml_node root = document.document_element();
    if (!root) network_.fail({}, "well-formed XML", "No document element found");
    if (root.name() != std::string_view("BIF")) fail(root, "the element BIF");
    for (const pugi::xml_node node : document.children()) {
      if (node != root) fail(node, "nothing but the element BIF");
    }
    const pugi::xml_node network = root.child("NETWORK");
    if (!network) fail(root, "the element NETWORK in BIF");
    std::string name;
    for (const pugi::xml_node node : network.children()) {
      const std::string_view tag = node.name();
      if (tag == "NAME") {
        name = content(node);
      } else if (tag == "VARIABLE") {
        read_variable(node);
      } else if (tag == "DEFINITION") {
        read_definition(node);
      } else if (tag != "PROPERTY") {
        fail(node, "NAME, PROPERTY, VARIABLE or DEFINITION");
      }
    }
    return network_.finish(std::move(name), position(text_.size()));
  }

 private:
  /// What the XML declaration says, where that is not UTF-8; else empty.
  [[nodiscard]] std::string declared_encoding() const {
    if (!text_.starts_with("<?xml")) return "";
    const std::string_view text = std::string_view(text_).substr(0, text_.find("?>"));
    std::size_t at = text.find("encoding");
    if (at == std::string_view::npos) return "";
    at = text.find_first_of("\"'", at);
    if (at == std::string_view::npos) return "";
    std::string name(text.substr(at + 1, text.find(text[at], at + 1) - at - 1));
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const bool plain = upper == "UTF-8" || upper == "UTF8" || upper == "US-ASCII";
    return plain ? "" : name;
  }

  /// Amortised: asked in the order of the text.
  Position position(std::ptrdiff_t offset) {
    return position(static_cast<std::size_t>(std::max<std::ptrdiff_t>(offset, 0)));
  }
  Position position(std::size_t offset) {
    offset = std::min(offset, text_.size());
    if (offset < known_offset_)
      return position_after({}, std::string_view(text_).substr(0, offset));
    known_ = position_after(known_,
                            std::string_view(text_).substr(known_offset_, offset - known_offset_));
    known_offset_ = offset;
    return known_;
  }
  Position position(pugi::xml_node node) { return position(node.offset_debug()); }

  [[noreturn]] void fail(pugi::xml_node node, std::string_view expected) {
    const std::string_view name = node.name();
    network_.fail(position(node), expected, name.empty() ? shown(node.value()) : shown(name));
  }

  /// The text of an element that has nothing else, without blanks around it.
  std::string content(pugi::xml_node element) {
    std::string text;
    for (const pugi::xml_node child : element.children()) {
      if (child.type() == pugi::node_element) fail(child, "text only");
      text += child.value();
    }
    std::string name(trimmed(text));
    network_.check_name(name, position(element.first_child() ? element.first_child() : element));
    return name;
  }

  void read_variable(pugi::xml_node element) {
    const Position at = position(element);
    const std::string_view type = element.attribute("TYPE").value();
    if (!type.empty() && type != "nature") {
      network_.fail(at, "a variable of TYPE nature", shown(type));
    }
    std::string name;
    std::vector<std::string> states;
    for (const pugi::xml_node node : element.children()) {
      const std::string_view tag = node.name();
      if (tag == "NAME") {
        name = content(node);
      } else if (tag == "OUTCOME" || tag == "VALUE") {
        states.push_back(content(node));
      } else if (tag != "PROPERTY") {
        fail(node, "NAME, OUTCOME or PROPERTY");
      }
    }
    network_.add_variable(std::move(name), std::move(states), at);
  }

  void read_definition(pugi::xml_node element) {
    const Position at = position(element);
    std::vector<VariableId> children;
    std::vector<VariableId> parents;
    pugi::xml_node table;
    for (const pugi::xml_node node : element.children()) {
      const std::string_view tag = node.name();
      if (tag == "FOR" || tag == "GIVEN") {
        auto& list = tag == "FOR" ? children : parents;
        list.push_back(network_.variable(content(node), position(node)));
      } else if (tag == "TABLE" && !table) {
        table = node;
      } else if (tag != "PROPERTY") {
        fail(node, "FOR, GIVEN, one TABLE or PROPERTY");
      }
    }
    if (children.size() != 1) {
      network_.fail(at, "one FOR in a DEFINITION", fmt::format("{}", children.size()));
    }
    if (!table) network_.fail(at, "a TABLE in the DEFINITION", "none");
    network_.begin_conditional(children.front(), std::move(parents), at);
    network_.end_conditional(read_table(table));
  }

  std::vector<double> read_table(pugi::xml_node table) {
    std::vector<double> values;
    for (const pugi::xml_node node : table.children()) {
      if (node.type() == pugi::node_element) fail(node, "numbers only");
      read_numbers(node, values);
    }
    const std::uint64_t rows = network_.parent_states();
    const std::size_t width = network_.states_of_child();
    if (values.size() % width != 0 || values.size() / width != rows) {
      network_.fail(position(table), fmt::format("{} rows of {} entries", rows, width),
                    fmt::format("{} entries", values.size()));
    }
    return values;
  }

  void read_numbers(pugi::xml_node node, std::vector<double>& values) {
    const std::string_view text = node.value();
    std::size_t at = 0;
    while ((at = text.find_first_not_of(kBlanks, at)) != std::string_view::npos) {
      const std::size_t stop = std::min(text.find_first_of(kBlanks, at), text.size());
      const std::string_view word = text.substr(at, stop - at);
      double value = 0.0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(value) ||
          value < 0.0) {
        network_.fail(position(node.offset_debug() + static_cast<std::ptrdiff_t>(at)),
                      "a finite non-negative number in the range of a double", shown(word));
      }
      values.push_back(value + 0.0);
      at = stop;
    }
  }

  std::string text_;
  NetworkBuilder network_;
  std::size_t known_offset_ = 0;
  Position known_;
};

std::string escaped(std::string_view text) {
  std::string out;
  require_plain_name("xmlbif", text);
  if (trimmed(text).size() != text.size() || text.find_first_of("\t\r\n") != std::string::npos) {
    throw ModelError(fmt::format(
        "xmlbif: cannot spell the name {}: it holds ends of lines or blanks at its ends; write it "
        "as json",
        shown(text)));
  }
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

void append_definition(std::string& text, const FactorGraph& graph, FactorId f) {
  const Scope scope = child_last(graph.factor(f));
  text +=
      fmt::format("<DEFINITION>\n  <FOR>{}</FOR>\n", escaped(graph.variable(scope.back()).name));
  for (std::size_t i = 0; i + 1 < scope.size(); ++i) {
    text += fmt::format("  <GIVEN>{}</GIVEN>\n", escaped(graph.variable(scope[i]).name));
  }
  text += "  <TABLE>";
  const std::vector<double> values = child_last_values(graph, f, "xmlbif");
  const std::size_t width = graph.cardinality(scope.back());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += i % width == 0 ? "\n         " : " ";
    append_number(text, values[i]);
  }
  text += "</TABLE>\n</DEFINITION>\n";
}

}  // namespace

FactorGraph read_xmlbif(ByteSource& source) { return XmlbifReader(source).read(); }

std::string write_xmlbif(const FactorGraph& graph) {
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BIF VERSION=\"0.3\">\n<NETWORK>\n";
  text += fmt::format("<NAME>{}</NAME>\n", escaped(graph.name));
  for (const Variable& v : graph.variables()) {
    text += fmt::format("<VARIABLE TYPE=\"nature\">\n  <NAME>{}</NAME>\n", escaped(v.name));
    for (std::size_t i = 0; i < v.cardinality; ++i) {
      text += fmt::format("  <OUTCOME>{}</OUTCOME>\n", escaped(v.state_name(i)));
    }
    text += "</VARIABLE>\n";
  }
  for (FactorId f = 0; f < graph.factor_count(); ++f) append_definition(text, graph, f);
  return text + "</NETWORK>\n</BIF>\n";
}

}  // namespace credo
