// A tree of buckets with messages in both directions (Shafer and Shenoy 1990) on dual numbers.
//
// Bucket i eliminates one variable from the product of its inputs and its children's messages; its
// message is an input of the bucket that eliminates the first of the remaining variables. The
// product of everything but one input, over that input's scope, is read at the input's bucket from
// the children's messages and the one from its parent.
// Invariant: a kept message depends only on inputs that have not changed since. An input at bucket
// k lies behind the upward messages of k and of all above k, and behind the downward messages into
// every other bucket; a message that is kept has kept all that it was made of. Cost of an update
// and a read: the buckets on the path between the two, and one look per message forgotten.

#include <credo/core/numerics.hpp>
#include <credo/inference/elimination_order.hpp>
#include <credo/inference/variational/expectation.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace credo::variational {

namespace {

double states_of(const FactorGraph& graph, const Scope& scope) {
  double states = 1.0;
  for (const VariableId v : scope) states *= static_cast<double>(graph.cardinality(v));
  return states;
}

/// Positions of variables, without a table over the whole graph.
class Places {
 public:
  explicit Places(const std::vector<VariableId>& order) {
    for (std::size_t i = 0; i < order.size(); ++i) places_.emplace_back(order[i], i);
    std::ranges::sort(places_);
  }
  [[nodiscard]] std::size_t of(VariableId v) const {
    return std::ranges::lower_bound(places_, v, {}, &std::pair<VariableId, std::size_t>::first)
        ->second;
  }

 private:
  std::vector<std::pair<VariableId, std::size_t>> places_;
};

ExpectationPlan plan_along(const FactorGraph& graph, std::span<const InputShape> inputs,
                           const std::vector<VariableId>& order) {
  ExpectationPlan plan;
  const Places places(order);
  const auto first_of = [&](const Scope& scope) {
    std::size_t first = kNoBucket;
    for (const VariableId v : scope) first = std::min(first, places.of(v));
    return first;
  };
  plan.buckets.resize(order.size());
  std::vector<std::set<VariableId>> clusters(order.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    plan.bucket_of.push_back(first_of(inputs[i].scope));
    if (plan.bucket_of[i] == kNoBucket) continue;
    plan.buckets[plan.bucket_of[i]].inputs.push_back(i);
    clusters[plan.bucket_of[i]].insert(inputs[i].scope.begin(), inputs[i].scope.end());
  }
  for (std::size_t b = 0; b < order.size(); ++b) {
    ExpectationBucket& bucket = plan.buckets[b];
    clusters[b].insert(order[b]);
    bucket.cluster.assign(clusters[b].begin(), clusters[b].end());
    bucket.separator = bucket.cluster;
    std::erase(bucket.separator, order[b]);
    bucket.parent = bucket.separator.empty() ? b : first_of(bucket.separator);
    if (bucket.parent != b) {
      plan.buckets[bucket.parent].children.push_back(b);
      clusters[bucket.parent].insert(bucket.separator.begin(), bucket.separator.end());
    }
    double walked = states_of(graph, bucket.cluster);
    for (const std::size_t i : bucket.inputs) {
      if (!inputs[i].sparse) continue;
      walked = std::min(walked, states_of(graph, bucket.cluster) * inputs[i].entries /
                                    states_of(graph, inputs[i].scope));
    }
    const double operands = static_cast<double>(bucket.inputs.size() + bucket.children.size() + 1);
    const double separator = states_of(graph, bucket.separator);
    plan.operations += 2.0 * operands * walked + 2.0 * separator;
    plan.peak_bytes += 6.0 * sizeof(double) * separator;
  }
  for (const InputShape& input : inputs) plan.peak_bytes += 3.0 * sizeof(double) * input.entries;
  return plan;
}

}  // namespace

ExpectationPlan plan_expectation(const FactorGraph& graph, std::span<const InputShape> inputs,
                                 const std::vector<VariableId>& given) {
  ExpectationPlan plan = plan_along(graph, inputs, given);
  double widest = 0.0;
  for (const ExpectationBucket& bucket : plan.buckets) {
    widest = std::max(widest, states_of(graph, bucket.cluster));
  }
  const bool narrowest = std::ranges::any_of(
      inputs, [&](const InputShape& input) { return states_of(graph, input.scope) >= widest; });
  if (narrowest || given.size() == 1) return plan;
  const Places places(given);
  OrderProblem problem;
  for (const VariableId v : given) {
    problem.log2_cardinality.push_back(std::log2(static_cast<double>(graph.cardinality(v))));
    problem.variables.push_back(static_cast<VariableId>(problem.variables.size()));
  }
  for (const InputShape& input : inputs) {
    Scope& scope = problem.scopes.emplace_back();
    for (const VariableId v : input.scope) scope.push_back(static_cast<VariableId>(places.of(v)));
  }
  problem.group.assign(given.size(), 0);
  PlanOptions options;
  options.restarts = 16;
  OrderCandidate searched = search_order(problem, options, [] { return true; });
  if (searched.order.size() < given.size()) return plan;  // none was found within the limit
  for (VariableId& v : searched.order) v = given[v];
  ExpectationPlan other = plan_along(graph, inputs, searched.order);
  return other.operations < plan.operations ? other : plan;
}

ExpectationTree::ExpectationTree(const FactorGraph& graph, ExpectationPlan plan,
                                 std::vector<DualTable> inputs)
    : graph_(graph),
      plan_(std::move(plan)),
      inputs_(std::move(inputs)),
      upward_(plan_.buckets.size()),
      downward_(plan_.buckets.size()) {}

void ExpectationTree::set(std::size_t input, DualTable table) {
  inputs_[input] = std::move(table);
  std::size_t bucket = plan_.bucket_of[input];
  if (bucket == kNoBucket) return;
  for (const std::size_t child : plan_.buckets[bucket].children) forget_downward(child);
  // Where an upward message is already gone, so is all that depended on it.
  while (upward_[bucket]) {
    upward_[bucket].reset();
    const std::size_t parent = plan_.buckets[bucket].parent;
    if (parent == bucket) return;
    for (const std::size_t child : plan_.buckets[parent].children) {
      if (child != bucket) forget_downward(child);
    }
    bucket = parent;
  }
}

void ExpectationTree::forget_downward(std::size_t bucket) {
  std::vector<std::size_t> open{bucket};
  while (!open.empty()) {
    const std::size_t b = open.back();
    open.pop_back();
    if (!downward_[b]) continue;  // nor has anything below it one
    downward_[b].reset();
    for (const std::size_t child : plan_.buckets[b].children) open.push_back(child);
  }
}

void ExpectationTree::prepare_upward(std::size_t bucket) {
  if (upward_[bucket]) return;
  // Children before parents, without recursion: chains are deep.
  std::vector<std::size_t> open{bucket};
  for (std::size_t i = 0; i < open.size(); ++i) {
    for (const std::size_t child : plan_.buckets[open[i]].children) {
      if (!upward_[child]) open.push_back(child);
    }
  }
  for (std::size_t i = open.size(); i-- > 0;) {
    const ExpectationBucket& b = plan_.buckets[open[i]];
    std::vector<const DualTable*> operands;
    for (const std::size_t input : b.inputs) operands.push_back(&inputs_[input]);
    for (const std::size_t child : b.children) operands.push_back(&*upward_[child]);
    upward_[open[i]] = combine(graph_, b.cluster, operands, b.separator);
  }
}

const DualTable& ExpectationTree::upward(std::size_t bucket) {
  prepare_upward(bucket);
  return *upward_[bucket];
}

const DualTable& ExpectationTree::downward(std::size_t bucket) {
  std::vector<std::size_t> open;
  for (std::size_t b = bucket; !downward_[b] && plan_.buckets[b].parent != b;) {
    open.push_back(b);
    b = plan_.buckets[b].parent;
  }
  for (std::size_t i = open.size(); i-- > 0;) {
    const std::size_t parent = plan_.buckets[open[i]].parent;
    const ExpectationBucket& p = plan_.buckets[parent];
    std::vector<const DualTable*> operands;
    for (const std::size_t input : p.inputs) operands.push_back(&inputs_[input]);
    for (const std::size_t child : p.children) {
      if (child != open[i]) operands.push_back(&upward(child));
    }
    if (p.parent != parent) operands.push_back(&*downward_[parent]);
    downward_[open[i]] = combine(graph_, p.cluster, operands, plan_.buckets[open[i]].separator);
  }
  return *downward_[bucket];
}

DualTable ExpectationTree::around(std::size_t input) {
  const std::size_t b = plan_.bucket_of[input];
  const ExpectationBucket& bucket = plan_.buckets[b];
  std::vector<const DualTable*> operands;
  for (const std::size_t other : bucket.inputs) {
    if (other != input) operands.push_back(&inputs_[other]);
  }
  for (const std::size_t child : bucket.children) operands.push_back(&upward(child));
  if (bucket.parent != b) operands.push_back(&downward(b));
  return combine(graph_, bucket.cluster, operands, inputs_[input].scope);
}

ExpectationTotal ExpectationTree::total() {
  ExpectationTotal total;
  CompensatedSum mean;
  const auto add = [&](const DualTable& table) {
    if (!table.mean.empty()) mean.add(table.mean.front());
    if (!table.violations.empty()) total.violations += table.violations.front();
  };
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (plan_.bucket_of[i] == kNoBucket) add(inputs_[i]);
  }
  for (std::size_t b = 0; b < plan_.buckets.size(); ++b) {
    if (plan_.buckets[b].parent != b) continue;
    add(upward(b));
    if (upward(b).p.front() == 0.0) total.violations += 1.0;  // q has nowhere to go
  }
  total.mean = mean.value();
  return total;
}

}  // namespace credo::variational
