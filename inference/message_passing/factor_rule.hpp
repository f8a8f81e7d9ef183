#pragma once
// What one factor computes from the messages it receives: the messages it sends, its belief and
// its part of the free energy.

#include <credo/inference/message_passing/edge_graph.hpp>
#include <credo/inference/message_passing/message_kernel.hpp>
#include <credo/inference/message_passing/message_state.hpp>
#include <credo/inference/message_passing/prepared_tables.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace credo::message_passing {

/// Numbers of the free energy as the rules use them.
struct Entropies {
  /// c_f; empty: 1.
  std::vector<double> of_factor;
  /// c_v; empty: 1 - degree.
  std::vector<double> of_variable;
  /// c_v + sum of c_f over the factors of v: the power of the product of the messages that v's
  /// belief is a root of; empty: 1.
  std::vector<double> divisor;

  [[nodiscard]] double factor(FactorId f) const { return of_factor.empty() ? 1.0 : of_factor[f]; }
  [[nodiscard]] double root(VariableId v) const { return divisor.empty() ? 1.0 : divisor[v]; }
  [[nodiscard]] bool bethe() const { return of_factor.empty() && of_variable.empty(); }
};

/// Constrained factors: the edge of their child and the charge rho (infinite: clamped).
struct Constraints {
  std::vector<std::uint32_t> child_edge;  ///< per factor, kNone where free; empty: none
  std::vector<double> rho;                ///< per factor

  [[nodiscard]] bool any() const noexcept { return !child_edge.empty(); }
  [[nodiscard]] bool on(FactorId f) const { return any() && child_edge[f] != kNone; }
};

/// Borrows everything; keeps the memory of its last computation.
class FactorRule {
 public:
  FactorRule(const EdgeGraph& edges, PreparedTables& tables, const Entropies& entropies,
             const Constraints& constraints, Operator op);

  /// The messages of f, or only the one along an edge of f, from the state's messages.
  void compute(FactorId f, const MessageState& state, std::uint32_t only = kNone);
  /// log m_{f -> v} of the last compute(), largest entry 0 (all -infinity when scale() is).
  [[nodiscard]] std::span<double> message(std::uint32_t edge);
  /// What was subtracted from it: incoming scales included.
  [[nodiscard]] double scale(std::uint32_t edge) const;
  /// Some message of the last compute() is zero everywhere.
  [[nodiscard]] bool all_zero() const noexcept { return all_zero_; }

  /// c_f log sum over x_f of (f prod m_{v -> f})^(1 / c_f); with max, c_f times the largest.
  [[nodiscard]] double log_partition(FactorId f, const MessageState& state);
  /// log b_f up to a constant, one per held entry of the prepared table.
  [[nodiscard]] std::vector<double> log_belief(FactorId f, const MessageState& state);
  /// How much a variable's product counts in what it sends along the edge: c_f / divisor.
  [[nodiscard]] double share(std::uint32_t edge) const {
    return entropies_.factor(edges_.factor[edge]) / entropies_.root(edges_.variable[edge]);
  }
  /// log of the sum of exp(logs); with max, the largest.
  [[nodiscard]] double total(std::span<const double> logs) const;
  /// Incoming messages of one factor, edge after edge, largest entries 0.
  [[nodiscard]] std::span<const double> incoming(FactorId f, const MessageState& state);

 private:
  void gather(FactorId f, const MessageState& state, std::uint32_t except);
  void compute_free(FactorId f, std::uint32_t only);
  void compute_constrained(FactorId f);
  void finish(std::uint32_t edge, double log_scale);
  /// Weights of the parents' joint states: W(x_pa), and its sum with the parents' messages.
  void weigh_parents(FactorId f);
  [[nodiscard]] double log_conditional(FactorId f, const PreparedKernel::Entry& entry) const;
  [[nodiscard]] double scales_without(FactorId f, std::uint32_t except) const;

  const EdgeGraph& edges_;
  PreparedTables& tables_;
  const Entropies& entropies_;
  const Constraints& constraints_;
  Operator op_;
  MessageKernel kernel_;
  // Of the last factor, edge after edge.
  FactorId last_ = kNone;
  std::vector<double> in_;
  std::vector<double> in_linear_;
  std::vector<double> out_;
  std::vector<Gathered> gathered_;
  std::vector<double> scale_;
  std::vector<double> weight_;  // W
  std::vector<double> log_parents_;
  bool all_zero_ = false;
};

}  // namespace credo::message_passing
