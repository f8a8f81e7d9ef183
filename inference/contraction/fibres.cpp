// A sparse leaf is sorted once by the states of the variables that its node keeps; the entries at
// decided states are then neighbours. Variables of the node that the leaf does not have are counted
// through for every entry.
// Cost: entries times their logarithm once per leaf pattern, then the entries that are visited.
// Memory: 16 bytes per entry.

#include <credo/inference/contraction/fibres.hpp>

#include <algorithm>

namespace credo::contraction {

namespace {

std::uint64_t joint_of(const ReducedModel& model, const Scope& scope,
                       const std::vector<std::size_t>& states) {
  std::uint64_t joint = 0;
  for (const VariableId v : scope) joint = joint * model.cardinality[v] + states[v];
  return joint;
}

/// Calls body(states over the pattern's variables) for every stored entry, row by row.
template <typename Body>
void for_each_entry(const SparseValues& sparse, const Body& body) {
  const std::size_t rank = sparse.shape.size();
  std::vector<std::uint64_t> state(rank, 0);
  for (std::size_t r = 0; r < sparse.row_index.size(); ++r) {
    std::uint64_t rest = sparse.row_index[r];
    for (std::size_t d = rank - 1; d-- > 0;) {
      state[d] = rest % sparse.shape[d];
      rest /= sparse.shape[d];
    }
    for (std::uint64_t j = sparse.row_begin[r]; j < sparse.row_begin[r + 1]; ++j) {
      state[rank - 1] = sparse.column[j];
      body(state);
    }
  }
}

}  // namespace

const Fibres::Index& Fibres::index_of(const SparseValues& sparse,
                                      const std::vector<std::size_t>& kept,
                                      const std::vector<std::size_t>& eliminated) {
  std::vector<std::size_t> places = kept;
  places.push_back(sparse.shape.size());  // no place: ends the first list
  places.insert(places.end(), eliminated.begin(), eliminated.end());
  const auto [at, is_new] = indices_.try_emplace({&sparse, std::move(places)});
  Index& index = at->second;
  if (!is_new) return index;
  index.reserve(sparse.values.size());
  const auto key = [&sparse](const std::vector<std::uint64_t>& state,
                             const std::vector<std::size_t>& over) {
    std::uint64_t k = 0;
    for (const std::size_t d : over) k = k * sparse.shape[d] + state[d];
    return k;
  };
  for_each_entry(sparse, [&](const std::vector<std::uint64_t>& state) {
    monitor_.count(static_cast<double>(state.size()), "contract", 1.0);
    index.emplace_back(key(state, kept), key(state, eliminated));
  });
  std::ranges::sort(index, [this](const auto& a, const auto& b) {
    monitor_.count(1.0, "contract", 1.0);
    return a < b;
  });
  return index;
}

std::vector<std::uint64_t> Fibres::stored_joints(const Node& node,
                                                 std::vector<std::size_t>& states) {
  const Operand& driver = node.operands.front();
  const Scope& scope = execution_.program().tree.leaves[driver.index].scope;
  std::vector<std::size_t> kept;
  std::vector<std::size_t> eliminated;
  Scope stored;  // the eliminated variables that the leaf has, and those it has not
  Scope extra;
  std::uint64_t kept_key = 0;
  const auto is_eliminated = [&node](VariableId v) {
    return std::ranges::find(node.eliminated, v) != node.eliminated.end();
  };
  for (std::size_t d = 0; d < scope.size(); ++d) {
    if (is_eliminated(scope[d])) continue;
    kept.push_back(d);
    kept_key = kept_key * model_.cardinality[scope[d]] + states[scope[d]];
  }
  for (const VariableId v : node.eliminated) {
    const auto at = std::ranges::find(scope, v);
    (at == scope.end() ? extra : stored).push_back(v);
    if (at != scope.end()) eliminated.push_back(static_cast<std::size_t>(at - scope.begin()));
  }
  const Index& index = index_of(*execution_.leaf(driver.index).sparse, kept, eliminated);
  std::vector<std::uint64_t> joints;
  for (auto at = std::ranges::lower_bound(index, std::pair(kept_key, std::uint64_t{0}));
       at != index.end() && at->first == kept_key; ++at) {
    model_.set_states(stored, at->second, states);
    do {
      monitor_.count(static_cast<double>(node.eliminated.size()), "contract", 1.0);
      joints.push_back(joint_of(model_, node.eliminated, states));
    } while (model_.next_states(extra, states));
  }
  if (!extra.empty()) std::ranges::sort(joints);
  return joints;
}

}  // namespace credo::contraction
