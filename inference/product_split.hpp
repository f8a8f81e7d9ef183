#pragma once
// Tables that are products of smaller ones.

#include <credo/inference/reduced_model.hpp>

#include <vector>

namespace credo {

/// Whether a factor's table is of a kind that is searched for products: dense, linear, not too
/// large, and well inside the range of doubles.
[[nodiscard]] bool may_be_product(const Table& table);

/// Appends a part to `tables`, single variables split off while it is a product. Throws what the
/// pace throws.
void split_products(std::vector<ReducedTable>& tables, ReducedTable part, Pace& pace);

}  // namespace credo
