#pragma once
// The messages from factors to variables, and for every variable their sum with its evidence.

#include <credo/core/evidence.hpp>
#include <credo/inference/message_passing/edge_graph.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::message_passing {

/// What a message from a variable was divided by so that its largest entry is 1, and how small its
/// entries get.
struct Gathered {
  double log_scale = 0.0;     ///< -infinity: every entry is zero
  double log_smallest = 0.0;  ///< of the entries above zero, after scaling
};

/// Largest difference of two messages in nats, less what rounding can do; infinite where only one
/// is zero.
[[nodiscard]] double difference(std::span<const double> a, std::span<const double> b);

/// Subtracts the largest entry and returns it; -infinity leaves everything as it is.
double scale_to_zero(std::span<double> logs);

class MessageState {
 public:
  /// All messages 1. Borrows edges.
  MessageState(const EdgeGraph& edges, const FactorGraph& graph, const Evidence& evidence);

  /// log m_{f -> v}, largest entry 0.
  [[nodiscard]] std::span<const double> to_variable(std::uint32_t edge) const {
    return std::span(messages_).subspan(edges_.message_at[edge], edges_.states_of_edge(edge));
  }
  /// Replaces it.
  void assign(std::uint32_t edge, std::span<const double> logs);

  /// log m_{v -> f} = share log b + (share - 1) log m_{f -> v}, b without own message: what v sends
  /// back, b being the product of evidence and all messages to v. share = 1 for Bethe's numbers.
  /// Times exponent; written into out with largest entry 0.
  Gathered gather(std::uint32_t edge, double share, double exponent, std::span<double> out) const;

  /// log (g_v prod_f m_{f -> v}) of one state.
  [[nodiscard]] double log_product(VariableId v, std::size_t state) const {
    const std::size_t at = edges_.state_at[v] + state;
    return zeros_[at] > 0 ? kMinusInfinity : high_[at] + low_[at];
  }
  /// All states.
  [[nodiscard]] std::vector<double> log_products(VariableId v) const;

  /// Doubles and counts held per message entry and per state, in bytes.
  [[nodiscard]] static double bytes(const EdgeGraph& edges);

 private:
  static constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
  void add(std::size_t at, double x);

  const EdgeGraph& edges_;
  std::vector<double> messages_;
  // Sum over evidence and messages of the finite logarithms, as an unevaluated sum of two doubles;
  // and how many are -infinity.
  std::vector<double> high_;
  std::vector<double> low_;
  std::vector<std::uint32_t> zeros_;
};

}  // namespace credo::message_passing
