// max over strategies of E[sum_i u_i] + temperature sum_d w_d H(d | pa(d)), as max L(q) of the
// diagram's family, times the temperature. Nothing is computed here: the family says which
// conditionals are held and which are chosen, the engine does the rest, and an exact evaluation of
// the strategy found splits its value into the utilities.

#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/conditional_rows.hpp>
#include <credo/models/decision/solve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::decision {

namespace {

/// Why the tables of the strategy alone are too large, or "".
std::string why_too_large(const InfluenceDiagram& diagram, double memory_limit_bytes) {
  double bytes = 0.0;
  for (const VariableId d : diagram.decisions()) {
    double entries = static_cast<double>(diagram.graph().cardinality(d));
    for (const VariableId seen : diagram.parents(d)) {
      entries *= static_cast<double>(diagram.graph().cardinality(seen));
    }
    bytes += entries * sizeof(double);
    if (bytes > memory_limit_bytes) {
      return fmt::format(
          "the rule for {} given {} variables alone has {:.3g} entries; the memory limit is {}; "
          "let it see less",
          diagram.graph().variable(d).name, diagram.parents(d).size(), entries,
          describe_bytes(memory_limit_bytes));
    }
  }
  return "";
}

VariationalOptions engine_options(const InfluenceDiagram& diagram, const Family& family,
                                  const SolveOptions& options) {
  VariationalOptions result = options.variational;
  if (options.start.empty()) return result;
  result.initial.clear();
  for (const Conditional& c : family.conditionals()) {
    const auto rule = std::ranges::find_if(
        options.start, [&](const DecisionRule& r) { return r.decision == c.child; });
    const bool held = rule == options.start.end();
    result.initial.push_back(held ? diagram.graph().factor(*c.factor).table : rule->table);
  }
  return result;
}

}  // namespace

void SolveOptions::validate(const InfluenceDiagram& diagram) const {
  if (!(temperature >= 0.0 && temperature < kInfinity)) {
    throw OptionError(fmt::format("temperature {}, expected a number of at least 0", temperature));
  }
  const std::size_t decisions = diagram.decisions().size();
  if (!entropy_weights.empty() && entropy_weights.size() != decisions) {
    throw OptionError(fmt::format("entropy_weights: expected one per decision, {} in all, got {}",
                                  decisions, entropy_weights.size()));
  }
  for (const double w : entropy_weights) {
    if (!(w > 0.0 && w < kInfinity)) {
      throw OptionError(fmt::format("entropy_weights: expected numbers above 0, got {}", w));
    }
  }
  if (!start.empty() && start.size() != decisions) {
    throw OptionError(fmt::format("start: expected one rule per decision, {} in all, got {}",
                                  decisions, start.size()));
  }
  for (std::size_t i = 0; i < start.size(); ++i) {
    const VariableId d = diagram.decisions()[i];
    Scope scope = diagram.parents(d);
    const bool fits = start[i].decision == d && start[i].information == scope;
    scope.push_back(d);
    if (fits && std::ranges::equal(start[i].table.shape(), diagram.graph().shape_of(scope))) {
      continue;
    }
    throw OptionError(
        fmt::format("start: expected rule {} for decision {} over what it sees and what it chooses",
                    i, diagram.graph().variable(d).name));
  }
  variational.validate();
}

Solution solve(const InfluenceDiagram& diagram, const SolveOptions& options) {
  options.validate(diagram);
  Solution solution;
  solution.message = why_too_large(diagram, options.variational.memory_limit_bytes);
  if (!solution.message.empty()) {
    solution.status = Status::refused;
    return solution;
  }
  const double temperature = options.temperature;
  const FactorGraph graph = diagram.factor_graph(temperature);
  const Family family = diagram.family(graph, temperature, options.entropy_weights);
  solution.variational =
      maximize(graph, Evidence(), family, engine_options(diagram, family, options));
  const VariationalResult& found = solution.variational;
  solution.status = found.status;
  solution.message = found.message;
  solution.guarantee = found.guarantee;
  solution.solubility = found.solubility;
  solution.algorithm_used = found.algorithm_used;
  if (!found.ok()) return solution;
  solution.value = temperature == 0.0 ? found.value : temperature * found.value;
  for (const VariableId d : diagram.decisions()) {
    const auto place = std::ranges::find(family.conditionals(), d, &Conditional::child);
    const auto i = static_cast<std::size_t>(place - family.conditionals().begin());
    solution.strategy.push_back(
        {d, diagram.parents(d), normalised_rows(found.conditionals[i], EmptyRow::uniform)});
  }
  InferOptions evaluation_options;
  evaluation_options.memory_limit_bytes = options.variational.memory_limit_bytes;
  solution.evaluation = evaluate(diagram, solution.strategy, evaluation_options);
  solution.expected_utility = solution.evaluation.total;
  return solution;
}

InformationValue value_of_information(const InfluenceDiagram& diagram, std::string_view decision,
                                      std::string_view seen, const SolveOptions& options) {
  InfluenceDiagram informed = diagram;
  informed.add_information(decision, seen);
  InformationValue result;
  result.without = solve(diagram, options);
  SolveOptions informed_options = options;
  informed_options.start.clear();  // its rules see too little
  result.with = solve(informed, informed_options);
  result.gain = result.with.value - result.without.value;
  return result;
}

}  // namespace credo::decision
