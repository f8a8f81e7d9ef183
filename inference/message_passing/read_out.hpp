#pragma once
// What is read off the messages when they are done: beliefs, the free energy, a decoded state.

#include <credo/inference/message_passing/factor_rule.hpp>
#include <credo/inference/message_passing/message_passing.hpp>

#include <vector>

namespace credo::message_passing {

/// Borrows everything.
struct ReadOut {
  const FactorGraph& graph;
  const EdgeGraph& edges;
  const Entropies& entropies;
  FactorRule& rule;
  const MessageState& state;

  /// log b_v up to a constant; observed variables: empty.
  [[nodiscard]] std::vector<double> log_belief(VariableId v) const;
  /// b_v, linear, one vector per variable; observed: 1 on the state.
  [[nodiscard]] std::vector<std::vector<double>> marginals() const;
  /// b_f, linear, stored as the factor's table is.
  [[nodiscard]] Belief factor_belief(FactorId f) const;
  /// Of a factor that another one has taken in: a marginal of that one's belief.
  [[nodiscard]] Belief absorbed_belief(FactorId f) const;
  [[nodiscard]] std::vector<EdgeMessages> messages() const;
  /// sum_f c_f log Z_f + sum_v c_v log Z_v, which is F where beliefs agree.
  [[nodiscard]] double free_energy() const;
  /// The largest difference, over factors and their variables, of b_v and what b_f says of v. Above
  /// rounding where messages have not converged.
  [[nodiscard]] double disagreement() const;
  /// A state that is best factor by factor, each given what those before it decided; on a forest
  /// the best of all.
  [[nodiscard]] std::vector<std::size_t> decode(PreparedTables& tables) const;
};

/// log p~ of a state with its evidence; -infinity where a finding forbids it.
[[nodiscard]] double log_value(const FactorGraph& graph, const Evidence& evidence,
                               const std::vector<std::size_t>& states);

}  // namespace credo::message_passing
