// Compiling a tree into a flat program.
//
// Upward: one contraction per node. Downward: reverse-mode differentiation
// (Darwiche 2003; the opposite messages of a junction tree). With d(node) the
// derivative of Z with respect to a node's output,
//   d(operand) = sum over the node's indices outside the operand of
//                d(node) * product of the other operands,
// the same contraction with roles rotated, and no division. The marginal of v
// is message * d(message) summed to v for the smallest message that has v, or
// d(node) * all operands summed to v where no message has it.

#include <credo/core/numerics.hpp>
#include <credo/inference/contraction/arena.hpp>
#include <credo/inference/contraction/program.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace credo::contraction {

namespace {

// Views keep values as they are, so they must be far from the ends of a double's range.
constexpr double kPlainRange = 69.0;  // nats: about 2^100
// Largest ratio within one table that linear arithmetic accepts.
constexpr double kLinearRange = 550.0;  // nats: about 2^793
// A sparse leaf's entry: value, column, its source, and its share of row offsets.
constexpr double kSparseEntryBytes = 48.0;
// Stands for an observed variable in a key.
constexpr char kObserved = 0;

bool is_plain(const Table& table) {
  return table.log_largest() < kPlainRange && table.log_smallest() > -kPlainRange;
}

class Compiler {
 public:
  Compiler(const ReducedModel& model, Program& program)
      : model_(model), p_(program), rank_(model.cardinality.size(), 0) {}

  void run() {
    for (std::size_t n = 0; n < p_.tree.nodes.size(); ++n) {
      for (const VariableId v : p_.tree.nodes[n].eliminated) {
        rank_[v] = static_cast<std::int64_t>(n);
      }
    }
    for (const Leaf& leaf : p_.tree.leaves) add_leaf(leaf);
    p_.node_slot.assign(p_.tree.nodes.size(), kNoSlot);
    p_.node_adjoint.assign(p_.tree.nodes.size(), kNoSlot);
    p_.leaf_adjoint.assign(p_.tree.leaves.size(), kNoSlot);
    p_.marginal_slot.assign(p_.options.marginals.size(), kNoSlot);
    find_parents();
    for (std::uint32_t n = 0; n < p_.tree.nodes.size(); ++n) upward(n);
    add_roots();
    p_.upward_count = p_.instructions.size();
    plan_downward();
    for (std::uint32_t n = static_cast<std::uint32_t>(p_.tree.nodes.size()); n-- > 0;) downward(n);
    place_in_arena(p_);
    for (const Instruction& instruction : p_.instructions) {
      p_.operations += instruction.operations;
    }
  }

 private:
  // --- indices -----------------------------------------------------------

  [[nodiscard]] std::vector<IndexExtent> extents(const Scope& scope, bool lanes = false) const {
    std::vector<IndexExtent> result;
    for (const VariableId v : scope) {
      const auto extent = static_cast<std::int64_t>(model_.cardinality[v]);
      if (extent > 1) result.push_back({v, extent, rank_[v]});
    }
    if (lanes) {
      result.push_back({kLane, static_cast<std::int64_t>(p_.options.lanes),
                        std::numeric_limits<std::int64_t>::max()});
    }
    std::sort(result.begin(), result.end(),
              [](const IndexExtent& a, const IndexExtent& b) { return a.rank < b.rank; });
    return result;
  }

  static Scope minus(const Scope& scope, const Scope& without) {
    Scope result;
    for (const VariableId v : scope) {
      if (std::ranges::find(without, v) == without.end()) result.push_back(v);
    }
    return result;
  }

  // --- leaves ------------------------------------------------------------

  std::uint32_t add_slot(Slot slot) {
    p_.slots.push_back(std::move(slot));
    return static_cast<std::uint32_t>(p_.slots.size() - 1);
  }

  void add_leaf(const Leaf& leaf) {
    LeafPlan plan;
    plan.table = leaf.tables.front();
    const ReducedTable& table = model_.tables[plan.table];
    plan.varies = varies(leaf);
    Slot slot;
    slot.is_leaf = true;
    slot.entries = static_cast<std::int64_t>(std::min(leaf.stored, 0x1p60));
    if (leaf.sparse) {
      if (is_new_pattern(leaf)) p_.peak_bytes += leaf.stored * kSparseEntryBytes;
    } else if (table.kind == ReducedTable::Kind::joint) {
      plan.view = true;  // all ones: one entry with no strides
      slot.entries = 1;
    } else if (const Table* source = viewable(table, plan.varies)) {
      plan.view = true;
      slot.layout = view_layout(table, *source);
    } else {
      slot.lanes = plan.varies && p_.options.lanes > 1;
      slot.layout = contiguous(extents(table.scope, slot.lanes));
      if (slot.lanes) slot.entries *= static_cast<std::int64_t>(p_.options.lanes);
      p_.peak_bytes += static_cast<double>(slot.entries) * sizeof(double);
    }
    plan.slot = add_slot(std::move(slot));
    p_.leaves.push_back(plan);
  }

  /// Leaves that join the same tables, observed alike, share their numbers (LeafCache), whatever
  /// their variables are. Which states are observed is not known yet, so that there may be one
  /// set of numbers per joint state of the observed variables.
  bool is_new_pattern(const Leaf& leaf) {
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

  [[nodiscard]] bool varies(const Leaf& leaf) const {
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

  /// The table whose values can be read in place, or nullptr.
  [[nodiscard]] const Table* viewable(const ReducedTable& table, bool leaf_varies) const {
    if (leaf_varies && p_.options.lanes > 1) return nullptr;
    const Table* source = nullptr;
    if (table.kind == ReducedTable::Kind::factor) {
      const Factor& factor = model_.graph->factor(table.source);
      for (const VariableId v : factor.scope) {
        if (!model_.kept_states[v].empty() && !model_.observed[v]) return nullptr;
      }
      source = &factor.table;
    } else if (table.kind == ReducedTable::Kind::part) {
      source = &*table.owned;
    }
    if (source == nullptr || source->is_sparse()) return nullptr;
    if (p_.options.arithmetic == Arithmetic::log) {
      return source->domain() == Domain::log ? source : nullptr;
    }
    return source->domain() == Domain::linear && is_plain(*source) ? source : nullptr;
  }

  [[nodiscard]] Layout view_layout(const ReducedTable& table, const Table& source) const {
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

  // --- contractions ------------------------------------------------------

  [[nodiscard]] std::uint32_t slot_of(const Operand& operand) const {
    return operand.kind == Operand::Kind::leaf ? p_.leaves[operand.index].slot
                                               : p_.node_slot[operand.index];
  }

  [[nodiscard]] bool any_lanes(const std::vector<std::uint32_t>& operands) const {
    return std::ranges::any_of(operands, [this](std::uint32_t s) { return p_.slots[s].lanes; });
  }

  /// out[kept] = (sum | max) over scope minus kept of the product of the operands.
  std::uint32_t contract(std::vector<std::uint32_t> operands, const Scope& kept, const Scope& scope,
                         bool maximise) {
    const bool lanes = any_lanes(operands);
    std::vector<Layout> layouts;
    for (const std::uint32_t s : operands) layouts.push_back(p_.slots[s].layout);
    const std::vector<IndexExtent> kept_extents = extents(kept, lanes);
    const std::vector<IndexExtent> reduced = extents(minus(scope, kept));
    Instruction instruction;
    instruction.nest = plan_loops(layouts, kept_extents, reduced);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Layout& wanted = instruction.nest.repack[i];
      if (!wanted.indices.empty()) operands[i] = copy(operands[i], wanted, extents(scope, lanes));
    }
    Slot out;
    out.layout = instruction.nest.out;
    out.entries = instruction.nest.out_entries;
    out.lanes = lanes;
    instruction.operands = std::move(operands);
    instruction.maximise = maximise;
    instruction.operations = instruction.nest.operations;
    instruction.out = add_slot(std::move(out));
    p_.instructions.push_back(std::move(instruction));
    return p_.instructions.back().out;
  }

  std::uint32_t copy(std::uint32_t from, const Layout& to,
                     const std::vector<IndexExtent>& indices) {
    Instruction instruction;
    instruction.copy = true;
    instruction.nest = plan_copy(p_.slots[from].layout, to, indices);
    Slot out;
    out.layout = to;
    out.entries = instruction.nest.out_entries;
    out.lanes = p_.slots[from].lanes;
    instruction.operands = {from};
    instruction.operations = instruction.nest.operations;
    instruction.out = add_slot(std::move(out));
    p_.instructions.push_back(std::move(instruction));
    return p_.instructions.back().out;
  }

  /// The same with a sparse leaf as first operand; entries: out is aligned with it.
  std::uint32_t contract_sparse(const Leaf& leaf, std::vector<std::uint32_t> operands,
                                const Scope& kept, const Scope& scope, bool maximise,
                                bool entries) {
    Instruction instruction;
    instruction.sparse = true;
    instruction.maximise = maximise;
    instruction.out_is_entries = entries;
    instruction.extra = extents(minus(scope, leaf.scope));
    instruction.operations = leaf.stored * static_cast<double>(operands.size());
    for (const IndexExtent& index : instruction.extra) {
      instruction.operations *= static_cast<double>(index.extent);
    }
    Slot out;
    if (entries) {
      out.entries = static_cast<std::int64_t>(leaf.stored);
    } else {
      const std::vector<IndexExtent> indices = extents(kept);
      out.layout = contiguous(indices);
      for (const IndexExtent& index : indices) out.entries *= index.extent;
    }
    if (p_.options.arithmetic == Arithmetic::log && !maximise) {
      Slot scratch;
      scratch.entries = out.entries;
      instruction.scratch = add_slot(std::move(scratch));
    }
    instruction.operands = std::move(operands);
    instruction.out = add_slot(std::move(out));
    p_.instructions.push_back(std::move(instruction));
    return p_.instructions.back().out;
  }

  [[nodiscard]] const Leaf* sparse_leaf(const Node& node) const {
    if (node.operands.empty() || node.operands[0].kind != Operand::Kind::leaf) return nullptr;
    const Leaf& leaf = p_.tree.leaves[node.operands[0].index];
    return leaf.sparse ? &leaf : nullptr;
  }

  void upward(std::uint32_t n) {
    const Node& node = p_.tree.nodes[n];
    std::vector<std::uint32_t> operands;
    for (const Operand& operand : node.operands) operands.push_back(slot_of(operand));
    const Leaf* sparse = sparse_leaf(node);
    p_.node_slot[n] = sparse == nullptr
                          ? contract(std::move(operands), node.kept, node.scope, node.maximise)
                          : contract_sparse(*sparse, std::move(operands), node.kept, node.scope,
                                            node.maximise, false);
  }

  void find_parents() {
    parent_.assign(p_.tree.nodes.size(), kNoSlot);
    node_of_leaf_.assign(p_.tree.leaves.size(), kNoSlot);
    for (std::uint32_t n = 0; n < p_.tree.nodes.size(); ++n) {
      for (const Operand& operand : p_.tree.nodes[n].operands) {
        (operand.kind == Operand::Kind::leaf ? node_of_leaf_ : parent_)[operand.index] = n;
      }
    }
  }

  /// Nodes without a parent; tables without variables were never taken by a step.
  void add_roots() {
    for (std::uint32_t n = 0; n < p_.tree.nodes.size(); ++n) {
      if (parent_[n] == kNoSlot) p_.roots.push_back(p_.node_slot[n]);
    }
    std::vector<char> in_tree(model_.tables.size(), 0);
    for (const Leaf& leaf : p_.tree.leaves) {
      for (const std::uint32_t t : leaf.tables) in_tree[t] = 1;
    }
    for (std::uint32_t t = 0; t < model_.tables.size(); ++t) {
      if (in_tree[t]) continue;
      const Leaf constant{{t}, {}, false, 1.0};
      add_leaf(constant);
      p_.tree.leaves.push_back(constant);
      p_.leaf_adjoint.push_back(kNoSlot);
      node_of_leaf_.push_back(kNoSlot);
      p_.roots.push_back(p_.leaves.back().slot);
    }
  }

  // --- downward ----------------------------------------------------------

  /// Where each wanted marginal is read, and which adjoints that needs.
  void plan_downward() {
    const std::size_t nodes = p_.tree.nodes.size();
    needs_adjoint_.assign(nodes, p_.options.message_adjoints ? 1 : 0);
    passes_down_.assign(nodes, 0);
    read_at_message_.resize(nodes);
    read_at_node_.resize(nodes);
    choose_sources();
    for (const std::uint32_t table : p_.options.table_adjoints) {
      for (std::uint32_t l = 0; l < p_.tree.leaves.size(); ++l) {
        if (std::ranges::find(p_.tree.leaves[l].tables, table) != p_.tree.leaves[l].tables.end() &&
            node_of_leaf_[l] != kNoSlot) {
          wanted_leaves_.insert(l);
          passes_down_[node_of_leaf_[l]] = 1;
        }
      }
    }
    for (std::uint32_t n = 0; n < nodes; ++n) {
      if (passes_down_[n]) needs_adjoint_[n] = 1;
      if (needs_adjoint_[n] && parent_[n] != kNoSlot) passes_down_[parent_[n]] = 1;
    }
  }

  /// The cheapest table that has each wanted variable.
  void choose_sources() {
    struct Source {
      double cost = kInfinity;
      std::uint32_t node = kNoSlot;
      bool message = false;
    };
    std::vector<Source> best(model_.cardinality.size());
    const auto offer = [&best](const Scope& scope, const Source& source) {
      for (const VariableId v : scope) {
        if (source.cost < best[v].cost) best[v] = source;
      }
    };
    if (p_.options.marginals.empty()) return;
    for (std::uint32_t n = 0; n < p_.tree.nodes.size(); ++n) {
      const Node& node = p_.tree.nodes[n];
      offer(node.scope, {2.0 * state_count(model_, node.scope), n, false});
      if (parent_[n] != kNoSlot) offer(node.kept, {state_count(model_, node.kept), n, true});
    }
    for (std::size_t i = 0; i < p_.options.marginals.size(); ++i) {
      const Source& source = best[p_.options.marginals[i]];
      if (source.node == kNoSlot) continue;
      (source.message ? read_at_message_ : read_at_node_)[source.node].push_back(i);
      if (source.message) {
        needs_adjoint_[source.node] = 1;
      } else {
        passes_down_[source.node] = 1;
      }
    }
  }

  /// The constant 1 as an operand: the derivative of Z with respect to a root.
  std::uint32_t one() {
    if (one_ == kNoSlot) {
      ReducedTable unused;
      LeafPlan plan;
      plan.table = kNoSlot;
      plan.view = true;
      Slot slot;
      slot.is_leaf = true;
      plan.slot = one_ = add_slot(std::move(slot));
      p_.leaves.push_back(plan);
      p_.tree.leaves.push_back({{}, {}, false, 1.0});
      p_.leaf_adjoint.push_back(kNoSlot);
    }
    return one_;
  }

  void downward(std::uint32_t n) {
    if (parent_[n] == kNoSlot && (passes_down_[n] || needs_adjoint_[n])) p_.node_adjoint[n] = one();
    if (!passes_down_[n]) return;
    const Node node = p_.tree.nodes[n];  // a copy: one() grows the tree's leaves
    const std::uint32_t adjoint = p_.node_adjoint[n];
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      const Operand operand = node.operands[i];
      if (operand.kind == Operand::Kind::node) {
        if (needs_adjoint_[operand.index]) adjoint_of_child(node, i, adjoint);
      } else if (wanted_leaves_.contains(operand.index)) {
        p_.leaf_adjoint[operand.index] = adjoint_of_operand(node, i, adjoint);
      }
    }
    for (const std::size_t i : read_at_node_[n]) {
      p_.marginal_slot[i] =
          adjoint_of_scope(node, node.operands.size(), adjoint, {p_.options.marginals[i]});
    }
  }

  void adjoint_of_child(const Node& node, std::size_t i, std::uint32_t adjoint) {
    const std::uint32_t child = node.operands[i].index;
    p_.node_adjoint[child] = adjoint_of_operand(node, i, adjoint);
    for (const std::size_t wanted : read_at_message_[child]) {
      p_.marginal_slot[wanted] =
          contract({p_.node_slot[child], p_.node_adjoint[child]}, {p_.options.marginals[wanted]},
                   p_.tree.nodes[child].kept, false);
    }
  }

  std::uint32_t adjoint_of_operand(const Node& node, std::size_t i, std::uint32_t adjoint) {
    const Operand& operand = node.operands[i];
    const Scope scope = operand.kind == Operand::Kind::leaf ? p_.tree.leaves[operand.index].scope
                                                            : p_.tree.nodes[operand.index].kept;
    return adjoint_of_scope(node, i, adjoint, scope);
  }

  /// sum over node.scope minus kept of adjoint * every operand but the i-th.
  std::uint32_t adjoint_of_scope(const Node& node, std::size_t i, std::uint32_t adjoint,
                                 const Scope& kept) {
    std::vector<std::uint32_t> operands;
    for (std::size_t k = 0; k < node.operands.size(); ++k) {
      if (k != i) operands.push_back(slot_of(node.operands[k]));
    }
    const Leaf* sparse = sparse_leaf(node);
    if (sparse == nullptr) {
      operands.push_back(adjoint);
      if (operands.size() > kMaxOperands) multiply_two_smallest(operands, node.scope);
      return contract(std::move(operands), kept, node.scope, false);
    }
    // The pattern drives the loops even when its values are left out (i == 0).
    if (i == 0) operands.insert(operands.begin(), slot_of(node.operands[0]));
    operands.push_back(adjoint);
    const Leaf leaf = *sparse;
    if (operands.size() > kMaxOperands) multiply_two_smallest(operands, node.scope);
    return contract_sparse(leaf, std::move(operands), kept, node.scope, false, i == 0);
  }

  /// A full node plus the adjoint has one operand too many: multiply two of them first.
  void multiply_two_smallest(std::vector<std::uint32_t>& operands, const Scope& scope) {
    std::sort(operands.begin() + 1, operands.end(), [this](std::uint32_t a, std::uint32_t b) {
      return p_.slots[a].entries < p_.slots[b].entries;
    });
    Scope both;
    for (const VariableId v : scope) {
      if (p_.slots[operands[1]].layout.has(v) || p_.slots[operands[2]].layout.has(v)) {
        both.push_back(v);
      }
    }
    operands[1] = contract({operands[1], operands[2]}, both, both, false);
    operands.erase(operands.begin() + 2);
  }

  const ReducedModel& model_;
  Program& p_;
  std::vector<std::int64_t> rank_;
  std::vector<std::uint32_t> parent_;
  std::vector<std::uint32_t> node_of_leaf_;
  std::vector<char> needs_adjoint_;
  std::vector<char> passes_down_;
  std::vector<std::vector<std::size_t>> read_at_message_;
  std::vector<std::vector<std::size_t>> read_at_node_;
  std::set<std::uint32_t> wanted_leaves_;
  /// Leaves by the tables they join and which of their variables are observed.
  std::map<std::vector<const void*>, double> patterns_;
  std::uint32_t one_ = kNoSlot;
};

}  // namespace

Program compile(const ReducedModel& model, Tree tree, ProgramOptions options) {
  Program program;
  program.options = std::move(options);
  program.tree = std::move(tree);
  Compiler(model, program).run();
  return program;
}

bool fits_linear(const Table& table) {
  return table.log_largest() == -kInfinity ||
         table.log_largest() - table.log_smallest() < kLinearRange;
}

}  // namespace credo::contraction
