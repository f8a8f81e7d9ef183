// Lesson 14: limited memory, and when the certificate fails.
//
// A tiger sits behind one of two doors; listening costs 1 and is right with probability 0.85,
// the treasure brings 10, the tiger -100 (Kaelbling, Littman and Cassandra 1998). Three steps. A
// player who remembers everything poses a soluble problem: one sweep, certified. One who remembers
// the last sound only does not: what a sound is worth depends on what the others are used for, and
// coordinate ascent is all that is left. Its answer is a fixed point, and says so.

#include <credo/models/control/partial_observability.hpp>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace control = credo::control;
namespace decision = credo::decision;

namespace {

void print(const char* memory, const decision::Solution& solution) {
  std::printf("%-20s %10.6f %10.6f  %s\n", memory, solution.value, solution.expected_utility,
              solution.certified() ? "certified" : "not certified");
}

}  // namespace

int main() {
  control::PartialObservabilityOptions options;
  options.horizon = 3;
  options.solve.temperature = 1.0;
  std::printf("remembers                 value    expected\n");
  options.naive_posterior = true;
  const auto full = control::solve_partially_observed(control::tiger(), options);
  print("everything", full.solution);
  options.naive_posterior = false;
  options.memory = control::Memory::window;
  std::string why;
  for (const auto& [window, name] : std::vector<std::pair<std::size_t, const char*>>{
           {2, "two sounds"}, {1, "the last sound"}, {0, "nothing"}}) {
    options.window = window;
    const auto result = control::solve_partially_observed(control::tiger(), options);
    print(name, result.solution);
    if (window == 1) why = result.solution.solubility.explanation;
  }
  std::printf("\nWith the last sound only: %s.\n", why.c_str());
  std::printf("\nConditioned on success instead: value %.6f, believes in %.6f, earns %.6f.\n",
              full.naive->value, full.naive->believed_utility, full.naive->evaluation.total);

  // Ascent climbs the hill it starts on: two choices that cannot talk, meeting at 10 or at 9.
  decision::InfluenceDiagram team;
  team.add_decision("left", {"0", "1"}, {});
  team.add_decision("right", {"0", "1"}, {});
  team.add_utility("payoff", {"left", "right"}, {10.0, 0.0, 0.0, 9.0});
  std::printf("\nTwo who cannot talk, starting with probability p of 0:\n");
  for (const double p : {0.3, 0.7}) {
    decision::SolveOptions start;
    start.temperature = 1.0;
    start.variational.restarts = 1;
    start.start = decision::uniform_strategy(team);
    for (decision::DecisionRule& rule : start.start) {
      rule.table = credo::Table::dense({2}, {p, 1.0 - p});
    }
    std::printf("  p = %.1f: %.5f\n", p, decision::solve(team, start).value);
  }
  decision::SolveOptions talk;
  talk.temperature = 1.0;
  const auto told = decision::value_of_information(team, "right", "left", talk);
  std::printf("  talking: %.6f, %s\n", told.with.value,
              told.with.certified() ? "certified" : "not certified");
}
