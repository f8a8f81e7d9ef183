#include <credo/core/error.hpp>
#include <credo/core/evidence.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo {

void Evidence::observe(VariableId v, std::size_t state) {
  findings_.insert_or_assign(v, Finding{v, FindingKind::hard, state, {}, {}});
}

void Evidence::observe_likelihood(VariableId v, std::vector<double> likelihood) {
  findings_.insert_or_assign(v, Finding{v, FindingKind::likelihood, 0, std::move(likelihood), {}});
}

void Evidence::allow(VariableId v, std::vector<std::size_t> states) {
  std::ranges::sort(states);
  const auto repeated = std::ranges::unique(states);
  states.erase(repeated.begin(), repeated.end());
  findings_.insert_or_assign(v, Finding{v, FindingKind::allowed, 0, {}, std::move(states)});
}

void Evidence::observe_value(VariableId v, std::vector<double> value) {
  findings_.insert_or_assign(v, Finding{v, FindingKind::value, 0, {}, {}, std::move(value)});
}

void Evidence::retract(VariableId v) { findings_.erase(v); }

void Evidence::observe(const FactorGraph& graph, std::string_view variable,
                       std::string_view state) {
  const VariableId v = graph.require_variable(variable);
  observe(v, graph.require_state(v, state));
}

void Evidence::observe_likelihood(const FactorGraph& graph, std::string_view variable,
                                  std::vector<double> likelihood) {
  observe_likelihood(graph.require_variable(variable), std::move(likelihood));
}

void Evidence::allow(const FactorGraph& graph, std::string_view variable,
                     const std::vector<std::string>& states) {
  const VariableId v = graph.require_variable(variable);
  std::vector<std::size_t> numbers;
  for (const std::string& state : states) numbers.push_back(graph.require_state(v, state));
  allow(v, std::move(numbers));
}

const Finding* Evidence::find(VariableId v) const {
  const auto at = findings_.find(v);
  return at == findings_.end() ? nullptr : &at->second;
}

bool Evidence::is_observed(VariableId v) const {
  const Finding* finding = find(v);
  return finding != nullptr &&
         (finding->kind == FindingKind::hard || finding->kind == FindingKind::value);
}

Scope Evidence::unobserved(const Scope& scope) const {
  Scope left;
  for (const VariableId v : scope) {
    if (!is_observed(v)) left.push_back(v);
  }
  return left;
}

void Evidence::validate(const FactorGraph& graph) const {
  for (const auto& [v, finding] : findings_) {
    if (v >= graph.variable_count()) {
      throw EvidenceError(
          fmt::format("evidence: expected variables below {}, got {}", graph.variable_count(), v));
    }
    const Variable& variable = graph.variable(v);
    if (variable.is_continuous() != (finding.kind == FindingKind::value)) {
      throw EvidenceError(variable.is_continuous()
                              ? fmt::format("evidence on {}: expected {} real number{}, got a "
                                            "finding about states; the variable is continuous",
                                            variable.name, variable.dimension,
                                            variable.dimension == 1 ? "" : "s")
                              : fmt::format("evidence on {}: expected a finding about states, got "
                                            "a value; the variable is discrete",
                                            variable.name));
    }
    const auto check_state = [&variable](std::size_t state) {
      if (state >= variable.cardinality) {
        throw EvidenceError(fmt::format("evidence on {}: expected a state from 0 to {}, got {}",
                                        variable.name, variable.cardinality - 1, state));
      }
    };
    switch (finding.kind) {
      case FindingKind::hard:
        check_state(finding.state);
        break;
      case FindingKind::allowed:
        if (finding.allowed.empty()) {
          throw EvidenceError(fmt::format(
              "evidence on {}: expected at least one allowed state, got none", variable.name));
        }
        for (const std::size_t state : finding.allowed) check_state(state);
        break;
      case FindingKind::likelihood:
        if (finding.likelihood.size() != variable.cardinality) {
          throw EvidenceError(fmt::format("likelihood of {}: expected {} values, got {}",
                                          variable.name, variable.cardinality,
                                          finding.likelihood.size()));
        }
        for (const double weight : finding.likelihood) {
          if (!(weight >= 0.0 && weight < kInfinity)) {
            throw EvidenceError(
                fmt::format("likelihood of {}: expected finite non-negative values, got {}",
                            variable.name, weight));
          }
        }
        break;
      case FindingKind::value:
        if (finding.value.size() != variable.dimension ||
            !std::ranges::all_of(finding.value, [](double x) { return std::isfinite(x); })) {
          throw EvidenceError(fmt::format("evidence on {}: expected {} finite number{}, got ({})",
                                          variable.name, variable.dimension,
                                          variable.dimension == 1 ? "" : "s",
                                          fmt::join(finding.value, ", ")));
        }
        break;
    }
  }
}

std::string describe(const FactorGraph& graph, const Finding& finding) {
  const Variable& variable = graph.variable(finding.variable);
  switch (finding.kind) {
    case FindingKind::hard:
      return fmt::format("{} = {}", variable.name, variable.state_name(finding.state));
    case FindingKind::likelihood:
      return fmt::format("{} ~ ({})", variable.name, fmt::join(finding.likelihood, ", "));
    case FindingKind::allowed: {
      std::vector<std::string> names;
      for (const std::size_t state : finding.allowed) names.push_back(variable.state_name(state));
      return fmt::format("{} in {{{}}}", variable.name, fmt::join(names, ", "));
    }
    case FindingKind::value:
      if (finding.value.size() == 1) {
        return fmt::format("{} = {}", variable.name, finding.value.front());
      }
      return fmt::format("{} = ({})", variable.name, fmt::join(finding.value, ", "));
  }
  return variable.name;
}

}  // namespace credo
