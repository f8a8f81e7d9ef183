// Expectations of sums of scores when q is a product of independent components.
//
// A component is a connected part of the family's graph. Expectations are additive, and given one
// component's variables those of the others keep their marginals; so each component has a tree of
// its own, in which a score that touches several components stands with the others averaged out:
//   E_q[ score | x_C ] = sum over the rest of prod over other components D of q_D(x_scope) score.
// Mean field is the case of one variable per component, a chain per row of a grid the case of
// structured mean field (Saul and Jordan 1996; Xing, Jordan and Russell 2003, generalised mean
// field). The width is that of a component and its shares of scores, whatever joins components.
// Invariant: a share's average is fresh unless its tree is marked stale; averages do not enter
// marginals, because p of a score is 1. L = sum of the trees' totals - (shares - 1) E[ score ] per
// shared score, which every tree that shares it has counted.
// Cost: the trees, and entries x shares per average; an average is redone when a conditional of
// another of its components has changed.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/expectation_forest.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace credo::variational {

namespace {

/// Components of q, numbered by their first variable in the order.
std::vector<std::size_t> components(const FactorGraph& graph, std::span<const InputShape> inputs,
                                    const std::vector<VariableId>& given, std::size_t& count) {
  std::vector<VariableId> root(graph.variable_count());
  std::iota(root.begin(), root.end(), VariableId{0});
  const auto find = [&](VariableId v) {
    while (root[v] != v) v = root[v] = root[root[v]];
    return v;
  };
  for (const InputShape& input : inputs) {
    if (!input.conditional) continue;
    for (const VariableId v : input.scope) root[find(v)] = find(input.scope.front());
  }
  std::vector<std::size_t> number(graph.variable_count(), kNoBucket);
  std::vector<std::size_t> result(graph.variable_count(), kNoBucket);
  count = 0;
  for (const VariableId v : given) {
    std::size_t& of_root = number[find(v)];
    if (of_root == kNoBucket) of_root = count++;
    result[v] = of_root;
  }
  return result;
}

double states_of(const FactorGraph& graph, const Scope& scope) {
  return static_cast<double>(saturating_product(graph.shape_of(scope)));
}

}  // namespace

ForestPlan plan_forest(const FactorGraph& graph, std::span<const InputShape> inputs,
                       const std::vector<VariableId>& given) {
  ForestPlan plan;
  std::size_t count = 0;
  plan.tree_of = components(graph, inputs, given, count);
  std::vector<std::vector<InputShape>> of_tree(count);
  std::vector<std::vector<VariableId>> orders(count);
  for (const VariableId v : given) orders[plan.tree_of[v]].push_back(v);
  for (const InputShape& input : inputs) {
    std::map<std::size_t, Scope> parts;
    for (const VariableId v : input.scope) parts[plan.tree_of[v]].push_back(v);
    std::vector<ForestPlan::Place>& places = plan.places.emplace_back();
    const bool shared = parts.size() > 1;
    for (auto& [tree, scope] : parts) {
      const double entries = shared ? states_of(graph, scope) : input.entries;
      places.push_back({tree, of_tree[tree].size(), scope});
      of_tree[tree].push_back({scope, entries, input.sparse, input.conditional});
      if (shared) plan.peak_bytes += 6.0 * sizeof(double) * entries;
    }
    if (!shared) continue;
    const auto shares = static_cast<double>(parts.size());
    plan.operations += shares * (shares + 1.0) * input.entries;
    plan.peak_bytes += 3.0 * sizeof(double) * input.entries;
  }
  for (std::size_t t = 0; t < count; ++t) {
    plan.trees.push_back(plan_expectation(graph, of_tree[t], orders[t]));
    plan.operations += plan.trees.back().operations;
    plan.peak_bytes += plan.trees.back().peak_bytes;
  }
  return plan;
}

ExpectationForest::ExpectationForest(const FactorGraph& graph, const ForestPlan& plan,
                                     std::vector<DualTable> inputs)
    : graph_(graph),
      place_(inputs.size()),
      shared_by_(plan.trees.size()),
      neighbours_(plan.trees.size()),
      versions_(plan.trees.size(), 1),
      stale_(plan.trees.size(), 1) {
  std::vector<std::vector<DualTable>> of_tree(plan.trees.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<ForestPlan::Place>& places = plan.places[i];
    if (places.empty()) scalars_.push_back(std::move(inputs[i]));
    if (places.size() == 1) {
      place_[i] = places.front();
      of_tree[places.front().tree].push_back(std::move(inputs[i]));
    }
    if (places.size() < 2) continue;
    for (const ForestPlan::Place& place : places) {
      of_tree[place.tree].emplace_back();
      of_tree[place.tree].back().scope = place.scope;
    }
    add_shared(plan, i, std::move(inputs[i]));
  }
  for (std::size_t t = 0; t < plan.trees.size(); ++t) {
    trees_.emplace_back(graph, plan.trees[t], std::move(of_tree[t]));
    std::ranges::sort(neighbours_[t]);
    const auto repeated = std::ranges::unique(neighbours_[t]);
    neighbours_[t].erase(repeated.begin(), repeated.end());
  }
}

void ExpectationForest::add_shared(const ForestPlan& plan, std::size_t input, DualTable score) {
  Shared shared{std::move(score), {}};
  for (const ForestPlan::Place& place : plan.places[input]) {
    shared.shares.push_back({place.tree, place.input, {}, 0});
    shared_by_[place.tree].push_back(shared_.size());
    for (const ForestPlan::Place& other : plan.places[input]) {
      if (other.tree != place.tree) neighbours_[place.tree].push_back(other.tree);
    }
  }
  shared_.push_back(std::move(shared));
}

const DualTable& ExpectationForest::marginal(Share& share) {
  if (share.marginal_of != versions_[share.tree]) {
    share.marginal = trees_[share.tree].around(share.input);
    share.marginal.mean.clear();
    share.marginal.violations.clear();
    share.marginal_of = versions_[share.tree];
  }
  return share.marginal;
}

void ExpectationForest::average(Shared& shared, std::size_t tree) {
  std::uint64_t version = 0;
  Share* own = nullptr;
  for (Share& share : shared.shares) {
    share.tree == tree ? void(own = &share) : void(version += versions_[share.tree]);
  }
  if (own->average_of == version) return;
  own->average_of = version;
  std::vector<const DualTable*> operands{&shared.score};
  for (Share& share : shared.shares) {
    if (&share != own) operands.push_back(&marginal(share));
  }
  ExpectationTree& owner = trees_[tree];
  DualTable averaged = combine(graph_, shared.score.scope, operands, owner.input(own->input).scope);
  averaged.p.clear();  // a sum of probabilities: 1
  owner.set(own->input, std::move(averaged));
}

void ExpectationForest::refresh(std::size_t tree) {
  if (std::exchange(stale_[tree], 0) == 0) return;
  for (const std::size_t s : shared_by_[tree]) average(shared_[s], tree);
}

void ExpectationForest::set(std::size_t input, DualTable table) {
  const ForestPlan::Place& place = *place_[input];
  trees_[place.tree].set(place.input, std::move(table));
  ++versions_[place.tree];
  for (const std::size_t neighbour : neighbours_[place.tree]) stale_[neighbour] = 1;
}

DualTable ExpectationForest::around(std::size_t input) {
  const ForestPlan::Place& place = *place_[input];
  refresh(place.tree);
  return trees_[place.tree].around(place.input);
}

ExpectationTotal ExpectationForest::total() {
  CompensatedSum mean;
  CompensatedSum violations;
  const auto add = [&](double share, double finite, double violated) {
    mean.add(share * finite);
    violations.add(share * violated);
  };
  for (const DualTable& scalar : scalars_) {
    add(1.0, scalar.mean.empty() ? 0.0 : scalar.mean.front(),
        scalar.violations.empty() ? 0.0 : scalar.violations.front());
  }
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    refresh(t);
    const ExpectationTotal of_tree = trees_[t].total();
    add(1.0, of_tree.mean, of_tree.violations);
  }
  // Without violations anywhere the sum below leaves an exact 0.
  for (Shared& shared : shared_) {
    Share& first = shared.shares.front();
    const std::vector<double>& p = marginal(first).p;
    const DualTable& averaged = trees_[first.tree].input(first.input);
    const double mass = std::accumulate(p.begin(), p.end(), 0.0);
    const double repeated = 1.0 - static_cast<double>(shared.shares.size());
    for (std::size_t x = 0; x < p.size(); ++x) {
      add(repeated * p[x] / mass, averaged.mean[x],
          averaged.violations.empty() ? 0.0 : averaged.violations[x]);
    }
  }
  return {mean.value(), violations.value()};
}

}  // namespace credo::variational
