// What enters the trees of dual numbers.
//
// Minus infinities are counted, not added. A row of a clamped kernel without any entry is one
// violation; it gets an entry so that q remains a distribution.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/block_inputs.hpp>
#include <credo/inference/variational/entry_loop.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace credo::variational {

namespace {

void add_score(double value, double& mean, double& violations) {
  if (value == -kInfinity) {
    violations += 1.0;
  } else {
    mean += value;
  }
}

}  // namespace

DualTable dual_of(const Score& score) {
  const Table dense = score.table.densified(std::numeric_limits<std::uint64_t>::max());
  DualTable dual;
  dual.scope = score.scope;
  dual.mean.assign(dense.size(), 0.0);
  if (dense.has_zero()) dual.violations.assign(dense.size(), 0.0);
  double none = 0.0;
  for (std::size_t i = 0; i < dense.size(); ++i) {
    add_score(dense.values()[i], dual.mean[i], dense.has_zero() ? dual.violations[i] : none);
  }
  return dual;
}

DualTable dual_of_kernel(const FactorGraph& graph, const Node& node) {
  const EntryPattern pattern(graph, Problem::scope_of(node),
                             node.table->is_sparse() ? node.table : std::nullopt);
  DualTable dual;
  dual.scope = Problem::scope_of(node);
  if (pattern.sparse) dual.stored.emplace();
  const auto add = [&](std::uint64_t index, double p, double violations) {
    if (pattern.sparse) dual.stored->push_back(index);
    dual.p.push_back(p);
    dual.violations.push_back(violations);
  };
  for (std::uint64_t row = 0; row < pattern.all_rows; ++row) {
    const std::size_t r = pattern.row_of(row);
    const bool held = r != pattern.row_count;
    const auto values = held ? node.table->values().subspan(pattern.begin(r),
                                                            pattern.begin(r + 1) - pattern.begin(r))
                             : std::span<const double>();
    const bool empty = std::ranges::all_of(values, [](double k) { return k == 0.0; });
    if (empty && pattern.sparse) {
      add(row * pattern.width, 1.0, 1.0);
      continue;
    }
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::size_t x = pattern.column(r, pattern.begin(r) + k);
      const bool filled = empty && k == 0;
      add(row * pattern.width + x, filled ? 1.0 : values[k], filled ? 1.0 : 0.0);
    }
  }
  if (std::ranges::all_of(dual.violations, [](double n) { return n == 0.0; })) {
    dual.violations.clear();
  }
  return dual;
}

void carry(const FactorGraph& graph, const Score& score, DualTable& kernel) {
  const std::vector<std::uint64_t> strides = strides_of(graph.shape_of(kernel.scope));
  const std::vector<std::size_t> shape = graph.shape_of(score.scope);
  std::vector<std::size_t> positions;
  for (const VariableId v : score.scope) {
    positions.push_back(
        static_cast<std::size_t>(std::ranges::find(kernel.scope, v) - kernel.scope.begin()));
  }
  kernel.mean.resize(kernel.p.size(), 0.0);
  if (score.table.has_zero()) kernel.violations.resize(kernel.p.size(), 0.0);
  double none = 0.0;
  for (std::size_t e = 0; e < kernel.p.size(); ++e) {
    std::uint64_t index = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      index = index * shape[d] +
              (*kernel.stored)[e] / strides[positions[d]] % graph.cardinality(score.scope[d]);
    }
    add_score(score.table.log_at(index), kernel.mean[e],
              kernel.violations.empty() ? none : kernel.violations[e]);
  }
}

}  // namespace credo::variational
