// The UAI format: "MARKOV" or "BAYES", cardinalities, scopes, then one table per
// scope, row-major with the last variable fastest. In a BAYES file the last
// variable of each scope is the child. One pass, memory proportional to the text.

#include <credo/core/error.hpp>
#include <credo/core/formats/byte_source.hpp>
#include <credo/core/formats/codecs.hpp>
#include <credo/core/formats/dense_tables.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/graph_structure.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace credo {

namespace {

constexpr std::uint64_t kMostVariables = std::numeric_limits<VariableId>::max();
// Published tables round their rows to three digits and more; what is further from 1 is no
// conditional of the variable that the file says it is.
constexpr double kColumnTolerance = 1e-3;
// Columns that are off by less are conditionals to the last digits; between the two a table is kept
// as a factor without direction, so that its numbers stay as they are.
constexpr double kExactColumnTolerance = 1e-6;

struct ScopeLine {
  Scope scope;
  Position position;
};

class UaiReader {
 public:
  UaiReader(ByteSource& source, bool as_markov) : cursor_(source, {}), as_markov_(as_markov) {}

  FactorGraph read() {
    read_kind();
    read_variables();
    read_scopes();
    if (bayes_) check_directions();
    for (ScopeLine& line : scopes_) read_table(std::move(line.scope));
    cursor_.expect_end();
    return std::move(graph_);
  }

 private:
  void read_kind() {
    const std::string_view kind = cursor_.word("MARKOV or BAYES");
    if (kind != "BAYES" && kind != "MARKOV") cursor_.fail("MARKOV or BAYES");
    bayes_ = kind == "BAYES" && !as_markov_;
  }

  void read_variables() {
    const std::uint64_t count = cursor_.natural("the number of variables", kMostVariables);
    for (std::uint64_t v = 0; v < count; ++v) {
      const std::uint64_t cardinality = cursor_.natural("a cardinality of at least 1");
      if (cardinality == 0) cursor_.fail("a cardinality of at least 1");
      graph_.add_variable(fmt::format("x{}", v), static_cast<std::size_t>(cardinality));
    }
    last_scope_.assign(graph_.variable_count(), 0);
  }

  void read_scopes() {
    const std::uint64_t count = cursor_.natural("the number of factors", kMostVariables);
    for (std::uint64_t f = 0; f < count; ++f) {
      const std::uint64_t size = cursor_.natural(
          "the size of a scope, at most the number of variables", graph_.variable_count());
      ScopeLine line{{}, cursor_.position()};
      for (std::uint64_t i = 0; i < size; ++i) line.scope.push_back(read_member(f));
      if (bayes_ && size == 0) cursor_.fail("a scope that ends in its child");
      scopes_.push_back(std::move(line));
    }
  }

  VariableId read_member(std::uint64_t factor) {
    const std::uint64_t v = cursor_.natural("a variable");
    if (v >= graph_.variable_count()) {
      cursor_.fail(fmt::format("a variable below {}", graph_.variable_count()));
    }
    std::uint64_t& last = last_scope_[static_cast<std::size_t>(v)];
    if (last == factor + 1) {
      cursor_.fail(fmt::format("distinct variables in the scope of factor {}", factor));
    }
    last = factor + 1;
    return static_cast<VariableId>(v);
  }

  void check_directions() {
    std::vector<char> has_parents(graph_.variable_count(), 0);
    std::vector<Arc> arcs;
    for (const ScopeLine& line : scopes_) {
      const VariableId child = line.scope.back();
      if (has_parents[child] != 0) {
        cursor_.fail_at(line.position, "one factor per child in a BAYES file",
                        fmt::format("a second one for variable {}", child));
      }
      has_parents[child] = 1;
      for (const VariableId v : line.scope) {
        if (v != child) arcs.push_back({v, child});
      }
    }
    const std::vector<std::uint32_t> cycle = find_cycle(graph_.variable_count(), arcs);
    if (cycle.empty()) return;
    for (const ScopeLine& line : scopes_) {
      if (line.scope.back() != cycle.front()) continue;
      cursor_.fail_at(line.position, "directions without a cycle in a BAYES file",
                      describe_cycle(graph_, cycle));
    }
  }

  void read_table(Scope scope) {
    const auto factor = graph_.factor_count();
    std::vector<std::size_t> shape = graph_.shape_of(scope);
    const std::uint64_t size = saturating_product(shape);
    const std::uint64_t declared = cursor_.natural("the number of entries of a table");
    if (declared != size) {
      cursor_.fail(fmt::format("{} entries for factor {} over {}", size, factor, names(scope)));
    }
    std::vector<double> values;
    const Position at = cursor_.position();
    cursor_.non_negatives(values, size, "a finite non-negative table entry");
    if (bayes_) check_columns(scope, values, at);
    Table table = Table::dense(std::move(shape), std::move(values));
    if (bayes_ && is_conditional(table, table.rank() - 1, kExactColumnTolerance)) {
      const VariableId child = scope.back();
      graph_.add_conditional(std::move(scope), child, std::move(table), kExactColumnTolerance);
    } else {
      graph_.add_factor(std::move(scope), std::move(table));
    }
  }

  void check_columns(const Scope& scope, const std::vector<double>& values, Position at) const {
    const std::size_t width = graph_.cardinality(scope.back());
    for (std::size_t first = 0; first < values.size(); first += width) {
      double sum = 0.0;
      for (std::size_t i = 0; i < width; ++i) sum += values[first + i];
      if (std::fabs(sum - 1.0) <= kColumnTolerance) continue;
      cursor_.fail_at(
          at,
          fmt::format("p(x{} given its parents) to sum to 1 in factor {} over {}, as BAYES says "
                      "(either its child does not stand last, the fastest, or the table is not "
                      "normalised; --as-markov reads any table as it stands)",
                      scope.back(), graph_.factor_count(), names(scope)),
          fmt::format("{} for parent state {}", sum, first / width));
    }
  }

  [[nodiscard]] std::string names(const Scope& scope) const {
    constexpr std::size_t kMost = 8;
    std::string text;
    for (std::size_t i = 0; i < scope.size() && i < kMost; ++i) {
      text += fmt::format("{}x{}", i == 0 ? "" : ", ", scope[i]);
    }
    return fmt::format("({}{})", text, scope.size() > kMost ? ", ..." : "");
  }

  Cursor cursor_;
  FactorGraph graph_;
  bool as_markov_;
  bool bayes_ = false;
  std::vector<ScopeLine> scopes_;
  /// 1 + the last factor whose scope holds the variable.
  std::vector<std::uint64_t> last_scope_;
};

}  // namespace

FactorGraph read_uai(ByteSource& source) { return UaiReader(source, false).read(); }
FactorGraph read_uai_as_markov(ByteSource& source) { return UaiReader(source, true).read(); }

std::string write_uai(const FactorGraph& graph) {
  const bool bayes = graph.is_bayesian_network();
  std::string text = fmt::format("{}\n{}\n", bayes ? "BAYES" : "MARKOV", graph.variable_count());
  for (const Variable& v : graph.variables()) {
    append_number(text, std::uint64_t{v.cardinality});
    text.push_back(' ');
  }
  text += fmt::format("\n{}\n", graph.factor_count());
  for (const Factor& f : graph.factors()) {
    append_number(text, std::uint64_t{f.scope.size()});
    for (const VariableId v : bayes ? child_last(f) : f.scope) {
      text.push_back(' ');
      append_number(text, std::uint64_t{v});
    }
    text.push_back('\n');
  }
  for (FactorId id = 0; id < graph.factor_count(); ++id) {
    const std::vector<double> values =
        bayes ? child_last_values(graph, id, "uai") : dense_linear_values(graph, id, "uai");
    text.push_back('\n');
    append_number(text, std::uint64_t{values.size()});
    text.push_back('\n');
    for (const double value : values) {
      append_number(text, value);
      text.push_back(' ');
    }
    text.push_back('\n');
  }
  return text;
}

}  // namespace credo
