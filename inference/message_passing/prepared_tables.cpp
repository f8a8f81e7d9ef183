// Slices tables at hard evidence and chooses how their numbers are kept. A table in the linear
// domain that is neither sliced nor raised to a power nor of extreme scale is used as it stands;
// others are copied once per distinct slice. Logarithms are made only for those that a message of
// wide range meets. Cost: the entries of the distinct tables.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/message_passing/prepared_tables.hpp>
#include <credo/inference/reduced_model.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

namespace credo::message_passing {

namespace {

std::vector<std::size_t> strides_of(const Table& table) {
  std::vector<std::size_t> strides(table.rank(), 1);
  for (std::size_t a = table.rank(); a-- > 1;) strides[a - 1] = strides[a] * table.shape()[a];
  return strides;
}

bool is_sliced(const Factor& factor, FactorId f, const EdgeGraph& edges) {
  return edges.degree(f) < factor.scope.size();
}

/// Number of entries that are left of a factor, an upper bound for sparse tables.
double entries_left(const Factor& factor, const EdgeGraph& edges) {
  double cells = 1.0;
  for (std::size_t a = 0; a < factor.scope.size(); ++a) {
    if (!edges.observed(factor.scope[a])) cells *= static_cast<double>(factor.table.shape()[a]);
  }
  return stays_sparse(factor.table) ? std::min(cells, static_cast<double>(factor.table.stored()))
                                    : cells;
}

std::uint64_t place_in(const Scope& scope, VariableId v) {
  return 1 + static_cast<std::uint64_t>(std::ranges::find(scope, v) - scope.begin());
}

/// What two factors share when they can share a prepared table.
std::vector<std::uint64_t> key_of(const FactorGraph& graph, FactorId f, const EdgeGraph& edges,
                                  double exponent, std::uint32_t child_edge,
                                  std::span<const FactorId> guests) {
  const Factor& factor = graph.factor(f);
  std::vector<std::uint64_t> key{
      static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(factor.table.identity())),
      std::bit_cast<std::uint64_t>(exponent),
      child_edge == kNone ? kNone : child_edge - edges.first_edge[f]};
  for (const FactorId guest : guests) {
    const Factor& inner = graph.factor(guest);
    key.push_back(
        static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(inner.table.identity())));
    for (const VariableId v : inner.scope) {
      key.push_back(edges.observed(v) ? edges.observed_state[v] : place_in(factor.scope, v) << 32U);
    }
  }
  if (!is_sliced(factor, f, edges)) return key;
  for (const VariableId v : factor.scope) key.push_back(edges.observed_state[v]);
  return key;
}

}  // namespace

std::vector<std::uint64_t> held_places(const Factor& factor, const EdgeGraph& edges) {
  const std::vector<std::size_t> strides = strides_of(factor.table);
  std::vector<std::uint64_t> places;
  if (factor.table.is_sparse()) {
    const std::vector<std::uint64_t> stored = factor.table.stored_indices();
    for (std::size_t i = 0; i < stored.size(); ++i) {
      bool fits = true;
      for (std::size_t a = 0; a < strides.size() && fits; ++a) {
        const std::uint32_t observed = edges.observed_state[factor.scope[a]];
        fits = observed == kNone || stored[i] / strides[a] % factor.table.shape()[a] == observed;
      }
      if (fits) places.push_back(i);
    }
    return places;
  }
  std::size_t base = 0;
  std::vector<std::size_t> extents;
  std::vector<std::size_t> steps;
  for (std::size_t a = 0; a < strides.size(); ++a) {
    const std::uint32_t observed = edges.observed_state[factor.scope[a]];
    if (observed != kNone) {
      base += observed * strides[a];
      continue;
    }
    extents.push_back(factor.table.shape()[a]);
    steps.push_back(strides[a]);
  }
  places.reserve(saturating_product(extents));
  for_each_joint_state(extents, [&](std::span<const std::size_t> states) {
    std::size_t place = base;
    for (std::size_t a = 0; a < states.size(); ++a) place += states[a] * steps[a];
    places.push_back(place);
  });
  return places;
}

PreparedTable::PreparedTable(const Factor& factor, FactorId f, const EdgeGraph& edges,
                             double exponent)
    : sparse_(stays_sparse(factor.table)), source_(factor.table) {
  if (factor.table.is_sparse() && !sparse_) source_ = source_.densified(source_.size());
  for (std::uint32_t e = edges.first_edge[f]; e < edges.first_edge[f + 1]; ++e) {
    extents_.push_back(edges.states_of_edge(e));
  }
  std::vector<double> values;
  std::span<const double> held = source_.values();
  const bool sliced = is_sliced(factor, f, edges);
  if (sliced || sparse_) {
    const std::vector<std::uint64_t> places = held_places({factor.scope, source_, {}}, edges);
    if (sparse_) read_states(factor, f, edges, places);
    if (sliced) {
      for (const std::uint64_t place : places) values.push_back(held[place]);
      held = values;
    }
  }
  held_ = held.size();
  const bool as_it_stands = source_.domain() == Domain::linear && exponent == 1.0 &&
                            source_.log_largest() <= kLinearRange / 2.0 &&
                            source_.log_smallest() >= -kLinearRange / 2.0;
  if (as_it_stands) {
    own_linear_ = std::move(values);
    linear_ = sliced ? std::span<const double>(own_linear_) : source_.values();
    has_linear_ = true;
    log_smallest_ = source_.log_smallest();
    log_largest_ = source_.log_largest();
    return;
  }
  for (const double value : held) {
    own_logs_.push_back(exponent * (source_.domain() == Domain::log ? value : std::log(value)));
  }
  choose_representation();
}

void PreparedTable::read_states(const Factor& factor, FactorId f, const EdgeGraph& edges,
                                std::span<const std::uint64_t> places) {
  const std::vector<std::size_t> strides = strides_of(source_);
  const std::vector<std::uint64_t> stored = source_.stored_indices();
  states_.reserve(places.size() * extents_.size());
  for (const std::uint64_t place : places) {
    for (std::uint32_t e = edges.first_edge[f]; e < edges.first_edge[f + 1]; ++e) {
      const std::size_t a = edges.axis[e];
      states_.push_back(
          static_cast<std::uint32_t>(stored[place] / strides[a] % factor.table.shape()[a]));
    }
  }
}

void PreparedTable::choose_representation() {
  double largest = -kInfinity;
  double smallest = kInfinity;
  for (const double x : own_logs_) {
    largest = std::max(largest, x);
    if (x > -kInfinity) smallest = std::min(smallest, x);
  }
  has_linear_ = largest == -kInfinity || largest - smallest <= kLinearRange;
  if (!has_linear_) return;
  log_scale_ = largest == -kInfinity ? 0.0 : largest;
  log_largest_ = 0.0;
  log_smallest_ = largest == -kInfinity ? 0.0 : smallest - largest;
  for (const double x : own_logs_) own_linear_.push_back(std::exp(x - log_scale_));
  linear_ = own_linear_;
}

TableView PreparedTable::logs() {
  if (own_logs_.empty()) {
    own_logs_.reserve(linear_.size());
    for (const double x : linear_) own_logs_.push_back(std::log(x));
  }
  return view(own_logs_);
}

namespace {

PreparedKernel make_kernel(PreparedTable& table, std::size_t child_axis) {
  PreparedKernel kernel;
  kernel.child_axis = child_axis;
  const std::span<const std::size_t> extents = table.extents();
  for (std::size_t a = 0; a < extents.size(); ++a) {
    if (a == child_axis) continue;
    kernel.parent_extents.push_back(extents[a]);
    kernel.parent_count *= extents[a];
  }
  const TableView logs = table.logs();
  const auto add = [&](std::size_t held, auto states) {
    if (logs.values[held] == -kInfinity) return;
    std::uint64_t parents = 0;
    for (std::size_t a = 0; a < extents.size(); ++a) {
      if (a != child_axis) parents = parents * extents[a] + states[a];
    }
    kernel.entries.push_back({held, parents, static_cast<std::uint32_t>(states[child_axis]),
                              std::exp(logs.values[held])});
  };
  if (logs.sparse) {
    for (std::size_t i = 0; i < logs.values.size(); ++i) {
      add(i, logs.states.subspan(i * extents.size(), extents.size()));
    }
    return kernel;
  }
  std::size_t i = 0;
  for_each_joint_state(extents, [&](std::span<const std::size_t> states) { add(i++, states); });
  return kernel;
}

}  // namespace

PreparedTables::PreparedTables(const FactorGraph& graph, const EdgeGraph& edges,
                               std::span<const double> exponents,
                               std::span<const std::uint32_t> child_edge)
    : graph_(graph), edges_(edges) {
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    if (edges.absorbed(f)) guests_.emplace_back(edges.host[f], f);
  }
  std::ranges::sort(guests_);
  std::map<std::vector<std::uint64_t>, std::uint32_t> known;
  for (FactorId f = 0; f < graph.factor_count(); ++f) {
    if (edges.absorbed(f)) {
      place_.push_back(kNone);
      continue;
    }
    const Recipe recipe{f, exponents.empty() ? 1.0 : exponents[f],
                        child_edge.empty() ? kNone : child_edge[f]};
    const double entries = entries_left(graph.factor(f), edges);
    entries_ += entries;
    largest_entries_ = std::max(largest_entries_, entries);
    const auto [at, is_new] =
        known.emplace(key_of(graph, f, edges, recipe.exponent, recipe.child_edge, guests_of(f)),
                      static_cast<std::uint32_t>(recipes_.size()));
    place_.push_back(at->second);
    if (!is_new) continue;
    recipes_.push_back(recipe);
    account(recipe, entries);
  }
}

std::vector<FactorId> PreparedTables::guests_of(FactorId f) const {
  std::vector<FactorId> guests;
  for (auto at = std::ranges::lower_bound(guests_, std::pair{f, FactorId{0}});
       at != guests_.end() && at->first == f; ++at) {
    guests.push_back(at->second);
  }
  return guests;
}

void PreparedTables::add_scores(FactorId f, PreparedTable& table, PreparedKernel& kernel) const {
  const TableView logs = table.logs();
  const std::size_t d = logs.extents.size();
  for (const FactorId guest : guests_of(f)) {
    const Factor& inner = graph_.factor(guest);
    const std::vector<std::size_t> own = strides_of(inner.table);
    std::uint64_t base = 0;
    std::vector<std::uint64_t> strides(d, 0);
    for (std::size_t a = 0; a < own.size(); ++a) {
      const VariableId v = inner.scope[a];
      if (edges_.observed(v)) base += own[a] * edges_.observed_state[v];
      for (std::size_t i = 0; i < d; ++i) {
        if (edges_.variable[edges_.first_edge[f] + i] == v) strides[i] = own[a];
      }
    }
    for (PreparedKernel::Entry& entry : kernel.entries) {
      std::uint64_t cell = base;
      std::uint64_t rest = entry.held;
      for (std::size_t i = d; i-- > 0; rest /= logs.extents[i]) {
        const std::uint64_t state =
            logs.sparse ? logs.states[entry.held * d + i] : rest % logs.extents[i];
        cell += strides[i] * state;
      }
      entry.log_score += inner.table.log_at(cell);
    }
  }
}

void PreparedTables::account(const Recipe& recipe, double entries) {
  const Factor& factor = graph_.factor(recipe.factor);
  // Logarithms and doubles; the states of sparse entries; the entries of a kernel.
  double per_entry = 2.0 * sizeof(double);
  if (stays_sparse(factor.table)) {
    per_entry += static_cast<double>(edges_.degree(recipe.factor) * sizeof(std::uint32_t));
  }
  if (recipe.child_edge != kNone) per_entry += sizeof(PreparedKernel::Entry);
  bytes_ += sizeof(PreparedTable) + per_entry * entries;
}

void PreparedTables::prepare() {
  tables_.reserve(recipes_.size());
  kernels_.resize(recipes_.size());
  for (std::size_t i = 0; i < recipes_.size(); ++i) {
    const auto& [f, exponent, child_edge] = recipes_[i];
    tables_.emplace_back(graph_.factor(f), f, edges_, exponent);
    if (child_edge != kNone) {
      kernels_[i] = make_kernel(tables_[i], child_edge - edges_.first_edge[f]);
      add_scores(f, tables_[i], kernels_[i]);
    }
  }
}

}  // namespace credo::message_passing
