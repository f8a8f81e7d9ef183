#include <credo/core/error.hpp>
#include <credo/models/control/learning/tabular_environment.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>

// Invariant: one draw for the first state, one per step. A first state that is terminal already
// would be an episode without a step; p(s_1) is conditioned on being none.

namespace credo::control::learning {
namespace {

EnvironmentFacts facts_of(const Mdp& mdp, const TabularOptions& options) {
  options.validate();
  EnvironmentFacts facts;
  facts.name = mdp.name().empty() ? "process" : mdp.name();
  facts.observations = Space::discrete(mdp.state_count());
  facts.actions = Space::discrete(mdp.action_count());
  facts.time_limit = options.time_limit;
  if (options.exploring_starts) facts.variant = "exploring starts";
  return facts;
}

std::vector<double> starts_of(const Mdp& mdp, bool exploring) {
  std::vector<double> start(mdp.state_count(), 0.0);
  double total = 0.0;
  for (std::size_t s = 0; s < start.size(); ++s) {
    if (mdp.is_terminal(s)) continue;
    start[s] = exploring ? 1.0 : mdp.initial()[s];
    total += start[s];
  }
  if (total > 0.0) return start;
  throw ModelError(
      fmt::format("{}: every first state is terminal, expected one to act in", mdp.name()));
}

}  // namespace

void TabularOptions::validate() const {
  if (time_limit && *time_limit == 0) {
    throw OptionError("time_limit 0, expected at least 1 or none");
  }
}

TabularEnvironment::TabularEnvironment(Mdp mdp, const TabularOptions& options)
    : Environment(facts_of(mdp, options)),
      mdp_(std::move(mdp)),
      start_(starts_of(mdp_, options.exploring_starts)) {}

bool TabularEnvironment::is_available(std::size_t action) const {
  return action < mdp_.action_count() && mdp_.is_available(current_, action);
}

std::vector<double> TabularEnvironment::observation() const {
  return {static_cast<double>(current_)};
}

std::vector<double> TabularEnvironment::begin(Random& random) {
  current_ = random.categorical(start_);
  return observation();
}

Step TabularEnvironment::advance(std::span<const double> action, Random& random) {
  const auto outcomes = mdp_.outcomes(current_, static_cast<std::size_t>(action[0]));
  const Outcome& drawn = outcomes[random.categorical(
      outcomes.size(), [outcomes](std::size_t i) { return outcomes[i].probability; })];
  current_ = drawn.next;
  return {observation(), drawn.reward, mdp_.is_terminal(current_), false};
}

std::vector<double> TabularEnvironment::inner_state() const { return observation(); }

bool TabularEnvironment::set_inner_state(std::span<const double> inner) {
  if (inner.size() != 1 || !(inner[0] >= 0.0) || inner[0] != std::floor(inner[0]) ||
      inner[0] >= static_cast<double>(mdp_.state_count())) {
    return false;
  }
  current_ = static_cast<std::size_t>(inner[0]);
  return true;
}

}  // namespace credo::control::learning
