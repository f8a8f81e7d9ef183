// A user's program: whether it builds and runs is the test.
#include <credo/core/factor_graph.hpp>
#include <credo/inference/infer.hpp>

#include <cmath>
#include <iostream>

int main() {
  credo::FactorGraph graph;
  const auto rain = graph.add_variable("rain", 2, {"no", "yes"});
  const auto wet = graph.add_variable("wet", 2, {"no", "yes"});
  graph.add_factor({rain}, {0.8, 0.2});
  graph.add_factor({rain, wet}, {0.9, 0.1, 0.25, 0.75});

  credo::Evidence evidence;
  evidence.observe(graph, "wet", "yes");
  const credo::Result result = credo::infer(graph, evidence, credo::Query::marginals());
  // By hand: p(rain = yes, wet = yes) = 0.15 and p(wet = yes) = 0.23.
  const double error = std::abs(result.marginal(rain)[1] - 0.15 / 0.23);
  std::cout << "error " << error << '\n';
  return error < 1e-12 ? 0 : 1;
}
