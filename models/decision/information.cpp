// What decisions see: perfect recall, and information that cannot matter.
//
// An arc n -> d is irrelevant when n is d-separated from the utilities below d given d and the rest
// of what d sees: a best choice exists that ignores n, whatever the other decisions do (Lauritzen
// and Nilsson 2001, theorem 5; for soft choices too, whose entropies are functions of what is
// relevant to the same utilities). Taking an arc out can make others irrelevant, never relevant,
// so the order of removal does not matter. Cost: arcs x arcs.

#include <credo/models/bayesian_network.hpp>
#include <credo/models/decision/influence_diagram.hpp>

#include <algorithm>
#include <utility>

namespace credo::decision {

namespace {

/// The arcs alone, for questions of d-separation: a network whose variables have one state each;
/// utilities are its last variables.
BayesianNetwork skeleton(const InfluenceDiagram& diagram) {
  const FactorGraph& graph = diagram.graph();
  BayesianNetwork network;
  for (const Variable& v : graph.variables()) network.add_variable(v.name, {"0"});
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    network.set_conditional(graph.variable(v).name, diagram.names(diagram.parents(v)), {{1.0}});
  }
  for (const Utility& u : diagram.utilities()) {
    network.add(u.name, {"0"}, diagram.names(u.parents), {{1.0}});
  }
  return network;
}

Scope utilities_below(const BayesianNetwork& network, VariableId d, std::size_t variables) {
  Scope below = network.descendants(d);
  std::erase_if(below, [&](VariableId v) { return v < variables; });
  return below;
}

}  // namespace

std::vector<VariableId> InfluenceDiagram::decisions_in_time() const {
  const BayesianNetwork network = skeleton(*this);
  std::vector<VariableId> left = decisions_;
  std::vector<VariableId> result;
  while (!left.empty()) {
    // The first added that has no decision left above it; acyclic, so there is one.
    const auto next = std::ranges::find_if(left, [&](VariableId d) {
      const Scope above = network.ancestors(d);
      return std::ranges::none_of(
          left, [&](VariableId e) { return std::ranges::find(above, e) != above.end(); });
    });
    result.push_back(*next);
    left.erase(next);
  }
  return result;
}

InfluenceDiagram InfluenceDiagram::with_perfect_recall() const {
  InfluenceDiagram result = *this;
  Scope known;
  const auto see = [](Scope& seen, VariableId v) {
    if (std::ranges::find(seen, v) == seen.end()) seen.push_back(v);
  };
  for (const VariableId d : decisions_in_time()) {
    Scope& seen = result.parents_[d];
    for (const VariableId v : known) see(seen, v);
    for (const VariableId v : seen) see(known, v);
    see(known, d);
  }
  return result;
}

InfluenceDiagram InfluenceDiagram::without_irrelevant_information() const {
  InfluenceDiagram result = *this;
  const auto drop_one = [&result] {
    const BayesianNetwork network = skeleton(result);
    for (const VariableId d : result.decisions_) {
      const Scope below = utilities_below(network, d, result.parents_.size());
      Scope& seen = result.parents_[d];
      for (std::size_t i = 0; i < seen.size(); ++i) {
        Scope rest = seen;
        rest[i] = d;
        if (below.empty() || network.d_separated({seen[i]}, below, rest)) {
          seen.erase(seen.begin() + static_cast<std::ptrdiff_t>(i));
          return true;
        }
      }
    }
    return false;
  };
  while (drop_one()) {
  }
  return result;
}

}  // namespace credo::decision
