// Asking Bayesian networks by names: a translation to queries of the generic engines.

#include <credo/core/error.hpp>
#include <credo/models/bayesian_network.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace credo {

namespace {

/// States of draws that are held at once: 8 GiB.
constexpr std::uint64_t kMostDrawnNumbers = std::uint64_t{1} << 30;

}  // namespace

double Posterior::probability(std::initializer_list<std::string_view> states) const {
  if (!ok()) throw QueryError("posterior: expected an answer, got " + message);
  if (states.size() != variables.size()) {
    throw ModelError(
        fmt::format("posterior: expected {} states, got {}", variables.size(), states.size()));
  }
  std::size_t index = 0;
  std::size_t position = 0;
  for (const std::string_view name : states) {
    const Variable& variable = variables[position++];
    const auto state = variable.find_state(name);
    if (!state) {
      throw ModelError(
          fmt::format("posterior: expected a state of {}, got {}", variable.name, name));
    }
    index = index * variable.cardinality + *state;
  }
  return probabilities[index];
}

Evidence BayesianNetwork::evidence(const NamedStates& findings) const {
  Evidence result;
  for (const auto& [variable, state] : findings) result.observe(graph_, variable, state);
  return result;
}

Posterior BayesianNetwork::ask(const Scope& variables, const NamedStates& findings,
                               const InferOptions& options) const {
  const Evidence found = evidence(findings);
  const Result result = infer_exactly(graph(), found, Query::joint(variables), options);
  Posterior answer;
  for (const VariableId v : variables) answer.variables.push_back(graph_.variable(v));
  answer.status = result.status;
  answer.message = result.message;
  if (!result.ok()) return answer;
  const Table& table = result.joints.at(0).table;
  for (std::uint64_t i = 0; i < table.size(); ++i) answer.probabilities.push_back(table.at(i));
  return answer;
}

Posterior BayesianNetwork::posterior(std::string_view variable, const NamedStates& findings,
                                     const InferOptions& options) const {
  return ask({id(variable)}, findings, options);
}

Posterior BayesianNetwork::joint(const std::vector<std::string>& variables,
                                 const NamedStates& findings, const InferOptions& options) const {
  return ask(ids(variables), findings, options);
}

double BayesianNetwork::log_likelihood(std::span<const std::size_t> assignment) const {
  return graph().log_weight(assignment);
}

double BayesianNetwork::log_likelihood(const NamedStates& assignment) const {
  std::vector<std::size_t> states(size(), 0);
  std::vector<char> given(size(), 0);
  for (const auto& [name, state] : assignment) {
    const VariableId v = id(name);
    states[v] = graph_.require_state(v, state);
    given[v] = 1;
  }
  if (const auto missing = std::ranges::find(given, 0); missing != given.end()) {
    const auto v = static_cast<VariableId>(missing - given.begin());
    throw ModelError(fmt::format("log_likelihood: expected a state of every variable, {} has none",
                                 graph_.variable(v).name));
  }
  return log_likelihood(std::span<const std::size_t>(states));
}

std::vector<std::vector<std::size_t>> BayesianNetwork::sample(std::size_t count,
                                                              std::uint64_t seed) const {
  const FactorGraph& complete = graph();
  require_expandable("samples of a Bayesian network",
                     static_cast<double>(count) * static_cast<double>(size() + 3),
                     kMostDrawnNumbers, "draw fewer at a time, with other seeds");
  const std::vector<VariableId> order = topological_order();
  Random random(seed);
  std::vector<std::vector<std::size_t>> draws(count, std::vector<std::size_t>(size(), 0));
  std::vector<double> row;
  for (auto& states : draws) {
    for (const VariableId v : order) {
      // Entry of state y of v: base + y * stride, the other variables at their drawn states.
      const Factor& factor = complete.factor(conditional_[v]);
      std::uint64_t base = 0;
      std::uint64_t stride = 0;
      for (const VariableId u : factor.scope) {
        base = base * complete.cardinality(u) + (u == v ? 0 : states[u]);
        stride = u == v ? 1 : stride * complete.cardinality(u);
      }
      row.resize(complete.cardinality(v));
      for (std::size_t y = 0; y < row.size(); ++y) row[y] = factor.table.at(base + y * stride);
      states[v] = random.categorical(row);
    }
  }
  return draws;
}

BayesianNetwork BayesianNetwork::intervene(const NamedStates& settings) const {
  const Evidence set = evidence(settings);
  const FactorGraph& complete = graph();
  FactorGraph changed;
  changed.name = complete.name;
  for (const Variable& variable : complete.variables()) changed.add_variable(variable);
  for (const Factor& factor : complete.factors()) {
    const VariableId child = factor.child.value();
    if (const Finding* finding = set.find(child)) {
      std::vector<double> certain(complete.cardinality(child), 0.0);
      certain[finding->state] = 1.0;
      changed.add_conditional({child}, child, Table::dense({certain.size()}, certain));
    } else {
      changed.add_conditional(factor.scope, child, factor.table);
    }
  }
  return BayesianNetwork(std::move(changed));
}

}  // namespace credo
