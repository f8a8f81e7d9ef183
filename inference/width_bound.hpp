#pragma once
// A lower bound on the widest step of every elimination order.

#include <credo/inference/interaction_graph.hpp>

namespace credo {

/// A number b such that every elimination order of the problem's variables, constrained or not, has
/// a step of at least 2^b joint states (scope: the eliminated variable and its neighbours then).
/// Minor-min-width with the least-common-neighbours rule (Gogate & Dechter 2004; Bodlaender,
/// Koster & Wolle 2004), weighted. Spends at most `most_steps` elementary steps: any of them is
/// a bound. Throws what the pace throws.
[[nodiscard]] double widest_step_at_least(const OrderProblem& problem, InteractionGraph graph,
                                          double most_steps, Pace& pace);

/// The least number of variables that have 2^log2_states joint states together.
[[nodiscard]] std::size_t fewest_variables(const OrderProblem& problem, double log2_states);

}  // namespace credo
