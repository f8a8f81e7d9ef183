// Binding leaves. A dense leaf is read in place when its numbers can be used as
// they are (leaf_plan.cpp); else its entries at the observed states and kept states
// are copied, as value * 2^-scale (linear) or logarithm (log). Sparse leaves are
// joined patterns (sparse_join.cpp).
// Cost: the entries copied.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/leaf_values.hpp>
#include <credo/inference/contraction/sparse_join.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::contraction {

namespace {

/// Power of two that brings a table's largest entry near one.
double scale_of(const Table& table) {
  return table.log_largest() == -kInfinity ? 0.0 : std::round(table.log_largest() * kLog2E);
}

ExponentRange range_of(const Table& table, double scale) {
  if (table.log_largest() == -kInfinity) return {};
  return {static_cast<int>(std::floor(table.log_smallest() * kLog2E - scale)) - 1,
          static_cast<int>(std::ceil(table.log_largest() * kLog2E - scale)) + 1};
}

/// A scope's free variables counted through, with the row-major index into the source.
class Gather {
 public:
  /// reduced: the factor is already over kept states.
  Gather(const ReducedModel& model, const Factor& factor, bool reduced, const LeafCache& cache)
      : model_(model), factor_(factor), reduced_(reduced), cache_(cache) {
    std::int64_t stride = 1;
    strides_.resize(factor.scope.size());
    for (std::size_t d = factor.scope.size(); d-- > 0;) {
      strides_[d] = stride;
      stride *= static_cast<std::int64_t>(factor.table.shape()[d]);
    }
  }

  /// out[layout offset + lane] = convert(entry) for every kept state.
  void run(const Evidence& evidence, const Layout& layout, std::int64_t lane, Arithmetic to,
           double scale, std::vector<double>& out) const {
    // A sparse table is never spelled out: of one whose variables are all observed one entry is
    // read.
    const Table& table = factor_.table;
    std::int64_t base = 0;
    std::vector<std::size_t> free;
    for (std::size_t d = 0; d < factor_.scope.size(); ++d) {
      const VariableId v = factor_.scope[d];
      if (model_.observed[v]) {
        base += strides_[d] * static_cast<std::int64_t>(evidence.find(v)->state);
      } else {
        free.push_back(d);
      }
    }
    std::vector<std::size_t> state(free.size(), 0);
    for (;;) {
      cache_.count(static_cast<double>(free.size() + 1));
      std::int64_t from = base;
      std::int64_t at = lane;
      for (std::size_t k = 0; k < free.size(); ++k) {
        const VariableId v = factor_.scope[free[k]];
        from += strides_[free[k]] *
                static_cast<std::int64_t>(reduced_ ? state[k] : model_.original_state(v, state[k]));
        at += layout.stride_of(v) * static_cast<std::int64_t>(state[k]);
      }
      out[static_cast<std::size_t>(at)] =
          convert(entry(table, static_cast<std::uint64_t>(from)), table.domain(), to, scale);
      std::size_t k = free.size();
      while (k > 0 && ++state[k - 1] == model_.cardinality[factor_.scope[free[k - 1]]]) {
        state[--k] = 0;
      }
      if (k == 0) return;
    }
  }

 private:
  /// In the table's own domain.
  static double entry(const Table& table, std::uint64_t index) {
    if (!table.is_sparse()) return table.values()[index];
    return table.domain() == Domain::log ? table.log_at(index) : table.at(index);
  }

  const ReducedModel& model_;
  const Factor& factor_;
  bool reduced_;
  const LeafCache& cache_;
  std::vector<std::int64_t> strides_;
};

/// A finding as a table over its variable.
Table finding_table(const ReducedModel& model, const Finding& finding) {
  const std::size_t cardinality = model.graph->cardinality(finding.variable);
  std::vector<double> weights(cardinality, 0.0);
  if (finding.kind == FindingKind::likelihood) {
    weights = finding.likelihood;
  } else {
    for (const std::size_t state : finding.allowed) weights[state] = 1.0;
  }
  return Table::dense({cardinality}, std::move(weights));
}

/// The table behind a dense leaf, as a factor over the graph's own states.
Factor source_of(const ReducedModel& model, const ReducedTable& table, const Evidence& evidence) {
  switch (table.kind) {
    case ReducedTable::Kind::factor:
      return model.graph->factor(table.source);
    case ReducedTable::Kind::likelihood:
    case ReducedTable::Kind::allowed:
      return {{table.source}, finding_table(model, *evidence.find(table.source)), {}};
    default:
      return {table.scope, *table.owned, {}};
  }
}

/// Identity of the numbers a leaf will have: same key, same numbers.
std::string key_of_leaf(const Program& program, const ReducedModel& model, const Leaf& leaf,
                        const Evidence& evidence, const Slot& slot) {
  std::string key = fmt::format("{}:", static_cast<int>(program.options.arithmetic));
  for (const std::uint32_t t : leaf.tables) {
    const ReducedTable& table = model.tables[t];
    const Factor& factor = model.graph->factor(table.source);
    fmt::format_to(std::back_inserter(key), "{};", factor.table.identity());
    for (const VariableId v : factor.scope) {
      if (model.observed[v]) {
        fmt::format_to(std::back_inserter(key), "={}", evidence.find(v)->state);
      } else {
        const auto at = std::ranges::find(leaf.scope, v) - leaf.scope.begin();
        fmt::format_to(std::back_inserter(key), "@{}/{}", at, slot.layout.stride_of(v));
        for (const std::uint32_t state : model.kept_states[v]) {
          fmt::format_to(std::back_inserter(key), ",{}", state);
        }
      }
    }
  }
  return key;
}

const double kOneLinear = 1.0;
const double kOneLog = 0.0;

LeafValues view_of(const Program& program, const ReducedModel& model, const LeafPlan& plan,
                   const Evidence& evidence) {
  LeafValues values;
  const bool linear = program.options.arithmetic == Arithmetic::linear;
  if (plan.table == kNoSlot || model.tables[plan.table].kind == ReducedTable::Kind::joint) {
    values.data = linear ? &kOneLinear : &kOneLog;
    return values;
  }
  const ReducedTable& table = model.tables[plan.table];
  if (table.kind == ReducedTable::Kind::part) {
    values.data = table.owned->values().data();
    values.range = range_of(*table.owned, 0.0);
    return values;
  }
  const Factor& factor = model.graph->factor(table.source);
  std::uint64_t index = 0;
  for (std::size_t d = 0; d < factor.scope.size(); ++d) {
    const VariableId v = factor.scope[d];
    index = index * factor.table.shape()[d] +
            (model.observed[v] ? evidence.find(v)->state : std::size_t{0});
  }
  values.data = factor.table.values().data() + index;
  if (linear) values.range = range_of(factor.table, 0.0);
  return values;
}

/// One scale for all lanes: the largest entry of any of their tables.
void choose_scale(const ReducedModel& model, const ReducedTable& table,
                  std::span<const Evidence* const> evidences, LeafValues& values) {
  values.scale = -kInfinity;
  for (const Evidence* evidence : evidences) {
    values.scale = std::max(values.scale, scale_of(source_of(model, table, *evidence).table));
  }
  for (const Evidence* evidence : evidences) {
    const ExponentRange range = range_of(source_of(model, table, *evidence).table, values.scale);
    values.range.smallest = std::min(values.range.smallest, range.smallest);
    values.range.largest = std::max(values.range.largest, range.largest);
  }
}

LeafValues copy_of(const Program& program, const ReducedModel& model, const LeafPlan& plan,
                   std::span<const Evidence* const> evidences, const LeafCache& cache) {
  const ReducedTable& table = model.tables[plan.table];
  const Slot& slot = program.slots[plan.slot];
  const Arithmetic arithmetic = program.options.arithmetic;
  std::vector<double> out(static_cast<std::size_t>(slot.entries));
  LeafValues values;
  const std::size_t lanes = slot.lanes ? program.options.lanes : 1;
  if (arithmetic == Arithmetic::linear) choose_scale(model, table, evidences.first(lanes), values);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const Factor source = source_of(model, table, *evidences[lane]);
    Gather(model, source, table.kind == ReducedTable::Kind::part, cache)
        .run(*evidences[lane], slot.layout, static_cast<std::int64_t>(lane), arithmetic,
             values.scale, out);
  }
  values.owned = std::make_shared<const std::vector<double>>(std::move(out));
  values.data = values.owned->data();
  return values;
}

}  // namespace

LeafValues bind_leaf(const Program& program, const ReducedModel& model, std::size_t leaf_index,
                     std::span<const Evidence* const> evidences, LeafCache& cache) {
  const Leaf& leaf = program.tree.leaves[leaf_index];
  const LeafPlan& plan = program.leaves[leaf_index];
  cache.count(100.0);
  if (plan.view) return view_of(program, model, plan, *evidences[0]);
  const Slot& slot = program.slots[plan.slot];
  const bool cacheable = !slot.lanes && model.tables[plan.table].kind == ReducedTable::Kind::factor;
  std::string key;
  if (cacheable) {
    key = key_of_leaf(program, model, leaf, *evidences[0], slot);
    const auto at = cache.values.find(key);
    if (at != cache.values.end()) return at->second;
  }
  LeafValues values;
  if (leaf.sparse) {
    auto sparse = std::make_shared<SparseValues>(
        join_tables(program.options.arithmetic, model, leaf, *evidences[0], cache));
    values.data = sparse->values.data();
    values.scale = sparse->scale;
    values.range = sparse->range;
    values.sparse = std::move(sparse);
  } else {
    values = copy_of(program, model, plan, evidences, cache);
  }
  if (cacheable) cache.values.emplace(std::move(key), values);
  return values;
}

}  // namespace credo::contraction
