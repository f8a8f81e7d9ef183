#pragma once
// The factor graph: variables, and factors that bind shared tables to scopes.
// It denotes p~(x) = prod_f f(x_f) and Z = sum_x p~(x); over continuous variables the sum is an
// integral.

#include <credo/core/gaussian_table.hpp>
#include <credo/core/table.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace credo {

/// Index of a variable in its graph, in order of addition.
using VariableId = std::uint32_t;
/// Index of a factor in its graph, in order of addition.
using FactorId = std::uint32_t;
/// Index of a Gaussian factor in its graph, in order of addition; counted apart from FactorId.
using GaussianFactorId = std::uint32_t;
/// Ordered variables of a table; row-major, the last varies fastest.
using Scope = std::vector<VariableId>;

/// What names in braces are made of. Two string literals in braces would otherwise be taken for the
/// ends of a range of numbers wherever a Scope is expected.
template <typename T>
concept NameText = std::same_as<T, const char*> || std::same_as<T, std::string> ||
                   std::same_as<T, std::string_view>;

/// The same names as views of their text.
template <NameText Name>
[[nodiscard]] std::vector<std::string_view> views(std::initializer_list<Name> names) {
  return {names.begin(), names.end()};
}

/// Logarithms that are not -infinity are at most this far from 0 in the factors of a graph: then no
/// sum of fewer than 1e8 of them leaves the range of doubles, and minus infinity always means zero.
inline constexpr double kLargestLogarithm = 1e300;

/// A discrete variable (cardinality >= 1, dimension 0), or a continuous one (cardinality 0,
/// dimension >= 1: a vector of R^dimension).
struct Variable {
  std::string name;
  std::size_t cardinality = 0;
  /// Empty, or one distinct name per state.
  std::vector<std::string> states = {};
  std::size_t dimension = 0;

  [[nodiscard]] bool is_continuous() const noexcept { return dimension > 0; }

  /// The name of a state, or its number when states have no names.
  [[nodiscard]] std::string state_name(std::size_t state) const;
  /// The state of that name; a number names a state only where states have no names.
  [[nodiscard]] std::optional<std::size_t> find_state(std::string_view name) const;

  friend bool operator==(const Variable&, const Variable&) = default;
};

/// A table bound to a scope; maybe marked as the conditional p(child given the rest of the scope).
struct Factor {
  Scope scope;
  Table table;
  /// A member of scope. The mark says sum_child f = 1 for every state of the
  /// others; algorithms use it to drop barren parts.
  std::optional<VariableId> child;

  friend bool operator==(const Factor&, const Factor&) = default;
};

/// A Gaussian table bound to discrete and continuous variables.
struct GaussianFactor {
  /// Discrete variables: the extents of the table.
  Scope scope;
  /// Continuous variables: the blocks of the table.
  Scope continuous;
  GaussianTable table;
  /// continuous.back() when the table is a conditional.
  std::optional<VariableId> child;

  friend bool operator==(const GaussianFactor&, const GaussianFactor&) = default;
};

/// Variables and factors. Built by adding; engines borrow it const.
class FactorGraph {
 public:
  FactorGraph() = default;
  FactorGraph(const FactorGraph&) = default;
  FactorGraph& operator=(const FactorGraph&) = default;
  /// What was moved from is an empty graph.
  FactorGraph(FactorGraph&& other) noexcept;
  FactorGraph& operator=(FactorGraph&& other) noexcept;
  ~FactorGraph() = default;

  /// Adds a variable. Throws ModelError on an empty or taken name, cardinality 0, or state names
  /// whose count is not the cardinality or that repeat.
  VariableId add_variable(std::string name, std::size_t cardinality,
                          std::vector<std::string> states = {});
  VariableId add_variable(Variable variable);
  /// Adds a continuous variable in R^dimension. Throws ModelError on an empty or taken name and
  /// dimension 0.
  VariableId add_continuous_variable(std::string name, std::size_t dimension = 1);

  /// Adds f(scope). Throws ModelError, naming variable and factor, on unknown or repeated
  /// variables, on a shape that differs from the cardinalities, and on logarithms beyond
  /// kLargestLogarithm.
  FactorId add_factor(Scope scope, Table table);
  /// The same from all entries, linear, row-major over scope. Throws as Table::dense() too.
  FactorId add_factor(Scope scope, std::vector<double> values);
  /// Both by names. Throw as require_variable() too.
  template <NameText Name>
  FactorId add_factor(std::initializer_list<Name> names, Table table) {
    return add_factor(scope_of(views(names)), std::move(table));
  }
  template <NameText Name>
  FactorId add_factor(std::initializer_list<Name> names, std::vector<double> values) {
    return add_factor(scope_of(views(names)), std::move(values));
  }

  /// Adds p(child given others of scope); child must be in scope. Throws as
  /// add_factor, and when some column does not sum to 1 within tolerance (kInfinity: unchecked).
  FactorId add_conditional(Scope scope, VariableId child, Table table, double tolerance = 1e-6);

  /// The same by names.
  template <NameText Name>
  FactorId add_conditional(std::initializer_list<Name> names, std::string_view child, Table table,
                           double tolerance = 1e-6) {
    return add_conditional(scope_of(views(names)), require_variable(child), std::move(table),
                           tolerance);
  }

  /// Adds f(scope, continuous): a quadratic log-factor, or a conditional of continuous.back(), for
  /// every joint state of scope. Throws ModelError, naming variable and factor, on unknown or
  /// repeated variables, kinds of variables that do not fit, and shapes or dimensions that differ.
  GaussianFactorId add_gaussian_factor(Scope scope, Scope continuous, GaussianTable table);
  /// The same without discrete variables.
  GaussianFactorId add_gaussian_factor(Scope continuous, GaussianTable table);
  /// The same by names.
  template <NameText Name>
  GaussianFactorId add_gaussian_factor(std::initializer_list<Name> continuous,
                                       GaussianTable table) {
    return add_gaussian_factor(scope_of(views(continuous)), std::move(table));
  }

  // All that take an index throw ModelError, saying which are there, on those out of range.
  [[nodiscard]] std::size_t variable_count() const noexcept { return variables_.size(); }
  [[nodiscard]] std::size_t factor_count() const noexcept { return factors_.size(); }
  [[nodiscard]] const Variable& variable(VariableId v) const {
    require_index(v);
    return variables_[v];
  }
  [[nodiscard]] const Factor& factor(FactorId f) const {
    if (f >= factors_.size()) refuse_index("factors", f, factors_.size());
    return factors_[f];
  }
  [[nodiscard]] std::span<const Variable> variables() const noexcept { return variables_; }
  [[nodiscard]] std::span<const Factor> factors() const noexcept { return factors_; }
  [[nodiscard]] std::size_t cardinality(VariableId v) const {
    require_index(v);
    return variables_[v].cardinality;
  }
  /// Cardinalities of a scope's variables: the shape of a table over it.
  [[nodiscard]] std::vector<std::size_t> shape_of(const Scope& scope) const;
  /// The variables of these names. Throws as require_variable().
  [[nodiscard]] Scope scope_of(std::span<const std::string_view> names) const;
  template <NameText Name>
  [[nodiscard]] std::vector<std::size_t> shape_of(std::initializer_list<Name> names) const {
    return shape_of(scope_of(views(names)));
  }
  /// Factors whose scope has v, in order of addition.
  [[nodiscard]] std::span<const FactorId> factors_of(VariableId v) const {
    require_index(v);
    return factors_of_[v];
  }

  [[nodiscard]] std::span<const GaussianFactor> gaussian_factors() const noexcept {
    return gaussian_factors_;
  }
  [[nodiscard]] const GaussianFactor& gaussian_factor(GaussianFactorId f) const {
    if (f >= gaussian_factors_.size()) {
      refuse_index("Gaussian factors", f, gaussian_factors_.size());
    }
    return gaussian_factors_[f];
  }
  /// Whether some variable is continuous; without one there are no Gaussian factors.
  [[nodiscard]] bool has_continuous_variables() const noexcept { return continuous_count_ > 0; }
  /// Throws ModelError, naming a variable and `who` complains, when some variable is continuous.
  void require_discrete(std::string_view who) const;

  /// The variable of that name, if there is one.
  [[nodiscard]] std::optional<VariableId> find_variable(std::string_view name) const;
  /// The variable of that name. Throws ModelError with the nearest names.
  [[nodiscard]] VariableId require_variable(std::string_view name) const;
  /// The state that find_state() finds. Throws ModelError with the possible states.
  [[nodiscard]] std::size_t require_state(VariableId v, std::string_view name) const;

  /// log p~(x) of a full assignment, one state per variable, in natural
  /// logarithms; NaN where it leaves the range of doubles. Throws ModelError on a wrong count or
  /// state, and when some variable is continuous.
  [[nodiscard]] double log_weight(std::span<const std::size_t> assignment) const;

  /// The same with continuous variables: states[v] of the discrete ones, values[v] (dimension
  /// numbers) of the continuous ones; the other entries are ignored.
  [[nodiscard]] double log_weight(std::span<const std::size_t> states,
                                  std::span<const std::vector<double>> values) const;

  /// "f3(rain, sprinkler)": a factor as messages name it.
  [[nodiscard]] std::string describe(FactorId f) const;
  /// "g3(gear; position, speed)": discrete variables first.
  [[nodiscard]] std::string describe_gaussian(GaussianFactorId f) const;

  /// Whether every factor is a conditional, every variable the child of exactly
  /// one, and the directed graph is acyclic.
  [[nodiscard]] bool is_bayesian_network() const;

  /// A name for people and files that carry one; not used by inference.
  std::string name;

  friend bool operator==(const FactorGraph& a, const FactorGraph& b) {
    return a.name == b.name && a.variables_ == b.variables_ && a.factors_ == b.factors_ &&
           a.gaussian_factors_ == b.gaussian_factors_;
  }

 private:
  void require_index(VariableId v) const {
    if (v >= variables_.size()) refuse_index("variables", v, variables_.size());
  }
  [[noreturn]] static void refuse_index(std::string_view what, std::size_t index,
                                        std::size_t count);

  std::vector<Variable> variables_;
  std::vector<Factor> factors_;
  std::vector<GaussianFactor> gaussian_factors_;
  std::size_t continuous_count_ = 0;
  std::vector<std::vector<FactorId>> factors_of_;
  std::unordered_map<std::string, VariableId> by_name_;
};

}  // namespace credo
