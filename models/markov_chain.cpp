#include <credo/core/error.hpp>
#include <credo/core/expansion_limit.hpp>
#include <credo/models/markov_chain.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

// First passage by the slice V(x) = next over x' of (score + V(x')), V = 0 in the targets:
//   expectation, score -1      V = -E[T]
//   log-mean-exp, score 0      V = log P(T < infinity)
//   log-mean-exp, score -cost  V = log E[exp(-cost T)]
// States from which the answer is 0 or infinite by the arcs alone are found first, on the graph;
// they have no choice in the slice, so that their message is -infinity. Cost: one search along
// the arcs and the fixed point. Kemeny and Snell 1960, chapter 3.

namespace credo {
namespace {

constexpr double kRowTolerance = 1e-9;
/// Each is a variable and a factor.
constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 24;

}  // namespace

MarkovChain::MarkovChain(std::size_t states, std::span<const MarkovTransition> transitions) {
  if (states == 0) throw ModelError("a Markov chain of 0 states, expected at least 1");
  if (states > transitions.size()) {
    throw ModelError(fmt::format(
        "a Markov chain of {} states, expected at least one transition of each, got {} in all",
        states, transitions.size()));
  }
  std::vector<double> sum(states, 0.0);
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    const MarkovTransition& t = transitions[i];
    if (t.from >= states || t.to >= states) {
      throw ModelError(fmt::format("transition {} leads from {} to {}, expected states below {}", i,
                                   t.from, t.to, states));
    }
    if (!(t.probability >= 0.0 && t.probability <= 1.0 + kRowTolerance)) {
      throw ModelError(fmt::format("transition {} ({} to {}) has probability {}, expected [0, 1]",
                                   i, t.from, t.to, t.probability));
    }
    sum[t.from] += t.probability;
  }
  for (std::size_t x = 0; x < states; ++x) {
    if (!(std::fabs(sum[x] - 1.0) <= kRowTolerance)) {
      throw ModelError(fmt::format("transitions of state {} sum to {}, expected 1", x, sum[x]));
    }
  }
  std::vector<SparseEntry> entries;
  entries.reserve(transitions.size());
  for (const MarkovTransition& t : transitions) {
    if (t.probability > 0.0) {
      entries.push_back({t.from * states + t.to, t.probability / sum[t.from]});
    }
  }
  transition_ = Table::sparse({states, states}, std::move(entries));
}

std::vector<double> MarkovChain::distribution_after(std::size_t steps,
                                                    std::span<const double> initial) const {
  if (initial.size() != state_count()) {
    throw ModelError(fmt::format("initial distribution of {} entries, expected {}", initial.size(),
                                 state_count()));
  }
  require_expandable("Markov chain, steps", static_cast<double>(steps), kMostSteps,
                     "ask for fewer, or go on from the distribution so far", 512.0);
  FactorGraph graph;
  VariableId last = graph.add_variable("x_0", state_count());
  graph.add_conditional({last}, last,
                        Table::dense({state_count()}, {initial.begin(), initial.end()}));
  for (std::size_t t = 1; t <= steps; ++t) {
    const VariableId next = graph.add_variable(fmt::format("x_{}", t), state_count());
    graph.add_conditional({last, next}, next, transition_);
    last = next;
  }
  return infer_exactly(graph, {}, Query::marginals({last})).marginal(last);
}

std::vector<char> MarkovChain::marked(std::span<const std::size_t> targets) const {
  if (targets.empty()) throw ModelError("no target states, expected at least one");
  std::vector<char> mark(state_count(), 0);
  for (const std::size_t x : targets) {
    if (x >= state_count()) {
      throw ModelError(fmt::format("target state {}, expected a state below {}", x, state_count()));
    }
    mark[x] = 1;
  }
  return mark;
}

std::vector<char> MarkovChain::reaching(const std::vector<char>& targets,
                                        const std::vector<char>& blocked) const {
  const std::size_t states = state_count();
  std::vector<std::vector<std::size_t>> before(states);
  for (const std::uint64_t index : transition_.stored_indices()) {
    before[index % states].push_back(index / states);
  }
  std::vector<char> found = targets;
  std::vector<std::size_t> open;
  for (std::size_t x = 0; x < states; ++x) {
    if (found[x] != 0) open.push_back(x);
  }
  while (!open.empty()) {
    const std::size_t x = open.back();
    open.pop_back();
    for (const std::size_t y : before[x]) {
      if (found[y] != 0 || blocked[y] != 0) continue;
      found[y] = 1;
      open.push_back(y);
    }
  }
  return found;
}

PassageAnswer MarkovChain::passage(const std::vector<char>& target,
                                   const std::vector<char>& excluded, NextKind kind, double score,
                                   const StationaryOptions& options) const {
  const std::size_t states = state_count();
  SliceDescription slice;
  slice.contexts = states;
  slice.next_kind = kind;
  slice.choice_kind = ChoiceKind::arg_max;
  slice.row_score.assign(states, score);
  slice.end_probability.assign(states, 0.0);
  slice.begin.push_back(0);
  const Table::Rows rows = transition_.rows();
  for (std::size_t x = 0; x < states; ++x) {  // every state has a row: its entries sum to 1
    if (excluded[x] != 0) slice.row_score[x] = -kInfinity;
    if (target[x] != 0) slice.row_score[x] = 0.0, slice.end_probability[x] = 1.0;
    for (std::uint64_t e = rows.begin[x]; e < rows.begin[x + 1]; ++e) {
      if (target[x] != 0 || excluded[x] != 0) break;
      const std::uint32_t next = rows.column[e];
      if (target[next] != 0) {
        slice.end_probability[x] += transition_.values()[e];
      } else {
        slice.next.push_back(next);
        slice.probability.push_back(transition_.values()[e]);
      }
    }
    slice.begin.push_back(slice.next.size());
  }
  StationaryResult result = solve_stationary(Slice(std::move(slice)), options);
  return {.status = result.status,
          .message = std::move(result.message),
          .value = std::move(result.value),
          .error_bound = result.error_bound,
          .certificate = std::move(result.certificate)};
}

PassageAnswer MarkovChain::log_reach_probability(std::span<const std::size_t> targets,
                                                 const StationaryOptions& options) const {
  return log_discounted_passage(targets, 0.0, options);
}

PassageAnswer MarkovChain::log_discounted_passage(std::span<const std::size_t> targets, double cost,
                                                  const StationaryOptions& options) const {
  if (!(cost >= 0.0 && cost < kInfinity)) {
    throw OptionError(fmt::format("cost {}, expected a finite number of at least 0", cost));
  }
  const std::vector<char> target = marked(targets);
  std::vector<char> never = reaching(target, target);
  for (char& x : never) x = x == 0 ? 1 : 0;
  return passage(target, never, NextKind::charged, -cost, options);
}

PassageAnswer MarkovChain::expected_steps(std::span<const std::size_t> targets,
                                          const StationaryOptions& options) const {
  const std::vector<char> target = marked(targets);
  std::vector<char> never = reaching(target, target);
  for (char& x : never) x = x == 0 ? 1 : 0;
  // Whoever can come to such a state before a target waits for ever with positive probability.
  const std::vector<char> infinite =
      std::find(never.begin(), never.end(), 1) == never.end() ? never : reaching(never, target);
  PassageAnswer answer = passage(target, infinite, NextKind::clamped, -1.0, options);
  for (double& x : answer.value) x = 0.0 - x;
  return answer;
}

}  // namespace credo
