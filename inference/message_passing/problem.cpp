// Counting numbers, constraints and predictions. Bytes are counted from the edges and from the
// distinct tables alone, before any of them is read.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/constraints.hpp>
#include <credo/inference/message_passing/problem.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

namespace credo::message_passing {

namespace {

void check_count(std::string_view what, std::size_t expected, std::size_t got) {
  if (got == 0 || got == expected) return;
  throw OptionError(
      fmt::format("option counting.{}: expected {} numbers, got {}", what, expected, got));
}

/// Empty vectors stay empty: Bethe's numbers need no arithmetic.
Entropies make_entropies(const FactorGraph& graph, const CountingNumbers& counting) {
  check_count("of_factor", graph.factor_count(), counting.of_factor.size());
  check_count("of_variable", graph.variable_count(), counting.of_variable.size());
  for (FactorId f = 0; f < counting.of_factor.size(); ++f) {
    if (counting.of_factor[f] > 0.0 && std::isfinite(counting.of_factor[f])) continue;
    throw OptionError(
        fmt::format("option counting.of_factor: expected a number above 0 for {}, "
                    "got {}",
                    graph.describe(f), counting.of_factor[f]));
  }
  Entropies entropies{counting.of_factor, counting.of_variable, {}};
  if (entropies.bethe()) return entropies;
  const bool given = !counting.of_variable.empty();
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    double sum = 0.0;
    for (const FactorId f : graph.factors_of(v)) sum += entropies.factor(f);
    if (!given) entropies.of_variable.push_back(1.0 - sum);
    const double divisor = given ? entropies.of_variable[v] + sum : 1.0;
    if (!(divisor > 0.0 && std::isfinite(divisor))) {
      throw OptionError(
          fmt::format("option counting.of_variable: expected the number of {} and those of its "
                      "factors to add up to more than 0, got {}",
                      graph.variable(v).name, divisor));
    }
    entropies.divisor.push_back(divisor);
  }
  return entropies;
}

std::vector<double> exponents_of(const Entropies& entropies) {
  std::vector<double> exponents;
  for (const double c : entropies.of_factor) exponents.push_back(1.0 / c);
  return exponents;
}

}  // namespace

Problem::Problem(const FactorGraph& graph, const Evidence& evidence,
                 const MessagePassingOptions& options)
    : entropies(make_entropies(graph, options.counting)),
      edges(make_edge_graph(graph, evidence, find_hosts(graph, evidence, options.constraints))),
      constraints(make_constraints(graph, edges, options.constraints)),
      tables(graph, edges, exponents_of(entropies), constraints.child_edge) {
  find_order(edges, constraints.child_edge);
  range = find_message_range(graph, evidence, edges, entropies, constraints);
  two_sweeps = edges.forest && entropies.bethe() && points_away_from_roots();
  if (options.constraints != nullptr) {
    outside_family = why_not_contained(graph, evidence, edges, constraints, *options.constraints);
  }
  predict(graph, options);
}

bool Problem::points_away_from_roots() const {
  if (!constraints.any()) return true;
  for (const FactorId f : edges.order) {
    if (constraints.on(f) && edges.edge_to_root[f] == constraints.child_edge[f]) return false;
  }
  return true;
}

void Problem::predict(const FactorGraph& graph, const MessagePassingOptions& options) {
  const double message_entries = static_cast<double>(edges.message_at.back());
  const double factors = static_cast<double>(edges.factor_count());
  double states = 0.0;
  for (const Variable& variable : graph.variables()) {
    states += static_cast<double>(variable.cardinality);
  }
  operations = 4.0 * tables.entries();
  // Messages and totals, the arrays of the graph, tables, scratch of the largest factor, beliefs.
  bytes = MessageState::bytes(edges) + 32.0 * static_cast<double>(edges.edge_count()) +
          16.0 * factors + tables.bytes() + 4.0 * sizeof(double) * tables.largest_entries() +
          sizeof(double) * states;
  const MessageSchedule schedule = options.iteration.schedule;
  if (schedule == MessageSchedule::parallel) bytes += sizeof(double) * message_entries;
  if (schedule == MessageSchedule::residual) bytes += 160.0 * factors;
  if (options.messages) bytes += 2.0 * sizeof(double) * message_entries;
  if (options.factor_beliefs) {
    for (const Factor& factor : graph.factors()) {
      bytes += 2.0 * sizeof(double) * static_cast<double>(factor.table.stored());
    }
  }
}

std::string Problem::describe_need(double limit_bytes) const {
  return fmt::format(
      "needs {} for the messages of {} edges and their tables; the memory limit is "
      "{}",
      describe_bytes(bytes), edges.edge_count(), describe_bytes(limit_bytes));
}

}  // namespace credo::message_passing
