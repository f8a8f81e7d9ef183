// Beliefs and derivatives of factors, from the adjoints of their leaves. With
// a(x_f) = d Z_c / d f(x_f) the adjoint and Z_c the sum of f's component,
//   b_f(x_f) = f(x_f) a(x_f) / Z_c,    d log Z / d f(x_f) = a(x_f) / Z_c
// (Darwiche 2003). A leaf may join several sparse tables; the adjoint is then
// aligned with the joined entries, and the other tables of the leaf belong to
// what f is multiplied by. Cost: the entries of the leaves.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/factor_answers.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

namespace credo::contraction {

namespace {

/// A factor of the reduced model and the leaf that holds its table.
struct FactorLeaf {
  std::uint32_t factor = 0;
  const Scope* scope = nullptr;  ///< its free variables
  LeafPlace place;
};

/// Calls body(factor leaf) for every factor that is left.
template <typename Body>
void for_each_factor(const LaneReader& reader, const Body& body) {
  const std::vector<LeafPlace> places = leaf_places(reader.model(), reader.program().tree);
  for (std::size_t t = 0; t < reader.model().tables.size(); ++t) {
    const ReducedTable& table = reader.model().tables[t];
    if (table.kind != ReducedTable::Kind::factor) continue;
    body(FactorLeaf{table.source, &table.scope, places[t]});
  }
}

/// Calls body(stored entry of the factor, log adjoint, log product of the leaf's tables, the same
/// without the factor) for every joined entry of a sparse leaf.
template <typename Body>
void for_each_joined(const LaneReader& reader, const LeafPlace& place, const Body& body) {
  const SparseValues& sparse = *reader.execution().leaf(place.leaf).sparse;
  const std::uint32_t adjoint = reader.program().leaf_adjoint[place.leaf];
  const Leaf& leaf = reader.program().tree.leaves[place.leaf];
  const bool logarithms = reader.program().options.arithmetic == Arithmetic::log;
  const double unit = logarithms ? 1.0 : std::numbers::ln2;
  for (std::size_t i = 0; i < sparse.values.size(); ++i) {
    reader.count(static_cast<double>(10 * leaf.tables.size()));
    const double value = logarithms ? sparse.values[i] : std::log(sparse.values[i]);
    double others = 0.0;
    for (std::size_t k = 0; k < leaf.tables.size(); ++k) {
      if (k == place.position) continue;
      const ReducedTable& other = reader.model().tables[leaf.tables[k]];
      const Table& table = reader.graph().factor(other.source).table;
      const double stored = table.values()[sparse.source_entry[k][i]];
      others += table.domain() == Domain::log ? stored : std::log(stored);
    }
    body(sparse.source_entry[place.position][i],
         reader.log_value(adjoint, static_cast<std::int64_t>(i)), value + sparse.scale * unit,
         others);
  }
}

/// Values over the free part of a factor's scope as the entries that its table holds; a sparse
/// table is not spelled out.
std::vector<double> held_entries(const LaneReader& reader, const Factor& factor, const Scope& free,
                                 std::span<const double> values) {
  if (!factor.table.is_sparse()) return reader.expanded(factor.scope, free, values);
  std::vector<std::pair<std::uint64_t, double>> placed;
  reader.place_values(factor.scope, free, values, [&placed](std::uint64_t index, double value) {
    placed.emplace_back(index, value);
  });
  std::ranges::sort(placed);
  std::vector<double> held;
  held.reserve(factor.table.stored());
  for (const std::uint64_t index : factor.table.stored_indices()) {
    const auto at =
        std::ranges::lower_bound(placed, index, {}, &decltype(placed)::value_type::first);
    held.push_back(at != placed.end() && at->first == index ? at->second : 0.0);
  }
  return held;
}

/// A table of another one's shape and storage, linear, from its held entries.
Table table_like(const Table& like, std::vector<double> held) {
  std::vector<std::size_t> shape(like.shape().begin(), like.shape().end());
  if (!like.is_sparse()) return Table::dense(std::move(shape), std::move(held));
  const std::vector<std::uint64_t> indices = like.stored_indices();
  std::vector<SparseEntry> entries;
  entries.reserve(held.size());
  for (std::size_t i = 0; i < held.size(); ++i) entries.push_back({indices[i], held[i]});
  return Table::sparse(std::move(shape), std::move(entries));
}

std::vector<double> belief(const LaneReader& reader, const Factor& factor, const FactorLeaf& f) {
  if (reader.program().tree.leaves[f.place.leaf].sparse) {
    std::vector<double> logs(factor.table.stored(), -kInfinity);
    for_each_joined(reader, f.place,
                    [&](std::uint64_t entry, double log_adjoint, double log_product, double) {
                      logs[entry] = log_add(logs[entry], log_adjoint + log_product);
                    });
    return softmax(logs);
  }
  std::vector<double> logs = {0.0};
  if (!f.scope->empty()) {
    logs = reader.log_values(reader.program().leaf_adjoint[f.place.leaf], *f.scope);
    const std::vector<double> own = reader.leaf_log_values(f.place.leaf, *f.scope);
    for (std::size_t i = 0; i < logs.size(); ++i) logs[i] += own[i];
  }
  return held_entries(reader, factor, *f.scope, softmax(logs));
}

/// Derivatives may be infinite where values may not, so no Table is made of them.
std::vector<double> derivative(const LaneReader& reader, const Factor& factor, const FactorLeaf& f,
                               double log_z_of_component) {
  if (reader.program().tree.leaves[f.place.leaf].sparse) {
    std::vector<double> entries(factor.table.stored(), 0.0);
    for_each_joined(reader, f.place,
                    [&](std::uint64_t entry, double log_adjoint, double, double others) {
                      entries[entry] += std::exp(log_adjoint + others - log_z_of_component);
                    });
    return entries;
  }
  std::vector<double> values;
  if (f.scope->empty()) {
    values = {std::exp(-reader.leaf_log_values(f.place.leaf, {}).front())};
  } else {
    values = reader.log_values(reader.program().leaf_adjoint[f.place.leaf], *f.scope);
    for (double& value : values) value = std::exp(value - log_z_of_component);
  }
  return held_entries(reader, factor, *f.scope, values);
}

}  // namespace

void read_factor_marginals(const LaneReader& reader, Result& result) {
  result.factor_marginals.resize(reader.graph().factor_count());
  for_each_factor(reader, [&](const FactorLeaf& f) {
    const Factor& factor = reader.graph().factor(f.factor);
    result.factor_marginals[f.factor] = {factor.scope,
                                         table_like(factor.table, belief(reader, factor, f))};
  });
}

void read_sensitivity(const LaneReader& reader, Result& result) {
  const std::vector<double> log_z = log_z_of_components(reader);
  const std::vector<std::uint32_t> node_of_leaf = link(reader.program().tree).node_of_leaf;
  result.sensitivity.resize(reader.graph().factor_count());
  for_each_factor(reader, [&](const FactorLeaf& f) {
    // A constant is in no node and its derivative needs no adjoint.
    const std::uint32_t node = node_of_leaf[f.place.leaf];
    result.sensitivity[f.factor] =
        derivative(reader, reader.graph().factor(f.factor), f, node == kNoNode ? 0.0 : log_z[node]);
  });
}

std::vector<double> log_z_of_components(const LaneReader& reader) {
  const Program& program = reader.program();
  const std::vector<std::uint32_t> parent = link(program.tree).parent;
  std::vector<double> log_z(parent.size(), 0.0);
  for (std::size_t n = parent.size(); n-- > 0;) {
    log_z[n] = parent[n] == kNoNode ? reader.log_value(program.node_slot[n], 0) : log_z[parent[n]];
  }
  return log_z;
}

}  // namespace credo::contraction
