#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/description_error.hpp>
#include <credo/models/control/mdp.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

// Validation first, line by line so that messages can say which; then one
// counting sort of the lines into compressed rows over (s, a).

namespace credo::control {
namespace {

constexpr double kSumTolerance = 1e-9;

using Element = std::optional<std::size_t>;

[[noreturn]] void fail(const char* member, Element element, const std::string& what) {
  throw DescriptionError(member, element, "Mdp: " + what);
}

/// The smallest state that no transition leaves and that is not terminal.
std::size_t first_missing_state(const MdpDescription& d) {
  std::set<std::size_t> known(d.terminal.begin(), d.terminal.end());
  for (const Transition& line : d.transitions) known.insert(line.state);
  std::size_t missing = 0;
  while (known.contains(missing)) ++missing;
  return missing;
}

/// Pairs (s, a) have a row each, whether available or not: no more than what some lines justify, so
/// that a short file cannot exhaust memory by declaring sizes.
constexpr std::uint64_t kPairsForFree = std::uint64_t{1} << 20;
constexpr std::uint64_t kPairsPerLine = 1024;

void check_sizes(const MdpDescription& d) {
  if (d.states == 0) fail("states", {}, "0 states, expected at least 1");
  if (d.actions == 0) fail("actions", {}, "0 actions, expected at least 1");
  const std::size_t lines = d.transitions.size() + d.terminal.size();
  if (d.states > lines) {
    fail("states", {},
         fmt::format("{} states, but state {} has no action and is not terminal", d.states,
                     first_missing_state(d)));
  }
  const std::vector<std::size_t> shape = {d.states, d.actions};
  const std::uint64_t most = std::max<std::uint64_t>(kPairsForFree, kPairsPerLine * lines);
  if (saturating_product(shape) > most) {
    fail("actions", {},
         fmt::format("{} states x {} actions with only {} transitions, expected at most {} pairs",
                     d.states, d.actions, d.transitions.size(), most));
  }
  if (!(d.discount > 0.0 && d.discount <= 1.0)) {
    fail("discount", {}, fmt::format("discount {}, expected a number in (0, 1]", d.discount));
  }
  require_names("Mdp", "state_names", d.state_names, d.states);
  require_names("Mdp", "action_names", d.action_names, d.actions);
}

void check_vectors(const MdpDescription& d) {
  if (d.initial.size() != d.states) {
    fail("initial", {},
         fmt::format("initial distribution has {} entries, expected {}", d.initial.size(),
                     d.states));
  }
  double sum = 0.0;
  for (std::size_t s = 0; s < d.states; ++s) {
    if (!(d.initial[s] >= 0.0 && d.initial[s] <= 1.0 + kSumTolerance)) {
      fail("initial", s,
           fmt::format("initial probability of state {} is {}, expected a number in [0, 1]", s,
                       d.initial[s]));
    }
    sum += d.initial[s];
  }
  if (!(std::fabs(sum - 1.0) <= kSumTolerance)) {
    fail("initial", {}, fmt::format("initial distribution sums to {}, expected 1", sum));
  }
  if (!d.final_reward.empty() && d.final_reward.size() != d.states) {
    fail("final_reward", {},
         fmt::format("final reward has {} entries, expected {} or none", d.final_reward.size(),
                     d.states));
  }
  for (std::size_t s = 0; s < d.final_reward.size(); ++s) {
    if (!std::isfinite(d.final_reward[s])) {
      fail("final_reward", s,
           fmt::format("final reward of state {} is {}, expected a finite number", s,
                       d.final_reward[s]));
    }
  }
}

void check_line(const MdpDescription& d, std::size_t i) {
  const Transition& line = d.transitions[i];
  const std::string where = fmt::format("transition {} [{}, {}, {}, {}, {}]", i, line.state,
                                        line.action, line.next, line.probability, line.reward);
  if (line.state >= d.states || line.next >= d.states) {
    fail("transitions", i,
         fmt::format("{}: state {} out of range, expected 0 to {}", where,
                     line.state >= d.states ? line.state : line.next, d.states - 1));
  }
  if (line.action >= d.actions) {
    fail("transitions", i,
         fmt::format("{}: action {} out of range, expected 0 to {}", where, line.action,
                     d.actions - 1));
  }
  if (!(line.probability >= 0.0 && line.probability <= 1.0 + kSumTolerance)) {
    fail("transitions", i,
         fmt::format("{}: probability {}, expected a number in [0, 1]", where, line.probability));
  }
  if (!std::isfinite(line.reward)) {
    fail("transitions", i,
         fmt::format("{}: reward {}, expected a finite number; to forbid an action leave it out",
                     where, line.reward));
  }
}

void check_layout(const MdpDescription& d) {
  if (!d.layout) return;
  const GridLayout& grid = *d.layout;
  const std::size_t cells = grid.rows * grid.columns;
  if (grid.cells.size() != cells || grid.state_of_cell.size() != cells) {
    fail("grid", {},
         fmt::format("grid of {} x {} has {} characters and {} states, expected {} of each",
                     grid.rows, grid.columns, grid.cells.size(), grid.state_of_cell.size(), cells));
  }
  if (grid.moves.size() != d.actions) {
    fail("grid", {},
         fmt::format("grid has {} moves, expected one per action, {}", grid.moves.size(),
                     d.actions));
  }
  for (const std::size_t s : grid.state_of_cell) {
    if (s != kNoState && s >= d.states) {
      fail("grid", {}, fmt::format("grid cell with state {}, expected 0 to {}", s, d.states - 1));
    }
  }
}

/// Places of the lines of every (s, a), in their order: a counting sort.
struct LinesByPair {
  std::vector<std::size_t> begin;
  std::vector<std::size_t> line;
};

LinesByPair sort_lines(const MdpDescription& d) {
  LinesByPair result{std::vector<std::size_t>(d.states * d.actions + 1, 0),
                     std::vector<std::size_t>(d.transitions.size())};
  const auto pair_of = [&d](const Transition& line) {
    return line.state * d.actions + line.action;
  };
  for (const Transition& line : d.transitions) ++result.begin[pair_of(line) + 1];
  std::partial_sum(result.begin.begin(), result.begin.end(), result.begin.begin());
  std::vector<std::size_t> place(result.begin.begin(), result.begin.end() - 1);
  for (std::size_t i = 0; i < d.transitions.size(); ++i) {
    result.line[place[pair_of(d.transitions[i])]++] = i;
  }
  return result;
}

/// Equal (next, reward) are one outcome: their probabilities add.
void merge_row(std::vector<Outcome>& row) {
  std::sort(row.begin(), row.end(), [](const Outcome& a, const Outcome& b) {
    return std::tie(a.next, a.reward) < std::tie(b.next, b.reward);
  });
  std::size_t kept = 0;
  for (const Outcome& o : row) {
    if (kept > 0 && row[kept - 1].next == o.next && row[kept - 1].reward == o.reward) {
      row[kept - 1].probability += o.probability;
    } else {
      row[kept++] = o;
    }
  }
  row.resize(kept);
}

std::vector<Outcome> make_row(const MdpDescription& d, const LinesByPair& lines, std::size_t s,
                              std::size_t a) {
  const std::size_t begin = lines.begin[s * d.actions + a];
  const std::size_t end = lines.begin[s * d.actions + a + 1];
  std::vector<Outcome> row;
  double sum = 0.0;
  for (std::size_t k = begin; k < end; ++k) {
    const Transition& line = d.transitions[lines.line[k]];
    sum += line.probability;
    if (line.probability > 0.0) {
      row.push_back({static_cast<std::uint32_t>(line.next), line.probability, line.reward});
    }
  }
  if (begin < end && !(std::fabs(sum - 1.0) <= kSumTolerance)) {
    fail("transitions", lines.line[begin],
         fmt::format("probabilities of state {} action {} ({} transitions, the first is number {}) "
                     "sum to {}, expected 1",
                     s, a, end - begin, lines.line[begin], sum));
  }
  merge_row(row);
  for (Outcome& o : row) o.probability /= sum;
  return row;
}

}  // namespace

Mdp::Mdp(MdpDescription description) : description_(std::move(description)) {
  MdpDescription& d = description_;
  check_sizes(d);
  check_vectors(d);
  check_layout(d);
  for (std::size_t i = 0; i < d.terminal.size(); ++i) {
    if (d.terminal[i] < d.states) continue;
    fail("terminal", i,
         fmt::format("terminal state {} out of range, expected 0 to {}", d.terminal[i],
                     d.states - 1));
  }
  std::sort(d.terminal.begin(), d.terminal.end());
  d.terminal.erase(std::unique(d.terminal.begin(), d.terminal.end()), d.terminal.end());
  normalize(d.initial);
  terminal_.assign(d.states, 0);
  for (const std::size_t s : d.terminal) terminal_[s] = 1;
  for (std::size_t i = 0; i < d.transitions.size(); ++i) check_line(d, i);
  store_outcomes();
  d.transitions = {};
}

void Mdp::store_outcomes() {
  const MdpDescription& d = description_;
  const LinesByPair lines = sort_lines(d);
  row_begin_.assign(1, 0);
  row_begin_.reserve(d.states * d.actions + 1);
  for (std::size_t s = 0; s < d.states; ++s) {
    const std::size_t before = outcomes_.size();
    for (std::size_t a = 0; a < d.actions; ++a) {
      std::vector<Outcome> row = make_row(d, lines, s, a);
      if (terminal_[s] != 0) row.assign(1, {static_cast<std::uint32_t>(s), 1.0, 0.0});
      for (const Outcome& o : row) {
        if (o.reward != row.front().reward) reward_depends_on_outcome_ = true;
        largest_reward_ = outcomes_.empty() ? o.reward : std::max(largest_reward_, o.reward);
        outcomes_.push_back(o);
      }
      row_begin_.push_back(outcomes_.size());
    }
    if (outcomes_.size() == before) {
      fail("states", {}, fmt::format("state {} has no action and is not terminal", s));
    }
  }
}

std::vector<std::size_t> Mdp::unused_actions() const {
  std::vector<char> used(action_count(), 0);
  for (std::size_t s = 0; s < state_count(); ++s) {
    for (std::size_t a = 0; a < action_count() && !is_terminal(s); ++a) {
      if (is_available(s, a)) used[a] = 1;
    }
  }
  std::vector<std::size_t> result;
  for (std::size_t a = 0; a < used.size(); ++a) {
    if (used[a] == 0) result.push_back(a);
  }
  return result;
}

std::optional<std::size_t> Mdp::endless_state() const {
  std::vector<std::vector<std::size_t>> before(state_count());
  for (std::size_t row = 0; row + 1 < row_begin_.size(); ++row) {
    for (std::size_t i = row_begin_[row]; i < row_begin_[row + 1]; ++i) {
      before[outcomes_[i].next].push_back(row / action_count());
    }
  }
  std::vector<char> ends = terminal_;
  std::vector<std::size_t> open = description_.terminal;
  while (!open.empty()) {
    const std::size_t state = open.back();
    open.pop_back();
    for (const std::size_t s : before[state]) {
      if (std::exchange(ends[s], 1) == 0) open.push_back(s);
    }
  }
  const auto endless = std::find(ends.begin(), ends.end(), 0);
  if (endless == ends.end()) return std::nullopt;
  return static_cast<std::size_t>(endless - ends.begin());
}

std::string Mdp::state_name(std::size_t state) const {
  require_index("Mdp", "state", state, state_count());
  return description_.state_names.empty() ? std::to_string(state) : description_.state_names[state];
}

std::string Mdp::action_name(std::size_t action) const {
  require_index("Mdp", "action", action, action_count());
  return description_.action_names.empty() ? std::to_string(action)
                                           : description_.action_names[action];
}

}  // namespace credo::control
