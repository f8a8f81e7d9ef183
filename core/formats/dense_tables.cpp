#include <credo/core/error.hpp>
#include <credo/core/formats/dense_tables.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace credo {

namespace {

// 2 GiB of doubles: a sparse table that would be larger belongs in json.
constexpr std::uint64_t kMostEntries = std::uint64_t{1} << 28;

std::size_t child_position(const Factor& factor) {
  const auto at = std::ranges::find(factor.scope, *factor.child);
  return static_cast<std::size_t>(at - factor.scope.begin());
}

/// Values of a table of extents (outer, middle, inner), rearranged to (outer, inner, middle).
std::vector<double> swap_last(std::span<const double> values, std::size_t middle,
                              std::size_t inner) {
  std::vector<double> out(values.size());
  const std::size_t block = middle * inner;
  for (std::size_t start = 0; start < values.size(); start += block) {
    for (std::size_t m = 0; m < middle; ++m) {
      for (std::size_t i = 0; i < inner; ++i) {
        out[start + i * middle + m] = values[start + m * inner + i];
      }
    }
  }
  return out;
}

}  // namespace

bool is_conditional(const Table& table, std::size_t position, double tolerance) {
  assert(!table.is_sparse() && table.domain() == Domain::linear);
  std::size_t inner = 1;
  for (std::size_t d = position + 1; d < table.rank(); ++d) inner *= table.shape()[d];
  const std::size_t extent = table.shape()[position];
  const std::span<const double> values = table.values();
  for (std::size_t start = 0; start < values.size(); start += extent * inner) {
    for (std::size_t i = 0; i < inner; ++i) {
      double sum = 0.0;
      for (std::size_t k = 0; k < extent; ++k) sum += values[start + k * inner + i];
      if (!(std::fabs(sum - 1.0) <= tolerance)) return false;
    }
  }
  return true;
}

std::vector<double> dense_linear_values(const FactorGraph& graph, FactorId factor,
                                        std::string_view format) {
  Table table = graph.factor(factor).table;
  if (table.is_sparse() && table.size() > kMostEntries) {
    throw ModelError(fmt::format(
        "{}: cannot spell out the {} entries of the sparse table of {}; write it as json", format,
        table.size(), graph.describe(factor)));
  }
  if (table.domain() == Domain::log) {
    // exp() must neither lose a positive entry nor overflow.
    const bool fits = table.log_largest() == -kInfinity ||
                      (std::exp(table.log_smallest()) >= std::numeric_limits<double>::min() &&
                       std::isfinite(std::exp(table.log_largest())));
    if (!fits) {
      throw ModelError(fmt::format(
          "{}: cannot hold {}: its log entries from {} to {} leave the range of a double when "
          "exponentiated; write it as json",
          format, graph.describe(factor), table.log_smallest(), table.log_largest()));
    }
    table = table.in_domain(Domain::linear);
  }
  table = table.densified(kMostEntries);
  return {table.values().begin(), table.values().end()};
}

Scope child_last(const Factor& factor) {
  assert(factor.child);
  Scope scope = factor.scope;
  const auto at = scope.begin() + static_cast<std::ptrdiff_t>(child_position(factor));
  std::rotate(at, at + 1, scope.end());
  return scope;
}

std::vector<double> child_last_values(const FactorGraph& graph, FactorId factor,
                                      std::string_view format) {
  std::vector<double> values = dense_linear_values(graph, factor, format);
  const Factor& f = graph.factor(factor);
  const std::size_t position = child_position(f);
  std::size_t inner = 1;
  for (std::size_t i = position + 1; i < f.scope.size(); ++i) {
    inner *= graph.cardinality(f.scope[i]);
  }
  return inner == 1 ? values : swap_last(values, graph.cardinality(*f.child), inner);
}

std::vector<double> child_to_end(std::span<const double> values, std::size_t states) {
  return swap_last(values, states, values.size() / states);
}

std::string describe_cycle(const FactorGraph& graph, std::span<const std::uint32_t> cycle) {
  constexpr std::size_t kMost = 12;
  std::string text = "the cycle ";
  for (std::size_t i = 0; i < cycle.size() && i < kMost; ++i) {
    text += graph.variable(cycle[i]).name + " -> ";
  }
  if (cycle.size() > kMost) text += "... -> ";
  return text + graph.variable(cycle.front()).name;
}

}  // namespace credo
