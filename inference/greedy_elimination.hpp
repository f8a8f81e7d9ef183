#pragma once
// One greedy elimination of a whole interaction graph.

#include <credo/inference/elimination_order.hpp>
#include <credo/inference/interaction_graph.hpp>
#include <credo/inference/pace.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <vector>

namespace credo {

enum class GreedyRule : std::uint8_t { min_fill, weighted_min_fill, min_weight };

[[nodiscard]] const char* rule_name(GreedyRule rule);

/// Borrows the problem, the pace and the random numbers. Used once.
class GreedyRun {
 public:
  GreedyRun(const OrderProblem& problem, InteractionGraph graph, GreedyRule rule, double noise,
            std::mt19937_64& random, Pace& pace);

  /// Nominal steps so far: adjacency tests, entries read, pushes into the queue.
  [[nodiscard]] double steps() const noexcept { return steps_; }
  [[nodiscard]] std::size_t eliminated() const noexcept { return candidate_.order.size(); }

  /// Nothing when may_continue(), asked between eliminations, said stop. Throws what the pace
  /// throws, inside eliminations too.
  std::optional<OrderCandidate> run(const std::function<bool()>& may_continue);

 private:
  struct Entry {
    std::uint8_t group;
    double key;
    std::uint32_t version;
    VariableId variable;
    bool operator<(const Entry& other) const {  // the least comes first
      if (group != other.group) return group > other.group;
      if (key != other.key) return key > other.key;
      return variable > other.variable;
    }
  };

  [[nodiscard]] std::uint8_t first_group_of_search() const;
  bool eliminate_given(std::uint8_t up_to_group, bool update_scores);
  [[nodiscard]] double weight(VariableId v) const { return problem_.log2_cardinality[v]; }
  [[nodiscard]] double edge_weight(VariableId a, VariableId b) const;
  [[nodiscard]] double exact_score(VariableId v);
  void rescore(VariableId v);
  void push(VariableId v);
  [[nodiscard]] bool is_current(const Entry& entry) const;
  void drop_outdated();
  void eliminate(VariableId v, bool update_scores);
  void connect_with_scores();
  void settle_fill(VariableId a, VariableId b);

  const OrderProblem& problem_;
  InteractionGraph graph_;
  GreedyRule rule_;
  double noise_;
  std::mt19937_64& random_;
  Pace& pace_;
  std::vector<char> remaining_;
  std::vector<double> score_;
  std::vector<std::uint32_t> version_;
  std::vector<Entry> queue_;  ///< a heap
  std::size_t left_ = 0;
  OrderCandidate candidate_;
  std::size_t given_done_ = 0;
  double steps_ = 0.0;
  std::vector<VariableId> around_;  ///< of the variable that is being eliminated
};

}  // namespace credo
