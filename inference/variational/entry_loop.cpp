// Reading scores along the stored entries of a kernel.
//
// A score over part of (parents..., child, extra) is read at offset(row) + offset(extra) + column *
// stride when dense. A sparse one that has the entries of the kernel is read entry by entry; any
// other sparse one through a list of places, searched once per pair of tables, so that the copies
// of a transition cost one analysis.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/entry_loop.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace credo::variational {

EntryPattern::EntryPattern(const FactorGraph& graph, const Scope& scope,
                           std::optional<Table> pattern)
    : shape(graph.shape_of(scope)), sparse(std::move(pattern)), width(shape.back()) {
  all_rows = saturating_product(std::span(shape).first(shape.size() - 1));
  row_count = sparse ? sparse->rows().index.size() : static_cast<std::size_t>(all_rows);
  entry_count = sparse ? static_cast<std::size_t>(sparse->stored()) : row_count * width;
}

std::size_t EntryPattern::row_of(std::uint64_t index) const {
  if (!sparse || row_count == all_rows) return static_cast<std::size_t>(index);
  const auto rows = sparse->rows().index;
  const auto at = std::ranges::lower_bound(rows, index);
  if (at == rows.end() || *at != index) return row_count;
  return static_cast<std::size_t>(at - rows.begin());
}

Table EntryPattern::table(std::vector<double> values, Domain domain) const {
  return sparse ? with_values(*sparse, std::move(values), domain)
                : Table::dense(shape, std::move(values), domain);
}

PlaceCache::Places PlaceCache::places(const EntryPattern& pattern, const Table& score,
                                      const std::vector<std::uint64_t>& strides) {
  std::vector<std::uint64_t> key{reinterpret_cast<std::uintptr_t>(pattern.sparse->identity()),
                                 reinterpret_cast<std::uintptr_t>(score.identity())};
  key.insert(key.end(), strides.begin(), strides.end());
  if (const auto known = entries_.find(key); known != entries_.end()) return known->second.places;
  const std::vector<std::uint64_t> wanted = pattern.sparse->stored_indices();
  const std::vector<std::uint64_t> stored = score.stored_indices();
  Places result;
  if (strides != strides_of(pattern.shape) || wanted != stored) {
    const std::vector<std::uint64_t> own = strides_of(pattern.shape);
    std::vector<std::int64_t> places;
    places.reserve(wanted.size());
    for (const std::uint64_t index : wanted) {
      std::uint64_t target = 0;
      for (std::size_t d = 0; d < own.size(); ++d) {
        target += index / own[d] % pattern.shape[d] * strides[d];
      }
      const auto at = std::ranges::lower_bound(stored, target);
      places.push_back(at != stored.end() && *at == target ? at - stored.begin() : -1);
    }
    result = std::make_shared<const std::vector<std::int64_t>>(std::move(places));
  }
  entries_.emplace(std::move(key), Entry{*pattern.sparse, score, result});
  return result;
}

Table PlaceCache::densified(const Table& table) {
  if (!table.is_sparse()) return table;
  const auto known = dense_.find(table.identity());
  if (known != dense_.end()) return known->second.second;
  const Table dense = table.densified(std::numeric_limits<std::uint64_t>::max());
  dense_.emplace(table.identity(), std::pair(table, dense));
  return dense;
}

ScoreReader::ScoreReader(const Score& score, const FactorGraph& graph, const Scope& scope,
                         const EntryPattern& pattern, const Scope& extra, PlaceCache& cache)
    : table_(score.table) {
  const std::vector<std::uint64_t> own = strides_of(graph.shape_of(score.scope));
  const auto stride_of = [&](VariableId v) {
    const auto at = std::ranges::find(score.scope, v);
    return at == score.scope.end() ? 0 : own[static_cast<std::size_t>(at - score.scope.begin())];
  };
  for (const VariableId v : scope) row_strides_.push_back(stride_of(v));
  for (const VariableId v : extra) extra_strides_.push_back(stride_of(v));
  if (table_.is_sparse() && pattern.sparse && extra.empty()) {
    places_ = cache.places(pattern, table_, row_strides_);
    aligned_ = !places_;
    return;
  }
  table_ = cache.densified(table_);
  column_stride_ = row_strides_.back();
  row_strides_.pop_back();
  row_matters_ = std::ranges::any_of(row_strides_, [](std::uint64_t s) { return s != 0; });
  const std::vector<std::uint64_t> linear = strides_of(pattern.shape);
  if (row_matters_ &&
      std::ranges::equal(row_strides_, std::span(linear).first(linear.size() - 1))) {
    row_factor_ = pattern.width;
  }
}

std::uint64_t ScoreReader::row_offset(const EntryPattern& pattern, std::uint64_t row) const {
  if (!row_matters_) return 0;
  if (row_factor_ != 0) return row * row_factor_;
  std::uint64_t offset = 0;
  for (std::size_t d = row_strides_.size(); d-- > 0;) {
    offset += row % pattern.shape[d] * row_strides_[d];
    row /= pattern.shape[d];
  }
  return offset;
}

void ScoreReader::add_row(const EntryPattern& pattern, std::size_t r,
                          std::span<const std::size_t> extra_states, std::span<double> j) const {
  const std::span<const double> values = table_.values();
  const std::size_t first = pattern.begin(r);
  if (aligned_) {
    for (std::size_t k = 0; k < j.size(); ++k) j[k] += values[first + k];
    return;
  }
  if (places_) {
    for (std::size_t k = 0; k < j.size(); ++k) {
      const std::int64_t place = (*places_)[first + k];
      j[k] += place < 0 ? -kInfinity : values[static_cast<std::size_t>(place)];
    }
    return;
  }
  std::uint64_t base = row_offset(pattern, pattern.row_index(r));
  for (std::size_t d = 0; d < extra_states.size(); ++d) base += extra_strides_[d] * extra_states[d];
  if (pattern.sparse) {
    const std::uint32_t* const columns = pattern.sparse->rows().column.data() + first;
    for (std::size_t k = 0; k < j.size(); ++k) j[k] += values[base + columns[k] * column_stride_];
  } else {
    for (std::size_t k = 0; k < j.size(); ++k) j[k] += values[base + k * column_stride_];
  }
}

}  // namespace credo::variational
