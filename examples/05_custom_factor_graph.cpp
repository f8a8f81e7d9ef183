// Lesson 5: a factor graph of one's own - counting, choosing and sampling colourings.
//
// Variables are the states of Australia, factors say "neighbours differ".
// Each table is 1 for what is allowed and 0 otherwise, so Z counts the colourings:
// every query on probabilities is now a query on solutions of a puzzle.

#include <credo/inference/infer.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

int main() {
  credo::FactorGraph map;
  const std::vector<std::string> colours{"red", "green", "blue"};
  for (const char* name : {"WA", "NT", "SA", "Q", "NSW", "V", "T"}) {
    map.add_variable(name, colours.size(), colours);
  }
  // One table, shared by all the borders: a handle is copied, not the values.
  const credo::Table differ = credo::Table::dense({3, 3}, {0, 1, 1, 1, 0, 1, 1, 1, 0});
  const std::vector<std::pair<const char*, const char*>> borders{
      {"WA", "NT"},  {"WA", "SA"}, {"NT", "SA"}, {"NT", "Q"}, {"SA", "Q"},
      {"SA", "NSW"}, {"SA", "V"},  {"Q", "NSW"}, {"NSW", "V"}};
  for (const auto& [a, b] : borders) {
    map.add_factor({map.require_variable(a), map.require_variable(b)}, differ);
  }
  const credo::Result count = credo::infer(map, credo::Query::log_partition());
  std::printf("Colourings: %.0f\n", std::exp(count.log_z));

  // A preference is a factor, too: Queensland likes red twice as much.
  const credo::VariableId queensland = map.require_variable("Q");
  map.add_factor({queensland}, {2.0, 1.0, 1.0});
  const credo::Result liked = credo::infer(map, credo::Query::marginals());
  std::printf("With a preference: Z = %.0f, p(Q = red) = %.4f, p(V = red) = %.4f\n",
              std::exp(liked.log_z), liked.marginal(queensland)[0],
              liked.marginal(map.require_variable("V"))[0]);

  // The joint of two without a common border: always equal, since both border NT and SA.
  const credo::Scope pair{map.require_variable("WA"), queensland};
  const credo::Result joint = credo::infer(map, credo::Query::joint(pair));
  std::printf("p(WA = red, Q = red) = %.4f, p(WA = red, Q = blue) = %.4f\n",
              joint.joints[0].table.at(0), joint.joints[0].table.at(2));

  // The seven best: six have a red Queensland. Ties come in some order.
  const credo::Result best = credo::infer(map, credo::Query::map(7));
  std::printf("Weights of the 7 best:");
  for (const auto& colouring : best.assignments) {
    std::printf(" %.0f", std::exp(colouring.log_value));
  }
  std::printf("\n");

  // Exact samples of the posterior: every one is a colouring.
  const credo::Result drawn = credo::infer(map, credo::Query::samples(1000, 1));
  int proper = 0;
  for (const auto& states : drawn.samples) proper += map.log_weight(states) > -credo::kInfinity;
  std::printf("Proper among 1000 samples: %d\n", proper);

  // An impossible wish is no number: the status says so, with a smallest set of findings at odds.
  credo::Evidence wish;
  wish.observe(map, "T", "red");
  wish.observe(map, "WA", "red");
  wish.observe(map, "V", "green");
  const credo::Result refused = credo::infer(map, wish, credo::Query::log_partition());
  std::printf("%s:", std::string(credo::status_name(refused.status)).c_str());
  for (const credo::Finding& finding : refused.conflict) {
    std::printf(" %s;", credo::describe(map, finding).c_str());
  }
  std::printf("\n");
}
