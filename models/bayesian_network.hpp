#pragma once
// Bayesian networks: p(x) = prod_v p(x_v given x_parents(v)) on a directed
// acyclic graph, built and asked by names. The factor graph inside holds the
// numbers; queries go to the generic engines.
//
//   BayesianNetwork network;
//   network.add("rain", {"no", "yes"}, {}, {{0.8, 0.2}});
//   network.add("wet", {"no", "yes"}, {"rain"}, {{0.9, 0.1}, {0.2, 0.8}});
//   network.posterior("rain", {{"wet", "yes"}}).probability("yes");   // 2/3

#include <credo/core/expansion_limit.hpp>
#include <credo/inference/infer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace credo {

/// Variable name -> state name (or state number, as text).
using NamedStates = std::map<std::string, std::string, std::less<>>;

/// p(x_S given findings) of some variables, with the status of the inference it came from.
struct Posterior {
  /// In the order asked for.
  std::vector<Variable> variables;
  /// Row-major over variables, the last varies fastest; linear domain, sums to 1. Empty unless ok.
  std::vector<double> probabilities;
  Status status = Status::not_run;
  std::string message = "not run yet";

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
  /// The probability of one state per variable, by name. Throws ModelError on unknown states and
  /// QueryError, with the message, when there is no answer.
  [[nodiscard]] double probability(std::initializer_list<std::string_view> states) const;
  [[nodiscard]] double probability(std::string_view state) const { return probability({state}); }
};

/// A noisy-or conditional (Pearl 1988, section 4.3.2). State 0 of child and
/// parents means absent; parents may have several states that are not absent.
struct NoisyOr {
  /// One per parent: the probability q_i that the cause, being present, is inhibited.
  std::vector<double> inhibitors;
  /// The probability that the child is present though every parent is absent.
  double leak = 0.0;
};

/// A noisy-max conditional (Diez 1993): each parent alone puts the child at some level, independent
/// of the others, and the child takes the highest: p(Y <= y given x) = leak(<= y) prod_i
/// contributions[i][x_i](<= y). States are levels in increasing order; 0 is absent.
struct NoisyMax {
  /// contributions[i][s]: a distribution over the child's states for state s of parent i.
  std::vector<std::vector<std::vector<double>>> contributions;
  /// A distribution over the child's states; empty: no leak.
  std::vector<double> leak;
};

/// An active trail between two variables: it carries dependence, and proves d-connection.
struct Trail {
  /// Its variables in order; empty when there is none.
  std::vector<VariableId> variables;
  /// "rain -> wet_grass <- sprinkler"; empty when there is none.
  std::string text;
};

/// A directed acyclic graph with a conditional per variable.
class BayesianNetwork {
 public:
  BayesianNetwork() = default;
  /// Takes a graph in which every factor is a conditional, every variable the child of exactly
  /// one, without directed cycle. Throws ModelError naming the factor, variable or cycle.
  explicit BayesianNetwork(FactorGraph graph);

  /// \name Building
  /// A variable may be added before its parents, and gets its conditional
  /// once. All throw ModelError naming variable, given and expected, and refuse a conditional that
  /// would close a directed cycle, naming the cycle.
  ///@{
  VariableId add_variable(std::string name, std::vector<std::string> states);
  /// p(child given parents): one row per joint state of the parents (row-major, the last parent
  /// varies fastest), one entry per state of the child; rows sum to 1 within 1e-6.
  void set_conditional(std::string_view child, const std::vector<std::string>& parents,
                       const std::vector<std::vector<double>>& rows);
  /// Rules, written down as tables. A table of more than entry_limit stored entries is refused
  /// before anything is allocated, with its size.
  void set_noisy_or(std::string_view child, const std::vector<std::string>& parents,
                    const NoisyOr& parameters, std::uint64_t entry_limit = kExpansionLimit);
  void set_noisy_max(std::string_view child, const std::vector<std::string>& parents,
                     const NoisyMax& parameters, std::uint64_t entry_limit = kExpansionLimit);
  /// child = function(parent states).
  void set_function(std::string_view child, const std::vector<std::string>& parents,
                    const std::function<std::size_t(std::span<const std::size_t>)>& function,
                    std::uint64_t entry_limit = kExpansionLimit);
  /// add_variable and set_conditional in one, all or nothing: when anything is refused the network
  /// stays as it was.
  VariableId add(const std::string& name, std::vector<std::string> states,
                 const std::vector<std::string>& parents,
                 const std::vector<std::vector<double>>& rows);
  ///@}

  /// The network as a factor graph of conditionals; write it with the file formats, ask it anything
  /// with infer(). Throws ModelError while some variable lacks its conditional.
  [[nodiscard]] const FactorGraph& graph() const;

  /// \name Structure
  /// Take ids of graph(); names are resolved by id() and ids().
  ///@{
  [[nodiscard]] std::size_t size() const noexcept { return parents_.size(); }
  /// Throws ModelError with the nearest names.
  [[nodiscard]] VariableId id(std::string_view name) const { return graph_.require_variable(name); }
  [[nodiscard]] const Variable& variable(std::string_view name) const {
    return graph_.variable(id(name));
  }
  [[nodiscard]] Scope ids(const std::vector<std::string>& names) const;
  [[nodiscard]] std::vector<std::string> names(const Scope& variables) const;
  /// Throw ModelError on unknown ids.
  [[nodiscard]] const Scope& parents(VariableId v) const {
    static_cast<void>(graph_.variable(v));
    return parents_[v];
  }
  [[nodiscard]] const Scope& children(VariableId v) const {
    static_cast<void>(graph_.variable(v));
    return children_[v];
  }
  /// Parents before children.
  [[nodiscard]] std::vector<VariableId> topological_order() const;
  /// Without v itself, increasing.
  [[nodiscard]] Scope ancestors(VariableId v) const;
  [[nodiscard]] Scope descendants(VariableId v) const;
  /// Parents, children and the children's other parents, increasing: given these, v is independent
  /// of everything else.
  [[nodiscard]] Scope markov_blanket(VariableId v) const;
  /// Undirected edges (smaller, larger) of the moral graph, increasing: arcs without direction, and
  /// every two parents of a child joined.
  [[nodiscard]] std::vector<std::pair<VariableId, VariableId>> moral_edges() const;
  /// A shortest active trail from a variable of x to one of y given the variables of z; empty when
  /// x and y are d-separated by z. Members of z are taken out of x and y. Cost linear in the arcs.
  [[nodiscard]] Trail active_trail(const Scope& x, const Scope& y, const Scope& z) const;
  [[nodiscard]] bool d_separated(const Scope& x, const Scope& y, const Scope& z) const;
  [[nodiscard]] bool d_separated(std::string_view x, std::string_view y,
                                 const std::vector<std::string>& z) const;
  /// Several names in braces.
  template <NameText Name>
  [[nodiscard]] bool d_separated(std::initializer_list<Name> x, std::initializer_list<Name> y,
                                 const std::vector<std::string>& z) const {
    return d_separated(ids({x.begin(), x.end()}), ids({y.begin(), y.end()}), ids(z));
  }
  ///@}

  /// \name Queries
  ///@{
  /// Hard findings by names. Throws ModelError with the nearest names.
  [[nodiscard]] Evidence evidence(const NamedStates& findings) const;
  /// p(variable given findings).
  [[nodiscard]] Posterior posterior(std::string_view variable, const NamedStates& findings = {},
                                    const InferOptions& options = {}) const;
  /// Several names in braces: joint().
  template <NameText Name>
  [[nodiscard]] Posterior posterior(std::initializer_list<Name> variables,
                                    const NamedStates& findings = {},
                                    const InferOptions& options = {}) const {
    return joint({variables.begin(), variables.end()}, findings, options);
  }
  /// p(variables given findings), jointly.
  [[nodiscard]] Posterior joint(const std::vector<std::string>& variables,
                                const NamedStates& findings = {},
                                const InferOptions& options = {}) const;
  /// log p(x) of a full assignment, natural logarithm.
  [[nodiscard]] double log_likelihood(const NamedStates& assignment) const;
  [[nodiscard]] double log_likelihood(std::span<const std::size_t> assignment) const;
  /// Independent draws from p(x), one state per variable, in the order of the ids (ancestral
  /// sampling). Draws given evidence are Query::samples of graph().
  [[nodiscard]] std::vector<std::vector<std::size_t>> sample(std::size_t count,
                                                             std::uint64_t seed) const;
  /// The network under do(settings): each variable set loses its parents and holds its state
  /// (Pearl 2009, section 3.2.3).
  [[nodiscard]] BayesianNetwork intervene(const NamedStates& settings) const;
  ///@}

 private:
  using RowOf = std::function<std::vector<double>(std::span<const std::size_t>)>;
  void set_rows(std::string_view child, const Scope& parents, const RowOf& row_of,
                std::uint64_t entry_limit);
  void add_table(VariableId child, const Scope& parents, Table table);
  void adopt_arcs(VariableId child, const Scope& parents);
  void require_acyclic(VariableId child, const Scope& parents) const;
  void require_no_conditional(VariableId child) const;
  [[nodiscard]] Scope reachable(VariableId from, const std::vector<Scope>& arcs) const;
  [[nodiscard]] Posterior ask(const Scope& variables, const NamedStates& findings,
                              const InferOptions& options) const;

  FactorGraph graph_;
  std::vector<Scope> parents_;
  std::vector<Scope> children_;
  /// Per variable: the factor that is its conditional, or kNone.
  std::vector<FactorId> conditional_;
  static constexpr FactorId kNone = static_cast<FactorId>(-1);
};

}  // namespace credo
