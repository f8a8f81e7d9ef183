#pragma once
// Reading answers about continuous variables off parts that were solved.

#include <credo/inference/gaussian/parts.hpp>

#include <span>
#include <vector>

namespace credo::gaussian {

/// The discrete side of a question: the answer of the graph in which every part is one table.
struct MixedAnswer {
  const FactorGraph& graph;
  const Query& query;
  Parts& parts;
  /// Joint posterior of the discrete neighbours, per part; empty values where there are none.
  std::vector<Belief> neighbours;
  /// Some state of every variable that the evidence permits.
  std::vector<std::size_t> states;
  contraction::Monitor& monitor;
};

/// Fills gaussian_marginals and gaussian_joints.
void add_gaussian_marginals(MixedAnswer& mixed, Result& result);
/// Fills the values of every assignment: the mode given its states.
void add_modes(MixedAnswer& mixed, Result& result);
/// Draws the values of continuous variables beside every sample.
void add_sample_values(MixedAnswer& mixed, std::uint64_t seed, Result& result);

}  // namespace credo::gaussian
