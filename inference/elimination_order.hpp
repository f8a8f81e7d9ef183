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
  /// An order with a step of more than 2^this joint states is of no use: once a lower bound shows
  /// that every order has one, there is no search.
  double log2_step_limit = std::numeric_limits<double>::infinity();
  /// The interaction graph may take this many bytes.
  double graph_limit_bytes = std::numeric_limits<double>::infinity();
  /// Continuous variables: log2_cardinality are dimensions, and a step costs the cube of their sum.
  bool cubic = false;
};

/// Why there is no order, or no further search for a better one.
enum class SearchEnd : std::uint8_t {
  complete,         ///< the search ended by its own rules
  stopped,          ///< keep_going() said no
  limit,            ///< PlanOptions::time_limit_seconds
  too_wide,         ///< every order has a step beyond log2_step_limit
  graph_too_large,  ///< beyond graph_limit_bytes
};

struct OrderCandidate {
  /// Empty when no order was finished: end says why.
  std::vector<VariableId> order;
  /// sum over steps of the number of joint states of the step's scope (cubic: dimension cubed).
  double operations = 0.0;
  double log2_widest = 0.0;
  /// log2 of the number of joint states of the largest message.
  double log2_largest_message = 0.0;
  std::string method;
  int orders_tried = 0;
  double seconds = 0.0;
  SearchEnd end = SearchEnd::complete;
  /// Any elimination order has a step of at least 2^this joint states (0 where it was not asked),
  /// over at least so many variables.
  double log2_widest_at_least = 0.0;
  std::size_t variables_at_least = 0;
  /// When no order was finished: the most variables that one attempt eliminated.
  std::size_t eliminated = 0;
  /// Predicted bytes of the interaction graph.
  double graph_bytes = 0.0;
};

/// The cheapest order found. keep_going() is asked every few milliseconds, inside an elimination
/// too; false stops the search at the best order so far, which is empty when not even the first was
/// finished. The plan's own limit is in nominal seconds and holds for the first order, too.
[[nodiscard]] OrderCandidate search_order(const OrderProblem& problem, const PlanOptions& options,
                                          const std::function<bool()>& keep_going);

}  // namespace credo
