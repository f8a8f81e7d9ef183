// Leaves and their layouts. A dense table is read in place when its entries can be
// used as they are: no other lane or kept states ask for others, and the arithmetic
// is the table's own. Everything else gets storage: dense copies over kept states,
// or the joined pattern of sparse tables.
// Invariant: only the pattern of evidence decides; numbers are bound later (leaf_values.hpp).

#include <credo/inference/contraction/leaf_plan.hpp>

#include <algorithm>
#include <utility>

namespace credo::contraction {

namespace {

// Views keep values as they are, so they must be far from the ends of a double's range.
constexpr double kPlainRange = 69.0;  // nats: about 2^100
// A sparse leaf's entry: value, column, its source, and its share of row offsets.
constexpr double kSparseEntryBytes = 48.0;
// Stands for an observed variable in a key.
constexpr char kObserved = 0;

bool is_plain(const Table& table) {
  return table.log_largest() < kPlainRange && table.log_smallest() > -kPlainRange;
}

/// The table whose values can be read in place, or nullptr.
const Table* viewable(const ReducedModel& model, const ProgramOptions& options,
                      const ReducedTable& table, bool leaf_varies) {
  if (leaf_varies && options.lanes > 1) return nullptr;
  const Table* source = nullptr;
  if (table.kind == ReducedTable::Kind::factor) {
    const Factor& factor = model.graph->factor(table.source);
    for (const VariableId v : factor.scope) {
      if (!model.kept_states[v].empty() && !model.observed[v]) return nullptr;
    }
    source = &factor.table;
  } else if (table.kind == ReducedTable::Kind::part) {
    source = &*table.owned;
  }
  if (source == nullptr || source->is_sparse()) return nullptr;
  if (options.arithmetic == Arithmetic::log) {
    return source->domain() == Domain::log ? source : nullptr;
  }
  return source->domain() == Domain::linear && is_plain(*source) ? source : nullptr;
}

}  // namespace

bool reads_fit(const ReducedModel& model, const Program& program) {
  for (std::size_t l = 0; l < program.leaves.size(); ++l) {
    const LeafPlan& plan = program.leaves[l];
    if (plan.table == kNoSlot || program.tree.leaves[l].sparse) continue;
    const ReducedTable& table = model.tables[plan.table];
    if (table.kind == ReducedTable::Kind::joint) continue;
    const Table* const source = viewable(model, program.options, table, plan.varies);
    if ((source != nullptr) != plan.view) return false;
  }
  return true;
}

void LeafPlanner::add(const Leaf& leaf) {
  LeafPlan plan;
  plan.table = leaf.tables.front();
  const ReducedTable& table = model_.tables[plan.table];
  plan.varies = varies(leaf);
  Slot slot;
  slot.is_leaf = true;
  slot.entries = static_cast<std::int64_t>(std::min(leaf.stored, 0x1p60));
  if (leaf.sparse) {
    if (is_new_pattern(leaf)) program_.peak_bytes += leaf.stored * kSparseEntryBytes;
  } else if (table.kind == ReducedTable::Kind::joint) {
    plan.view = true;  // all ones: one entry with no strides
    slot.entries = 1;
  } else if (const Table* source = viewable(model_, program_.options, table, plan.varies)) {
    plan.view = true;
    slot.layout = view_layout(table, *source);
  } else {
    slot.lanes = plan.varies && program_.options.lanes > 1;
    slot.layout = contiguous(emit_.extents(table.scope, slot.lanes));
    if (slot.lanes) slot.entries *= static_cast<std::int64_t>(program_.options.lanes);
    program_.peak_bytes += static_cast<double>(slot.entries) * sizeof(double);
  }
  plan.slot = emit_.add_slot(std::move(slot));
  program_.leaves.push_back(plan);
}

/// Leaves that join the same tables, observed alike, share their numbers (LeafCache), whatever
/// their variables are. Which states are observed is not known yet, so that there may be one
/// set of numbers per joint state of the observed variables.
bool LeafPlanner::is_new_pattern(const Leaf& leaf) {
  std::vector<const void*> key;
  double most = 1.0;
  for (const std::uint32_t t : leaf.tables) {
    const Factor& factor = model_.graph->factor(model_.tables[t].source);
    key.push_back(factor.table.identity());
    for (std::size_t d = 0; d < factor.scope.size(); ++d) {
      const bool observed = model_.observed[factor.scope[d]] != 0;
      key.push_back(observed ? &kObserved : nullptr);
      if (observed) most *= static_cast<double>(factor.table.shape()[d]);
    }
  }
  double& count = patterns_[std::move(key)];
  return ++count <= most;
}

/// Whether the numbers depend on the states of evidence.
bool LeafPlanner::varies(const Leaf& leaf) const {
  return std::ranges::any_of(leaf.tables, [this](std::uint32_t t) {
    const ReducedTable& table = model_.tables[t];
    switch (table.kind) {
      case ReducedTable::Kind::factor:
        return std::ranges::any_of(model_.graph->factor(table.source).scope,
                                   [this](VariableId v) { return model_.observed[v] != 0; });
      case ReducedTable::Kind::likelihood:
      case ReducedTable::Kind::allowed:
        return true;
      case ReducedTable::Kind::joint:
      case ReducedTable::Kind::part:
        return false;
    }
    return false;
  });
}

Layout LeafPlanner::view_layout(const ReducedTable& table, const Table& source) const {
  const Scope& scope = table.kind == ReducedTable::Kind::factor
                           ? model_.graph->factor(table.source).scope
                           : table.scope;
  Layout layout;
  std::int64_t stride = 1;
  for (std::size_t d = scope.size(); d-- > 0;) {
    if (!model_.observed[scope[d]] && source.shape()[d] > 1) {
      layout.indices.push_back(scope[d]);
      layout.strides.push_back(stride);
    }
    stride *= static_cast<std::int64_t>(source.shape()[d]);
  }
  return layout;
}

}  // namespace credo::contraction
