// credo's own JSON, lossless: names, states, domains, sparse patterns, marks of
// conditionals and which factors share a table. docs/formats.md is its reference.
// The reader pulls tokens and knows the few shapes there are, so nesting in the
// text never becomes recursion here and memory stays proportional to the text.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/json_gaussian.hpp>
#include <credo/core/formats/json_pull.hpp>
#include <credo/core/formats/json_words.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace credo {

namespace {

using json::kMark;
using json::kVersion;
using json::Named;
// Nothing is allocated for a dimension; it bounds what squares of it are.
constexpr std::uint64_t kLargestDimension = std::uint64_t{1} << 20;
// A mark is trusted up to the rounding of published tables.
constexpr double kColumnTolerance = 2e-3;

struct TableText {
  std::vector<std::size_t> shape;
  std::vector<double> values;
  std::vector<std::uint64_t> index;
  bool has_shape = false;
  bool has_values = false;
  bool is_sparse = false;
  Domain domain = Domain::linear;
  Position position;
};

struct FactorText {
  std::vector<Named> scope;
  std::optional<Named> child;
  /// Which table: one of the file's list, or the factor's own.
  std::optional<std::uint64_t> shared;
  std::optional<TableText> own;
  Position position;
};

class JsonReader : private json::Pull {
 public:
  explicit JsonReader(ByteSource& source) : Pull(source) {}

  FactorGraph read() {
    object("an object with \"format\", \"version\", \"variables\" and \"factors\"",
           [this](std::string_view key) { return read_member(key); });
    cursor_.expect_end();
    if (!marked_) cursor_.fail(fmt::format("\"format\": \"{}\" in the object", kMark));
    build();
    return std::move(graph_);
  }

 private:
  bool read_member(std::string_view key) {
    if (key == "format") {
      const Named mark = named(shown(kMark));
      if (mark.name != kMark) cursor_.fail_at(mark.position, shown(kMark), shown(mark.name));
      marked_ = true;
    } else if (key == "version") {
      if (cursor_.natural("a version") != kVersion) cursor_.fail("version 1");
    } else if (key == "name") {
      graph_.name = string("a string");
    } else if (key == "comment") {
      string("a string");
    } else if (key == "variables") {
      array("variables", [this] { read_variable(); });
    } else if (key == "tables") {
      array("tables", [this] { tables_.push_back(build_table(read_table())); });
    } else if (key == "factors") {
      array("factors", [this] { read_factor(); });
    } else {
      return gaussian_.read_member(key);
    }
    return true;
  }

  void read_variable() {
    Variable v;
    cursor_.peek();
    const Position at = cursor_.position();
    object("a variable with \"name\" and \"states\", \"cardinality\" or \"dimension\"",
           [&](std::string_view key) {
             if (key == "name") {
               v.name = string("the name of a variable");
             } else if (key == "cardinality") {
               v.cardinality = static_cast<std::size_t>(cursor_.natural("a cardinality"));
             } else if (key == "dimension") {
               v.dimension =
                   static_cast<std::size_t>(cursor_.natural("a dimension", kLargestDimension));
               if (v.dimension == 0) cursor_.fail("a dimension of at least 1");
             } else if (key == "states") {
               array("names of states", [&] { v.states.push_back(string("the name of a state")); });
             } else {
               return false;
             }
             return true;
           });
    if (v.cardinality == 0) v.cardinality = v.states.size();
    checked(at, "a variable", [&] { graph_.add_variable(std::move(v)); });
  }

  TableText read_table() {
    TableText table;
    cursor_.peek();
    table.position = cursor_.position();
    object("a table with \"shape\", \"values\" and maybe \"index\" and \"domain\"",
           [&](std::string_view key) { return read_table_member(table, key); });
    if (!table.has_values) cursor_.fail_at(table.position, "a table with \"values\"", "none");
    return table;
  }

  bool read_table_member(TableText& table, std::string_view key) {
    if (key == "shape") {
      table.has_shape = true;
      array("extents",
            [&] { table.shape.push_back(static_cast<std::size_t>(cursor_.natural("an extent"))); });
    } else if (key == "domain") {
      const Named domain = named("\"linear\" or \"log\"");
      if (domain.name != "linear" && domain.name != "log") {
        cursor_.fail_at(domain.position, "\"linear\" or \"log\"", shown(domain.name));
      }
      table.domain = domain.name == "log" ? Domain::log : Domain::linear;
    } else if (key == "index") {
      table.is_sparse = true;
      array("indices", [&] { table.index.push_back(cursor_.natural("a row-major index")); });
    } else if (key == "values") {
      table.has_values = true;
      array("numbers", [&] { table.values.push_back(read_value()); });
    } else {
      return false;
    }
    return true;
  }

  void read_factor() {
    FactorText factor;
    cursor_.peek();
    factor.position = cursor_.position();
    bool has_scope = false;
    object("a factor with \"scope\", \"table\" and maybe \"child\"", [&](std::string_view key) {
      if (key == "scope") {
        has_scope = true;
        array("names of variables",
              [&] { factor.scope.push_back(named("the name of a variable")); });
      } else if (key == "child") {
        factor.child = named("the name of a variable");
      } else if (key == "table" && cursor_.peek() == '{') {
        factor.own = read_table();
      } else if (key == "table") {
        factor.shared = cursor_.natural("a table, or the number of one in \"tables\"");
      } else {
        return false;
      }
      return true;
    });
    if (!has_scope || (!factor.own && !factor.shared)) {
      cursor_.fail_at(factor.position, "a factor with \"scope\" and \"table\"", "one without");
    }
    factors_.push_back(std::move(factor));
  }

  Table build_table(TableText text) {
    if (text.is_sparse && text.index.size() != text.values.size()) {
      cursor_.fail_at(text.position, "as many indices as values",
                      fmt::format("{} and {}", text.index.size(), text.values.size()));
    }
    return checked(text.position, "a table", [&] {
      if (!text.is_sparse) {
        return Table::dense(std::move(text.shape), std::move(text.values), text.domain);
      }
      std::vector<SparseEntry> entries;
      entries.reserve(text.index.size());
      for (std::size_t i = 0; i < text.index.size(); ++i) {
        entries.push_back({text.index[i], text.values[i]});
      }
      return Table::sparse(std::move(text.shape), std::move(entries), text.domain);
    });
  }

  /// Factors are bound last: the members of an object come in any order.
  void build() {
    for (FactorText& text : factors_) {
      Scope scope;
      for (const Named& member : text.scope) scope.push_back(variable(graph_, member, false));
      if (text.shared && *text.shared >= tables_.size()) {
        cursor_.fail_at(text.position, fmt::format("a table below {}", tables_.size()),
                        fmt::format("{}", *text.shared));
      }
      if (text.own && !text.own->has_shape) text.own->shape = graph_.shape_of(scope);
      Table table = text.own ? build_table(std::move(*text.own))
                             : tables_[static_cast<std::size_t>(*text.shared)];
      const std::optional<VariableId> child =
          text.child ? std::optional(variable(graph_, *text.child, false)) : std::nullopt;
      checked(text.position, "a factor", [&] {
        if (child) {
          graph_.add_conditional(std::move(scope), *child, std::move(table), kColumnTolerance);
        } else {
          graph_.add_factor(std::move(scope), std::move(table));
        }
      });
      text = {};
    }
    gaussian_.build(graph_);
  }

  FactorGraph graph_;
  json::GaussianParts gaussian_{*this};
  bool marked_ = false;
  std::vector<Table> tables_;
  std::vector<FactorText> factors_;
};

}  // namespace

FactorGraph read_json(ByteSource& source) { return JsonReader(source).read(); }

}  // namespace credo
