// Coordinate ascent with continuous variables: component after component until none helps.
//
// Every update puts q of one component at its optimum given the others, so L never falls. On a
// graph of continuous variables alone, whose joint precision J is positive definite, this is block
// Gauss-Seidel on J m = h, which converges from any start: precisions are final after one sweep,
// and at the limit the means are those of the posterior (Bishop 2006, section 10.1.2; Wainwright
// and Jordan 2008, section 5.4). L is flat there: sweeps go on until the means stand still too, and
// where they take small steps all means move together (gaussian_means.cpp). With discrete variables
// L has local maxima, hence the restarts, and its gain alone decides when to stop. Cost per sweep:
// each component's update.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/ascent.hpp>
#include <credo/inference/variational/gaussian_ascent.hpp>
#include <credo/inference/variational/gaussian_component.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <span>
#include <utility>

namespace credo::variational {

namespace {

/// Means that move by less in a sweep, in standard deviations, stand still.
constexpr double kStill = 1e-12;
/// Means that come no nearer to that in so many sweeps are held back by rounding.
constexpr std::size_t kPatience = 6;
/// Sweeps whose steps shrink by less than this are slow.
constexpr double kSlow = 0.2;

double value_of(const FieldTotal& total) {
  return total.violations == 0.0 ? total.mean : -kInfinity;
}

/// A fall of L, or a gain, of less is rounding.
double rounding(const FieldTotal& total) {
  return 1e-9 * (1.0 + std::fabs(total.mean)) + 1e-13 * total.magnitude;
}

class Ascent {
 public:
  Ascent(const GaussianProblem& problem, const VariationalOptions& options,
         contraction::Monitor& monitor)
      : problem_(problem), options_(options), monitor_(monitor), solver_(problem) {
    std::vector<char> seen(solver_.size(), 0);
    std::vector<std::size_t> nodes = parents_first(problem.plain);
    if (options.schedule == AscentSchedule::backward) std::ranges::reverse(nodes);
    for (const std::size_t n : nodes) {
      const std::size_t c = solver_.component_of(n);
      if (std::exchange(seen[c], 1) == 0 && solver_.optimised(c)) order_.push_back(c);
      const bool choice = problem.plain.nodes[n].optimised() && !problem.nodes[n].continuous;
      concave_ = concave_ && !choice;
    }
    stages_ = options.annealing;
    if (stages_.empty() || stages_.back() != 1.0) stages_.push_back(1.0);
  }

  GaussianAscentAnswer run(const std::vector<Rows>& initial) {
    Uniform uniform(options_.seed);
    const std::size_t starts = concave_ ? 1 : options_.restarts;
    return best_of_starts<GaussianAscentAnswer>(starts, [&](std::size_t start) {
      start_ = start;
      return climb(start == 0 ? initial : random_start(problem_.plain, uniform), uniform);
    });
  }

 private:
  GaussianAscentAnswer climb(std::span<const Rows> rows, Uniform& uniform) {
    GaussianAscentAnswer answer;
    solver_.start(rows);
    for (const double multiplier : stages_) {
      answer.trace.clear();
      solver_.prepare(multiplier, monitor_);
      refresh();
      sweep(multiplier, uniform, answer);
    }
    answer.value = value_of(now_);
    answer.violations = now_.violations;
    answer.q = solver_.q();
    return answer;
  }

  void sweep(double multiplier, Uniform& uniform, GaussianAscentAnswer& answer) {
    double stillest = kInfinity;
    double last = kInfinity;
    std::size_t patience = kPatience;
    std::size_t together = kPatience;
    static_cast<void>(solver_.moved());
    answer.converged = false;
    for (std::size_t i = 0; i < options_.maximum_sweeps; ++i) {
      if (options_.schedule == AscentSchedule::random) shuffle(uniform);
      answer.converged = improve(answer);
      ++answer.sweeps;
      if (multiplier == 1.0) tell(answer.residual);
      const double moved = solver_.moved();
      patience = moved < stillest ? kPatience : patience - 1;
      stillest = std::min(stillest, moved);
      if (answer.converged && (!concave_ || stillest <= kStill || patience == 0)) return;
      if (patience == 0) patience = kPatience;
      if (moved > kStill && moved > kSlow * last && together > 0) {
        together = move_together(answer) ? kPatience : together - 1;
      }
      last = moved;
    }
  }

  /// Whether it was worth more than the sweep before it.
  bool move_together(GaussianAscentAnswer& answer) {
    const FieldTotal last = now_;
    solver_.improve_means(monitor_);
    refresh();
    note(last, answer);
    return last.violations > 0.0 || now_.mean - last.mean > answer.residual;
  }

  /// L after an update.
  void note(const FieldTotal& last, GaussianAscentAnswer& answer) {
    answer.trace.push_back(value_of(now_));
    if (last.violations > 0.0) return;
    if (now_.violations == 0.0 && now_.mean >= last.mean - rounding(last)) return;
    answer.monotone = false;
    assert(false && "an update of a component lowered L");
  }

  /// One sweep; whether it raised L by nothing that counts.
  bool improve(GaussianAscentAnswer& answer) {
    const FieldTotal before = now_;
    for (const std::size_t c : order_) {
      monitor_.check("ascent",
                     static_cast<double>(start_) / static_cast<double>(options_.restarts));
      const FieldTotal last = now_;
      take(solver_.share(c), c);
      note(last, answer);
    }
    refresh();
    answer.residual =
        before.violations + now_.violations > 0.0 ? kInfinity : now_.mean - before.mean;
    if (now_.violations > 0.0) {
      return now_.violations >= before.violations && now_.mean <= before.mean + rounding(before);
    }
    return answer.residual < options_.tolerance ||
           answer.residual <= 1e-14 * std::max(std::fabs(now_.mean), 0.1 * now_.magnitude);
  }

  void take(const FieldTotal& before, std::size_t c) {
    solver_.update(c, monitor_);
    if (before.violations > 0.0) return refresh();
    const FieldTotal after = solver_.share(c);
    now_.mean += after.mean - before.mean;
    now_.violations += after.violations;
    now_.magnitude += after.magnitude - before.magnitude;
  }

  void refresh() {
    now_ = solver_.total();
    if (std::isfinite(now_.mean)) return;
    throw Breakdown{std::nullopt,
                    "L grows without bound: the graph has no finite integral (its joint precision "
                    "is not positive definite)"};
  }

  void tell(double residual) {
    if (!options_.sweep_observer) return;
    const auto rows = [this](VariableId v) {
      return solver_.q().tables[problem_.plain.node_of[v]].values();
    };
    const auto moments = [this](VariableId v) {
      return solver_.moments(problem_.plain.node_of[v]);
    };
    options_.sweep_observer({start_, value_of(now_), residual, rows, moments});
  }

  void shuffle(Uniform& uniform) {
    for (std::size_t i = order_.size(); i > 1; --i) {
      std::swap(order_[i - 1], order_[uniform.below(i)]);
    }
  }

  const GaussianProblem& problem_;
  const VariationalOptions& options_;
  contraction::Monitor& monitor_;
  FieldSolver solver_;
  std::vector<std::size_t> order_;
  bool concave_ = true;  ///< one start is enough
  std::vector<double> stages_;
  FieldTotal now_;
  std::size_t start_ = 0;
};

}  // namespace

GaussianCost cost_of_ascent(const GaussianProblem& problem) {
  GaussianCost cost;
  for (const GaussianScore& score : problem.scores) {
    double states = 1.0;
    for (const VariableId v : score.scope.discrete) {
      states *= static_cast<double>(problem.graph().cardinality(v));
    }
    const auto n = static_cast<double>(problem.dimension_of(score.scope.continuous));
    const auto parts =
        static_cast<double>(score.scope.discrete.size() + score.scope.continuous.size());
    cost.operations += parts * states * (n * n + 8.0);
    cost.peak_bytes += (2.0 + parts) * sizeof(double) * states * (n * n + n + 16.0);
  }
  for (const Node& node : problem.plain.nodes) {
    const auto m = static_cast<double>(problem.graph().variable(node.variable).dimension);
    cost.operations += m * m * m;
    cost.peak_bytes += sizeof(double) * (2.0 * m * m + 32.0);
  }
  return cost;
}

GaussianAscentAnswer run_gaussian_ascent(const GaussianProblem& problem,
                                         const std::vector<Rows>& initial,
                                         const VariationalOptions& options,
                                         contraction::Monitor& monitor) {
  return Ascent(problem, options, monitor).run(initial);
}

}  // namespace credo::variational
