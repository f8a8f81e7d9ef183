#pragma once
// Evidence: what is known about variables before a query.

#include <credo/core/factor_graph.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

enum class FindingKind : std::uint8_t {
  hard,        ///< one state
  likelihood,  ///< a non-negative weight per state, e.g. p(report given state)
  allowed,     ///< a set of states
  value,       ///< the value of a continuous variable
};

/// One finding about one variable.
struct Finding {
  VariableId variable = 0;
  FindingKind kind = FindingKind::hard;
  std::size_t state = 0;             ///< hard: the observed state
  std::vector<double> likelihood;    ///< likelihood: one weight per state, linear domain
  std::vector<std::size_t> allowed;  ///< allowed: increasing, distinct states
  std::vector<double> value = {};    ///< value: one finite number per dimension

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// At most one finding per variable; a later one replaces an earlier one. Nothing is checked
/// against a graph before validate(), which everything that answers calls.
class Evidence {
 public:
  /// x_v = state.
  void observe(VariableId v, std::size_t state);
  /// Multiplies the model by likelihood(x_v).
  void observe_likelihood(VariableId v, std::vector<double> likelihood);
  /// x_v is one of the states.
  void allow(VariableId v, std::vector<std::size_t> states);
  /// Names of states need the graph: see below.
  template <NameText Name>
  void allow(VariableId v, std::initializer_list<Name> states) = delete;
  /// x_v = value, of a continuous variable.
  void observe_value(VariableId v, std::vector<double> value);
  /// Forgets the finding about v, if there is one.
  void retract(VariableId v);

  /// The same by names. Throw ModelError with the nearest names.
  void observe(const FactorGraph& graph, std::string_view variable, std::string_view state);
  void observe_likelihood(const FactorGraph& graph, std::string_view variable,
                          std::vector<double> likelihood);
  void allow(const FactorGraph& graph, std::string_view variable,
             const std::vector<std::string>& states);

  /// By increasing variable.
  [[nodiscard]] const std::map<VariableId, Finding>& findings() const noexcept { return findings_; }
  /// The finding about v, or nullptr.
  [[nodiscard]] const Finding* find(VariableId v) const;
  /// Whether x_v is known: its state, or its value.
  [[nodiscard]] bool is_observed(VariableId v) const;
  /// The variables of the scope that are not, in its order.
  [[nodiscard]] Scope unobserved(const Scope& scope) const;
  template <NameText Name>
  [[nodiscard]] Scope unobserved(std::initializer_list<Name> names) const = delete;
  [[nodiscard]] bool empty() const noexcept { return findings_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return findings_.size(); }

  /// Throws EvidenceError, naming the variable, on unknown variables, states out
  /// of range, likelihoods of the wrong length or with negative, NaN or
  /// infinite weights, empty sets, and values of the wrong dimension or not finite; and when the
  /// kind of finding is not for the kind of variable.
  void validate(const FactorGraph& graph) const;

  friend bool operator==(const Evidence&, const Evidence&) = default;

 private:
  std::map<VariableId, Finding> findings_;
};

/// "rain = yes", "rain ~ (0.2, 0.8)", "rain in {yes, no}": a finding as messages name it.
[[nodiscard]] std::string describe(const FactorGraph& graph, const Finding& finding);

}  // namespace credo
