// Beliefs, free energy and decoding from given messages.
//   b_v = (g_v prod_f m_{f -> v})^(1 / (c_v + sum c_f)),   b_f = (f prod_v m_{v -> f})^(1 / c_f),
// and, where all b_f agree with all b_v, F = sum_f c_f log Z_f + sum_v c_v log Z_v with Z the
// normalisers of these products (Yedidia, Freeman and Weiss 2005, section V; the exponents are
// those of stationarity). F does not depend on the scales of the messages.
// Decoding visits the factors breadth first: the states that earlier factors left open take the
// best entry of f prod m given those decided. On a forest this is the trace-back of max-product,
// ties included. Cost: the entries of the tables.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/read_out.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::message_passing {

std::vector<double> ReadOut::log_belief(VariableId v) const {
  std::vector<double> logs = state.log_products(v);
  for (double& x : logs) x /= entropies.root(v);
  return logs;
}

std::vector<std::vector<double>> ReadOut::marginals() const {
  std::vector<std::vector<double>> all;
  for (VariableId v = 0; v < edges.variable_count(); ++v) {
    if (!edges.observed(v)) {
      all.push_back(softmax(log_belief(v)));
      continue;
    }
    all.emplace_back(graph.cardinality(v), 0.0);
    all.back()[edges.observed_state[v]] = 1.0;
  }
  return all;
}

Belief ReadOut::absorbed_belief(FactorId f) const {
  const Belief around = factor_belief(edges.host[f]);
  const Factor& factor = graph.factor(f);
  // Where the host's states lie in the factor's table; observed variables stand at their state.
  std::vector<std::size_t> strides(around.scope.size(), 0);
  std::size_t base = 0;
  std::size_t stride = 1;
  for (std::size_t a = factor.scope.size(); a-- > 0;) {
    const VariableId v = factor.scope[a];
    const auto at = std::ranges::find(around.scope, v) - around.scope.begin();
    if (edges.observed(v)) {
      base += stride * edges.observed_state[v];
    } else {
      strides[static_cast<std::size_t>(at)] = stride;
    }
    stride *= factor.table.shape()[a];
  }
  std::vector<double> all(factor.table.size(), 0.0);
  const Table host = around.table.densified(around.table.size());
  std::size_t i = 0;
  for_each_joint_state(host.shape(), [&](std::span<const std::size_t> states) {
    std::size_t cell = base;
    for (std::size_t a = 0; a < states.size(); ++a) cell += strides[a] * states[a];
    all[cell] += host.values()[i++];
  });
  const std::vector<std::size_t> shape(factor.table.shape().begin(), factor.table.shape().end());
  if (!factor.table.is_sparse()) return {factor.scope, Table::dense(shape, std::move(all))};
  std::vector<SparseEntry> entries;
  for (const std::uint64_t cell : factor.table.stored_indices()) {
    entries.push_back({cell, all[cell]});
  }
  return {factor.scope, Table::sparse(shape, std::move(entries))};
}

Belief ReadOut::factor_belief(FactorId f) const {
  if (edges.absorbed(f)) return absorbed_belief(f);
  const Factor& factor = graph.factor(f);
  const Table& table = factor.table;
  const std::vector<double> belief = softmax(rule.log_belief(f, state));
  std::vector<double> held(table.stored(), 0.0);
  std::vector<std::size_t> shape(table.shape().begin(), table.shape().end());
  const std::vector<std::uint64_t> places = held_places(factor, edges);
  if (belief.size() == places.size()) {
    for (std::size_t i = 0; i < places.size(); ++i) held[places[i]] = belief[i];
  } else {
    // A small sparse table was expanded: its missing entries have belief 0.
    const Factor dense{factor.scope, table.densified(table.size()), {}};
    std::vector<double> all(table.size(), 0.0);
    const std::vector<std::uint64_t> cells = held_places(dense, edges);
    for (std::size_t i = 0; i < cells.size(); ++i) all[cells[i]] = belief[i];
    const std::vector<std::uint64_t> stored = table.stored_indices();
    for (std::size_t i = 0; i < stored.size(); ++i) held[i] = all[stored[i]];
  }
  if (!table.is_sparse()) return {factor.scope, Table::dense(std::move(shape), std::move(held))};
  std::vector<SparseEntry> entries;
  const std::vector<std::uint64_t> stored = table.stored_indices();
  for (std::size_t i = 0; i < stored.size(); ++i) entries.push_back({stored[i], held[i]});
  return {factor.scope, Table::sparse(std::move(shape), std::move(entries))};
}

std::vector<EdgeMessages> ReadOut::messages() const {
  std::vector<EdgeMessages> all;
  all.reserve(edges.edge_count());
  for (std::uint32_t e = 0; e < edges.edge_count(); ++e) {
    EdgeMessages& edge = all.emplace_back();
    edge.factor = edges.factor[e];
    edge.variable = edges.variable[e];
    const std::span<const double> to_variable = state.to_variable(e);
    edge.log_to_variable.assign(to_variable.begin(), to_variable.end());
    edge.log_to_factor.resize(to_variable.size());
    static_cast<void>(state.gather(e, rule.share(e), 1.0, edge.log_to_factor));
  }
  return all;
}

double ReadOut::free_energy() const {
  CompensatedSum sum;
  for (FactorId f = 0; f < edges.factor_count(); ++f) {
    if (!edges.absorbed(f)) sum.add(rule.log_partition(f, state));
  }
  for (VariableId v = 0; v < edges.variable_count(); ++v) {
    if (edges.observed(v)) continue;
    const double degree = static_cast<double>(edges.edges(v).size());
    const double c = entropies.of_variable.empty() ? 1.0 - degree : entropies.of_variable[v];
    const double log_total = rule.total(log_belief(v));
    if (log_total == -kInfinity) return -kInfinity;
    sum.add(c * log_total);
  }
  return sum.value();
}

double ReadOut::disagreement() const {
  double largest = 0.0;
  for (const FactorId f : edges.order) {
    rule.compute(f, state);
    const std::span<const double> incoming = rule.incoming(f, state);
    std::size_t at = 0;
    for (std::uint32_t e = edges.first_edge[f]; e < edges.first_edge[f + 1]; ++e) {
      std::vector<double> logs(rule.message(e).begin(), rule.message(e).end());
      for (double& x : logs) x = x / entropies.factor(f) + incoming[at++];
      const std::vector<double> of_factor = softmax(logs);
      const std::vector<double> of_variable = softmax(log_belief(edges.variable[e]));
      for (std::size_t x = 0; x < of_factor.size(); ++x) {
        largest = std::max(largest, std::fabs(of_factor[x] - of_variable[x]));
      }
    }
  }
  return largest;
}

namespace {

/// Decides the open states of one factor.
class FactorDecoder {
 public:
  FactorDecoder(const EdgeGraph& edges, std::vector<std::size_t>& states,
                const std::vector<char>& decided)
      : edges_(edges), states_(states), decided_(decided) {}

  void decide(FactorId f, const TableView& logs, std::span<const double> incoming) {
    const std::size_t d = logs.extents.size();
    best_ = -kInfinity;
    best_states_.clear();
    std::size_t i = 0;
    const auto consider = [&](auto candidate) {
      const double value = value_of(f, logs.values[i++], candidate, incoming);
      if (value <= best_) return;
      best_ = value;
      best_states_.assign(candidate.begin(), candidate.end());
    };
    if (logs.sparse) {
      for (std::size_t e = 0; e < logs.values.size(); ++e) {
        consider(logs.states.subspan(e * d, d));
      }
    } else {
      for_each_joint_state(logs.extents, consider);
    }
    for (std::size_t a = 0; a < best_states_.size(); ++a) {
      states_[edges_.variable[edges_.first_edge[f] + a]] = best_states_[a];
    }
  }

 private:
  template <typename States>
  [[nodiscard]] double value_of(FactorId f, double log_entry, const States& candidate,
                                std::span<const double> incoming) const {
    double value = log_entry;
    std::size_t at = 0;
    for (std::size_t a = 0; a < candidate.size(); ++a) {
      const std::uint32_t e = edges_.first_edge[f] + static_cast<std::uint32_t>(a);
      const VariableId v = edges_.variable[e];
      if (decided_[v] == 0) {
        value += incoming[at + candidate[a]];
      } else if (states_[v] != candidate[a]) {
        return -kInfinity;
      }
      at += edges_.states_of_edge(e);
    }
    return value;
  }

  const EdgeGraph& edges_;
  std::vector<std::size_t>& states_;
  const std::vector<char>& decided_;
  double best_ = -kInfinity;
  std::vector<std::size_t> best_states_;
};

}  // namespace

std::vector<std::size_t> ReadOut::decode(PreparedTables& tables) const {
  std::vector<std::size_t> states(edges.variable_count(), 0);
  std::vector<char> decided(edges.variable_count(), 0);
  // What no factor decides (no factors, or only contradicting ones): the best belief.
  for (VariableId v = 0; v < states.size(); ++v) {
    if (edges.observed(v)) {
      states[v] = edges.observed_state[v];
      continue;
    }
    const std::vector<double> logs = log_belief(v);
    states[v] = static_cast<std::size_t>(std::ranges::max_element(logs) - logs.begin());
  }
  FactorDecoder decoder(edges, states, decided);
  for (const FactorId f : edges.order) {
    decoder.decide(f, tables.table(f).logs(), rule.incoming(f, state));
    for (std::uint32_t e = edges.first_edge[f]; e < edges.first_edge[f + 1]; ++e) {
      decided[edges.variable[e]] = 1;
    }
  }
  return states;
}

double log_value(const FactorGraph& graph, const Evidence& evidence,
                 const std::vector<std::size_t>& states) {
  CompensatedSum value;
  value.add(graph.log_weight(states));
  for (const auto& [v, finding] : evidence.findings()) {
    if (finding.kind == FindingKind::hard && states[v] != finding.state) return -kInfinity;
    if (finding.kind == FindingKind::likelihood) value.add(std::log(finding.likelihood[states[v]]));
    if (finding.kind == FindingKind::allowed &&
        !std::ranges::binary_search(finding.allowed, states[v])) {
      return -kInfinity;
    }
  }
  return value.value();
}

}  // namespace credo::message_passing
