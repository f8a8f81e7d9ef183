#pragma once
// What BIF, XMLBIF and NET share: variables with named states, one conditional
// per variable, and every check that makes the result a Bayesian network.

#include <credo/core/factor_graph.hpp>
#include <credo/core/formats/text.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace credo {

/// Collects a Bayesian network from a file. Every failure is a ParseError at the given position.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(std::string source) : source_(std::move(source)) {}

  /// Fails on bytes that are no UTF-8 and on the byte 0, which no other program reads; the name, at
  /// `at`, may hold anything else.
  void check_name(std::string_view name, Position at) const;
  /// State names that are just 0, 1, ... are the same as none.
  void add_variable(std::string name, std::vector<std::string> states, Position at);
  /// The variable of that name; fails with the nearest names.
  [[nodiscard]] VariableId variable(std::string_view name, Position at) const;
  [[nodiscard]] std::size_t state(VariableId v, std::string_view name, Position at);

  /// Announces p(child given parents): fails on repeated variables and a second conditional.
  void begin_conditional(VariableId child, std::vector<VariableId> parents, Position at);
  /// The variables of the announced conditional: parents in order, then the child.
  [[nodiscard]] const Scope& scope() const noexcept { return scope_; }
  [[nodiscard]] std::size_t states_of_child() const { return graph_.cardinality(scope_.back()); }
  /// Joint states of its parents; saturates.
  [[nodiscard]] std::uint64_t parent_states() const;
  /// All its entries, row-major over scope().
  void end_conditional(std::vector<double> values);

  /// Fails, at the end of the file, on variables without a conditional, and on
  /// a cycle, at one of its conditionals.
  [[nodiscard]] FactorGraph finish(std::string name, Position end);

  [[nodiscard]] const FactorGraph& graph() const noexcept { return graph_; }
  [[noreturn]] void fail(Position at, std::string_view expected, std::string_view got) const;

 private:
  void check_columns(std::span<const double> values) const;
  void check_acyclic() const;

  std::string source_;
  FactorGraph graph_;
  Scope scope_;
  Position position_;
  /// Line 0 for variables without a conditional.
  std::vector<Position> conditional_at_;
  /// 1 + the last conditional that mentioned the variable.
  std::vector<std::size_t> mentioned_;
  /// Filled when a variable's states are first looked up.
  std::vector<std::unordered_map<std::string, std::size_t>> states_;
};

}  // namespace credo
