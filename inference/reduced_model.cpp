// Reductions before planning.
//
// 1. Hard evidence slices tables: observed variables leave every scope.
// 2. Zero propagation (generalised arc consistency): a state of a variable that
//    no non-zero entry of some table supports has probability zero and is
//    dropped, until nothing changes. Worklist over tables; each pass costs the
//    table's size. Variables of tables kept sparse are left whole.
// 3. Barren conditionals (Shachter 1988): sum_child p(child given parents) = 1,
//    so a conditional whose child is in no other table and not asked for goes.
// 4. Products: a table f(x, rest) = g(x) h(rest) is replaced by its parts, and
//    constants by scalars; scopes shrink, and so does every later step.
// What is left may fall into components; the planner handles a forest.

#include <credo/core/numerics.hpp>
#include <credo/inference/reduced_model.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <utility>

namespace credo {

namespace {

// Column sums this close to one count as one: the conditional may be dropped.
constexpr double kColumnTolerance = 1e-12;
// Relative difference below which two products count as equal (rank-one test).
constexpr double kProductTolerance = 4e-15;
// Tables above this size are not searched for products.
constexpr std::uint64_t kLargestProductTest = std::uint64_t{1} << 22U;

/// States still possible per variable, as masks; empty mask: all states.
using Masks = std::vector<std::vector<char>>;

/// Counts through the joint states of a shape, last index fastest.
class JointState {
 public:
  explicit JointState(std::span<const std::size_t> shape)
      : shape_(shape), state_(shape.size(), 0) {}
  [[nodiscard]] const std::vector<std::size_t>& state() const { return state_; }
  void next() {
    for (std::size_t d = shape_.size(); d-- > 0;) {
      if (++state_[d] < shape_[d]) return;
      state_[d] = 0;
    }
  }

 private:
  std::span<const std::size_t> shape_;
  std::vector<std::size_t> state_;
};

class ZeroPropagation {
 public:
  ZeroPropagation(const FactorGraph& graph, const Evidence& evidence)
      : graph_(graph), masks_(graph.variable_count()) {
    for (const auto& [v, finding] : evidence.findings()) {
      std::vector<char>& mask = masks_[v];
      mask.assign(graph.cardinality(v), 0);
      switch (finding.kind) {
        case FindingKind::hard:
          mask[finding.state] = 1;
          break;
        case FindingKind::allowed:
          for (const std::size_t state : finding.allowed) mask[state] = 1;
          break;
        case FindingKind::likelihood:
          for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = finding.likelihood[i] > 0.0;
          break;
      }
    }
  }

  /// False when some variable has no state left.
  bool run() {
    for (const std::vector<char>& mask : masks_) {
      if (!mask.empty() && std::ranges::find(mask, 1) == mask.end()) return false;
    }
    std::deque<FactorId> work;
    std::vector<char> queued(graph_.factor_count(), 0);
    for (FactorId f = 0; f < graph_.factor_count(); ++f) {
      const Table& table = graph_.factor(f).table;
      if (table.log_largest() == -kInfinity) return false;
      if (!table.has_zero() || stays_sparse(table)) continue;
      work.push_back(f);
      queued[f] = 1;
    }
    while (!work.empty()) {
      const FactorId f = work.front();
      work.pop_front();
      queued[f] = 0;
      for (const VariableId v : shrunk_by(f)) {
        if (std::ranges::find(masks_[v], 1) == masks_[v].end()) return false;
        for (const FactorId other : graph_.factors_of(v)) {
          const Table& table = graph_.factor(other).table;
          if (other == f || queued[other] || !table.has_zero() || stays_sparse(table)) continue;
          work.push_back(other);
          queued[other] = 1;
        }
      }
    }
    return true;
  }

  [[nodiscard]] const Masks& masks() const { return masks_; }

 private:
  /// Drops unsupported states of the factor's variables; returns those that lost some.
  std::vector<VariableId> shrunk_by(FactorId f) {
    const Factor& factor = graph_.factor(f);
    const Table table = factor.table.densified(factor.table.size());
    const std::span<const double> values = table.values();
    const double zero = table.domain() == Domain::linear ? 0.0 : -kInfinity;
    std::vector<std::vector<char>> support(factor.scope.size());
    for (std::size_t d = 0; d < support.size(); ++d) support[d].assign(table.shape()[d], 0);
    JointState joint(table.shape());
    for (std::size_t i = 0; i < values.size(); ++i, joint.next()) {
      if (values[i] == zero || !possible(factor.scope, joint.state())) continue;
      for (std::size_t d = 0; d < support.size(); ++d) support[d][joint.state()[d]] = 1;
    }
    std::vector<VariableId> shrunk;
    for (std::size_t d = 0; d < support.size(); ++d) {
      std::vector<char>& mask = masks_[factor.scope[d]];
      if (mask.empty()) mask.assign(support[d].size(), 1);
      if (mask != support[d]) {
        mask = support[d];
        shrunk.push_back(factor.scope[d]);
      }
    }
    return shrunk;
  }

  [[nodiscard]] bool possible(const Scope& scope, const std::vector<std::size_t>& state) const {
    for (std::size_t d = 0; d < scope.size(); ++d) {
      const std::vector<char>& mask = masks_[scope[d]];
      if (!mask.empty() && !mask[state[d]]) return false;
    }
    return true;
  }

  const FactorGraph& graph_;
  Masks masks_;
};

/// Whether every column of the conditional sums to one, to the last digits.
bool sums_to_one(const Factor& factor) {
  const Table& table = factor.table;
  if (table.is_sparse()) return false;  // columns without entries sum to zero
  const auto position = static_cast<std::size_t>(std::ranges::find(factor.scope, *factor.child) -
                                                 factor.scope.begin());
  std::uint64_t inner = 1;
  for (std::size_t d = position + 1; d < table.rank(); ++d) inner *= table.shape()[d];
  const std::uint64_t extent = table.shape()[position];
  std::vector<double> sums(table.size() / extent, 0.0);
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    sums[i / (inner * extent) * inner + i % inner] += table.at(i);
  }
  return std::ranges::all_of(sums, [](double s) { return std::fabs(s - 1.0) <= kColumnTolerance; });
}

/// Factors left after dropping barren conditionals, by repeatedly peeling leaves.
std::vector<char> needed_factors(const FactorGraph& graph, const Evidence& evidence,
                                 const std::vector<char>& wanted) {
  std::vector<char> needed(graph.factor_count(), 1);
  std::vector<std::size_t> uses(graph.variable_count(), 0);
  for (const Factor& f : graph.factors()) {
    for (const VariableId v : f.scope) ++uses[v];
  }
  std::vector<VariableId> leaves;
  for (VariableId v = 0; v < graph.variable_count(); ++v) {
    if (uses[v] == 1) leaves.push_back(v);
  }
  while (!leaves.empty()) {
    const VariableId v = leaves.back();
    leaves.pop_back();
    if (wanted[v] || evidence.find(v) != nullptr || uses[v] != 1) continue;
    for (const FactorId f : graph.factors_of(v)) {
      const Factor& factor = graph.factor(f);
      if (!needed[f] || factor.child != v || !sums_to_one(factor)) continue;
      needed[f] = 0;
      for (const VariableId u : factor.scope) {
        if (--uses[u] == 1) leaves.push_back(u);
      }
    }
  }
  return needed;
}

/// f(x_d, rest) = g(x_d) h(rest)? The largest entry's row and column decide g and h.
bool is_product_at(const Table& table, std::size_t d, std::vector<double>& g,
                   std::vector<double>& h) {
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
  for (std::size_t r = 0; r < rest; ++r) {
    for (std::size_t x = 0; x < extent; ++x) {
      const double product = g[x] * h[r];
      const double value = at(x, r);
      if (std::fabs(product - value) > kProductTolerance * std::max(product, value)) return false;
    }
  }
  return true;
}

/// Splits single variables off a part while it is a product.
void split_products(std::vector<ReducedTable>& tables, ReducedTable part) {
  for (std::size_t d = 0; d < part.scope.size() && part.scope.size() > 1;) {
    std::vector<double> g;
    std::vector<double> h;
    if (!is_product_at(*part.owned, d, g, h)) {
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

class Reducer {
 public:
  Reducer(const FactorGraph& graph, const Evidence& evidence, const Query& query,
          const ReduceOptions& options)
      : graph_(graph), evidence_(evidence), query_(query), options_(options) {}

  ReducedModel run() {
    const std::size_t n = graph_.variable_count();
    model_.graph = &graph_;
    model_.observed.assign(n, 0);
    model_.dropped.assign(n, 0);
    model_.kept_states.resize(n);
    model_.cardinality.resize(n);
    for (VariableId v = 0; v < n; ++v) model_.cardinality[v] = graph_.cardinality(v);
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind != FindingKind::hard) continue;
      model_.observed[v] = 1;
      model_.cardinality[v] = 1;
    }
    if (options_.propagate_zeros) propagate_zeros();
    if (model_.impossible) return std::move(model_);
    add_factors();
    add_findings();
    add_joints();
    list_variables();
    return std::move(model_);
  }

 private:
  void propagate_zeros() {
    ZeroPropagation propagation(graph_, evidence_);
    if (!propagation.run()) {
      model_.impossible = true;
      return;
    }
    std::vector<char> whole(graph_.variable_count(), 0);
    for (const Factor& f : graph_.factors()) {
      if (!stays_sparse(f.table)) continue;
      for (const VariableId v : f.scope) whole[v] = 1;
    }
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      const std::vector<char>& mask = propagation.masks()[v];
      if (mask.empty() || whole[v] || model_.observed[v]) continue;
      std::vector<std::uint32_t> kept;
      for (std::uint32_t state = 0; state < mask.size(); ++state) {
        if (mask[state]) kept.push_back(state);
      }
      model_.cardinality[v] = kept.size();
      if (kept.size() < mask.size()) model_.kept_states[v] = std::move(kept);
    }
  }

  [[nodiscard]] std::vector<char> wanted_variables() const {
    std::vector<char> wanted(graph_.variable_count(), 0);
    for (const VariableId v : query_.targets) wanted[v] = 1;
    for (const Scope& joint : query_.joints) {
      for (const VariableId v : joint) wanted[v] = 1;
    }
    return wanted;
  }

  [[nodiscard]] Scope free_scope(const Scope& scope) const {
    Scope free;
    for (const VariableId v : scope) {
      if (!model_.observed[v]) free.push_back(v);
    }
    return free;
  }

  void add_factors() {
    std::vector<char> needed(graph_.factor_count(), 1);
    if (options_.drop_barren) needed = needed_factors(graph_, evidence_, wanted_variables());
    for (FactorId f = 0; f < graph_.factor_count(); ++f) {
      const Factor& factor = graph_.factor(f);
      if (!needed[f]) {
        model_.dropped[*factor.child] = 1;
        continue;
      }
      ReducedTable table{ReducedTable::Kind::factor, f, free_scope(factor.scope), std::nullopt};
      if (options_.split_products && table.scope.size() > 1 && may_split(factor)) {
        table.kind = ReducedTable::Kind::part;
        table.owned = sliced(factor);
        split_products(model_.tables, std::move(table));
      } else {
        model_.tables.push_back(std::move(table));
      }
    }
  }

  [[nodiscard]] static bool may_split(const Factor& factor) {
    const Table& table = factor.table;
    // Linear values well inside the range of doubles only: quotients must not round to 0.
    return !table.is_sparse() && table.domain() == Domain::linear &&
           table.size() <= kLargestProductTest && table.log_smallest() > -200.0 &&
           table.log_largest() < 200.0;
  }

  /// The factor over its free variables and kept states.
  [[nodiscard]] Table sliced(const Factor& factor) const {
    std::vector<std::size_t> shape;
    for (const VariableId v : free_scope(factor.scope)) shape.push_back(model_.cardinality[v]);
    const auto size = static_cast<std::size_t>(saturating_product(shape));
    std::vector<double> values;
    values.reserve(size);
    JointState joint(shape);
    for (std::size_t i = 0; i < size; ++i, joint.next()) {
      std::uint64_t index = 0;
      std::size_t free = 0;
      for (std::size_t d = 0; d < factor.scope.size(); ++d) {
        const VariableId v = factor.scope[d];
        const std::size_t state = model_.observed[v]
                                      ? evidence_.find(v)->state
                                      : model_.original_state(v, joint.state()[free++]);
        index = index * factor.table.shape()[d] + state;
      }
      values.push_back(factor.table.values()[index]);
    }
    return Table::dense(std::move(shape), std::move(values));
  }

  void add_findings() {
    for (const auto& [v, finding] : evidence_.findings()) {
      if (finding.kind == FindingKind::likelihood) {
        model_.tables.push_back({ReducedTable::Kind::likelihood, v, {v}, std::nullopt});
      } else if (finding.kind == FindingKind::allowed &&
                 (!options_.propagate_zeros || model_.kept_states[v].empty())) {
        model_.tables.push_back({ReducedTable::Kind::allowed, v, {v}, std::nullopt});
      }
    }
  }

  void add_joints() {
    for (std::uint32_t i = 0; i < query_.joints.size(); ++i) {
      model_.tables.push_back(
          {ReducedTable::Kind::joint, i, free_scope(query_.joints[i]), std::nullopt});
    }
  }

  void list_variables() {
    std::vector<char> used(graph_.variable_count(), 0);
    for (const ReducedTable& table : model_.tables) {
      for (const VariableId v : table.scope) used[v] = 1;
    }
    for (VariableId v = 0; v < graph_.variable_count(); ++v) {
      if (model_.observed[v]) continue;
      if (used[v]) {
        model_.variables.push_back(v);
      } else if (!model_.dropped[v]) {
        // In no factor, or only a parent in dropped conditionals: every state weighs 1.
        add_unit(v);
      }
    }
  }

  void add_unit(VariableId v) {
    model_.tables.push_back(
        {ReducedTable::Kind::part,
         0,
         {v},
         Table::dense({model_.cardinality[v]}, std::vector<double>(model_.cardinality[v], 1.0))});
    model_.variables.push_back(v);
  }

  const FactorGraph& graph_;
  const Evidence& evidence_;
  const Query& query_;
  const ReduceOptions& options_;
  ReducedModel model_;
};

}  // namespace

bool stays_sparse(const Table& table) {
  return table.is_sparse() && table.size() > kSmallestSparse && table.stored() < table.size() / 2;
}

ReducedModel reduce(const FactorGraph& graph, const Evidence& evidence, const Query& query,
                    const ReduceOptions& options) {
  return Reducer(graph, evidence, query, options).run();
}

}  // namespace credo
