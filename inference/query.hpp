#pragma once
// What can be asked of a factor graph.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace credo {

enum class Task : std::uint8_t {
  log_partition,  ///< log Z = log sum_x p~(x)
  marginals,      ///< p(x_v), p(x_S) under p = p~ / Z
  map,            ///< argmax_x p~(x), or the k best
  marginal_map,   ///< argmax over targets of sum over the others
  samples,        ///< independent exact draws from p
  sensitivity,    ///< d log Z / d f(x_f) for every table entry
};

/// "pr", "mar", "map", "mmap", "sample", "sensitivity": the names of the command line.
[[nodiscard]] std::string_view task_name(Task task) noexcept;

/// A task and its targets. Build one with the named functions below; validate() knows the graph,
/// and everything that answers calls it.
struct Query {
  Task task = Task::log_partition;

  /// marginals: the variables wanted, all when empty and no joints or factor marginals were asked
  /// for alone. marginal_map: the maximised variables.
  std::vector<VariableId> targets;
  /// marginals: sets whose joint posterior is wanted, each in the given order.
  std::vector<Scope> joints;
  /// marginals: also the marginal over the scope of every factor.
  bool factor_marginals = false;
  /// Hand out every message: of the contraction tree (any task but samples), or of the edges of the
  /// factor graph, with the value after every iteration.
  bool messages = false;
  /// map: how many assignments, best first.
  std::size_t k_best = 1;
  /// samples: how many, and the seed of their generator.
  std::size_t sample_count = 1;
  std::uint64_t seed = 1;

  /// log Z = log sum_x p~(x).
  [[nodiscard]] static Query log_partition();
  /// p(x_v) for every target, or every variable.
  [[nodiscard]] static Query marginals(std::vector<VariableId> targets = {});
  /// p(x_scope) as one table over the scope in its order.
  [[nodiscard]] static Query joint(Scope scope);
  /// The k_best assignments x of largest p~(x), best first; fewer when fewer have p~(x) > 0.
  [[nodiscard]] static Query map(std::size_t k_best = 1);
  /// argmax over x_targets of sum over the other variables of p~(x).
  [[nodiscard]] static Query marginal_map(std::vector<VariableId> targets);
  /// Independent draws from p = p~ / Z; the same seed gives the same draws.
  [[nodiscard]] static Query samples(std::size_t count, std::uint64_t seed);
  /// d log Z / d f(x_f), linear, for every entry of every factor.
  [[nodiscard]] static Query sensitivity();

  /// A query knows no names: FactorGraph::scope_of() has the variables of names.
  template <NameText Name>
  [[nodiscard]] static Query marginals(std::initializer_list<Name> names) = delete;
  template <NameText Name>
  [[nodiscard]] static Query joint(std::initializer_list<Name> names) = delete;
  template <NameText Name>
  [[nodiscard]] static Query marginal_map(std::initializer_list<Name> names) = delete;

  /// Throws QueryError on unknown or repeated variables and counts of 0.
  void validate(const FactorGraph& graph) const;
};

}  // namespace credo
