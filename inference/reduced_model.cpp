// Reductions before planning.
//
// 1. Hard evidence slices tables: observed variables leave every scope.
// 2. States of probability zero are dropped (zero_propagation.hpp). Variables of
//    tables kept sparse are left whole.
// 3. Barren conditionals (Shachter 1988): sum_child p(child given parents) = 1,
//    so a conditional whose child is in no other table and not asked for goes.
// 4. Tables that are products are replaced by their parts (product_split.hpp).
// What is left may fall into components; the planner handles a forest.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/product_split.hpp>
#include <credo/inference/reduced_model.hpp>
#include <credo/inference/zero_propagation.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace credo {

namespace {

// Column sums this close to one count as one: the conditional may be dropped.
constexpr double kColumnTolerance = 1e-12;

/// Whether every column of the conditional sums to one, to the last digits.
bool sums_to_one(const Factor& factor, Pace& pace) {
  const Table& table = factor.table;
  if (table.is_sparse()) return false;  // columns without entries sum to zero
  const auto position = static_cast<std::size_t>(std::ranges::find(factor.scope, *factor.child) -
                                                 factor.scope.begin());
  std::uint64_t inner = 1;
  for (std::size_t d = position + 1; d < table.rank(); ++d) inner *= table.shape()[d];
  const std::uint64_t extent = table.shape()[position];
  std::vector<double> sums(table.size() / extent, 0.0);
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    pace.count(5.0);
    sums[i / (inner * extent) * inner + i % inner] += table.at(i);
  }
  return std::ranges::all_of(sums, [](double s) { return std::fabs(s - 1.0) <= kColumnTolerance; });
}

/// Factors left after dropping barren conditionals, by repeatedly peeling leaves.
std::vector<char> needed_factors(const FactorGraph& graph, const Evidence& evidence,
                                 const std::vector<char>& wanted, Pace& pace) {
  std::vector<char> needed(graph.factor_count(), 1);
  std::vector<std::size_t> uses(graph.variable_count(), 0);
  for (const Factor& f : graph.factors()) {
    pace.count(5.0 + static_cast<double>(f.scope.size()));
    for (const VariableId v : f.scope) ++uses[v];
  }
  std::vector<VariableId> leaves;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (uses[v] == 1) leaves.push_back(v);
  }
  while (!leaves.empty()) {
    const VariableId v = leaves.back();
    leaves.pop_back();
    if (wanted[v] || evidence.find(v) != nullptr || uses[v] != 1) continue;
    pace.count(10.0 + 3.0 * static_cast<double>(graph.factors_of(v).size()));
    for (const FactorId f : graph.factors_of(v)) {
      const Factor& factor = graph.factor(f);
      if (!needed[f] || factor.child != v || !sums_to_one(factor, pace)) continue;
      needed[f] = 0;
      for (const VariableId u : factor.scope) {
        if (--uses[u] == 1) leaves.push_back(u);
      }
    }
  }
  return needed;
}

class Reducer {
 public:
  Reducer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
          const ReduceOptions& options, Pace& pace)
      : graph_(graph), evidence_(evidence), query_(query), options_(options), pace_(pace) {}

  ReducedModel run() {
    const std::size_t n = graph_.variable_count();
    model_.graph = &graph_;
    model_.observed.assign(n, 0);
    model_.dropped.assign(n, 0);
    model_.kept_states.resize(n);
    model_.cardinality.resize(n);
    for (VariableId v = 0; v < n; ++v) model_.cardinality[v] = graph_.cardinality(v);
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind != FindingKind::hard) continue;
      model_.observed[v] = 1;
      model_.cardinality[v] = 1;
    }
    if (options_.propagate_zeros) keep_possible_states();
    if (model_.impossible) return std::move(model_);
    add_factors();
    add_findings();
    add_joints();
    list_variables();
    return std::move(model_);
  }

 private:
  void keep_possible_states() {
    const std::optional<StateMasks> masks =
        propagate_zeros(graph_, evidence_, SparseTables::passed_over, pace_);
    if (!masks) {
      model_.impossible = true;
      return;
    }
    std::vector<char> whole(graph_.variable_count(), 0);
    for (const Factor& f : graph_.factors()) {
      if (!stays_sparse(f.table)) continue;
      for (const VariableId v : f.scope) whole[v] = 1;
    }
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      const std::vector<char>& mask = (*masks)[v];
      if (mask.empty() || whole[v] || model_.observed[v]) continue;
      std::vector<std::uint32_t> kept;
      for (std::uint32_t state = 0; state < mask.size(); ++state) {
        if (mask[state]) kept.push_back(state);
      }
      model_.cardinality[v] = kept.size();
      if (kept.size() < mask.size()) model_.kept_states[v] = std::move(kept);
    }
  }

  [[nodiscard]] std::vector<char> wanted_variables() const {
    std::vector<char> wanted(graph_.variable_count(), 0);
    for (const VariableId v : query_.targets) wanted[v] = 1;
    for (const Scope& joint : query_.joints) {
      for (const VariableId v : joint) wanted[v] = 1;
    }
    return wanted;
  }

  void add_factors() {
    std::vector<char> needed(graph_.factor_count(), 1);
    if (options_.drop_barren) needed = needed_factors(graph_, evidence_, wanted_variables(), pace_);
    for (FactorId f = 0; f < graph_.factor_count(); ++f) {
      const Factor& factor = graph_.factor(f);
      pace_.count(50.0 + 10.0 * static_cast<double>(factor.scope.size()));
      if (!needed[f]) {
        model_.dropped[*factor.child] = 1;
        continue;
      }
      ReducedTable table{ReducedTable::Kind::factor, f, model_.free_scope(factor.scope),
                         std::nullopt};
      if (options_.split_products && table.scope.size() > 1 && may_be_product(factor.table)) {
        add_parts(factor, std::move(table));
      } else {
        model_.tables.push_back(std::move(table));
      }
    }
  }

  /// The parts of a table, or the factor itself where it is whole and no product.
  void add_parts(const Factor& factor, ReducedTable table) {
    const bool whole = table.scope.size() == factor.scope.size() &&
                       std::ranges::all_of(factor.scope, [this](VariableId v) {
                         return model_.kept_states[v].empty();
                       });
    table.kind = ReducedTable::Kind::part;
    table.owned = whole ? factor.table : sliced(factor);
    const std::size_t before = model_.tables.size();
    split_products(model_.tables, std::move(table), pace_);
    if (!whole || model_.tables.size() > before + 1) return;
    model_.tables.back().kind = ReducedTable::Kind::factor;
    model_.tables.back().owned.reset();
  }

  /// The factor over its free variables and kept states.
  [[nodiscard]] Table sliced(const Factor& factor) const {
    std::vector<std::size_t> shape = model_.shape_of(model_.free_scope(factor.scope));
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(saturating_product(shape)));
    const double steps_per_entry = 5.0 * static_cast<double>(factor.scope.size()) + 5.0;
    for_each_joint_state(shape, [&](std::span<const std::size_t> states) {
      pace_.count(steps_per_entry);
      std::uint64_t index = 0;
      std::size_t free = 0;
      for (std::size_t d = 0; d < factor.scope.size(); ++d) {
        const VariableId v = factor.scope[d];
        const std::size_t state = model_.observed[v] ? evidence_.find(v)->state
                                                     : model_.original_state(v, states[free++]);
        index = index * factor.table.shape()[d] + state;
      }
      values.push_back(factor.table.values()[index]);
    });
    return Table::dense(std::move(shape), std::move(values));
  }

  void add_findings() {
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind == FindingKind::likelihood) {
        model_.tables.push_back({ReducedTable::Kind::likelihood, v, {v}, std::nullopt});
      } else if (finding.kind == FindingKind::allowed &&
                 (!options_.propagate_zeros || model_.kept_states[v].empty())) {
        model_.tables.push_back({ReducedTable::Kind::allowed, v, {v}, std::nullopt});
      }
    }
  }

  void add_joints() {
    for (std::uint32_t i = 0; i < query_.joints.size(); ++i) {
      model_.tables.push_back(
          {ReducedTable::Kind::joint, i, model_.free_scope(query_.joints[i]), std::nullopt});
    }
  }

  void list_variables() {
    std::vector<char> used(graph_.variable_count(), 0);
    for (const ReducedTable& table : model_.tables) {
      for (const VariableId v : table.scope) used[v] = 1;
    }
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      pace_.count(10.0);
      if (model_.observed[v]) continue;
      if (used[v]) {
        model_.variables.push_back(v);
      } else if (!model_.dropped[v]) {
        // In no factor, or only a parent in dropped conditionals: every state weighs 1.
        add_unit(v);
      }
    }
  }

  void add_unit(VariableId v) {
    model_.tables.push_back(
        {ReducedTable::Kind::part,
         0,
         {v},
         Table::dense({model_.cardinality[v]}, std::vector<double>(model_.cardinality[v], 1.0))});
    model_.variables.push_back(v);
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const ReduceOptions& options_;
  Pace& pace_;
  ReducedModel model_;
};

}  // namespace

std::vector<std::size_t> ReducedModel::shape_of(const Scope& scope) const {
  std::vector<std::size_t> shape;
  shape.reserve(scope.size());
  for (const VariableId v : scope) shape.push_back(cardinality[v]);
  return shape;
}

Scope ReducedModel::free_scope(const Scope& scope) const {
  Scope free;
  for (const VariableId v : scope) {
    if (!observed[v]) free.push_back(v);
  }
  return free;
}

void ReducedModel::set_states(const Scope& scope, std::size_t index,
                              std::vector<std::size_t>& states) const {
  for (std::size_t k = scope.size(); k-- > 0;) {
    states[scope[k]] = index % cardinality[scope[k]];
    index /= cardinality[scope[k]];
  }
}

bool ReducedModel::next_states(const Scope& scope, std::vector<std::size_t>& states) const {
  for (std::size_t k = scope.size(); k-- > 0;) {
    if (++states[scope[k]] < cardinality[scope[k]]) return true;
    states[scope[k]] = 0;
  }
  return false;
}

bool same_structure(const ReducedModel& a, const ReducedModel& b) {
  const auto same_table = [](const ReducedTable& x, const ReducedTable& y) {
    return x.kind == y.kind && x.source == y.source && x.scope == y.scope;
  };
  return a.observed == b.observed && a.dropped == b.dropped && a.kept_states == b.kept_states &&
         a.cardinality == b.cardinality && a.variables == b.variables &&
         a.impossible == b.impossible && std::ranges::equal(a.tables, b.tables, same_table);
}

bool stays_sparse(const Table& table) {
  return table.is_sparse() && table.size() > kSmallestSparse && table.stored() < table.size() / 2;
}

ReducedModel reduce(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                    const ReduceOptions& options, Pace& pace) {
  return Reducer(graph, evidence, query, options, pace).run();
}

}  // namespace credo
