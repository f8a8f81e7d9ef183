#pragma once
// Elimination orders: randomised greedy search on the interaction graph.

#include <credo/core/factor_graph.hpp>
#include <credo/inference/plan.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// The symbolic problem: scopes over variables 0 .. log2_cardinality.size() - 1.
struct OrderProblem {
  std::vector<double> log2_cardinality;
  std::vector<Scope> scopes;
  /// Only these variables are eliminated.
  std::vector<VariableId> variables;
  /// Per variable: all of group g are eliminated before any of group g + 1.
  std::vector<std::uint8_t> group;
  /// Eliminated first in their group, in this order (a subset of variables, by increasing group).
  std::vector<VariableId> given;
  /// Orders whose messages all have at most 2^this joint states win over those that have not.
  double log2_message_limit = std::numeric_limits<double>::infinity();
  /// Continuous variables: log2_cardinality are dimensions, and a step costs the cube of their sum.
  bool cubic = false;
};

struct OrderCandidate {
  std::vector<VariableId> order;
  /// sum over steps of the number of joint states of the step's scope (cubic: dimension cubed).
  double operations = 0.0;
  double log2_widest = 0.0;
  /// log2 of the number of joint states of the largest message.
  double log2_largest_message = 0.0;
  std::string method;
  int orders_tried = 0;
  double seconds = 0.0;
};

/// The cheapest order found. keep_going() is asked now and then; false stops the
/// search at the best order so far, which is empty when not even the first was finished.
[[nodiscard]] OrderCandidate search_order(const OrderProblem& problem, const PlanOptions& options,
                                          const std::function<bool()>& keep_going);

}  // namespace credo
