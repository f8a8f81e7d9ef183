// From slots to answers: undoes scales, kept states and sliced evidence.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/prepared.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <tuple>
#include <utility>

namespace credo::contraction {

namespace {

/// Counts through the joint states of a scope of the reduced model, last fastest,
/// holding one state per variable of the graph.
class ScopeStates {
 public:
  ScopeStates(const ReducedModel& model, Scope scope)
      : model_(model), scope_(std::move(scope)), states_(model.cardinality.size(), 0) {}
  [[nodiscard]] const std::vector<std::size_t>& states() const { return states_; }
  bool next() {
    for (std::size_t k = scope_.size(); k-- > 0;) {
      if (++states_[scope_[k]] < model_.cardinality[scope_[k]]) return true;
      states_[scope_[k]] = 0;
    }
    return false;
  }

 private:
  const ReducedModel& model_;
  Scope scope_;
  std::vector<std::size_t> states_;
};

class Extractor {
 public:
  Extractor(const Prepared& p, const Execution& execution, std::size_t lane,
            const Evidence& evidence, Result& result)
      : p_(p),
        execution_(execution),
        program_(execution.program()),
        lane_(lane),
        evidence_(evidence),
        result_(result) {}

  void run() {
    const double log_z = execution_.log_z(lane_);
    if (log_z == -kInfinity) {
      result_.status = Status::impossible_evidence;
      result_.guarantee = Guarantee::exact;
      return;
    }
    result_.status = Status::ok;
    result_.guarantee = Guarantee::exact;
    const bool maximised = p_.query.task == Task::map || p_.query.task == Task::marginal_map;
    if (!maximised) result_.log_z = log_z;
    switch (p_.query.task) {
      case Task::log_partition:
        break;
      case Task::marginals:
        single_marginals();
        joints();
        if (p_.query.factor_marginals) factor_marginals();
        break;
      case Task::sensitivity:
        sensitivity();
        break;
      case Task::map:
        add_assignment(trace_back(p_, execution_, {}), kNaN);
        break;
      case Task::marginal_map:
        add_assignment(trace_back(p_, execution_, {}), log_z);
        break;
      case Task::samples:
        samples();
        break;
    }
    if (p_.query.messages) messages(log_z);
  }

  void add_assignment(const std::vector<std::size_t>& reduced, double log_value) {
    Assignment assignment;
    assignment.states = original_states(reduced);
    if (p_.query.task == Task::marginal_map) keep_targets(assignment.states);
    assignment.log_value = std::isnan(log_value) ? log_weight(assignment.states) : log_value;
    result_.assignments.push_back(std::move(assignment));
  }

 private:
  // --- states ------------------------------------------------------------

  [[nodiscard]] std::vector<std::size_t> original_states(
      const std::vector<std::size_t>& reduced) const {
    std::vector<std::size_t> states(reduced.size(), 0);
    for (VariableId v = 0; v < states.size(); ++v) {
      states[v] =
          p_.model.observed[v] ? evidence_.find(v)->state : p_.model.original_state(v, reduced[v]);
    }
    return states;
  }

  void keep_targets(std::vector<std::size_t>& states) const {
    std::vector<char> target(states.size(), 0);
    for (const VariableId v : p_.query.targets) target[v] = 1;
    for (VariableId v = 0; v < states.size(); ++v) {
      if (!target[v]) states[v] = 0;
    }
  }

  /// log p~(x) with the likelihoods of the evidence.
  [[nodiscard]] double log_weight(const std::vector<std::size_t>& states) const {
    double value = p_.graph->log_weight(states);
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind == FindingKind::likelihood) {
        value += std::log(finding.likelihood[states[v]]);
      }
    }
    return value;
  }

  // --- slots -------------------------------------------------------------

  [[nodiscard]] double log_entry(std::uint32_t slot, std::span<const std::size_t> states) const {
    return execution_.log_value(slot, offset_in(program_.slots[slot].layout, states), lane_);
  }

  /// Logarithms over a scope of reduced states, row-major.
  [[nodiscard]] std::vector<double> log_values(std::uint32_t slot, const Scope& scope) const {
    std::vector<double> values;
    ScopeStates at(p_.model, scope);
    do {
      values.push_back(log_entry(slot, at.states()));
    } while (at.next());
    return values;
  }

  // --- marginals ---------------------------------------------------------

  void single_marginals() {
    result_.marginals.resize(p_.graph->variable_count());
    for (const VariableId v : p_.wanted) {
      if (p_.model.observed[v]) {
        result_.marginals[v].assign(p_.graph->cardinality(v), 0.0);
        result_.marginals[v][evidence_.find(v)->state] = 1.0;
      }
    }
    for (std::size_t i = 0; i < p_.free_marginals.size(); ++i) {
      const VariableId v = p_.free_marginals[i];
      const std::vector<double> p = normalised_entries(program_.marginal_slot[i], v);
      std::vector<double>& marginal = result_.marginals[v];
      marginal.assign(p_.graph->cardinality(v), 0.0);
      for (std::size_t s = 0; s < p.size(); ++s) marginal[p_.model.original_state(v, s)] = p[s];
    }
  }

  [[nodiscard]] std::vector<double> normalised_entries(std::uint32_t slot, VariableId v) const {
    const std::size_t cardinality = p_.model.cardinality[v];
    if (cardinality == 1) return {1.0};
    const Slot& s = program_.slots[slot];
    const std::int64_t stride = s.layout.stride_of(v);
    const auto lane = static_cast<std::int64_t>(s.lanes ? lane_ : 0);
    std::vector<double> p(cardinality);
    for (std::size_t i = 0; i < cardinality; ++i) {
      p[i] = execution_.data(slot)[static_cast<std::int64_t>(i) * stride + lane];
    }
    if (program_.options.arithmetic == Arithmetic::log) return softmax(p);
    normalize(p);
    return p;
  }

  /// A table over reduced states of the free part of a scope, as one over the
  /// graph's own states of the whole scope: zero off the evidence.
  [[nodiscard]] Table expanded(const Scope& scope, const Scope& free,
                               const std::vector<double>& values) const {
    std::vector<std::size_t> shape;
    for (const VariableId v : scope) shape.push_back(p_.graph->cardinality(v));
    std::vector<double> out(static_cast<std::size_t>(saturating_product(shape)), 0.0);
    ScopeStates at(p_.model, free);
    std::size_t i = 0;
    do {
      out[index_in(scope, at.states())] = values[i++];
    } while (at.next());
    return Table::dense(std::move(shape), std::move(out));
  }

  [[nodiscard]] std::size_t index_in(const Scope& scope,
                                     const std::vector<std::size_t>& reduced) const {
    std::size_t index = 0;
    for (const VariableId v : scope) {
      const std::size_t state =
          p_.model.observed[v] ? evidence_.find(v)->state : p_.model.original_state(v, reduced[v]);
      index = index * p_.graph->cardinality(v) + state;
    }
    return index;
  }

  [[nodiscard]] Scope free_part(const Scope& scope) const {
    Scope free;
    for (const VariableId v : scope) {
      if (!p_.model.observed[v]) free.push_back(v);
    }
    return free;
  }

  /// Leaf of the tree that holds a reduced table, and the table's place in it.
  struct Place {
    std::size_t leaf = 0;
    std::size_t position = 0;
  };

  [[nodiscard]] const Place& place_of(std::uint32_t table) {
    if (places_.empty()) {
      places_.resize(p_.model.tables.size());
      for (std::size_t l = 0; l < program_.tree.leaves.size(); ++l) {
        const auto& tables = program_.tree.leaves[l].tables;
        for (std::size_t i = 0; i < tables.size(); ++i) places_[tables[i]] = {l, i};
      }
    }
    return places_[table];
  }

  void joints() {
    for (std::uint32_t t = 0; t < p_.model.tables.size(); ++t) {
      const ReducedTable& table = p_.model.tables[t];
      if (table.kind != ReducedTable::Kind::joint) continue;
      const Scope& scope = p_.query.joints[table.source];
      std::vector<double> values = {1.0};
      if (!table.scope.empty()) {
        values = softmax(log_values(program_.leaf_adjoint[place_of(t).leaf], table.scope));
      }
      result_.joints.resize(p_.query.joints.size());
      result_.joints[table.source] = {scope, expanded(scope, table.scope, values)};
    }
  }

  // --- factors -----------------------------------------------------------

  void factor_marginals() {
    result_.factor_marginals.resize(p_.graph->factor_count());
    for (std::uint32_t t = 0; t < p_.model.tables.size(); ++t) {
      const ReducedTable& table = p_.model.tables[t];
      if (table.kind != ReducedTable::Kind::factor) continue;
      const Factor& factor = p_.graph->factor(table.source);
      result_.factor_marginals[table.source] = {factor.scope, belief(factor, t)};
    }
  }

  [[nodiscard]] Table belief(const Factor& factor, std::uint32_t t) {
    const ReducedTable& table = p_.model.tables[t];
    const Place place = place_of(t);
    const Leaf& leaf = program_.tree.leaves[place.leaf];
    if (leaf.sparse) {
      std::vector<double> logs(factor.table.stored(), -kInfinity);
      for_each_sparse(place,
                      [&](std::uint64_t entry, double log_adjoint, double log_product, double) {
                        logs[entry] = log_add(logs[entry], log_adjoint + log_product);
                      });
      return with_entries(factor.table, softmax(logs));
    }
    std::vector<double> values = {0.0};
    if (!table.scope.empty()) {
      values = log_values(program_.leaf_adjoint[place.leaf], table.scope);
      ScopeStates at(p_.model, table.scope);
      for (double& value : values) {
        value += leaf_log_value(execution_, place.leaf, at.states(), lane_);
        at.next();
      }
    }
    const Table dense = expanded(factor.scope, table.scope, softmax(values));
    return factor.table.is_sparse() ? with_pattern(factor.table, dense) : dense;
  }

  /// The stored pattern of a sparse table with other values.
  static Table with_entries(const Table& pattern, const std::vector<double>& values) {
    const Table::Rows rows = pattern.rows();
    std::vector<SparseEntry> entries;
    entries.reserve(values.size());
    for (std::size_t r = 0; r < rows.index.size(); ++r) {
      for (std::uint64_t j = rows.begin[r]; j < rows.begin[r + 1]; ++j) {
        const std::uint64_t width = pattern.rank() == 0 ? 1 : pattern.shape().back();
        entries.push_back({rows.index[r] * width + rows.column[j], values[j]});
      }
    }
    return Table::sparse({pattern.shape().begin(), pattern.shape().end()}, std::move(entries));
  }

  static Table with_pattern(const Table& pattern, const Table& dense) {
    return with_entries(pattern, picked(pattern, dense.values()));
  }

  /// The dense values at the stored entries of a sparse table.
  static std::vector<double> picked(const Table& pattern, std::span<const double> dense) {
    const Table::Rows rows = pattern.rows();
    const std::uint64_t width = pattern.rank() == 0 ? 1 : pattern.shape().back();
    std::vector<double> values;
    for (std::size_t r = 0; r < rows.index.size(); ++r) {
      for (std::uint64_t j = rows.begin[r]; j < rows.begin[r + 1]; ++j) {
        values.push_back(dense[rows.index[r] * width + rows.column[j]]);
      }
    }
    return values;
  }

  /// Calls body(stored entry, log adjoint, log product, log product of the other
  /// tables) for every joined entry of a sparse leaf; the adjoint relative to its largest.
  template <typename Body>
  void for_each_sparse(const Place& place, const Body& body) {
    const SparseValues& sparse = *execution_.leaf(place.leaf).sparse;
    const std::uint32_t slot = program_.leaf_adjoint[place.leaf];
    const Leaf& leaf = program_.tree.leaves[place.leaf];
    const bool logarithms = program_.options.arithmetic == Arithmetic::log;
    const double unit = logarithms ? 1.0 : std::numbers::ln2;
    for (std::size_t i = 0; i < sparse.values.size(); ++i) {
      const double value = logarithms ? sparse.values[i] : std::log(sparse.values[i]);
      double others = 0.0;
      for (std::size_t k = 0; k < leaf.tables.size(); ++k) {
        if (k == place.position) continue;
        const Table& table = p_.graph->factor(p_.model.tables[leaf.tables[k]].source).table;
        const double stored = table.values()[sparse.source_entry[k][i]];
        others += table.domain() == Domain::log ? stored : std::log(stored);
      }
      body(sparse.source_entry[place.position][i],
           execution_.log_value(slot, static_cast<std::int64_t>(i), lane_),
           value + sparse.scale * unit, others);
    }
  }

  // --- derivatives -------------------------------------------------------

  /// log Z of the component every node belongs to: d log Z = d Z_c / Z_c.
  void find_roots() {
    const auto& nodes = program_.tree.nodes;
    log_root_.assign(nodes.size(), 0.0);
    node_of_leaf_.assign(program_.tree.leaves.size(), 0);
    std::vector<char> has_parent(nodes.size(), 0);
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      for (const Operand& operand : nodes[n].operands) {
        if (operand.kind == Operand::Kind::node) has_parent[operand.index] = 1;
        if (operand.kind == Operand::Kind::leaf) node_of_leaf_[operand.index] = n;
      }
    }
    for (std::size_t n = nodes.size(); n-- > 0;) {
      if (!has_parent[n]) log_root_[n] = execution_.log_value(program_.node_slot[n], 0, lane_);
      for (const Operand& operand : nodes[n].operands) {
        if (operand.kind == Operand::Kind::node) log_root_[operand.index] = log_root_[n];
      }
    }
  }

  void sensitivity() {
    find_roots();
    result_.sensitivity.resize(p_.graph->factor_count());
    for (std::uint32_t t = 0; t < p_.model.tables.size(); ++t) {
      const ReducedTable& table = p_.model.tables[t];
      if (table.kind != ReducedTable::Kind::factor) continue;
      result_.sensitivity[table.source] = derivative(p_.graph->factor(table.source), t);
    }
  }

  [[nodiscard]] std::vector<double> derivative(const Factor& factor, std::uint32_t t) {
    const ReducedTable& table = p_.model.tables[t];
    const Place place = place_of(t);
    if (program_.tree.leaves[place.leaf].sparse) {
      const double log_root = log_root_[node_of_leaf_[place.leaf]];
      std::vector<double> entries(factor.table.stored(), 0.0);
      for_each_sparse(place, [&](std::uint64_t entry, double log_adjoint, double, double others) {
        entries[entry] += std::exp(log_adjoint + others - log_root);
      });
      return entries;
    }
    std::vector<double> values;
    if (table.scope.empty()) {
      const std::vector<std::size_t> none(p_.model.cardinality.size(), 0);
      values = {std::exp(-leaf_log_value(execution_, place.leaf, none, lane_))};
    } else {
      values = log_values(program_.leaf_adjoint[place.leaf], table.scope);
      const double log_root = log_root_[node_of_leaf_[place.leaf]];
      for (double& value : values) value = std::exp(value - log_root);
    }
    // Derivatives may be infinite where values may not, so no Table is made of them.
    std::vector<double> out(factor.table.size(), 0.0);
    ScopeStates at(p_.model, table.scope);
    std::size_t i = 0;
    do {
      out[index_in(factor.scope, at.states())] = values[i++];
    } while (at.next());
    return factor.table.is_sparse() ? picked(factor.table, out) : out;
  }

  // --- messages and samples ----------------------------------------------

  void messages(double log_z) {
    find_roots();
    const auto& nodes = program_.tree.nodes;
    result_.messages.resize(p_.plan.steps.size());
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      if (!nodes[n].is_step_result) continue;
      const PlanStep& step = p_.plan.steps[nodes[n].step];
      Message& message = result_.messages[nodes[n].step];
      message.scope = step.message;
      message.eliminated = step.eliminated;
      message.upward = log_table(program_.node_slot[n], step.message, 0.0);
      if (program_.node_adjoint[n] != kNoSlot) {
        message.downward = log_table(program_.node_adjoint[n], step.message, log_z - log_root_[n]);
      }
    }
  }

  [[nodiscard]] Table log_table(std::uint32_t slot, const Scope& scope, double shift) const {
    std::vector<std::size_t> shape;
    for (const VariableId v : scope) shape.push_back(p_.model.cardinality[v]);
    std::vector<double> values = log_values(slot, scope);
    for (double& value : values) value += shift;
    return Table::dense(std::move(shape), std::move(values), Domain::log);
  }

  void samples() {
    std::mt19937_64 generator(p_.query.seed);
    const auto uniform = [&generator] { return static_cast<double>(generator() >> 11U) * 0x1p-53; };
    for (std::size_t i = 0; i < p_.query.sample_count; ++i) {
      result_.samples.push_back(original_states(trace_back(p_, execution_, uniform)));
    }
  }

  const Prepared& p_;
  const Execution& execution_;
  const Program& program_;
  std::size_t lane_;
  const Evidence& evidence_;
  Result& result_;
  std::vector<Place> places_;
  std::vector<double> log_root_;
  std::vector<std::size_t> node_of_leaf_;
};

}  // namespace

void extract(const Prepared& prepared, const Execution& execution, std::size_t lane,
             const Evidence& evidence, Result& result) {
  Extractor(prepared, execution, lane, evidence, result).run();
}

void extract_k_best(const Prepared& prepared, const Execution& execution, const Evidence& evidence,
                    Monitor& monitor, Result& result) {
  const auto best = k_best(prepared, execution, prepared.query.k_best, monitor);
  result.guarantee = Guarantee::exact;
  result.status = best.empty() ? Status::impossible_evidence : Status::ok;
  Extractor extractor(prepared, execution, 0, evidence, result);
  for (const std::vector<std::size_t>& states : best) extractor.add_assignment(states, kNaN);
  // Recomputed values may differ from the search's in the last digits.
  std::ranges::sort(result.assignments, [](const Assignment& a, const Assignment& b) {
    return std::tie(b.log_value, a.states) < std::tie(a.log_value, b.states);
  });
}

}  // namespace credo::contraction
