#include <credo/core/error.hpp>
#include <credo/models/control/learning/reference.hpp>
#include <credo/models/control/learning/soft_value.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// Solved by the engine; nothing here knows how.

namespace credo::control::learning {
namespace {

/// States with a decision that have positive probability under some policy: a search over outcomes.
std::vector<std::size_t> reached_states(const Mdp& mdp) {
  std::vector<char> seen(mdp.state_count(), 0);
  std::vector<std::size_t> reached;
  const auto visit = [&](std::size_t s) {
    if (std::exchange(seen[s], char{1}) == 0 && !mdp.is_terminal(s)) reached.push_back(s);
  };
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.initial()[s] > 0.0) visit(s);
  }
  for (std::size_t i = 0; i < reached.size(); ++i) {
    for (std::size_t a = 0; a < mdp.action_count(); ++a) {
      for (const Outcome& outcome : mdp.outcomes(reached[i], a)) visit(outcome.next);
    }
  }
  return reached;
}

void require_table(const Mdp& mdp, std::span<const double> table) {
  const std::size_t expected = mdp.state_count() * mdp.action_count();
  if (table.size() == expected) return;
  throw OptionError(
      fmt::format("ExactReference: a table of {} entries, expected states x actions, "
                  "{}, or none",
                  table.size(), expected));
}

double mean_over_start(const Mdp& mdp, const std::vector<double>& value) {
  if (value.empty()) return kNaN;
  double mean = 0.0;
  for (std::size_t s = 0; s < value.size(); ++s) mean += mdp.initial()[s] * value[s];
  return mean;
}

}  // namespace

ExactReference::ExactReference(const Mdp& mdp, const Objective& objective,
                               const InferOptions& infer)
    : mdp_(&mdp), objective_(objective), reached_(reached_states(mdp)) {
  ControlOptions options;
  options.method = Method::clamped;
  options.temperature = objective.temperature;
  options.prior = objective.prior;
  options.discount = objective.discount;
  options.gap = false;
  options.infer = infer;
  const ControlSolution solution = solve_control(mdp, options);
  if (!solution.ok() || solution.guarantee != Guarantee::exact) {
    message_ = solution.message;
    return;
  }
  action_value_ = solution.action_value();
  policy_ = solution.policy();
  value_ = solution.value();
}

double ExactReference::error_of(std::span<const double> table, TableKind kind) const {
  if (!ok() || table.empty()) return kNaN;
  const std::vector<double>& exact = kind == TableKind::policy ? policy_ : action_value_;
  require_table(*mdp_, table);
  const std::size_t actions = mdp_->action_count();
  double largest = 0.0;
  for (const std::size_t s : reached_) {
    for (std::size_t i = s * actions; i < (s + 1) * actions; ++i) {
      if (table[i] != exact[i]) largest = std::max(largest, std::fabs(table[i] - exact[i]));
    }
  }
  return largest;
}

PolicyWorth ExactReference::worth_of(std::span<const double> policy) const {
  if (policy.empty()) return {};
  require_table(*mdp_, policy);
  Objective indifferent = objective_;
  indifferent.temperature = 0.0;
  return {mean_over_start(*mdp_, soft_policy_value(*mdp_, policy, objective_)),
          mean_over_start(*mdp_, soft_policy_value(*mdp_, policy, indifferent))};
}

}  // namespace credo::control::learning
