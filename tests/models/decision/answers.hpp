#pragma once
// Solutions as the tests read them.

#include <credo/models/decision/solve.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace answers {

using namespace credo::decision;

inline Solution solved(const InfluenceDiagram& diagram, double temperature) {
  SolveOptions options;
  options.temperature = temperature;
  Solution solution = solve(diagram, options);
  REQUIRE_MESSAGE(solution.ok(), solution.message);
  return solution;
}

/// The probability of (what the decision sees..., its choice).
inline double choice(const Solution& solution, std::size_t decision,
                     const std::vector<std::size_t>& states) {
  const credo::Table& table = solution.strategy[decision].table;
  return table.at(table.index_of(states));
}

}  // namespace answers
