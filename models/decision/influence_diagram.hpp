#pragma once
// Influence diagrams: what may happen (chance), what can be chosen and on what information
// (decisions), and what it is worth (utilities), in one directed acyclic graph.
//
//   InfluenceDiagram oil;
//   oil.add_chance("oil", {"dry", "wet"}, {}, {{0.6, 0.4}});
//   oil.add_decision("drill", {"yes", "no"}, {});
//   oil.add_utility("profit", {"oil", "drill"}, {-70, 0, 120, 0});
//   solve(oil).expected_utility;   // 6

#include <credo/core/factor_graph.hpp>
#include <credo/inference/variational/family.hpp>
#include <credo/models/require_index.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::decision {

/// One term of the total utility, u(parents). Utilities add up.
struct Utility {
  std::string name;
  Scope parents;
  /// Row-major over parents, the last varies fastest; in the caller's units, of any sign;
  /// -infinity forbids.
  std::vector<double> values;
};

/// A limited-memory influence diagram (Lauritzen and Nilsson 2001): every decision sees exactly
/// what its information lists, no more. with_perfect_recall() makes it an influence diagram in the
/// classical sense (Howard and Matheson 1984). Names of variables and utilities are distinct;
/// parents come before children. Everything throws ModelError naming the node, what was given and
/// what was expected, and changes nothing then; accessors by number throw OptionError.
class InfluenceDiagram {
 public:
  InfluenceDiagram() = default;

  /// \name Building
  ///@{
  /// p(name given parents): one row per joint state of the parents (row-major, the last varies
  /// fastest), one entry per state; rows sum to 1 within 1e-6 and are then normalised exactly.
  VariableId add_chance(const std::string& name, std::vector<std::string> states,
                        const std::vector<std::string>& parents,
                        const std::vector<std::vector<double>>& rows);
  /// The same from a table over (parents..., variable), dense or sparse, shared and kept as it is.
  VariableId add_chance(Variable variable, const std::vector<std::string>& parents, Table table);
  /// A choice among states, made knowing the states of `information`.
  VariableId add_decision(const std::string& name, std::vector<std::string> states,
                          const std::vector<std::string>& information);
  VariableId add_decision(Variable variable, const std::vector<std::string>& information);
  /// values: one per joint state of the parents, row-major.
  void add_utility(const std::string& name, const std::vector<std::string>& parents,
                   std::vector<double> values);
  /// Lets a decision see one more variable. Refuses, naming the cycle, what it influences.
  void add_information(std::string_view decision, std::string_view seen);
  ///@}

  /// Every decision also sees all earlier decisions and what they saw (no forgetting); earlier is
  /// the order of the decisions' arcs, and of addition where these leave it open. Tables of later
  /// decisions grow exponentially.
  [[nodiscard]] InfluenceDiagram with_perfect_recall() const;
  /// Without information that cannot change a best choice: an arc from n into d goes when n is
  /// d-separated from the utilities that d can influence, given d and the rest of what d sees;
  /// repeated until no arc goes. No maximum expected utility changes (Lauritzen and Nilsson 2001,
  /// section 4), and tables of strategies become as small as they can be.
  [[nodiscard]] InfluenceDiagram without_irrelevant_information() const;

  /// \name Structure
  ///@{
  /// Chance and decision variables in order of addition, with the conditionals of chance variables
  /// as its factors. Decisions are the child of none.
  [[nodiscard]] const FactorGraph& graph() const noexcept { return graph_; }
  [[nodiscard]] VariableId id(std::string_view variable) const {
    return graph_.require_variable(variable);
  }
  /// In order of addition.
  [[nodiscard]] std::span<const VariableId> decisions() const noexcept { return decisions_; }
  [[nodiscard]] std::span<const Utility> utilities() const noexcept { return utilities_; }
  [[nodiscard]] bool is_decision(VariableId v) const {
    require_index("InfluenceDiagram", "variable", v, conditional_.size());
    return !conditional_[v].has_value();
  }
  /// Of a chance variable: what its conditional depends on; of a decision: what it sees.
  [[nodiscard]] const Scope& parents(VariableId v) const {
    require_index("InfluenceDiagram", "variable", v, parents_.size());
    return parents_[v];
  }
  [[nodiscard]] std::vector<std::string> names(const Scope& variables) const;
  ///@}

  /// \name For the engines
  ///@{
  /// graph() with a factor exp(u / temperature) per utility, kept as logarithms; temperature 0
  /// stands for 1. The factors of the utilities are the last ones, in their order.
  [[nodiscard]] FactorGraph factor_graph(double temperature) const;
  /// Over factor_graph(): chance variables clamped to their conditionals; decision i free with
  /// weight entropy_weights[i] (empty: all 1) and the counting measure, or arg-max at temperature
  /// 0; its parents are what it sees. Borrows the graph.
  [[nodiscard]] Family family(const FactorGraph& graph, double temperature,
                              std::span<const double> entropy_weights = {}) const;
  ///@}

  /// For people and files.
  std::string name;

 private:
  VariableId add_node(Variable variable, Scope parents);
  void require_new_name(std::string_view node) const;
  [[nodiscard]] Scope require_parents(std::string_view node,
                                      const std::vector<std::string>& parents) const;
  [[nodiscard]] std::vector<VariableId> decisions_in_time() const;

  FactorGraph graph_;
  std::vector<Scope> parents_;
  std::vector<std::optional<FactorId>> conditional_;
  std::vector<VariableId> decisions_;
  std::vector<Utility> utilities_;
};

}  // namespace credo::decision
