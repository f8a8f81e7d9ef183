// Coordinate ascent: block updates until none helps.
//
// Every update puts one conditional at its optimum given the others, so L never falls; rounding
// aside, a fall is an error of this program and is reported (an assertion in debug builds). L is
// not concave in all conditionals together: the limit depends on start and schedule, hence the
// restarts, and the annealing of weights, which starts where L is nearly concave. An infeasible
// start first lowers the expected number of impossible scores. Invariant: `now_` is L and the
// violations of the solver's rows, refreshed from the trees each sweep. Components of q are visited
// one after another. Cost per sweep: each message of the trees a few times when the schedule
// follows the family, and each score averaged once or twice for every component it touches. Saul
// and Jordan 1996; Wiegerinck 2000; for decisions Lauritzen and Nilsson 2001, section 3.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/ascent.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <span>
#include <utility>

namespace credo::variational {

namespace {

// A fall of L within this of its size is rounding.
constexpr double kRounding = 1e-9;

class Ascent {
 public:
  Ascent(const Problem& problem, BlockSolver& solver, const VariationalOptions& options,
         contraction::Monitor& monitor)
      : problem_(problem), solver_(solver), options_(options), monitor_(monitor) {
    order_ = parents_first(problem);
    std::erase_if(order_, [&](std::size_t n) { return !problem.nodes[n].optimised(); });
    if (options.schedule == AscentSchedule::backward) std::ranges::reverse(order_);
    gather_components();
    stages_ = options.annealing;
    if (stages_.empty() || stages_.back() != 1.0) stages_.push_back(1.0);
  }

  AscentAnswer run(const std::vector<Rows>& initial) {
    Uniform uniform(options_.seed);
    AscentAnswer best = best_of_starts<AscentAnswer>(options_.restarts, [&](std::size_t start) {
      start_ = start;
      return climb_or_keep(start == 0 ? initial : random_start(problem_, uniform), uniform);
    });
    if (best.stopped != Status::ok && best.violations > 0.0) {
      throw contraction::Stopped{best.stopped};
    }
    return best;
  }

 private:
  /// Stopped on the way, and asked to keep what there is: the rows as the last update left them.
  AscentAnswer climb_or_keep(std::vector<Rows> rows, Uniform& uniform) {
    if (!options_.keep_best) return climb(std::move(rows), uniform);
    try {
      return climb(std::move(rows), uniform);
    } catch (const contraction::Stopped& stopped) {
      AscentAnswer answer;
      answer.stopped = stopped.status;
      for (std::size_t n = 0; n < problem_.nodes.size(); ++n)
        answer.rows.push_back(solver_.rows(n));
      for (const std::size_t n : order_) settle(problem_.nodes[n], answer.rows[n]);
      solver_.start(answer.rows, stages_.back());
      refresh();
      answer.value = now_.mean;
      answer.violations = now_.violations;
      return answer;
    }
  }

  AscentAnswer climb(std::vector<Rows> rows, Uniform& uniform) {
    AscentAnswer answer;
    for (const double multiplier : stages_) {
      answer.trace.clear();
      sweep_from(rows, multiplier, uniform, answer);
    }
    // What was never asked while converging may matter once it is decided.
    while (settle_all(rows)) sweep_from(rows, stages_.back(), uniform, answer);
    answer.value = now_.mean;
    answer.violations = now_.violations;
    answer.rows = std::move(rows);
    return answer;
  }

  /// Sweeps until none is needed; `rows` is start and end.
  void sweep_from(std::vector<Rows>& rows, double multiplier, Uniform& uniform,
                  AscentAnswer& answer) {
    solver_.start(rows, multiplier);
    refresh();
    answer.converged = false;
    for (std::size_t sweep = 0; sweep < options_.maximum_sweeps && !answer.converged; ++sweep) {
      if (options_.schedule == AscentSchedule::random) shuffle(uniform);
      answer.converged = improve(answer);
      ++answer.sweeps;
      if (multiplier == 1.0) tell(answer.residual);
    }
    for (std::size_t n = 0; n < rows.size(); ++n) rows[n] = solver_.rows(n);
  }

  /// Whether some row was not deterministic yet. Updates keep rows so, hence once at most.
  bool settle_all(std::vector<Rows>& rows) const {
    bool changed = false;
    for (const std::size_t n : order_) {
      if (settle(problem_.nodes[n], rows[n])) changed = true;
    }
    return changed;
  }

  void tell(double residual) const {
    if (!options_.sweep_observer) return;
    const double value = now_.violations == 0.0 ? now_.mean : -kInfinity;
    options_.sweep_observer({start_, value, residual, [this](VariableId v) {
                               return std::span<const double>(solver_.rows(problem_.node_of[v]));
                             }});
  }

  /// One sweep; whether it was the last that is needed.
  bool improve(AscentAnswer& answer) {
    const ExpectationTotal before = now_;
    for (const std::size_t n : order_) {
      monitor_.check("ascent",
                     static_cast<double>(start_) / static_cast<double>(options_.restarts));
      const BlockGain gain = solver_.update(n, true);
      const bool feasible = now_.violations == 0.0;
      const double last = now_.mean;
      if (feasible && gain.violations_after == 0.0) {
        now_.mean += gain.after - gain.before;
      } else {
        refresh();
      }
      if (feasible && !(now_.violations == 0.0 && now_.mean >= last - rounding(last))) {
        answer.monotone = false;
        assert(false && "a block update lowered L");
      }
      answer.trace.push_back(now_.violations == 0.0 ? now_.mean : -kInfinity);
    }
    refresh();
    if (now_.violations > 0.0) {
      answer.residual = kInfinity;
      return now_.violations >= before.violations * (1.0 - kRounding) &&
             now_.mean <= before.mean + rounding(before.mean);
    }
    answer.residual = before.violations > 0.0 ? kInfinity : now_.mean - before.mean;
    // Gains below the rounding of a large L are none.
    return answer.residual < options_.tolerance || answer.residual <= 1e-14 * std::fabs(now_.mean);
  }

  void refresh() { now_ = solver_.total(); }

  static double rounding(double value) { return kRounding * (1.0 + std::fabs(value)); }

  void shuffle(Uniform& uniform) {
    for (std::size_t i = order_.size(); i > 1; --i) {
      std::swap(order_[i - 1], order_[uniform.below(i)]);
    }
    gather_components();
  }

  /// Component after component, in the order of their first nodes: what a component shares with
  /// others is averaged once per visit. Still an order along the family, if it was one.
  void gather_components() {
    std::map<std::size_t, std::size_t> rank;
    std::vector<std::vector<std::size_t>> gathered;
    for (const std::size_t n : order_) {
      const auto [at, added] = rank.emplace(solver_.component_of(n), gathered.size());
      if (added) gathered.emplace_back();
      gathered[at->second].push_back(n);
    }
    order_.clear();
    for (const std::vector<std::size_t>& nodes : gathered) {
      order_.insert(order_.end(), nodes.begin(), nodes.end());
    }
  }

  /// A deterministic choice is one also where it was never asked.
  bool settle(const Node& node, Rows& rows) const {
    if (node.kind != ConditionalKind::arg_max) return false;
    bool changed = false;
    const std::size_t width = problem_.graph->cardinality(node.variable);
    for (std::size_t i = 0; i < rows.size(); i += width) {
      const auto row = std::span(rows).subspan(i, width);
      const auto best = std::ranges::max_element(row) - row.begin();
      if (row[static_cast<std::size_t>(best)] == 1.0) continue;
      changed = true;
      std::ranges::fill(row, 0.0);
      row[static_cast<std::size_t>(best)] = 1.0;
    }
    return changed;
  }

  const Problem& problem_;
  BlockSolver& solver_;
  const VariationalOptions& options_;
  contraction::Monitor& monitor_;
  std::vector<std::size_t> order_;
  std::vector<double> stages_;
  ExpectationTotal now_;
  std::size_t start_ = 0;
};

}  // namespace

std::vector<Rows> random_start(const Problem& problem, Uniform& uniform) {
  std::vector<Rows> rows = uniform_start(problem);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::size_t width = problem.graph->cardinality(problem.nodes[n].variable);
    for (std::size_t i = 0; i < rows[n].size(); i += width) {
      const auto row = std::span(rows[n]).subspan(i, width);
      for (double& p : row) p *= -std::log(uniform());
      normalize(row);
    }
  }
  return rows;
}

std::vector<Rows> initial_rows(const Problem& problem, const Evidence& evidence,
                               const Family& family, std::span<const Table> initial) {
  std::vector<Rows> rows = uniform_start(problem);
  if (initial.empty()) return rows;
  const std::vector<Table> given = given_tables(problem, evidence, family, initial);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::size_t width = problem.graph->cardinality(problem.nodes[n].variable);
    for (std::size_t i = 0; i < rows[n].size(); i += width) {
      Rows row;
      for (std::size_t k = i; k < i + width; ++k) row.push_back(given[n].at(k));
      if (normalize(row) > 0.0) std::ranges::copy(row, &rows[n][i]);
    }
  }
  return rows;
}

std::string_view describe_ascent(bool converged, bool monotone) {
  if (!monotone) return "an update lowered the bound; do not trust it";
  return converged ? "a stationary point; not certified" : "stopped before its fixed point";
}

AscentAnswer run_ascent(const Problem& problem, BlockSolver& solver,
                        const std::vector<Rows>& initial, const VariationalOptions& options,
                        contraction::Monitor& monitor) {
  return Ascent(problem, solver, options, monitor).run(initial);
}

}  // namespace credo::variational
