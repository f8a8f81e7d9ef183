#pragma once
// The interaction graph of an order problem: which variables share a table.

#include <credo/inference/elimination_order.hpp>
#include <credo/inference/pace.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo {

/// An undirected graph under elimination, copied by value in a few block moves.
/// Invariant: the list of a variable that is still there is sorted. Lists of hubs keep variables
/// that were taken away until they are read; all other lists forget them at once.
class InteractionGraph {
 public:
  /// Throws what the pace throws.
  InteractionGraph(const OrderProblem& problem, Pace& pace);

  /// Bytes of the graph of a problem while it is built, predicted from the sizes of its scopes.
  [[nodiscard]] static double predicted_bytes(const OrderProblem& problem);

  [[nodiscard]] std::size_t variable_count() const noexcept { return lists_.size(); }
  [[nodiscard]] std::size_t degree(VariableId v) const { return degree_[v]; }
  /// Whether log2_states(v) is kept up to date, for it has thousands of neighbours.
  [[nodiscard]] bool is_hub(VariableId v) const { return is_hub_[v] != 0; }
  /// Sorted; valid until the graph changes.
  [[nodiscard]] std::span<const VariableId> neighbours(VariableId v);
  [[nodiscard]] bool adjacent(VariableId a, VariableId b) const;
  /// log2 of the number of joint states of v and its neighbours.
  [[nodiscard]] double log2_states(VariableId v);

  /// Connects two variables that are not yet.
  void connect(VariableId a, VariableId b);
  /// Connects all of `group` (sorted, and no part of this graph's memory) with one another; returns
  /// the number of new edges.
  std::size_t connect_all(std::span<const VariableId> group, Pace& pace);
  /// Takes v away. What its neighbours were must be known before.
  void detach(VariableId v);

 private:
  struct List {
    std::size_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t capacity = 0;
  };

  [[nodiscard]] std::span<const VariableId> stored(VariableId v) const {
    return {pool_.data() + lists_[v].begin, lists_[v].size};
  }
  void fill_lists(const OrderProblem& problem, Pace& pace);
  void set_bit(VariableId a, VariableId b);
  void reserve(VariableId v, std::size_t size);
  void pack();
  void insert(VariableId a, std::span<const VariableId> added);
  void forget_absent(VariableId v);

  std::vector<List> lists_;
  std::vector<VariableId> pool_;
  std::vector<std::uint32_t> degree_;
  std::vector<char> absent_;
  /// Hubs: sum of the neighbours' weights.
  std::vector<char> is_hub_;
  std::vector<double> around_;
  std::vector<double> weight_;
  std::vector<std::uint64_t> bits_;
  std::size_t words_ = 0;
  std::size_t in_use_ = 0;  ///< entries of pool_ that some list may use
  std::vector<VariableId> missing_;
};

}  // namespace credo
