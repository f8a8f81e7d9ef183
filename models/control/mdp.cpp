#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/mdp.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

// Validation first, line by line so that messages can say which; then one
// counting sort of the lines into compressed rows over (s, a).

namespace credo::control {
namespace {

constexpr double kSumTolerance = 1e-9;

[[noreturn]] void fail(const std::string& what) { throw ModelError("Mdp: " + what); }

void check_names(const std::vector<std::string>& names, std::size_t count, const char* what) {
  if (!names.empty() && names.size() != count) {
    fail(fmt::format("got {} {}, expected {} or none", names.size(), what, count));
  }
}

void check_sizes(const MdpDescription& d) {
  if (d.states == 0 || d.actions == 0) {
    fail(fmt::format("got {} states and {} actions, expected at least 1 of each", d.states,
                     d.actions));
  }
  // Also keeps a short file from declaring sizes that would exhaust memory.
  if (d.states > d.transitions.size() + d.terminal.size()) {
    fail(
        fmt::format("{} states but only {} transitions and {} terminal states: every state needs "
                    "an action or must be terminal",
                    d.states, d.transitions.size(), d.terminal.size()));
  }
  if (d.actions > std::max<std::size_t>(1, d.transitions.size())) {
    fail(fmt::format("{} actions but only {} transitions: every action must be available somewhere",
                     d.actions, d.transitions.size()));
  }
  if (!(d.discount > 0.0 && d.discount <= 1.0)) {
    fail(fmt::format("discount {}, expected a number in (0, 1]", d.discount));
  }
  check_names(d.state_names, d.states, "state names");
  check_names(d.action_names, d.actions, "action names");
}

void check_vectors(const MdpDescription& d) {
  if (d.initial.size() != d.states) {
    fail(fmt::format("initial distribution has {} entries, expected {}", d.initial.size(),
                     d.states));
  }
  double sum = 0.0;
  for (std::size_t s = 0; s < d.states; ++s) {
    if (!(d.initial[s] >= 0.0 && d.initial[s] <= 1.0 + kSumTolerance)) {
      fail(fmt::format("initial probability of state {} is {}, expected a number in [0, 1]", s,
                       d.initial[s]));
    }
    sum += d.initial[s];
  }
  if (!(std::fabs(sum - 1.0) <= kSumTolerance)) {
    fail(fmt::format("initial distribution sums to {}, expected 1", sum));
  }
  if (!d.final_reward.empty() && d.final_reward.size() != d.states) {
    fail(fmt::format("final reward has {} entries, expected {} or none", d.final_reward.size(),
                     d.states));
  }
  for (std::size_t s = 0; s < d.final_reward.size(); ++s) {
    if (!std::isfinite(d.final_reward[s])) {
      fail(fmt::format("final reward of state {} is {}, expected a finite number", s,
                       d.final_reward[s]));
    }
  }
}

void check_line(const MdpDescription& d, std::size_t i) {
  const Transition& line = d.transitions[i];
  const std::string where = fmt::format("transition {} [{}, {}, {}, {}, {}]", i, line.state,
                                        line.action, line.next, line.probability, line.reward);
  if (line.state >= d.states || line.next >= d.states) {
    fail(fmt::format("{}: state {} out of range, expected 0 to {}", where,
                     line.state >= d.states ? line.state : line.next, d.states - 1));
  }
  if (line.action >= d.actions) {
    fail(fmt::format("{}: action {} out of range, expected 0 to {}", where, line.action,
                     d.actions - 1));
  }
  if (!(line.probability >= 0.0 && line.probability <= 1.0 + kSumTolerance)) {
    fail(fmt::format("{}: probability {}, expected a number in [0, 1]", where, line.probability));
  }
  if (!std::isfinite(line.reward)) {
    fail(fmt::format("{}: reward {}, expected a finite number; to forbid an action leave it out",
                     where, line.reward));
  }
}

void check_layout(const MdpDescription& d) {
  if (!d.layout) return;
  const GridLayout& grid = *d.layout;
  const std::size_t cells = grid.rows * grid.columns;
  if (grid.cells.size() != cells || grid.state_of_cell.size() != cells) {
    fail(fmt::format("grid of {} x {} has {} characters and {} states, expected {} of each",
                     grid.rows, grid.columns, grid.cells.size(), grid.state_of_cell.size(), cells));
  }
  if (grid.moves.size() != d.actions) {
    fail(fmt::format("grid has {} moves, expected one per action, {}", grid.moves.size(),
                     d.actions));
  }
  for (const std::size_t s : grid.state_of_cell) {
    if (s != kNoState && s >= d.states) {
      fail(fmt::format("grid cell with state {}, expected 0 to {}", s, d.states - 1));
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
  std::vector<char> action_used(d.actions, d.transitions.empty() ? 1 : 0);
  for (const Transition& line : d.transitions) {
    ++result.begin[pair_of(line) + 1];
    action_used[line.action] = 1;
  }
  for (std::size_t a = 0; a < d.actions; ++a) {
    if (action_used[a] == 0) fail(fmt::format("action {} is never available", a));
  }
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
    fail(
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
  std::sort(d.terminal.begin(), d.terminal.end());
  d.terminal.erase(std::unique(d.terminal.begin(), d.terminal.end()), d.terminal.end());
  normalize(d.initial);
  terminal_.assign(d.states, 0);
  for (const std::size_t s : d.terminal) {
    if (s >= d.states) {
      fail(fmt::format("terminal state {} out of range, expected 0 to {}", s, d.states - 1));
    }
    terminal_[s] = 1;
  }
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
      fail(fmt::format("state {} has no action and is not terminal", s));
    }
  }
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
  return description_.state_names.empty() ? std::to_string(state)
                                          : description_.state_names.at(state);
}

std::string Mdp::action_name(std::size_t action) const {
  return description_.action_names.empty() ? std::to_string(action)
                                           : description_.action_names.at(action);
}

}  // namespace credo::control
