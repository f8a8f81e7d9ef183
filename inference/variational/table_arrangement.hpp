#pragma once
// The same table over fewer or reordered extents.

#include <credo/core/table.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo::variational {

/// One extent held at one state.
struct FixedExtent {
  std::size_t position;
  std::size_t state;
};

/// g(y) = f(x): y runs over the extents of f at the positions `kept`, in that order, and the
/// extents in `fixed` are held; every extent of f is in exactly one of the two. Storage and domain
/// stay. The table itself when nothing changes. Cost: the entries of g (dense) or of f (sparse).
[[nodiscard]] Table arranged(const Table& table, std::span<const std::size_t> kept,
                             std::span<const FixedExtent> fixed);

/// The inverse of a slice: the table on the slice of a larger shape where the extents in `fixed`
/// have their states, 0 (log: -infinity) elsewhere. The other extents are those of the table in
/// order.
[[nodiscard]] Table embedded(const Table& table, std::vector<std::size_t> shape,
                             std::span<const FixedExtent> fixed);

/// A table of the same shape, storage and stored places, with other values.
[[nodiscard]] Table with_values(const Table& pattern, std::vector<double> values, Domain domain);

/// Row-major strides of a shape.
[[nodiscard]] std::vector<std::uint64_t> strides_of(std::span<const std::size_t> shape);

}  // namespace credo::variational
