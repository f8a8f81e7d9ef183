#pragma once
// How far the logarithms of messages can go on a model, and what that says about zeros and log Z.

#include <credo/core/evidence.hpp>
#include <credo/core/factor_graph.hpp>
#include <credo/inference/message_passing/factor_rule.hpp>

#include <string>
#include <vector>

namespace credo::message_passing {

/// The interval of log Z when Z > 0, in nats: every joint state of positive weight has at least
/// the product of the tables' smallest entries above zero, at most that of their largest ones.
struct LogBounds {
  double lower = 0.0;
  double upper = 0.0;
};
/// From the tables' extremes and the numbers of states that the evidence leaves. Linear in the
/// factors and variables.
[[nodiscard]] LogBounds bounds_of_log_z(const FactorGraph& graph, const Evidence& evidence);

/// Why no approximation can work with the tables: their logarithms add up to more than doubles
/// hold, so that what is small could not be told from zero; "" when they do not. Linear in the
/// factors.
[[nodiscard]] std::string why_sums_overflow(const FactorGraph& graph, const Evidence& evidence);

/// Limits of the messages that are iterated on a graph with cycles.
struct MessageRange {
  /// Per factor: what a message's logarithms (largest entry 0) are raised to where they are below,
  /// zeros excepted.
  std::vector<double> floor;
  /// No sum of logarithms that a run makes can leave the doubles, so that -infinity is the
  /// logarithm of a product with a zero in it and of nothing else.
  bool zeros_are_exact = true;
};
/// The floor of a factor is -(R + log S + 40) with R the sum over the factors and findings of its
/// connected component of log(largest / smallest entry above zero), and S the number of the
/// component's joint states. No exact message, on any forest made of these tables, goes below
/// -(R + log S); a factor without zeros cannot send what is below its own part of R, so that models
/// without zeros never meet the floor. Linear in the edges.
[[nodiscard]] MessageRange find_message_range(const FactorGraph& graph, const Evidence& evidence,
                                              const EdgeGraph& edges, const Entropies& entropies,
                                              const Constraints& constraints);

}  // namespace credo::message_passing
