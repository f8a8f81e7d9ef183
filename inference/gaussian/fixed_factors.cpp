#include <credo/inference/gaussian/fixed_factors.hpp>

#include <algorithm>

namespace credo::gaussian {

std::vector<GaussianFactorId> fixed_factors(const FactorGraph& graph, const Evidence& evidence) {
  std::vector<GaussianFactorId> fixed;
  for (GaussianFactorId g = 0; g < graph.gaussian_factors().size(); ++g) {
    const Scope& scope = graph.gaussian_factor(g).continuous;
    if (std::ranges::all_of(scope, [&](VariableId v) { return evidence.find(v) != nullptr; })) {
      fixed.push_back(g);
    }
  }
  return fixed;
}

std::uint64_t entry_of(const FactorGraph& graph, const GaussianFactor& factor,
                       std::span<const std::size_t> states) {
  std::uint64_t entry = 0;
  for (const VariableId v : factor.scope) entry = entry * graph.cardinality(v) + states[v];
  return entry;
}

double log_of_fixed(const FactorGraph& graph, GaussianFactorId id, const GaussianTable& table,
                    std::span<const std::size_t> states, std::span<const std::uint32_t> scalar_of,
                    std::span<const double> point) {
  const GaussianFactor& factor = graph.gaussian_factor(id);
  std::vector<double> x;
  for (const VariableId v : factor.continuous) {
    const auto values = point.subspan(scalar_of[v], graph.variable(v).dimension);
    x.insert(x.end(), values.begin(), values.end());
  }
  return table.log_at(entry_of(graph, factor, states), x);
}

double log_of_fixed(const FactorGraph& graph, GaussianFactorId id,
                    std::span<const std::size_t> states, std::span<const std::uint32_t> scalar_of,
                    std::span<const double> point) {
  return log_of_fixed(graph, id, graph.gaussian_factor(id).table, states, scalar_of, point);
}

std::optional<std::uint32_t> common_front(const Structure& structure,
                                          std::span<const VariableId> scope) {
  // The front of the first to be eliminated holds them all, or no front does.
  std::uint32_t first = kObserved;
  for (const VariableId v : scope) first = std::min(first, structure.front_of[v]);
  if (first == kObserved) return std::nullopt;
  for (const VariableId v : scope) {
    if (structure.front_of[v] == kObserved || position_in(structure, first, v) == kObserved) {
      return std::nullopt;
    }
  }
  return first;
}

std::uint32_t position_in(const Structure& structure, std::uint32_t front, VariableId v) {
  const Front& f = structure.fronts[front];
  for (std::uint32_t at = 0; at < f.order(); ++at) {
    if (structure.scalars[f.scalars + at] == structure.scalar_of[v]) return at;
  }
  return kObserved;
}

std::vector<double> cross_covariance(const Engine& engine, VariableId a, VariableId b) {
  const Structure& structure = engine.structure();
  const VariableId both[] = {a, b};
  const auto front = common_front(structure, both);
  if (!front) return {};
  const std::uint32_t row = position_in(structure, *front, a);
  const std::uint32_t column = position_in(structure, *front, b);
  const std::uint32_t rows = structure.fronts[structure.front_of[a]].size;
  const std::uint32_t columns = structure.fronts[structure.front_of[b]].size;
  std::vector<double> block;
  for (std::uint32_t i = 0; i < rows; ++i) {
    for (std::uint32_t j = 0; j < columns; ++j) {
      block.push_back(engine.covariance(*front, row + i, column + j));
    }
  }
  return block;
}

}  // namespace credo::gaussian
