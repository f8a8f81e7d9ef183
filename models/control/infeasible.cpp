#include <credo/core/numerics.hpp>
#include <credo/models/control/solve_parts.hpp>

#include <fmt/format.h>

#include <utility>

// Only what ends a finite horizon can be forbidden: an action that must not be taken is left out of
// the process. Cost: T outcomes, when there is something to explain.

namespace credo::control {
namespace {

/// Last states that hopeless first states lead to by hopeless ways.
std::vector<char> reached_states(const Mdp& mdp, const ControlSolution& solution) {
  std::vector<char> reached(mdp.state_count(), 0);
  for (std::size_t s = 0; s < reached.size(); ++s) {
    reached[s] = mdp.initial()[s] > 0.0 && solution.values[0][s] == -kInfinity ? 1 : 0;
  }
  for (std::size_t t = 0; t + 1 < solution.values.size(); ++t) {
    std::vector<char> after(reached.size(), 0);
    for (std::size_t s = 0; s < reached.size(); ++s) {
      for (std::size_t a = 0; a < mdp.action_count() && reached[s] != 0; ++a) {
        for (const Outcome& o : mdp.outcomes(s, a)) {
          if (solution.values[t + 1][o.next] == -kInfinity) after[o.next] = 1;
        }
      }
    }
    reached = std::move(after);
  }
  return reached;
}

}  // namespace

std::string infeasible_factor(const Mdp& mdp, const ControlOptions& options,
                              const ControlSolution& solution) {
  if (!options.horizon) return "";
  const std::vector<char> reached = reached_states(mdp, solution);
  const std::vector<double> last = last_value(mdp, options);
  for (std::size_t s = 0; s < last.size(); ++s) {
    if (reached[s] == 0 || last[s] > -kInfinity) continue;
    return fmt::format(
        "the final factor on s_{} gives 0 to state {}, which is reached with positive probability "
        "whatever is done",
        *options.horizon + 1, mdp.state_name(s));
  }
  return "";
}

}  // namespace credo::control
