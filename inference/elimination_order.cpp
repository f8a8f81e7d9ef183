// Randomised greedy elimination orders.
//
// Eliminating v from the interaction graph connects its neighbours N(v); the
// step's table has prod_{u in N(v) + v} card(u) joint states. Each greedy rule
// picks the next variable by a local score (min-fill, weighted min-fill,
// min-weight; Kjaerulff 1990, Koller & Friedman 2009, section 9.4.3); restarts
// perturb scores at random, and the order with the least total states wins.
//
// Invariants: score[v] is exact for every remaining v. After eliminating v the
// neighbours are recomputed; any other w changes only through a fill edge
// (a, b) with a, b in N(w), and by exactly that edge's weight.
// Cost: O(sum of d^2) adjacency tests per order, d = degree when eliminated.
// The search stops when it has cost a fraction of the run time it can save; both
// are counted in steps, never in measured time, so that the same options and seed
// give the same order on every machine.

#include <credo/inference/elimination_order.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <queue>
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
// Steps of one push into the queue.
constexpr double kStepsPerPush = 20.0;
// Above this many variables adjacency tests use sorted rows instead of bits.
constexpr std::size_t kBitsetVariables = 8192;
// Steps between two questions whether to go on.
constexpr double kCheckInterval = 1e6;

enum class Rule : std::uint8_t { min_fill, weighted_min_fill, min_weight };

const char* rule_name(Rule rule) {
  switch (rule) {
    case Rule::min_fill:
      return "min-fill";
    case Rule::weighted_min_fill:
      return "weighted-min-fill";
    case Rule::min_weight:
      return "min-weight";
  }
  return "";
}

/// Undirected graph under elimination: sorted neighbour lists, and bit rows when small.
class InteractionGraph {
 public:
  explicit InteractionGraph(const OrderProblem& problem)
      : neighbours_(problem.log2_cardinality.size()) {
    std::vector<char> wanted(neighbours_.size(), 0);
    for (const VariableId v : problem.variables) wanted[v] = 1;
    for (const Scope& scope : problem.scopes) {
      for (const VariableId a : scope) {
        for (const VariableId b : scope) {
          if (a != b && wanted[a] && wanted[b]) neighbours_[a].push_back(b);
        }
      }
    }
    words_ = neighbours_.size() <= kBitsetVariables ? (neighbours_.size() + 63) / 64 : 0;
    bits_.assign(words_ * neighbours_.size(), 0);
    for (VariableId v = 0; v < neighbours_.size(); ++v) {
      auto& list = neighbours_[v];
      std::ranges::sort(list);
      const auto repeated = std::ranges::unique(list);
      list.erase(repeated.begin(), repeated.end());
      for (const VariableId u : list) set_bit(v, u);
    }
  }

  [[nodiscard]] const std::vector<VariableId>& neighbours(VariableId v) const {
    return neighbours_[v];
  }
  [[nodiscard]] bool adjacent(VariableId a, VariableId b) const {
    if (words_ > 0) return (bits_[a * words_ + b / 64] >> (b % 64) & 1) != 0;
    return std::ranges::binary_search(neighbours_[a], b);
  }
  void connect(VariableId a, VariableId b) {
    insert(a, b);
    insert(b, a);
  }
  /// Removes v from the lists of its neighbours (its own list stays).
  void detach(VariableId v) {
    for (const VariableId u : neighbours_[v]) {
      auto& list = neighbours_[u];
      list.erase(std::ranges::lower_bound(list, v));
    }
  }

 private:
  void set_bit(VariableId a, VariableId b) {
    if (words_ > 0) bits_[a * words_ + b / 64] |= std::uint64_t{1} << (b % 64);
  }
  void insert(VariableId a, VariableId b) {
    auto& list = neighbours_[a];
    list.insert(std::ranges::lower_bound(list, b), b);
    set_bit(a, b);
  }

  std::vector<std::vector<VariableId>> neighbours_;
  std::vector<std::uint64_t> bits_;
  std::size_t words_ = 0;
};

/// One greedy elimination of a whole graph.
class GreedyRun {
 public:
  GreedyRun(const OrderProblem& problem, InteractionGraph graph, Rule rule, double noise,
            std::mt19937_64& random)
      : problem_(problem),
        graph_(std::move(graph)),
        rule_(rule),
        noise_(noise),
        random_(random),
        remaining_(problem.log2_cardinality.size(), 0),
        score_(problem.log2_cardinality.size(), 0.0),
        version_(problem.log2_cardinality.size(), 0) {}

  /// Steps taken so far.
  [[nodiscard]] double steps() const noexcept { return steps_; }

  /// Nothing when keep_going() said stop.
  std::optional<OrderCandidate> run(const std::function<bool()>& keep_going) {
    for (const VariableId v : problem_.variables) remaining_[v] = 1;
    eliminate_given(first_group_of_search(), /*update_scores=*/false);
    for (const VariableId v : problem_.variables) {
      if (remaining_[v]) rescore(v);
    }
    double next_check = 0.0;
    while (!queue_.empty()) {
      const Entry top = queue_.top();
      if (eliminate_given(top.group, /*update_scores=*/true)) continue;
      queue_.pop();
      if (!remaining_[top.variable] || top.version != version_[top.variable]) continue;
      eliminate(top.variable, /*update_scores=*/true);
      if (steps_ > next_check) {
        next_check = steps_ + kCheckInterval;
        if (!keep_going()) return std::nullopt;
      }
    }
    return std::move(candidate_);
  }

 private:
  struct Entry {
    std::uint8_t group;
    double key;
    std::uint32_t version;
    VariableId variable;
    bool operator<(const Entry& other) const {  // the least comes first
      if (group != other.group) return group > other.group;
      if (key != other.key) return key > other.key;
      return variable > other.variable;
    }
  };

  /// The first group with a variable that is not given.
  [[nodiscard]] std::uint8_t first_group_of_search() const {
    std::vector<char> given(remaining_.size(), 0);
    for (const VariableId v : problem_.given) given[v] = 1;
    std::uint8_t first = std::numeric_limits<std::uint8_t>::max();
    for (const VariableId v : problem_.variables) {
      if (!given[v]) first = std::min(first, problem_.group[v]);
    }
    return first;
  }

  /// Given variables come first in their group, and wait for the groups before it.
  bool eliminate_given(std::uint8_t up_to_group, bool update_scores) {
    const std::size_t before = given_done_;
    while (given_done_ < problem_.given.size() &&
           problem_.group[problem_.given[given_done_]] <= up_to_group) {
      eliminate(problem_.given[given_done_++], update_scores);
    }
    return given_done_ > before;
  }

  [[nodiscard]] double weight(VariableId v) const { return problem_.log2_cardinality[v]; }

  [[nodiscard]] double edge_weight(VariableId a, VariableId b) const {
    return rule_ == Rule::min_fill ? 1.0 : weight(a) * weight(b);
  }

  [[nodiscard]] double log2_states(VariableId v) const {
    double sum = weight(v);
    for (const VariableId u : graph_.neighbours(v)) sum += weight(u);
    return sum;
  }

  [[nodiscard]] double exact_score(VariableId v) {
    const auto& around = graph_.neighbours(v);
    const auto degree = static_cast<double>(around.size());
    steps_ += degree;
    if (rule_ == Rule::min_weight) return log2_states(v);
    steps_ += degree * degree / 2.0;
    double missing = 0.0;
    for (std::size_t i = 0; i < around.size(); ++i) {
      for (std::size_t j = i + 1; j < around.size(); ++j) {
        if (!graph_.adjacent(around[i], around[j])) missing += edge_weight(around[i], around[j]);
      }
    }
    return missing;
  }

  void rescore(VariableId v) {
    score_[v] = exact_score(v);
    push(v);
  }

  void push(VariableId v) {
    const double uniform = static_cast<double>(random_() >> 11U) * 0x1p-53;
    // Ties are broken at random; with noise, near-ties too.
    const double key = score_[v] * (1.0 + noise_ * uniform) + 1e-6 * uniform;
    queue_.push({problem_.group[v], key, ++version_[v], v});
    steps_ += kStepsPerPush;
  }

  void eliminate(VariableId v, bool update_scores) {
    const double states = log2_states(v);
    candidate_.operations += problem_.cubic ? states * states * states : std::exp2(states);
    candidate_.log2_widest = std::max(candidate_.log2_widest, states);
    candidate_.log2_largest_message = std::max(candidate_.log2_largest_message, states - weight(v));
    candidate_.order.push_back(v);
    remaining_[v] = 0;
    graph_.detach(v);
    const auto& around = graph_.neighbours(v);
    steps_ += static_cast<double>(around.size() * around.size()) / 2.0;
    for (std::size_t i = 0; i < around.size(); ++i) {
      for (std::size_t j = i + 1; j < around.size(); ++j) {
        if (graph_.adjacent(around[i], around[j])) continue;
        steps_ += kStepsPerPush;
        if (update_scores && rule_ != Rule::min_weight) settle_fill(around[i], around[j]);
        graph_.connect(around[i], around[j]);
      }
    }
    if (!update_scores) return;
    for (const VariableId u : around) rescore(u);
  }

  /// The pair (a, b) is about to be connected: its common neighbours lack one edge less.
  void settle_fill(VariableId a, VariableId b) {
    const auto& first = graph_.neighbours(a);
    const auto& second = graph_.neighbours(b);
    const auto& shorter = first.size() < second.size() ? first : second;
    const VariableId other = first.size() < second.size() ? b : a;
    steps_ += static_cast<double>(shorter.size());
    for (const VariableId w : shorter) {
      if (remaining_[w] && graph_.adjacent(other, w)) {
        score_[w] -= edge_weight(a, b);
        push(w);
      }
    }
  }

  const OrderProblem& problem_;
  InteractionGraph graph_;
  Rule rule_;
  double noise_;
  std::mt19937_64& random_;
  std::vector<char> remaining_;
  std::vector<double> score_;
  std::vector<std::uint32_t> version_;
  std::priority_queue<Entry> queue_;
  OrderCandidate candidate_;
  std::size_t given_done_ = 0;
  double steps_ = 0.0;
};

/// Adjacency tests a min-fill run needs at least: when huge, min-weight goes first.
double squared_degrees(const OrderProblem& problem, const InteractionGraph& graph) {
  double sum = 0.0;
  for (const VariableId v : problem.variables) {
    const auto degree = static_cast<double>(graph.neighbours(v).size());
    sum += degree * degree;
  }
  return sum;
}

struct Attempt {
  Rule rule;
  double noise;
};

/// The plain rules first, then perturbed ones.
Attempt attempt(int index, bool fill_is_cheap, Rule best) {
  constexpr Rule kFillFirst[] = {Rule::min_fill, Rule::weighted_min_fill, Rule::min_weight};
  constexpr Rule kWeightFirst[] = {Rule::min_weight, Rule::min_fill, Rule::weighted_min_fill};
  if (index < 3) return {fill_is_cheap ? kFillFirst[index] : kWeightFirst[index], 0.0};
  if (index % 4 == 3) return {kFillFirst[(index / 4) % 3], 0.05};
  return {best, index % 2 == 0 ? 0.1 : 0.3};
}

/// What an order is judged by: it must fit, then be cheap; width decides when totals overflow.
std::tuple<bool, double, double> rank(const OrderProblem& problem, const OrderCandidate& order) {
  return {order.log2_largest_message > problem.log2_message_limit, order.operations,
          order.log2_widest};
}

}  // namespace

OrderCandidate search_order(const OrderProblem& problem, const PlanOptions& options,
                            const std::function<bool()>& keep_going) {
  const auto start = Clock::now();
  const auto elapsed = [&start] {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const InteractionGraph graph(problem);
  const bool fill_is_cheap = squared_degrees(problem, graph) < 1e8;
  const bool nothing_to_choose = problem.given.size() == problem.variables.size();
  std::mt19937_64 random(options.seed);
  OrderCandidate best;
  best.operations = std::numeric_limits<double>::infinity();
  best.log2_widest = std::numeric_limits<double>::infinity();
  Rule best_rule = Rule::min_fill;
  double spent = 0.0;  // nominal seconds
  int tried = 0;
  for (; tried < std::max(1, options.restarts); ++tried) {
    const Attempt next = attempt(tried, fill_is_cheap, best_rule);
    const bool first = tried == 0;
    GreedyRun greedy(problem, graph, next.rule, next.noise, random);
    const auto spent_with = [&] { return spent + greedy.steps() / kSearchStepsPerSecond; };
    const auto continue_run = [&] {
      return keep_going() && (first || spent_with() < options.time_limit_seconds);
    };
    auto found = greedy.run(continue_run);
    if (!found) break;
    if (first || rank(problem, *found) < rank(problem, best)) {
      best = std::move(*found);
      best.method = nothing_to_choose ? "given" : rule_name(next.rule);
      best_rule = next.rule;
    }
    spent = spent_with();
    const double worth = options.time_fraction * best.operations / kOperationsPerSecond;
    if (nothing_to_choose || spent >= std::min(worth, options.time_limit_seconds) ||
        !keep_going()) {
      ++tried;
      break;
    }
  }
  best.orders_tried = tried;
  best.seconds = elapsed();
  return best;
}

}  // namespace credo
