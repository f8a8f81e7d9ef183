// Reading slots. A slot holds entries and a scale (execution.hpp) over kept
// states of free variables; Execution undoes the scale, ReducedModel leads back
// to the caller's states, and the evidence fills in the observed variables.
// Cost: the entries read.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/lane_reader.hpp>

#include <cmath>
#include <utility>

namespace credo::contraction {

LaneReader::LaneReader(const Prepared& prepared, const Execution& execution, std::size_t lane,
                       const Evidence& evidence, Monitor& monitor)
    : prepared_(prepared),
      execution_(execution),
      lane_(lane),
      evidence_(evidence),
      monitor_(monitor),
      states_(prepared.model.cardinality.size(), 0) {}

std::vector<double> LaneReader::log_values(std::uint32_t slot, const Scope& scope) const {
  const Layout& layout = program().slots[slot].layout;
  std::vector<double> values;
  do {
    count(static_cast<double>(scope.size() + 10));
    values.push_back(log_value(slot, offset_in(layout, states_)));
  } while (model().next_states(scope, states_));
  return values;
}

std::vector<double> LaneReader::leaf_log_values(std::size_t leaf, const Scope& scope) const {
  std::vector<double> values;
  do {
    count(static_cast<double>(scope.size() + 10));
    values.push_back(leaf_log_value(execution_, leaf, states_, lane_));
  } while (model().next_states(scope, states_));
  return values;
}

std::vector<double> LaneReader::distribution(std::uint32_t slot, VariableId v) const {
  const std::size_t cardinality = model().cardinality[v];
  if (cardinality == 1) return {1.0};
  const Slot& s = program().slots[slot];
  const std::int64_t stride = s.layout.stride_of(v);
  const auto lane = static_cast<std::int64_t>(s.lanes ? lane_ : 0);
  std::vector<double> p(cardinality);
  for (std::size_t i = 0; i < cardinality; ++i) {
    p[i] = execution_.data(slot)[static_cast<std::int64_t>(i) * stride + lane];
  }
  if (program().options.arithmetic == Arithmetic::log) return softmax(p);
  normalize(p);
  return p;
}

std::size_t LaneReader::original_state(VariableId v, std::size_t reduced) const {
  return model().observed[v] ? evidence_.find(v)->state : model().original_state(v, reduced);
}

std::vector<std::size_t> LaneReader::original_states(
    const std::vector<std::size_t>& reduced) const {
  std::vector<std::size_t> states(reduced.size(), 0);
  for (VariableId v = 0; v < states.size(); ++v) states[v] = original_state(v, reduced[v]);
  return states;
}

double LaneReader::log_weight(const std::vector<std::size_t>& states) const {
  double value = graph().log_weight(states);
  for (const auto& [v, finding] : evidence_.findings()) {
    if (finding.kind == FindingKind::likelihood) {
      value += std::log(finding.likelihood[states[v]]);
    }
  }
  return value;
}

std::vector<double> LaneReader::expanded(const Scope& scope, const Scope& free,
                                         std::span<const double> values) const {
  std::vector<double> out(static_cast<std::size_t>(saturating_product(graph().shape_of(scope))),
                          0.0);
  place_values(scope, free, values,
               [&out](std::uint64_t index, double value) { out[index] = value; });
  return out;
}

std::vector<LeafPlace> leaf_places(const ReducedModel& model, const Tree& tree) {
  std::vector<LeafPlace> places(model.tables.size());
  for (std::size_t l = 0; l < tree.leaves.size(); ++l) {
    const std::vector<std::uint32_t>& tables = tree.leaves[l].tables;
    for (std::size_t i = 0; i < tables.size(); ++i) places[tables[i]] = {l, i};
  }
  return places;
}

}  // namespace credo::contraction
