// Structured variational elimination: one reverse sweep.
//
// For v in the order of the plan, J = the sum of the scores that mention v:
//   clamped   U = sum_x k J              0 * -infinity = 0; a row without any entry gives -infinity
//   free      U = w log sum_x m exp(J / w),       q = m exp((J - U) / w)
//   charged   the same with w = rho, m = k; rho < 0 minimises
//   arg-max   U = max_x J,                        q = 1 on the first maximum
// U takes the place of the scores it came from; the scalar left is max L. Maximising each row of
// q_v with everything below already optimal is globally optimal, because no score above v depends
// on q_v (Lauritzen and Nilsson 2001; Wiegerinck 2000 for the soft rule).
// Invariant: scores_[i] is alive until the step that consumes it.
// Cost: stored entries x scores per step; rows are in the natural order of tables.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/entry_loop.hpp>
#include <credo/inference/variational/row_rule.hpp>
#include <credo/inference/variational/sweep.hpp>
#include <credo/inference/variational/table_arrangement.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace credo::variational {

namespace {

constexpr std::size_t kCheckRows = 1 << 16;

class Sweep {
 public:
  Sweep(const Problem& problem, const SweepPlan& plan, const SweepSettings& settings,
        contraction::Monitor& monitor)
      : problem_(problem), plan_(plan), settings_(settings), monitor_(monitor) {}

  SweepAnswer run() {
    scores_.resize(plan_.score_count);
    answer_.conditionals.resize(settings_.conditionals ? problem_.nodes.size() : 0);
    for (std::size_t s = 0; s < problem_.scores.size() && s < settings_.score_limit; ++s) {
      scores_[s] = problem_.scores[s];
      if (scores_[s]->scope.empty()) total_.add(scores_[s]->table.log_at(0));
    }
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      fraction_ = static_cast<double>(i) / static_cast<double>(plan_.steps.size());
      monitor_.check("sweep", fraction_);
      const SweepStep& step = plan_.steps[i];
      const Node& node = problem_.nodes[step.node];
      if (node.optimised()) {
        optimise(step, step.groups.front());
      } else {
        if (settings_.conditionals) answer_.conditionals[step.node] = *node.table;
        for (const ScoreGroup& group : step.groups) expect(node, group);
      }
      for (const ScoreGroup& group : step.groups) {
        for (const std::size_t s : group.scores) scores_[s].reset();
      }
    }
    answer_.value = total_.value();
    return std::move(answer_);
  }

 private:
  [[nodiscard]] std::vector<ScoreReader> readers(const ScoreGroup& group, const Scope& scope,
                                                 const EntryPattern& pattern) {
    std::vector<ScoreReader> result;
    for (const std::size_t s : group.scores) {
      if (!scores_[s]) continue;  // left out
      result.emplace_back(*scores_[s], *problem_.graph, scope, pattern, group.extra, places_);
    }
    return result;
  }

  /// The sparsest table over all of (parents, child): the places where q may be positive.
  [[nodiscard]] std::optional<Table> support(const Node& node, const ScoreGroup& group) {
    std::optional<Table> best;
    const auto consider = [&](const Table& table) {
      if (table.is_sparse() && (!best || table.stored() < best->stored())) best = table;
    };
    if (node.table) consider(*node.table);
    // A negative charge looks for the worst: impossible is what it finds, not what it leaves out.
    if (node.kind == ConditionalKind::charged && node.weight < 0.0) return best;
    const Scope scope = Problem::scope_of(node);
    for (const std::size_t s : group.scores) {
      if (scores_[s] && scores_[s]->scope.size() == scope.size() && scores_[s]->table.is_sparse()) {
        consider(reordered(*scores_[s], scope));
      }
    }
    return best;
  }

  /// A score over the same variables in another order. Once per table.
  [[nodiscard]] Table reordered(const Score& score, const Scope& scope) {
    if (score.scope == scope) return score.table;
    std::vector<std::size_t> kept;
    std::vector<std::uint64_t> key{reinterpret_cast<std::uintptr_t>(score.table.identity())};
    for (const VariableId v : scope) {
      const auto at = std::ranges::find(score.scope, v) - score.scope.begin();
      kept.push_back(static_cast<std::size_t>(at));
      key.push_back(kept.back());
    }
    auto known = reordered_.find(key);
    if (known == reordered_.end()) {
      const Table result = arranged(score.table, kept, {});
      known = reordered_.emplace(std::move(key), std::pair(score.table, result)).first;
    }
    return known->second.second;
  }

  void optimise(const SweepStep& step, const ScoreGroup& group) {
    const Node& node = problem_.nodes[step.node];
    const Scope scope = Problem::scope_of(node);
    const EntryPattern pattern(*problem_.graph, scope, support(node, group));
    std::vector<ScoreReader> inputs = readers(group, scope, pattern);
    std::optional<ScoreReader> base;
    if (node.table) {
      base.emplace(Score{scope, *node.table, {}, {}}, *problem_.graph, scope, pattern, Scope{},
                   places_);
    }
    std::vector<double> message(pattern.all_rows, -kInfinity);
    std::vector<double> q(settings_.conditionals ? pattern.entry_count : 0);
    std::vector<double> kept(settings_.messages ? pattern.entry_count : 0);
    std::vector<double> j;
    std::vector<double> log_base;
    for (std::size_t r = 0; r < pattern.row_count; ++r) {
      check(r);
      const std::size_t first = pattern.begin(r);
      const std::size_t count = pattern.begin(r + 1) - first;
      j.assign(count, 0.0);
      for (const ScoreReader& input : inputs) input.add_row(pattern, r, {}, j);
      if (settings_.messages)
        std::ranges::copy(j, kept.begin() + static_cast<std::ptrdiff_t>(first));
      if (base) {
        log_base.assign(count, 0.0);
        base->add_row(pattern, r, {}, log_base);
      }
      message[pattern.row_index(r)] = solve_row(
          node.kind, node.weight, log_base, j,
          settings_.conditionals ? std::span(q).subspan(first, count) : std::span<double>());
    }
    if (settings_.conditionals) {
      answer_.conditionals[step.node] = pattern.table(std::move(q), Domain::linear);
    }
    hand_up(node, group, scope, pattern, std::move(message), std::move(kept));
  }

  void expect(const Node& node, const ScoreGroup& group) {
    const Scope scope = Problem::scope_of(node);
    const EntryPattern pattern(*problem_.graph, scope,
                               node.table->is_sparse() ? node.table : std::nullopt);
    const std::vector<ScoreReader> inputs = readers(group, scope, pattern);
    const std::vector<std::size_t> extents = problem_.graph->shape_of(group.extra);
    const std::size_t extra_count = saturating_product(extents);
    const bool keep = settings_.messages && group.extra.empty();
    std::vector<double> message(pattern.all_rows * extra_count, -kInfinity);
    std::vector<double> kept(keep ? pattern.entry_count : 0);
    std::vector<double> j;
    std::size_t e = 0;
    for_each_joint_state(extents, [&](std::span<const std::size_t> extra_states) {
      for (std::size_t r = 0; r < pattern.row_count; ++r) {
        check(r);
        const std::size_t first = pattern.begin(r);
        j.assign(pattern.begin(r + 1) - first, 0.0);
        for (const ScoreReader& input : inputs) input.add_row(pattern, r, extra_states, j);
        if (keep) std::ranges::copy(j, kept.begin() + static_cast<std::ptrdiff_t>(first));
        message[pattern.row_index(r) * extra_count + e] =
            expectation(node.table->values().subspan(first, j.size()), j);
      }
      ++e;
    });
    hand_up(node, group, scope, pattern, std::move(message), std::move(kept));
  }

  static double expectation(std::span<const double> kernel, std::span<const double> j) {
    double sum = 0.0;
    bool reached = false;
    for (std::size_t k = 0; k < j.size(); ++k) {
      if (!(kernel[k] > 0.0)) continue;
      sum += kernel[k] * j[k];
      reached = true;
    }
    return reached ? sum : -kInfinity;
  }

  void hand_up(const Node& node, const ScoreGroup& group, const Scope& scope,
               const EntryPattern& pattern, std::vector<double> message, std::vector<double> kept) {
    Score result;
    result.scope = group.message_scope;
    result.table =
        Table::dense(problem_.graph->shape_of(result.scope), std::move(message), Domain::log);
    if (result.scope.empty()) total_.add(result.table.log_at(0));
    if (settings_.messages) {
      ScoreMessage handed{node.variable, result.scope, result.table, {}, Table()};
      if (!kept.empty()) {
        handed.score_scope = scope;
        handed.score = pattern.table(std::move(kept), Domain::log);
      }
      answer_.messages.push_back(std::move(handed));
    }
    scores_[group.message] = std::move(result);
  }

  void check(std::size_t row) {
    if (row % kCheckRows == kCheckRows - 1) {
      monitor_.check("sweep", fraction_);
    }
  }

  const Problem& problem_;
  const SweepPlan& plan_;
  const SweepSettings& settings_;
  contraction::Monitor& monitor_;
  std::vector<std::optional<Score>> scores_;
  PlaceCache places_;
  std::map<std::vector<std::uint64_t>, std::pair<Table, Table>> reordered_;
  CompensatedSum total_;
  double fraction_ = 0.0;
  SweepAnswer answer_;
};

}  // namespace

SweepAnswer run_sweep(const Problem& problem, const SweepPlan& plan, const SweepSettings& settings,
                      contraction::Monitor& monitor) {
  return Sweep(problem, plan, settings, monitor).run();
}

}  // namespace credo::variational
