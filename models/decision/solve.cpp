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
#include <chrono>
#include <cmath>
#include <utility>

namespace credo::decision {

namespace {

/// Why the rules of the strategy are too large, or "".
std::string why_too_large(const InfluenceDiagram& diagram, double memory_limit_bytes) {
  // Measured, per entry of a rule: its scores, its messages and its table, in the engine and in the
  // answer.
  constexpr double kBytesPerEntry = 64.0;
  double bytes = 0.0;
  for (const VariableId d : diagram.decisions()) {
    double entries = static_cast<double>(diagram.graph().cardinality(d));
    for (const VariableId seen : diagram.parents(d)) {
      entries *= static_cast<double>(diagram.graph().cardinality(seen));
    }
    bytes += entries * kBytesPerEntry;
    if (bytes > memory_limit_bytes) {
      return fmt::format(
          "the rule for {} given {} variables has {:.3g} entries, and the rules up to it need "
          "about "
          "{}; the memory limit is {}; let it see less",
          diagram.graph().variable(d).name, diagram.parents(d).size(), entries,
          describe_bytes(bytes), describe_bytes(memory_limit_bytes));
    }
  }
  return "";
}

VariationalOptions engine_options(const InfluenceDiagram& diagram, const Family& family,
                                  const SolveOptions& options) {
  VariationalOptions result = options.variational;
  result.keep_best = true;
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

/// Limits of the evaluation: what is left, and a moment beyond it when nothing is, because a
/// strategy without its utilities is half an answer.
InferOptions evaluation_limits(const VariationalOptions& options, double spent_seconds) {
  constexpr double kMoment = 0.02;
  InferOptions limits;
  limits.memory_limit_bytes = options.memory_limit_bytes;
  limits.time_limit_seconds = options.time_limit_seconds - spent_seconds;
  limits.observer = options.observer;
  const bool cancelled =
      options.observer && !options.observer(Progress{"evaluate", 1.0, spent_seconds});
  if (cancelled) limits.observer = {};
  if (cancelled || !(limits.time_limit_seconds > kMoment)) {
    limits.time_limit_seconds = kMoment;
  }
  return limits;
}

/// The strategy of the family's conditionals, in the order of the decisions.
Strategy strategy_of(const InfluenceDiagram& diagram, const Family& family,
                     const std::vector<Table>& conditionals) {
  std::vector<std::size_t> place(diagram.graph().variable_count(), conditionals.size());
  for (std::size_t i = 0; i < family.conditionals().size(); ++i) {
    place[family.conditionals()[i].child] = i;
  }
  Strategy strategy;
  for (const VariableId d : diagram.decisions()) {
    strategy.push_back(
        {d, diagram.parents(d), normalised_rows(conditionals[place[d]], EmptyRow::uniform)});
  }
  return strategy;
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
  const auto start = std::chrono::steady_clock::now();
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
  solution.strategy = strategy_of(diagram, family, found.conditionals);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  solution.evaluation =
      evaluate(diagram, solution.strategy, evaluation_limits(options.variational, spent.count()));
  if (solution.evaluation.ok()) {
    solution.expected_utility = solution.evaluation.total;
  } else {
    if (temperature == 0.0) solution.expected_utility = solution.value;
    solution.message += "; its utilities one by one did not come: " + solution.evaluation.message;
  }
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
