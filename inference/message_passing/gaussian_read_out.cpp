// Observed variables are certain: their rows of a covariance are zero. Of the others a joint has
// at most two, and then they are neighbours.

#include <credo/inference/message_passing/gaussian_read_out.hpp>

#include <credo/core/numerics.hpp>
#include <credo/inference/joint_weights.hpp>

#include <numeric>
#include <utility>

namespace credo::message_passing {

std::uint32_t message_between(const GaussianNetwork& network, std::uint32_t from,
                              std::uint32_t to) {
  for (const std::uint32_t m : network.into(to)) {
    if (network.tail(m) == from) return m;
  }
  return kNoNode;
}

std::vector<double> GaussianReadOut::value(VariableId v) const {
  const auto own = point.subspan(network.scalar_of(v), graph.variable(v).dimension);
  return {own.begin(), own.end()};
}

std::vector<std::vector<double>> GaussianReadOut::values() const {
  std::vector<std::vector<double>> values;
  for (VariableId v = 0; v < graph.variable_count(); ++v) values.push_back(value(v));
  return values;
}

/// The covariance of the scope's members a and b, and its mirror image.
bool GaussianReadOut::fill_block(GaussianMarginal& marginal, std::size_t a, std::size_t b) const {
  const std::uint32_t row = network.node_of(marginal.scope[a]);
  const std::uint32_t column = network.node_of(marginal.scope[b]);
  if (row == kNoNode || column == kNoNode) return true;
  const std::size_t n = network.nodes()[row].dimension;
  const std::size_t k = network.nodes()[column].dimension;
  std::vector<double> block;
  if (row == column) {
    const std::span<const double> own = messages.covariance(row);
    block.assign(own.begin(), own.end());
  } else {
    const auto pair = messages.pair_covariance(message_between(network, row, column));
    if (pair.empty()) return false;
    for (std::size_t i = 0; i < n * k; ++i) block.push_back(pair[i / k * (n + k) + n + i % k]);
  }
  block = network.unwhiten(row, column, block);
  std::size_t first[2] = {0, 0};
  for (std::size_t i = 0; i < b; ++i) {
    const std::size_t dimension = graph.variable(marginal.scope[i]).dimension;
    first[1] += dimension;
    if (i < a) first[0] += dimension;
  }
  const std::size_t order = marginal.mean.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      marginal.covariance[(first[0] + i) * order + first[1] + j] = block[i * k + j];
      marginal.covariance[(first[1] + j) * order + first[0] + i] = block[i * k + j];
    }
  }
  return true;
}

bool GaussianReadOut::joint(GaussianMarginal& marginal) const {
  for (const VariableId v : marginal.scope) {
    const std::vector<double> own = value(v);
    marginal.mean.insert(marginal.mean.end(), own.begin(), own.end());
  }
  marginal.covariance.assign(marginal.mean.size() * marginal.mean.size(), 0.0);
  for (std::size_t a = 0; a < marginal.scope.size(); ++a) {
    for (std::size_t b = a; b < marginal.scope.size(); ++b) {
      if (!fill_block(marginal, a, b)) return false;
    }
  }
  return true;
}

void GaussianReadOut::fill_one(VariableId v, Result& result) const {
  if (graph.variable(v).is_continuous()) {
    result.gaussian_marginals[v].scope = {v};
    static_cast<void>(joint(result.gaussian_marginals[v]));  // one variable: never breaks
  } else {
    result.marginals[v].assign(graph.cardinality(v), 0.0);
    result.marginals[v][states[v]] = 1.0;
  }
}

bool GaussianReadOut::fill(const Query& query, Result& result) const {
  result.marginals.resize(graph.variable_count());
  result.gaussian_marginals.resize(graph.variable_count());
  std::vector<VariableId> wanted = query.targets;
  if (wanted.empty() && query.joints.empty()) {
    wanted.resize(graph.variable_count());
    std::iota(wanted.begin(), wanted.end(), VariableId{0});
  }
  for (const VariableId v : wanted) fill_one(v, result);
  for (const Scope& scope : query.joints) {
    if (!scope.empty() && graph.variable(scope.front()).is_continuous()) {
      result.gaussian_joints.push_back({scope, {}, {}, {}});
      if (!joint(result.gaussian_joints.back())) return false;
      continue;
    }
    std::vector<double> cells(saturating_product(graph.shape_of(scope)), 0.0);
    cells[cell_of(graph, scope, {states.begin(), states.end()})] = 1.0;
    result.joints.push_back({scope, Table::dense(graph.shape_of(scope), std::move(cells))});
  }
  return true;
}

}  // namespace credo::message_passing
