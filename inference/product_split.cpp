// Products: a table f(x, rest) = g(x) h(rest) is replaced by its parts, and
// constants by scalars; scopes shrink, and so does every later step.
// Invariant: the product of the parts is the table, to the last digits.
// Cost: the table's size per variable.

#include <credo/inference/product_split.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace credo {

namespace {

// Relative difference below which two products count as equal (rank-one test).
constexpr double kProductTolerance = 4e-15;
// Tables above this size are not searched for products.
constexpr std::uint64_t kLargestProductTest = std::uint64_t{1} << 22U;
// Entries stay within these logarithms, so that quotients do not round to 0.
constexpr double kPlainLog = 200.0;

/// f(x_d, rest) = g(x_d) h(rest)? The largest entry's row and column decide g and h.
bool is_product_at(const Table& table, std::size_t d, std::vector<double>& g,
                   std::vector<double>& h, Pace& pace) {
  const std::span<const double> f = table.values();
  const std::size_t extent = table.shape()[d];
  std::size_t inner = 1;
  for (std::size_t k = d + 1; k < table.rank(); ++k) inner *= table.shape()[k];
  const std::size_t rest = f.size() / extent;
  const auto at = [&](std::size_t x, std::size_t r) {
    return f[(r / inner * extent + x) * inner + r % inner];
  };
  const auto pivot = static_cast<std::size_t>(std::ranges::max_element(f) - f.begin());
  if (f[pivot] <= 0.0) return false;
  const std::size_t pivot_x = pivot / inner % extent;
  const std::size_t pivot_rest = pivot / (inner * extent) * inner + pivot % inner;
  g.resize(extent);
  h.resize(rest);
  for (std::size_t x = 0; x < extent; ++x) g[x] = at(x, pivot_rest) / f[pivot];
  for (std::size_t r = 0; r < rest; ++r) h[r] = at(pivot_x, r);
  pace.count(static_cast<double>(f.size()) + 20.0);
  for (std::size_t r = 0; r < rest; ++r) {
    pace.count(3.0 * static_cast<double>(extent));
    for (std::size_t x = 0; x < extent; ++x) {
      const double product = g[x] * h[r];
      const double value = at(x, r);
      if (std::fabs(product - value) > kProductTolerance * std::max(product, value)) return false;
    }
  }
  return true;
}

}  // namespace

bool may_be_product(const Table& table) {
  return !table.is_sparse() && table.domain() == Domain::linear &&
         table.size() <= kLargestProductTest && table.log_smallest() > -kPlainLog &&
         table.log_largest() < kPlainLog;
}

void split_products(std::vector<ReducedTable>& tables, ReducedTable part, Pace& pace) {
  for (std::size_t d = 0; d < part.scope.size() && part.scope.size() > 1;) {
    std::vector<double> g;
    std::vector<double> h;
    if (!is_product_at(*part.owned, d, g, h, pace)) {
      ++d;
      continue;
    }
    std::vector<std::size_t> shape(part.owned->shape().begin(), part.owned->shape().end());
    const std::size_t extent = shape[d];
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(d));
    ReducedTable single = part;
    single.scope = {part.scope[d]};
    single.owned = Table::dense({extent}, std::move(g));
    tables.push_back(std::move(single));
    part.scope.erase(part.scope.begin() + static_cast<std::ptrdiff_t>(d));
    part.owned = Table::dense(std::move(shape), std::move(h));
  }
  tables.push_back(std::move(part));
}

}  // namespace credo
