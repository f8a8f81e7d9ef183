// Greedy elimination.
//
// Eliminating v from the interaction graph connects its neighbours N(v); the
// step's table has prod_{u in N(v) + v} card(u) joint states. Each greedy rule
// picks the next variable by a local score (min-fill, weighted min-fill,
// min-weight; Kjaerulff 1990, Koller & Friedman 2009, section 9.4.3).
//
// Invariants: score[v] is exact for every remaining v. After eliminating v the
// neighbours are recomputed; any other w changes only through a fill edge
// (a, b) with a, b in N(w), and by exactly that edge's weight. The queue holds one
// current entry per remaining variable, and outdated ones, dropped when they prevail.
// Cost: O(sum of d^2) adjacency tests, d = degree when eliminated; min-fill
// another push for every fill edge and common neighbour.

#include <credo/inference/greedy_elimination.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace credo {

namespace {

// Nominal steps of one push into the queue.
constexpr double kStepsPerPush = 20.0;
// Nominal steps between two questions whether to go on, asked between eliminations.
constexpr double kCheckInterval = 1e6;
// The queue is cleared of outdated entries when it is this many times too long.
constexpr std::size_t kMostEntriesPerVariable = 4;
constexpr std::size_t kShortQueue = 1 << 16;

}  // namespace

const char* rule_name(GreedyRule rule) {
  switch (rule) {
    case GreedyRule::min_fill:
      return "min-fill";
    case GreedyRule::weighted_min_fill:
      return "weighted-min-fill";
    case GreedyRule::min_weight:
      return "min-weight";
  }
  return "";
}

GreedyRun::GreedyRun(const OrderProblem& problem, InteractionGraph graph, GreedyRule rule,
                     double noise, std::mt19937_64& random, Pace& pace)
    : problem_(problem),
      graph_(std::move(graph)),
      rule_(rule),
      noise_(noise),
      random_(random),
      pace_(pace),
      remaining_(problem.log2_cardinality.size(), 0),
      score_(problem.log2_cardinality.size(), 0.0),
      version_(problem.log2_cardinality.size(), 0),
      left_(problem.variables.size()) {}

std::optional<OrderCandidate> GreedyRun::run(const std::function<bool()>& may_continue) {
  candidate_.order.reserve(problem_.variables.size());
  for (const VariableId v : problem_.variables) remaining_[v] = 1;
  eliminate_given(first_group_of_search(), /*update_scores=*/false);
  for (const VariableId v : problem_.variables) {
    if (remaining_[v]) rescore(v);
  }
  double next_check = 0.0;
  while (!queue_.empty()) {
    const Entry top = queue_.front();
    if (eliminate_given(top.group, /*update_scores=*/true)) continue;
    std::ranges::pop_heap(queue_, std::less<>{});
    queue_.pop_back();
    if (!is_current(top)) continue;
    eliminate(top.variable, /*update_scores=*/true);
    if (steps_ > next_check) {
      next_check = steps_ + kCheckInterval;
      if (!may_continue()) return std::nullopt;
    }
  }
  return std::move(candidate_);
}

/// The first group with a variable that is not given.
std::uint8_t GreedyRun::first_group_of_search() const {
  std::vector<char> given(remaining_.size(), 0);
  for (const VariableId v : problem_.given) given[v] = 1;
  std::uint8_t first = std::numeric_limits<std::uint8_t>::max();
  for (const VariableId v : problem_.variables) {
    if (!given[v]) first = std::min(first, problem_.group[v]);
  }
  return first;
}

/// Given variables come first in their group, and wait for the groups before it.
bool GreedyRun::eliminate_given(std::uint8_t up_to_group, bool update_scores) {
  const std::size_t before = given_done_;
  while (given_done_ < problem_.given.size() &&
         problem_.group[problem_.given[given_done_]] <= up_to_group) {
    eliminate(problem_.given[given_done_++], update_scores);
  }
  return given_done_ > before;
}

double GreedyRun::edge_weight(VariableId a, VariableId b) const {
  return rule_ == GreedyRule::min_fill ? 1.0 : weight(a) * weight(b);
}

double GreedyRun::exact_score(VariableId v) {
  const auto degree = static_cast<double>(graph_.degree(v));
  if (rule_ == GreedyRule::min_weight) {
    // A hub's sum is at hand.
    steps_ += graph_.is_hub(v) ? 1.0 : degree;
    return graph_.log2_states(v);
  }
  steps_ += degree;
  steps_ += degree * degree / 2.0;
  const std::span<const VariableId> around = graph_.neighbours(v);
  double missing = 0.0;
  for (std::size_t i = 0; i < around.size(); ++i) {
    pace_.count(static_cast<double>(around.size() - i));
    for (std::size_t j = i + 1; j < around.size(); ++j) {
      if (!graph_.adjacent(around[i], around[j])) missing += edge_weight(around[i], around[j]);
    }
  }
  return missing;
}

void GreedyRun::rescore(VariableId v) {
  score_[v] = exact_score(v);
  push(v);
}

void GreedyRun::push(VariableId v) {
  const double uniform = static_cast<double>(random_() >> 11U) * 0x1p-53;
  // Ties are broken at random; with noise, near-ties too.
  const double key = score_[v] * (1.0 + noise_ * uniform) + 1e-6 * uniform;
  queue_.push_back({problem_.group[v], key, ++version_[v], v});
  std::ranges::push_heap(queue_, std::less<>{});
  steps_ += kStepsPerPush;
  pace_.count(kStepsPerPush);
  if (queue_.size() > kMostEntriesPerVariable * left_ + kShortQueue) drop_outdated();
}

bool GreedyRun::is_current(const Entry& entry) const {
  return remaining_[entry.variable] != 0 && entry.version == version_[entry.variable];
}

void GreedyRun::drop_outdated() {
  std::erase_if(queue_, [this](const Entry& entry) { return !is_current(entry); });
  std::ranges::make_heap(queue_, std::less<>{});
}

void GreedyRun::eliminate(VariableId v, bool update_scores) {
  const double states = graph_.log2_states(v);
  candidate_.operations += problem_.cubic ? states * states * states : std::exp2(states);
  candidate_.log2_widest = std::max(candidate_.log2_widest, states);
  candidate_.log2_largest_message = std::max(candidate_.log2_largest_message, states - weight(v));
  candidate_.order.push_back(v);
  remaining_[v] = 0;
  --left_;
  const std::span<const VariableId> around = graph_.neighbours(v);
  around_.assign(around.begin(), around.end());
  graph_.detach(v);
  pace_.count(static_cast<double>(around_.size()) + 10.0);
  steps_ += static_cast<double>(around_.size() * around_.size()) / 2.0;
  if (update_scores && rule_ != GreedyRule::min_weight) {
    connect_with_scores();
  } else {
    steps_ += kStepsPerPush * static_cast<double>(graph_.connect_all(around_, pace_));
  }
  if (!update_scores) return;
  for (const VariableId u : around_) rescore(u);
}

void GreedyRun::connect_with_scores() {
  for (std::size_t i = 0; i < around_.size(); ++i) {
    pace_.count(static_cast<double>(around_.size() - i));
    for (std::size_t j = i + 1; j < around_.size(); ++j) {
      if (graph_.adjacent(around_[i], around_[j])) continue;
      steps_ += kStepsPerPush;
      settle_fill(around_[i], around_[j]);
      graph_.connect(around_[i], around_[j]);
    }
  }
}

/// The pair (a, b) is about to be connected: its common neighbours lack one edge less.
void GreedyRun::settle_fill(VariableId a, VariableId b) {
  const bool first_is_shorter = graph_.degree(a) < graph_.degree(b);
  const std::span<const VariableId> shorter = graph_.neighbours(first_is_shorter ? a : b);
  const VariableId other = first_is_shorter ? b : a;
  steps_ += static_cast<double>(shorter.size());
  pace_.count(static_cast<double>(shorter.size()) + kStepsPerPush);
  for (const VariableId w : shorter) {
    if (remaining_[w] && graph_.adjacent(other, w)) {
      score_[w] -= edge_weight(a, b);
      push(w);
    }
  }
}

}  // namespace credo
