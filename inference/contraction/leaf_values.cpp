// Binding leaves. A dense leaf is read in place when its numbers can be used as
// they are; else its entries at the observed states and kept states are copied,
// as value * 2^-scale (linear) or logarithm (log). Sparse tables of one step
// are joined into one pattern: the largest drives, the others are looked up by
// their projection, so the cost is the size of the joined pattern times a
// logarithm.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/leaf_values.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo::contraction {

namespace {

constexpr double kLog2E = std::numbers::log2e;

double observed_or_zero(const ReducedModel& model, const Evidence& evidence, VariableId v) {
  return model.observed[v] ? static_cast<double>(evidence.find(v)->state) : 0.0;
}

/// Power of two that brings a table's largest entry near one.
double scale_of(const Table& table) {
  return table.log_largest() == -kInfinity ? 0.0 : std::round(table.log_largest() * kLog2E);
}

ExponentRange range_of(const Table& table, double scale) {
  if (table.log_largest() == -kInfinity) return {};
  return {static_cast<int>(std::floor(table.log_smallest() * kLog2E - scale)) - 1,
          static_cast<int>(std::ceil(table.log_largest() * kLog2E - scale)) + 1};
}

/// An entry in the arithmetic of the program.
double convert(double value, Domain from, Arithmetic to, double scale) {
  if (to == Arithmetic::log) return from == Domain::log ? value : std::log(value);
  if (from == Domain::log) return std::exp(value - scale * std::numbers::ln2);
  return scale == 0.0 ? value : std::ldexp(value, -static_cast<int>(scale));
}

/// A scope's free variables counted through, with the row-major index into the source.
class Gather {
 public:
  /// reduced: the factor is already over kept states.
  Gather(const ReducedModel& model, const Factor& factor, bool reduced)
      : model_(model), factor_(factor), reduced_(reduced) {
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
    const Table dense = factor_.table.densified(factor_.table.size());
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
      std::int64_t from = base;
      std::int64_t at = lane;
      for (std::size_t k = 0; k < free.size(); ++k) {
        const VariableId v = factor_.scope[free[k]];
        from += strides_[free[k]] *
                static_cast<std::int64_t>(reduced_ ? state[k] : model_.original_state(v, state[k]));
        at += layout.stride_of(v) * static_cast<std::int64_t>(state[k]);
      }
      out[static_cast<std::size_t>(at)] =
          convert(dense.values()[static_cast<std::size_t>(from)], dense.domain(), to, scale);
      std::size_t k = free.size();
      while (k > 0 && ++state[k - 1] == model_.cardinality[factor_.scope[free[k - 1]]]) {
        state[--k] = 0;
      }
      if (k == 0) return;
    }
  }

 private:
  const ReducedModel& model_;
  const Factor& factor_;
  bool reduced_;
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

// --- sparse ---------------------------------------------------------------

/// A sliced sparse table: entries over free variables, with the stored entry behind each.
struct Entries {
  Scope scope;
  std::vector<std::vector<std::uint32_t>> states;  ///< per free variable, per entry
  std::vector<double> log_value;
  std::vector<std::uint64_t> source;
};

Entries slice(const ReducedModel& model, const Evidence& evidence, const Factor& factor) {
  Entries entries;
  const Table& table = factor.table;
  const Table::Rows rows = table.rows();
  const std::size_t rank = factor.scope.size();
  for (const VariableId v : factor.scope) {
    if (!model.observed[v]) entries.scope.push_back(v);
  }
  entries.states.resize(entries.scope.size());
  std::vector<std::uint32_t> state(rank);
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    std::uint64_t rest = rows.index[r];
    for (std::size_t d = rank - 1; d-- > 0;) {
      state[d] = static_cast<std::uint32_t>(rest % table.shape()[d]);
      rest /= table.shape()[d];
    }
    for (std::uint64_t j = rows.begin[r]; j < rows.begin[r + 1]; ++j) {
      state[rank - 1] = rows.column[j];
      bool consistent = true;
      for (std::size_t d = 0; d < rank && consistent; ++d) {
        consistent =
            !model.observed[factor.scope[d]] || state[d] == evidence.find(factor.scope[d])->state;
      }
      if (!consistent) continue;
      std::size_t k = 0;
      for (std::size_t d = 0; d < rank; ++d) {
        if (!model.observed[factor.scope[d]]) entries.states[k++].push_back(state[d]);
      }
      entries.log_value.push_back(table.domain() == Domain::log ? table.values()[j]
                                                                : std::log(table.values()[j]));
      entries.source.push_back(j);
    }
  }
  return entries;
}

/// Row-major key of an entry over some of its variables.
std::uint64_t key_of(const Entries& entries, std::size_t i, std::span<const std::size_t> positions,
                     const ReducedModel& model) {
  std::uint64_t key = 0;
  for (const std::size_t p : positions) {
    key = key * model.cardinality[entries.scope[p]] + entries.states[p][i];
  }
  return key;
}

struct Joined {
  Entries entries;
  std::vector<std::vector<std::uint64_t>> source;  ///< per table joined so far
};

/// Natural join on the shared variables; log values add.
Joined join(const ReducedModel& model, const Joined& left, const Entries& right) {
  std::vector<std::size_t> left_shared;
  std::vector<std::size_t> right_shared;
  std::vector<std::size_t> right_new;
  for (std::size_t k = 0; k < right.scope.size(); ++k) {
    const auto at = std::ranges::find(left.entries.scope, right.scope[k]);
    if (at == left.entries.scope.end()) {
      right_new.push_back(k);
    } else {
      left_shared.push_back(static_cast<std::size_t>(at - left.entries.scope.begin()));
      right_shared.push_back(k);
    }
  }
  std::vector<std::pair<std::uint64_t, std::size_t>> sorted;
  for (std::size_t i = 0; i < right.log_value.size(); ++i) {
    sorted.emplace_back(key_of(right, i, right_shared, model), i);
  }
  std::ranges::sort(sorted);
  Joined out;
  out.entries.scope = left.entries.scope;
  for (const std::size_t k : right_new) out.entries.scope.push_back(right.scope[k]);
  out.entries.states.resize(out.entries.scope.size());
  out.source.resize(left.source.size() + 1);
  const std::size_t left_rank = left.entries.scope.size();
  for (std::size_t i = 0; i < left.entries.log_value.size(); ++i) {
    const std::uint64_t key = key_of(left.entries, i, left_shared, model);
    auto match = std::lower_bound(sorted.begin(), sorted.end(), std::pair(key, std::size_t{0}));
    for (; match != sorted.end() && match->first == key; ++match) {
      const std::size_t j = match->second;
      for (std::size_t k = 0; k < left_rank; ++k) {
        out.entries.states[k].push_back(left.entries.states[k][i]);
      }
      for (std::size_t k = 0; k < right_new.size(); ++k) {
        out.entries.states[left_rank + k].push_back(right.states[right_new[k]][j]);
      }
      out.entries.log_value.push_back(left.entries.log_value[i] + right.log_value[j]);
      for (std::size_t t = 0; t < left.source.size(); ++t) {
        out.source[t].push_back(left.source[t][i]);
      }
      out.source.back().push_back(right.source[j]);
    }
  }
  return out;
}

/// Sorts the joined entries into compressed rows over the leaf's scope.
SparseValues compress(const ReducedModel& model, const Joined& joined, const Scope& scope,
                      Arithmetic arithmetic) {
  SparseValues out;
  for (const VariableId v : scope) out.shape.push_back(model.cardinality[v]);
  std::vector<std::size_t> positions;
  for (const VariableId v : scope) {
    positions.push_back(static_cast<std::size_t>(std::ranges::find(joined.entries.scope, v) -
                                                 joined.entries.scope.begin()));
  }
  const std::size_t count = joined.entries.log_value.size();
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  double largest = -kInfinity;
  double smallest = kInfinity;
  for (std::size_t i = 0; i < count; ++i) {
    order.emplace_back(key_of(joined.entries, i, positions, model), i);
    const double value = joined.entries.log_value[i];
    largest = std::max(largest, value);
    if (value != -kInfinity) smallest = std::min(smallest, value);
  }
  std::ranges::sort(order);
  if (arithmetic == Arithmetic::linear && largest != -kInfinity) {
    out.scale = std::round(largest * kLog2E);
    out.range = {static_cast<int>(std::floor(smallest * kLog2E - out.scale)) - 1, 2};
  }
  out.source_entry.resize(joined.source.size());
  const std::uint64_t width = scope.empty() ? 1 : model.cardinality[scope.back()];
  for (const auto& [key, i] : order) {
    if (out.row_index.empty() || out.row_index.back() != key / width) {
      out.row_index.push_back(key / width);
      out.row_begin.push_back(out.values.size());
    }
    out.column.push_back(static_cast<std::uint32_t>(key % width));
    out.values.push_back(convert(joined.entries.log_value[i], Domain::log, arithmetic, out.scale));
    for (std::size_t t = 0; t < joined.source.size(); ++t) {
      out.source_entry[t].push_back(joined.source[t][i]);
    }
  }
  out.row_begin.push_back(out.values.size());
  return out;
}

SparseValues join_tables(const Program& program, const ReducedModel& model, const Leaf& leaf,
                         const Evidence& evidence) {
  // Tables over the whole scope first: the others only filter and scale their pattern.
  std::vector<std::uint32_t> tables = leaf.tables;
  std::vector<std::size_t> position(tables.size());
  for (std::size_t i = 0; i < position.size(); ++i) position[i] = i;
  std::ranges::sort(position, std::ranges::less{}, [&](std::size_t i) {
    return std::pair(-static_cast<std::ptrdiff_t>(model.tables[tables[i]].scope.size()), i);
  });
  Joined joined;
  for (std::size_t i = 0; i < position.size(); ++i) {
    const ReducedTable& table = model.tables[tables[position[i]]];
    Entries entries = slice(model, evidence, model.graph->factor(table.source));
    if (i == 0) {
      joined.source.push_back(entries.source);
      joined.entries = std::move(entries);
    } else {
      joined = join(model, joined, entries);
    }
  }
  SparseValues values = compress(model, joined, leaf.scope, program.options.arithmetic);
  std::vector<std::vector<std::uint64_t>> by_table(tables.size());
  for (std::size_t i = 0; i < position.size(); ++i) {
    by_table[position[i]] = std::move(values.source_entry[i]);
  }
  values.source_entry = std::move(by_table);
  return values;
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
        fmt::format_to(std::back_inserter(key), "={}", observed_or_zero(model, evidence, v));
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

LeafValues copy_of(const Program& program, const ReducedModel& model, const LeafPlan& plan,
                   std::span<const Evidence* const> evidences) {
  const ReducedTable& table = model.tables[plan.table];
  const Slot& slot = program.slots[plan.slot];
  const Arithmetic arithmetic = program.options.arithmetic;
  std::vector<double> out(static_cast<std::size_t>(slot.entries));
  LeafValues values;
  const std::size_t lanes = slot.lanes ? program.options.lanes : 1;
  if (arithmetic == Arithmetic::linear) {
    // One scale for all lanes: the largest entry of any of their tables.
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const Factor source = source_of(model, table, *evidences[lane]);
      const double scale = scale_of(source.table);
      values.scale = lane == 0 ? scale : std::max(values.scale, scale);
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const ExponentRange range =
          range_of(source_of(model, table, *evidences[lane]).table, values.scale);
      values.range.smallest = std::min(values.range.smallest, range.smallest);
      values.range.largest = std::max(values.range.largest, range.largest);
    }
  }
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const Factor source = source_of(model, table, *evidences[lane]);
    Gather(model, source, table.kind == ReducedTable::Kind::part)
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
    auto sparse = std::make_shared<SparseValues>(join_tables(program, model, leaf, *evidences[0]));
    values.data = sparse->values.data();
    values.scale = sparse->scale;
    values.range = sparse->range;
    values.sparse = std::move(sparse);
  } else {
    values = copy_of(program, model, plan, evidences);
  }
  if (cacheable) cache.values.emplace(std::move(key), values);
  return values;
}

}  // namespace credo::contraction
