// Slicing and reordering of tables.
//
// Dense: the kept extents are walked in row-major order of the result, with the offset into the
// source carried along. Sparse: every stored entry is decoded into states once, dropped when a held
// extent is in another state, and encoded again.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <utility>

namespace credo::variational {

std::vector<std::uint64_t> strides_of(std::span<const std::size_t> shape) {
  std::vector<std::uint64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d > 1; --d) strides[d - 2] = strides[d - 1] * shape[d - 1];
  return strides;
}

namespace {

bool changes_nothing(const Table& table, std::span<const std::size_t> kept) {
  if (kept.size() != table.rank()) return false;
  for (std::size_t d = 0; d < kept.size(); ++d) {
    if (kept[d] != d) return false;
  }
  return true;
}

Table arranged_dense(const Table& table, std::vector<std::size_t> shape,
                     std::span<const std::size_t> kept, std::span<const FixedExtent> fixed) {
  const std::vector<std::uint64_t> strides = strides_of(table.shape());
  std::uint64_t base = 0;
  for (const auto& [position, state] : fixed) base += strides[position] * state;
  std::vector<double> values;
  values.reserve(saturating_product(shape));
  for_each_joint_state(shape, [&](std::span<const std::size_t> states) {
    std::uint64_t index = base;
    for (std::size_t d = 0; d < states.size(); ++d) index += strides[kept[d]] * states[d];
    values.push_back(table.values()[index]);
  });
  return Table::dense(std::move(shape), std::move(values), table.domain());
}

Table arranged_sparse(const Table& table, std::vector<std::size_t> shape,
                      std::span<const std::size_t> kept, std::span<const FixedExtent> fixed) {
  const std::vector<std::uint64_t> strides = strides_of(table.shape());
  const std::vector<std::uint64_t> indices = table.stored_indices();
  std::vector<SparseEntry> entries;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto state_at = [&](std::size_t d) { return indices[i] / strides[d] % table.shape()[d]; };
    bool inside = true;
    for (const auto& [position, state] : fixed) inside = inside && state_at(position) == state;
    if (!inside) continue;
    std::uint64_t index = 0;
    for (std::size_t d = 0; d < kept.size(); ++d) index = index * shape[d] + state_at(kept[d]);
    entries.push_back({index, table.values()[i]});
  }
  return Table::sparse(std::move(shape), std::move(entries), table.domain());
}

}  // namespace

Table arranged(const Table& table, std::span<const std::size_t> kept,
               std::span<const FixedExtent> fixed) {
  if (changes_nothing(table, kept)) return table;
  std::vector<std::size_t> shape;
  for (const std::size_t d : kept) shape.push_back(table.shape()[d]);
  return table.is_sparse() ? arranged_sparse(table, std::move(shape), kept, fixed)
                           : arranged_dense(table, std::move(shape), kept, fixed);
}

Table embedded(const Table& table, std::vector<std::size_t> shape,
               std::span<const FixedExtent> fixed) {
  if (fixed.empty()) return table;
  const std::vector<std::uint64_t> outer = strides_of(shape);
  const std::vector<std::uint64_t> inner = strides_of(table.shape());
  std::uint64_t base = 0;
  std::vector<char> held(shape.size(), 0);
  for (const auto& [position, state] : fixed) {
    base += outer[position] * state;
    held[position] = 1;
  }
  std::vector<std::uint64_t> strides;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (!held[d]) strides.push_back(outer[d]);
  }
  const std::vector<std::uint64_t> indices = table.stored_indices();
  std::vector<SparseEntry> entries;
  for (std::size_t i = 0; i < table.values().size(); ++i) {
    const std::uint64_t from = table.is_sparse() ? indices[i] : i;
    std::uint64_t to = base;
    for (std::size_t d = 0; d < inner.size(); ++d) {
      to += from / inner[d] % table.shape()[d] * strides[d];
    }
    entries.push_back({to, table.values()[i]});
  }
  const Table result = Table::sparse(std::move(shape), std::move(entries), table.domain());
  return table.is_sparse() ? result : result.densified(result.size());
}

Table with_values(const Table& pattern, std::vector<double> values, Domain domain) {
  std::vector<std::size_t> shape(pattern.shape().begin(), pattern.shape().end());
  if (!pattern.is_sparse()) return Table::dense(std::move(shape), std::move(values), domain);
  const std::vector<std::uint64_t> indices = pattern.stored_indices();
  std::vector<SparseEntry> entries;
  entries.reserve(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) entries.push_back({indices[i], values[i]});
  return Table::sparse(std::move(shape), std::move(entries), domain);
}

}  // namespace credo::variational
