// Sparse tables of one step are joined into one pattern: the largest drives, the
// others are looked up by their projection, so the cost is the size of the joined
// pattern times a logarithm. Values are added as logarithms and converted once.
// Invariant: every joined entry remembers the stored entry of each table behind it,
// so that derivatives find their way back.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/sparse_join.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::contraction {

namespace {

/// A sliced sparse table: entries over free variables, with the stored entry behind each.
struct Entries {
  Scope scope;
  std::vector<std::vector<std::uint32_t>> states;  ///< per free variable, per entry
  std::vector<double> log_value;
  std::vector<std::uint64_t> source;
};

/// Whether a joint state of a scope agrees with the hard findings.
bool agrees(const ReducedModel& model, const Evidence& evidence, const Scope& scope,
            std::span<const std::uint32_t> states) {
  for (std::size_t d = 0; d < scope.size(); ++d) {
    if (model.observed[scope[d]] && states[d] != evidence.find(scope[d])->state) return false;
  }
  return true;
}

Entries slice(const ReducedModel& model, const Evidence& evidence, const Factor& factor,
              const LeafCache& cache) {
  Entries entries;
  const Table& table = factor.table;
  const Table::Rows rows = table.rows();
  const std::size_t rank = factor.scope.size();
  entries.scope = model.free_scope(factor.scope);
  entries.states.resize(entries.scope.size());
  std::vector<std::uint32_t> state(rank);
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    std::uint64_t rest = rows.index[r];
    for (std::size_t d = rank - 1; d-- > 0;) {
      state[d] = static_cast<std::uint32_t>(rest % table.shape()[d]);
      rest /= table.shape()[d];
    }
    for (std::uint64_t j = rows.begin[r]; j < rows.begin[r + 1]; ++j) {
      cache.count(static_cast<double>(rank));
      state[rank - 1] = rows.column[j];
      if (!agrees(model, evidence, factor.scope, state)) continue;
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

/// Which variables two scopes share, as positions in each, and which are new in the right one.
struct Shared {
  std::vector<std::size_t> left;
  std::vector<std::size_t> right;
  std::vector<std::size_t> right_new;
};

Shared shared_variables(const Scope& left, const Scope& right) {
  Shared shared;
  for (std::size_t k = 0; k < right.size(); ++k) {
    const auto at = std::ranges::find(left, right[k]);
    if (at == left.end()) {
      shared.right_new.push_back(k);
    } else {
      shared.left.push_back(static_cast<std::size_t>(at - left.begin()));
      shared.right.push_back(k);
    }
  }
  return shared;
}

/// Sorts keys with their entries. The time it takes is counted.
void sort_keys(std::vector<std::pair<std::uint64_t, std::size_t>>& keys, const LeafCache& cache) {
  std::ranges::sort(keys, [&cache](const auto& a, const auto& b) {
    cache.count(1.0);
    return a < b;
  });
}

/// Natural join on the shared variables; log values add.
Joined join(const ReducedModel& model, const Joined& left, const Entries& right,
            const LeafCache& cache) {
  const Shared shared = shared_variables(left.entries.scope, right.scope);
  std::vector<std::pair<std::uint64_t, std::size_t>> sorted;
  for (std::size_t i = 0; i < right.log_value.size(); ++i) {
    sorted.emplace_back(key_of(right, i, shared.right, model), i);
  }
  sort_keys(sorted, cache);
  Joined out;
  out.entries.scope = left.entries.scope;
  for (const std::size_t k : shared.right_new) out.entries.scope.push_back(right.scope[k]);
  out.entries.states.resize(out.entries.scope.size());
  out.source.resize(left.source.size() + 1);
  const std::size_t left_rank = left.entries.scope.size();
  for (std::size_t i = 0; i < left.entries.log_value.size(); ++i) {
    cache.count(static_cast<double>(left_rank));
    const std::uint64_t key = key_of(left.entries, i, shared.left, model);
    auto match = std::lower_bound(sorted.begin(), sorted.end(), std::pair(key, std::size_t{0}));
    for (; match != sorted.end() && match->first == key; ++match) {
      const std::size_t j = match->second;
      cache.count(static_cast<double>(left_rank + left.source.size()));
      for (std::size_t k = 0; k < left_rank; ++k) {
        out.entries.states[k].push_back(left.entries.states[k][i]);
      }
      for (std::size_t k = 0; k < shared.right_new.size(); ++k) {
        out.entries.states[left_rank + k].push_back(right.states[shared.right_new[k]][j]);
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
                      Arithmetic arithmetic, const LeafCache& cache) {
  SparseValues out;
  out.shape = model.shape_of(scope);
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
    cache.count(static_cast<double>(positions.size()));
    order.emplace_back(key_of(joined.entries, i, positions, model), i);
    const double value = joined.entries.log_value[i];
    largest = std::max(largest, value);
    if (value != -kInfinity) smallest = std::min(smallest, value);
  }
  sort_keys(order, cache);
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

}  // namespace

SparseValues join_tables(Arithmetic arithmetic, const ReducedModel& model, const Leaf& leaf,
                         const Evidence& evidence, const LeafCache& cache) {
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
    Entries entries = slice(model, evidence, model.graph->factor(table.source), cache);
    if (i == 0) {
      joined.source.push_back(entries.source);
      joined.entries = std::move(entries);
    } else {
      joined = join(model, joined, entries, cache);
    }
  }
  SparseValues values = compress(model, joined, leaf.scope, arithmetic, cache);
  std::vector<std::vector<std::uint64_t>> by_table(tables.size());
  for (std::size_t i = 0; i < position.size(); ++i) {
    by_table[position[i]] = std::move(values.source_entry[i]);
  }
  values.source_entry = std::move(by_table);
  return values;
}

}  // namespace credo::contraction
