// The interaction graph in one pool of sorted neighbour lists, and bit rows when small.
//
// A list that outgrows its place moves to the end of the pool with twice the room; the pool is
// packed when half of it is waste. A hub's list (thousands of neighbours) is not shortened for each
// neighbour that leaves, and the weight of its neighbours is kept as a running sum: eliminating the
// leaves of a star costs a constant for each.

#include <credo/inference/interaction_graph.hpp>

#include <algorithm>
#include <cassert>

namespace credo {

namespace {

// Above this many variables adjacency tests search sorted lists instead of reading bits.
constexpr std::size_t kBitsetVariables = 8192;
// Neighbours from which a variable is a hub, and below which it is one no longer.
constexpr std::size_t kHubDegree = 4096;
constexpr std::size_t kNoHubDegree = kHubDegree / 2;
// Binary searches are worth it in lists this many times longer than what is looked for.
constexpr std::size_t kLongList = 16;

std::vector<char> flags_of(const OrderProblem& problem) {
  std::vector<char> wanted(problem.log2_cardinality.size(), 0);
  for (const VariableId v : problem.variables) wanted[v] = 1;
  return wanted;
}

}  // namespace

double InteractionGraph::predicted_bytes(const OrderProblem& problem) {
  const std::vector<char> wanted = flags_of(problem);
  double pairs = 0.0;
  for (const Scope& scope : problem.scopes) {
    const auto size = static_cast<double>(
        std::ranges::count_if(scope, [&wanted](VariableId v) { return wanted[v] != 0; }));
    pairs += size * (size - 1.0);
  }
  const auto count = static_cast<double>(wanted.size());
  const double rows = wanted.size() <= kBitsetVariables ? count * count / 8.0 : 0.0;
  const double per_variable = sizeof(List) + sizeof(std::uint32_t) + 2.0 + 2.0 * sizeof(double);
  return pairs * sizeof(VariableId) + rows + count * per_variable;
}

InteractionGraph::InteractionGraph(const OrderProblem& problem, Pace& pace)
    : lists_(problem.log2_cardinality.size()),
      degree_(lists_.size(), 0),
      absent_(lists_.size(), 0),
      is_hub_(lists_.size(), 0),
      around_(lists_.size(), 0.0),
      weight_(problem.log2_cardinality) {
  fill_lists(problem, pace);
  words_ = lists_.size() <= kBitsetVariables ? (lists_.size() + 63) / 64 : 0;
  bits_.assign(words_ * lists_.size(), 0);
  for (VariableId v = 0; v < lists_.size(); ++v) {
    List& list = lists_[v];
    const std::span<VariableId> entries(pool_.data() + list.begin, list.size);
    pace.count(10.0 + 8.0 * static_cast<double>(list.size));
    std::ranges::sort(entries);
    list.size -= static_cast<std::uint32_t>(std::ranges::unique(entries).size());
    degree_[v] = list.size;
    for (const VariableId u : stored(v)) set_bit(v, u);
  }
  in_use_ = pool_.size();
}

/// Every pair of every scope, repeated pairs too: counted first, then placed.
void InteractionGraph::fill_lists(const OrderProblem& problem, Pace& pace) {
  const std::vector<char> wanted = flags_of(problem);
  Scope members;
  const auto members_of = [&wanted, &members](const Scope& scope) {
    members.clear();
    for (const VariableId v : scope) {
      if (wanted[v]) members.push_back(v);
    }
  };
  for (const Scope& scope : problem.scopes) {
    pace.count(static_cast<double>(scope.size()) + 5.0);
    members_of(scope);
    for (const VariableId v : members) {
      lists_[v].capacity += static_cast<std::uint32_t>(members.size() - 1);
    }
  }
  std::size_t end = 0;
  for (List& list : lists_) {
    list.begin = end;
    end += list.capacity;
  }
  pool_.resize(end);
  for (const Scope& scope : problem.scopes) {
    members_of(scope);
    for (const VariableId a : members) {
      pace.count(static_cast<double>(members.size()) + 5.0);
      for (const VariableId b : members) {
        if (a != b) pool_[lists_[a].begin + lists_[a].size++] = b;
      }
    }
  }
}

std::span<const VariableId> InteractionGraph::neighbours(VariableId v) {
  if (lists_[v].size != degree_[v]) forget_absent(v);
  return stored(v);
}

bool InteractionGraph::adjacent(VariableId a, VariableId b) const {
  if (words_ > 0) return (bits_[a * words_ + b / 64] >> (b % 64) & 1) != 0;
  return std::ranges::binary_search(stored(a), b);
}

double InteractionGraph::log2_states(VariableId v) {
  if (is_hub_[v]) return weight_[v] + around_[v];
  double sum = weight_[v];
  for (const VariableId u : neighbours(v)) sum += weight_[u];
  return sum;
}

void InteractionGraph::connect(VariableId a, VariableId b) {
  insert(a, {&b, 1});
  insert(b, {&a, 1});
}

std::size_t InteractionGraph::connect_all(std::span<const VariableId> group, Pace& pace) {
  std::size_t added = 0;
  for (const VariableId a : group) {
    pace.count(static_cast<double>(group.size()));
    missing_.clear();
    const std::span<const VariableId> list = stored(a);
    if (words_ > 0 || list.size() > kLongList * group.size()) {
      std::ranges::copy_if(group, std::back_inserter(missing_),
                           [&](VariableId b) { return b != a && !adjacent(a, b); });
    } else {
      pace.count(static_cast<double>(list.size()));
      std::ranges::set_difference(group, list, std::back_inserter(missing_));
      std::erase(missing_, a);
    }
    if (missing_.empty()) continue;
    pace.count(static_cast<double>(list.size()));
    added += missing_.size();
    insert(a, missing_);
  }
  return added / 2;
}

void InteractionGraph::detach(VariableId v) {
  absent_[v] = 1;
  in_use_ -= lists_[v].capacity;
  for (const VariableId u : neighbours(v)) {
    --degree_[u];
    if (!is_hub_[u] && degree_[u] >= kHubDegree) {
      is_hub_[u] = 1;
      around_[u] = 0.0;
      for (const VariableId w : stored(u)) around_[u] += weight_[w];
    }
    if (is_hub_[u]) {
      around_[u] -= weight_[v];
      if (degree_[u] >= kNoHubDegree) continue;
      is_hub_[u] = 0;
      forget_absent(u);
      continue;
    }
    List& list = lists_[u];
    VariableId* const begin = pool_.data() + list.begin;
    VariableId* const end = begin + list.size;
    VariableId* const place = std::lower_bound(begin, end, v);
    std::move(place + 1, end, place);
    --list.size;
  }
}

void InteractionGraph::set_bit(VariableId a, VariableId b) {
  if (words_ > 0) bits_[a * words_ + b / 64] |= std::uint64_t{1} << (b % 64);
}

/// Room for `size` entries.
void InteractionGraph::reserve(VariableId v, std::size_t size) {
  if (size <= lists_[v].capacity) return;
  const std::size_t capacity = 2 * size + 4;
  if (pool_.size() + capacity > pool_.capacity() && 2 * in_use_ < pool_.size()) pack();
  List& list = lists_[v];
  const std::size_t begin = pool_.size();
  pool_.resize(begin + capacity);
  std::copy_n(pool_.begin() + static_cast<std::ptrdiff_t>(list.begin), list.size,
              pool_.begin() + static_cast<std::ptrdiff_t>(begin));
  in_use_ += capacity - list.capacity;
  list.begin = begin;
  list.capacity = static_cast<std::uint32_t>(capacity);
}

/// Moves the lists together.
void InteractionGraph::pack() {
  std::vector<VariableId> packed;
  packed.reserve(2 * in_use_);
  for (List& list : lists_) {
    const auto from = pool_.begin() + static_cast<std::ptrdiff_t>(list.begin);
    list.begin = packed.size();
    if (absent_[static_cast<std::size_t>(&list - lists_.data())]) list.size = list.capacity = 0;
    packed.insert(packed.end(), from, from + list.size);
    packed.resize(list.begin + list.capacity);
  }
  pool_ = std::move(packed);
}

/// Merges variables that a does not have, sorted, into its list, from the back.
void InteractionGraph::insert(VariableId a, std::span<const VariableId> added) {
  reserve(a, lists_[a].size + added.size());
  List& list = lists_[a];
  VariableId* const entries = pool_.data() + list.begin;
  std::size_t from = list.size;
  std::size_t to = list.size + added.size();
  for (std::size_t i = added.size(); i-- > 0;) {
    set_bit(a, added[i]);
    if (is_hub_[a]) around_[a] += weight_[added[i]];
    while (from > 0 && entries[from - 1] > added[i]) entries[--to] = entries[--from];
    entries[--to] = added[i];
  }
  list.size += static_cast<std::uint32_t>(added.size());
  degree_[a] += static_cast<std::uint32_t>(added.size());
}

void InteractionGraph::forget_absent(VariableId v) {
  List& list = lists_[v];
  VariableId* const begin = pool_.data() + list.begin;
  VariableId* const end =
      std::remove_if(begin, begin + list.size, [this](VariableId u) { return absent_[u] != 0; });
  list.size = static_cast<std::uint32_t>(end - begin);
  assert(list.size == degree_[v]);
}

}  // namespace credo
