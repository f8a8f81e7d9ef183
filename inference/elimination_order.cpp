// Randomised greedy elimination orders: restarts perturb scores at random, and the order with the
// least total states wins (greedy_elimination.hpp has the rules).
//
// The search stops when it has cost a fraction of the run time it can save; both
// are counted in steps, never in measured time, so that the same options and seed
// give the same order on every machine. Three things end it early:
//   a first order by min-fill out of proportion (then min-weight, which is near-linear, goes
//   first); an order so wide that restarts, which gain some bits, cannot make it useful; a lower
//   bound that shows every order to be too wide (width_bound.hpp).

#include <credo/inference/elimination_order.hpp>
#include <credo/inference/greedy_elimination.hpp>
#include <credo/inference/interaction_graph.hpp>
#include <credo/inference/width_bound.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <random>
#include <tuple>
#include <utility>

namespace credo {

namespace {

using Clock = std::chrono::steady_clock;

// Speeds assumed when weighing search against execution: multiplications of the
// engine, and steps of the search (an adjacency test, an entry moved in a list).
constexpr double kOperationsPerSecond = 1e9;
constexpr double kSearchStepsPerSecond = 3e8;
// Graphs whose squared degrees sum to less try min-fill first.
constexpr double kCheapFill = 1e8;
// Nominal seconds that a first order may take whatever the limit is.
constexpr double kFirstOrderSeconds = 0.01;
// Nominal seconds after which another rule is tried before min-fill is finished.
constexpr double kPatienceSeconds = 1.0;
// Nominal steps by which the end of a run may pass the limit unasked.
constexpr double kLimitSlack = 4e6;
// Nominal steps of a first order after which the lower bound is asked whether it leads anywhere,
// and the steps that the bound may take.
constexpr double kStepsBeforeBound = 3e7;
constexpr double kBoundSteps = 3e7;
// Orders with this many times the bits of the widest useful step are beyond repair.
constexpr double kBeyondRepair = 2.0;
// Neighbour lists count their entries in 32 bits.
constexpr double kLargestGraphBytes = 1.6e10;

/// Adjacency tests a min-fill run needs at least: when huge, min-weight goes first.
double squared_degrees(const OrderProblem& problem, const InteractionGraph& graph) {
  double sum = 0.0;
  for (const VariableId v : problem.variables) {
    const auto degree = static_cast<double>(graph.degree(v));
    sum += degree * degree;
  }
  return sum;
}

struct Attempt {
  GreedyRule rule;
  double noise;
};

/// The plain rules first, then perturbed ones.
Attempt attempt(int index, bool fill_is_cheap, GreedyRule best) {
  constexpr GreedyRule kFillFirst[] = {GreedyRule::min_fill, GreedyRule::weighted_min_fill,
                                       GreedyRule::min_weight};
  constexpr GreedyRule kWeightFirst[] = {GreedyRule::min_weight, GreedyRule::min_fill,
                                         GreedyRule::weighted_min_fill};
  if (index < 3) return {fill_is_cheap ? kFillFirst[index] : kWeightFirst[index], 0.0};
  if (index % 4 == 3) return {kFillFirst[(index / 4) % 3], 0.05};
  return {best, index % 2 == 0 ? 0.1 : 0.3};
}

/// What an order is judged by: it must fit, then be cheap; width decides when totals overflow.
std::tuple<bool, double, double> rank(const OrderProblem& problem, const OrderCandidate& order) {
  return {order.log2_largest_message > problem.log2_message_limit, order.operations,
          order.log2_widest};
}

/// Leaves the search from within; caught in run().
struct SearchStopped {
  SearchEnd end;
};

class OrderSearch {
 public:
  OrderSearch(const OrderProblem& problem, const PlanOptions& options,
              const std::function<bool()>& keep_going)
      : problem_(problem), options_(options), keep_going_(keep_going), random_(options.seed) {}

  OrderCandidate run() {
    const auto start = Clock::now();
    best_.operations = std::numeric_limits<double>::infinity();
    best_.log2_widest = std::numeric_limits<double>::infinity();
    best_.graph_bytes = InteractionGraph::predicted_bytes(problem_);
    try {
      best_.end = search();
    } catch (const SearchStopped& stopped) {
      best_.end = stopped.end;
    }
    best_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return std::move(best_);
  }

 private:
  SearchEnd search() {
    widest_scope_proves();
    if (best_.graph_bytes > std::min(problem_.graph_limit_bytes, kLargestGraphBytes)) {
      return SearchEnd::graph_too_large;
    }
    Pace pace([this] { require(keep_going_(), SearchEnd::stopped); });
    graph_.emplace(problem_, pace);
    fill_is_cheap_ = squared_degrees(problem_, *graph_) < kCheapFill;
    const bool nothing_to_choose = problem_.given.size() == problem_.variables.size();
    while (best_.orders_tried < std::max(1, options_.restarts)) {
      if (!try_next(nothing_to_choose)) continue;
      const double worth = options_.time_fraction * best_.operations / kOperationsPerSecond;
      if (nothing_to_choose || spent_ >= std::min(worth, options_.time_limit_seconds)) break;
      if (!keep_going_()) return SearchEnd::stopped;
      if (is_beyond_repair()) break;
    }
    return SearchEnd::complete;
  }

  /// One order more. False when min-fill was given up before there was any order.
  bool try_next(bool nothing_to_choose) {
    const bool first = best_.orders_tried == 0;
    const Attempt next = attempt(best_.orders_tried, fill_is_cheap_, best_rule_);
    const bool may_give_up = first && !nothing_to_choose && next.rule != GreedyRule::min_weight;
    double limit = options_.time_limit_seconds;
    if (first) limit = std::max(limit, kFirstOrderSeconds);
    // Those who eliminate continuous variables have no other algorithm to go to.
    if (first && problem_.cubic) limit = std::numeric_limits<double>::infinity();
    if (may_give_up) limit = std::min(limit, kPatienceSeconds);
    std::optional<OrderCandidate> found;
    try {
      found = run_greedy(next, first, limit);
    } catch (const SearchStopped& stopped) {
      if (stopped.end != SearchEnd::limit || !may_give_up) throw;
    }
    if (!found) {
      fill_is_cheap_ = false;
      gave_up_fill_ = true;
      return false;
    }
    if (first || rank(problem_, *found) < rank(problem_, best_)) {
      take(std::move(*found), nothing_to_choose ? "given" : rule_name(next.rule));
      best_rule_ = next.rule;
    }
    ++best_.orders_tried;
    if (first) require_narrow_enough(best_.log2_widest > problem_.log2_step_limit);
    return true;
  }

  std::optional<OrderCandidate> run_greedy(Attempt next, bool first, double limit) {
    const GreedyRun* running = nullptr;
    const auto spent_with = [&] {
      return spent_ + (running == nullptr ? 0.0 : running->steps() / kSearchStepsPerSecond);
    };
    const double last = limit + kLimitSlack / kSearchStepsPerSecond;
    Pace pace([&] {
      require(keep_going_(), SearchEnd::stopped);
      if (running == nullptr) return;
      if (first) require_narrow_enough(running->steps() > kStepsBeforeBound);
      if (spent_with() <= last) return;
      best_.eliminated = std::max(best_.eliminated, running->eliminated());
      throw SearchStopped{SearchEnd::limit};
    });
    GreedyRun greedy(problem_, *graph_, next.rule, next.noise, random_, pace);
    running = &greedy;
    std::optional<OrderCandidate> found = greedy.run([&] {
      require(keep_going_(), SearchEnd::stopped);
      return spent_with() < limit;
    });
    if (!found) {
      best_.eliminated = std::max(best_.eliminated, greedy.eliminated());
      throw SearchStopped{SearchEnd::limit};
    }
    spent_ = spent_with();
    return found;
  }

  void take(OrderCandidate found, const char* method) {
    best_.order = std::move(found.order);
    best_.operations = found.operations;
    best_.log2_widest = found.log2_widest;
    best_.log2_largest_message = found.log2_largest_message;
    best_.method = method;
  }

  static void require(bool condition, SearchEnd otherwise) {
    if (!condition) throw SearchStopped{otherwise};
  }

  /// A table's variables share a step in every order.
  void widest_scope_proves() {
    if (problem_.log2_step_limit == std::numeric_limits<double>::infinity()) return;
    std::vector<char> wanted(problem_.log2_cardinality.size(), 0);
    for (const VariableId v : problem_.variables) wanted[v] = 1;
    for (const Scope& scope : problem_.scopes) {
      double sum = 0.0;
      for (const VariableId v : scope) sum += wanted[v] ? problem_.log2_cardinality[v] : 0.0;
      best_.log2_widest_at_least = std::max(best_.log2_widest_at_least, sum);
    }
  }

  /// Asks the lower bound once, when `suspected`; throws when it shows that no order is of use.
  void require_narrow_enough(bool suspected) {
    if (!suspected || bounded_) return;
    bounded_ = true;
    if (problem_.log2_step_limit == std::numeric_limits<double>::infinity()) return;
    Pace pace([this] { require(keep_going_(), SearchEnd::stopped); });
    const double bound = widest_step_at_least(problem_, *graph_, kBoundSteps, pace);
    best_.log2_widest_at_least = std::max(best_.log2_widest_at_least, bound);
    best_.variables_at_least = fewest_variables(problem_, best_.log2_widest_at_least);
    require(best_.log2_widest_at_least <= problem_.log2_step_limit, SearchEnd::too_wide);
  }

  /// Whether the plain rules, as far as they were patient, found nothing near a useful order.
  [[nodiscard]] bool is_beyond_repair() const {
    return (gave_up_fill_ || best_.orders_tried >= 3) &&
           best_.log2_widest > kBeyondRepair * problem_.log2_step_limit;
  }

  const OrderProblem& problem_;
  const PlanOptions& options_;
  const std::function<bool()>& keep_going_;
  std::mt19937_64 random_;
  std::optional<InteractionGraph> graph_;
  OrderCandidate best_;
  GreedyRule best_rule_ = GreedyRule::min_fill;
  double spent_ = 0.0;  // nominal seconds
  bool fill_is_cheap_ = true;
  bool gave_up_fill_ = false;
  bool bounded_ = false;
};

}  // namespace

OrderCandidate search_order(const OrderProblem& problem, const PlanOptions& options,
                            const std::function<bool()>& keep_going) {
  return OrderSearch(problem, options, keep_going).run();
}

}  // namespace credo
