// Evaluation and conditioning, both as marginals of factor graphs asked from the ordinary engines.
// A strategy turns decisions into chance variables: E[u] = sum over x of p(x) u(x) needs the joint
// marginal over the parents of u only. Rules of a table over (information, decision) come from the
// joint marginal over the same scope. Cost: that of the marginals.

#include <credo/core/error.hpp>
#include <credo/core/joint_states.hpp>
#include <credo/core/names.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/conditional_rows.hpp>
#include <credo/models/decision/strategy.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace credo::decision {

namespace {

std::vector<double> all_values(const Table& table) {
  std::vector<double> values(table.size());
  for (std::uint64_t i = 0; i < values.size(); ++i) values[i] = table.at(i);
  return values;
}

/// sum_x p(x) u(x), where p(x) = 0 forgives u(x) = -infinity.
double expectation(const Belief& belief, const Utility& utility) {
  CompensatedSum sum;
  bool forbidden = false;
  for (std::size_t i = 0; i < utility.values.size(); ++i) {
    const double p = belief.table.at(i);
    if (p == 0.0) continue;
    if (utility.values[i] == -kInfinity)
      forbidden = true;
    else
      sum.add(p * utility.values[i]);
  }
  return forbidden ? -kInfinity : sum.value();
}

/// The joint marginals over the parents of every utility that has parents.
std::vector<Scope> utility_scopes(const InfluenceDiagram& diagram) {
  std::vector<Scope> scopes;
  for (const Utility& u : diagram.utilities()) {
    if (!u.parents.empty()) scopes.push_back(u.parents);
  }
  return scopes;
}

std::vector<double> expected_utilities(const InfluenceDiagram& diagram,
                                       const std::vector<Belief>& joints) {
  std::vector<double> result;
  std::size_t next = 0;
  for (const Utility& u : diagram.utilities()) {
    result.push_back(u.parents.empty() ? u.values.front() : expectation(joints[next++], u));
  }
  return result;
}

double sum_of(const std::vector<double>& values) {
  CompensatedSum sum;
  for (const double v : values) sum.add(v);
  return sum.value();
}

void add_rule(const InfluenceDiagram& diagram, VariableId decision, const DecisionRule& rule,
              FactorGraph& graph) {
  const std::string who = "rule for decision " + diagram.graph().variable(decision).name;
  if (rule.decision != decision) {
    throw ModelError(who + ": expected rules in the order of the decisions");
  }
  Scope scope = rule.information;
  scope.push_back(decision);
  const std::vector<std::size_t> shape = graph.shape_of(scope);
  if (!std::ranges::equal(shape, rule.table.shape())) {
    throw ModelError(
        fmt::format("{}: expected {} entries over what it sees and what it chooses, "
                    "got {}",
                    who, saturating_product(shape), rule.table.size()));
  }
  graph.add_conditional(scope, decision, normalised_rows(rule.table, EmptyRow::uniform));
}

}  // namespace

Strategy uniform_strategy(const InfluenceDiagram& diagram) {
  Strategy strategy;
  for (const VariableId d : diagram.decisions()) {
    Scope scope = diagram.parents(d);
    scope.push_back(d);
    const std::vector<std::size_t> shape = diagram.graph().shape_of(scope);
    constexpr std::uint64_t kMostEntries = std::uint64_t{1} << 40;
    if (saturating_product(shape) > kMostEntries) {
      throw ModelError(
          fmt::format("rule for decision {}: {} entries, expected at most 2^40; let it "
                      "see less",
                      diagram.graph().variable(d).name, saturating_product(shape)));
    }
    std::vector<double> zeros(saturating_product(shape), 0.0);
    strategy.push_back({d, diagram.parents(d),
                        normalised_rows(Table::dense(shape, std::move(zeros)), EmptyRow::uniform)});
  }
  return strategy;
}

Evaluation evaluate(const InfluenceDiagram& diagram, const Strategy& strategy,
                    const InferOptions& options) {
  if (strategy.size() != diagram.decisions().size()) {
    throw ModelError(fmt::format("strategy: expected one rule per decision, {} in all, got {}",
                                 diagram.decisions().size(), strategy.size()));
  }
  FactorGraph graph = diagram.graph();
  for (std::size_t i = 0; i < strategy.size(); ++i) {
    add_rule(diagram, diagram.decisions()[i], strategy[i], graph);
  }
  Query query = Query::marginals();
  query.joints = utility_scopes(diagram);
  const std::size_t utilities = query.joints.size();
  for (const DecisionRule& rule : strategy) {
    if (!rule.information.empty()) query.joints.push_back(rule.information);
  }
  const Result result = infer_exactly(graph, {}, query, options);
  Evaluation evaluation;
  evaluation.status = result.status;
  evaluation.message = result.message;
  if (!result.ok()) return evaluation;
  evaluation.utilities = expected_utilities(diagram, result.joints);
  evaluation.total = sum_of(evaluation.utilities);
  std::size_t next = utilities;
  for (const DecisionRule& rule : strategy) {
    evaluation.information.push_back(
        rule.information.empty() ? std::vector{1.0} : all_values(result.joints[next++].table));
  }
  return evaluation;
}

std::string describe_strategy(const InfluenceDiagram& diagram, const Strategy& strategy,
                              const Evaluation& evaluation, std::size_t most) {
  const FactorGraph& graph = diagram.graph();
  std::string text;
  std::size_t lines = 0;
  const bool known = evaluation.ok();
  if (known && evaluation.information.size() != strategy.size()) {
    throw OptionError(fmt::format("describe_strategy: {} rules, but the evaluation is of {}",
                                  strategy.size(), evaluation.information.size()));
  }
  for (std::size_t i = 0; i < strategy.size(); ++i) {
    const DecisionRule& rule = strategy[i];
    const Variable& decision = graph.variable(rule.decision);
    std::size_t row = 0;
    for_each_joint_state(
        graph.shape_of(rule.information), [&](std::span<const std::size_t> states) {
          const std::size_t first = row * decision.cardinality;
          const double probability = known ? evaluation.information.at(i).at(row) : kNaN;
          ++row;
          if (probability == 0.0 || ++lines > most) return;
          text += printable(decision.name);
          if (!rule.information.empty()) {
            text += fmt::format(" given {}{}",
                                printable(describe_states(graph, rule.information, states)),
                                known ? fmt::format(" ({:.3g})", probability) : "");
          }
          text += ":";
          const auto p_of = [&](std::size_t choice) { return rule.table.at(first + choice); };
          std::size_t possible = 0;
          for (std::size_t c = 0; c < decision.cardinality; ++c) possible += p_of(c) > 0.0;
          for (std::size_t c = 0; c < decision.cardinality; ++c) {
            if (p_of(c) > 0.0) text.append(" ").append(printable(decision.state_name(c)));
            if (p_of(c) > 0.0 && possible > 1) text += fmt::format(" {:.4f}", p_of(c));
          }
          text += "\n";
        });
  }
  if (lines > most) text += fmt::format("... and {} more\n", lines - most);
  return text;
}

NaivePosterior naive_posterior(const InfluenceDiagram& diagram, double temperature,
                               const InferOptions& options) {
  if (!(temperature > 0.0 && temperature < kInfinity)) {
    throw OptionError(fmt::format("temperature {}, expected a number above 0", temperature));
  }
  const FactorGraph graph = diagram.factor_graph(temperature);
  Query query = Query::marginals();
  query.joints = utility_scopes(diagram);
  const std::size_t utilities = query.joints.size();
  for (const VariableId d : diagram.decisions()) {
    query.joints.push_back(diagram.parents(d));
    query.joints.back().push_back(d);
  }
  const Result result = infer_exactly(graph, {}, query, options);
  NaivePosterior posterior;
  posterior.status = result.status;
  posterior.message = result.message;
  if (!result.ok()) return posterior;
  posterior.value = temperature * result.log_z;
  posterior.believed_utility = sum_of(expected_utilities(diagram, result.joints));
  for (std::size_t i = 0; i < diagram.decisions().size(); ++i) {
    const VariableId d = diagram.decisions()[i];
    const Belief& joint = result.joints[utilities + i];
    posterior.strategy.push_back(
        {d, diagram.parents(d), normalised_rows(joint.table, EmptyRow::uniform)});
  }
  posterior.evaluation = evaluate(diagram, posterior.strategy, options);
  return posterior;
}

}  // namespace credo::decision
