// Minor-min-width. The first variable v that an order eliminates has the step N[v], so that every
// order of a graph has a step as wide as the narrowest N[v]. Contracting an edge, the united
// variable weighing what the lighter end weighs, never widens the best order's widest step: put the
// united variable in the place of the later end, and each step of the minor lies in a step of the
// graph with the ends' names changed, the other one's weight being no less. So the narrowest N[v]
// of every minor on the way is a bound, and the largest of them is returned.
// Cost: O(d^2) adjacency tests per contraction, d = degree of the variable contracted.

#include <credo/inference/width_bound.hpp>

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace credo {

namespace {

// Sums of logarithms are rounded: this much less is safe.
constexpr double kRounding = 1e-6;

class MinorMinWidth {
 public:
  MinorMinWidth(const OrderProblem& problem, InteractionGraph graph, Pace& pace)
      : graph_(std::move(graph)),
        pace_(pace),
        weight_(problem.log2_cardinality),
        version_(weight_.size(), 0),
        sum_(weight_.size(), 0.0),
        left_(problem.variables.size()) {
    for (const VariableId v : problem.variables) {
      sum_[v] = graph_.log2_states(v);
      push(v);
      count(static_cast<double>(graph_.degree(v)) + 10.0);
    }
  }

  double run(double most_steps) {
    double best = 0.0;
    while (!queue_.empty() && steps_ < most_steps) {
      const Entry top = queue_.top();
      queue_.pop();
      if (top.version != version_[top.variable]) continue;
      best = std::max(best, top.sum);
      // What is left cannot have more neighbours than variables.
      if (graph_.degree(top.variable) + 1 >= left_) break;
      contract(top.variable);
    }
    return std::max(0.0, best - kRounding);
  }

 private:
  struct Entry {
    double sum;
    VariableId variable;
    std::uint32_t version;
    bool operator>(const Entry& other) const {
      return sum != other.sum ? sum > other.sum : variable > other.variable;
    }
  };

  void count(double steps) {
    steps_ += steps;
    pace_.count(steps);
  }

  void push(VariableId v) {
    queue_.push({sum_[v], v, ++version_[v]});
    count(20.0);
  }

  /// The neighbour that shares the fewest neighbours with v.
  [[nodiscard]] VariableId partner() {
    VariableId best = around_.front();
    std::size_t fewest = around_.size();
    for (const VariableId u : around_) {
      count(static_cast<double>(around_.size()));
      const auto shared = static_cast<std::size_t>(
          std::ranges::count_if(around_, [&](VariableId x) { return graph_.adjacent(u, x); }));
      if (shared < fewest) {
        fewest = shared;
        best = u;
      }
    }
    return best;
  }

  void contract(VariableId v) {
    const auto around = graph_.neighbours(v);
    around_.assign(around.begin(), around.end());
    graph_.detach(v);
    ++version_[v];  // not among the candidates any more
    --left_;
    if (around_.empty()) return;
    for (const VariableId x : around_) sum_[x] -= weight_[v];
    const VariableId into = partner();
    for (const VariableId x : around_) {
      if (x == into || graph_.adjacent(into, x)) continue;
      count(30.0);
      graph_.connect(into, x);
      sum_[into] += weight_[x];
      sum_[x] += weight_[into];
    }
    if (weight_[v] < weight_[into]) lighten(into, weight_[v]);
    for (const VariableId x : around_) push(x);
  }

  void lighten(VariableId v, double weight) {
    const double lost = weight_[v] - weight;
    weight_[v] = weight;
    sum_[v] -= lost;
    for (const VariableId x : graph_.neighbours(v)) {
      sum_[x] -= lost;
      push(x);
    }
  }

  InteractionGraph graph_;
  Pace& pace_;
  std::vector<double> weight_;
  std::vector<std::uint32_t> version_;
  std::vector<double> sum_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  std::vector<VariableId> around_;
  std::size_t left_;
  double steps_ = 0.0;
};

}  // namespace

double widest_step_at_least(const OrderProblem& problem, InteractionGraph graph, double most_steps,
                            Pace& pace) {
  return MinorMinWidth(problem, std::move(graph), pace).run(most_steps);
}

std::size_t fewest_variables(const OrderProblem& problem, double log2_states) {
  std::vector<double> weights;
  for (const VariableId v : problem.variables) weights.push_back(problem.log2_cardinality[v]);
  std::ranges::sort(weights, std::ranges::greater{});
  double sum = 0.0;
  std::size_t count = 0;
  while (count < weights.size() && sum + kRounding < log2_states) sum += weights[count++];
  return count;
}

}  // namespace credo
