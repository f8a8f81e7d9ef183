// What the components of q have to solve. A score within a component of several conditionals is its
// own; every other is shared, also by one, and averaged over the others before each update.
// Invariant: the scores of a local family are its own ones, then one for every place. Cost: one
// plan of a sweep per component of several conditionals.

#include <credo/inference/variational/gaussian_layout.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace credo::variational {

namespace {

Scope whole_scope(const SplitScope& scope) {
  Scope whole = scope.discrete;
  whole.insert(whole.end(), scope.continuous.begin(), scope.continuous.end());
  return whole;
}

std::vector<std::size_t> components_of(const Problem& problem) {
  std::vector<std::size_t> root(problem.nodes.size());
  std::iota(root.begin(), root.end(), std::size_t{0});
  const auto find = [&](std::size_t n) {
    while (root[n] != n) n = root[n] = root[root[n]];
    return n;
  };
  for (std::size_t n = 0; n < root.size(); ++n) {
    for (const VariableId u : problem.nodes[n].parents) {
      const std::size_t a = find(n);
      const std::size_t b = find(problem.node_of[u]);
      root[std::max(a, b)] = std::min(a, b);
    }
  }
  std::vector<std::size_t> number(root.size());
  std::size_t count = 0;
  for (std::size_t n = 0; n < root.size(); ++n) {
    number[n] = root[n] == n ? count++ : number[find(n)];
  }
  return number;
}

class Builder {
 public:
  explicit Builder(const GaussianProblem& problem) : problem_(problem) {
    layout_.component_of = components_of(problem.plain);
    for (std::size_t n = 0; n < layout_.component_of.size(); ++n) {
      const Node& node = problem_.plain.nodes[n];
      layout_.components.resize(std::max(layout_.components.size(), layout_.component_of[n] + 1));
      FieldComponent& component = layout_.components[layout_.component_of[n]];
      component.nodes.push_back(n);
      component.optimised = component.optimised || node.optimised();
      component.continuous = component.continuous || problem_.nodes[n].continuous;
    }
  }

  FieldLayout run() {
    place_scores();
    return std::move(layout_);
  }

 private:
  [[nodiscard]] const FactorGraph& graph() const { return problem_.graph(); }
  [[nodiscard]] SharedScore::Part& part_at(FieldPlace place) {
    return layout_.scores[place.score].parts[place.part];
  }

  void place_scores() {
    std::vector<std::size_t> by_variable(graph().variable_count(), kNoNode);
    for (const Node& node : problem_.plain.nodes) {
      by_variable[node.variable] = layout_.component_of[problem_.plain.node_of[node.variable]];
    }
    std::vector<std::vector<std::size_t>> own(layout_.components.size());
    for (std::size_t s = 0; s < problem_.scores.size(); ++s) {
      const GaussianScore& score = problem_.scores[s];
      const Scope whole = whole_scope(score.scope);
      if (whole.empty()) {
        const double constant = score.forms.front().constant;
        if (constant == -kInfinity) {
          layout_.constant_violations += 1.0;
        } else {
          layout_.constant += constant;
        }
        continue;
      }
      const std::size_t first = by_variable[whole.front()];
      const bool inside =
          std::ranges::all_of(whole, [&](VariableId v) { return by_variable[v] == first; });
      const bool certain = !std::ranges::all_of(score.kernels, &Kernel::regular);
      if (inside && (certain || layout_.components[first].nodes.size() > 1)) {
        own[first].push_back(s);
        continue;
      }
      layout_.scores.push_back(make_shared_score(
          graph(), score.scope, score.kernels.empty() ? score.forms : densities_of(problem_, score),
          by_variable));
      for (std::size_t i = 0; i < layout_.scores.back().parts.size(); ++i) {
        layout_.components[layout_.scores.back().parts[i].component].places.push_back(
            {layout_.scores.size() - 1, i});
      }
    }
    for (std::size_t c = 0; c < layout_.components.size(); ++c) {
      if (layout_.components[c].nodes.size() > 1 || !own[c].empty()) make_local(c, own[c]);
    }
  }

  void make_local(std::size_t c, std::span<const std::size_t> own) {
    FieldComponent& component = layout_.components[c];
    LocalFamily& local = component.local.emplace();
    GaussianProblem& inner = local.problem;
    inner.plain.graph = problem_.plain.graph;
    inner.plain.node_of.assign(graph().variable_count(), kNoNode);
    for (const std::size_t n : component.nodes) {
      inner.plain.node_of[problem_.plain.nodes[n].variable] = inner.nodes.size();
      inner.plain.nodes.push_back(problem_.plain.nodes[n]);
      inner.nodes.push_back(problem_.nodes[n]);
    }
    const auto add = [&](GaussianScore score) {
      Score plain;
      plain.scope = whole_scope(score.scope);
      inner.plain.scores.push_back(std::move(plain));
      inner.scores.push_back(std::move(score));
    };
    for (const std::size_t s : own) add(problem_.scores[s]);
    local.own_scores = own.size();
    for (const FieldPlace place : component.places) {
      add({part_at(place).scope, part_at(place).averaged, {}, std::nullopt});
    }
    plan_local(component, local);
  }

  void plan_local(const FieldComponent& component, LocalFamily& local) const {
    const Problem& plain = local.problem.plain;
    local.plan = plan_sweep(plain, false);
    if (!local.plan) {
      Solubility solubility = test_solubility(plain);
      if (!solubility.soluble) {
        throw Breakdown{plain.nodes.front().variable,
                        fmt::format("the component of {} has to be solved in one sweep, and is {}",
                                    graph().variable(plain.nodes.front().variable).name,
                                    solubility.explanation)};
      }
      local.order = std::move(solubility.order);
    }
    const std::vector<std::size_t> order = parents_first(plain);
    std::vector<std::size_t> rank(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
    std::vector<Scope> needs(order.size());
    local.read.resize(order.size());
    for (std::size_t k = 0; k < component.places.size(); ++k) {
      const Scope& scope = plain.scores[local.own_scores + k].scope;
      std::size_t last = plain.node_of[scope.front()];
      for (const VariableId v : scope) {
        if (rank[plain.node_of[v]] > rank[last]) last = plain.node_of[v];
      }
      needs[last].insert(needs[last].end(), scope.begin(), scope.end());
      local.read[last].push_back(k);
    }
    local.moments = plan_moments(local.problem, needs, order);
  }

  const GaussianProblem& problem_;
  FieldLayout layout_;
};

}  // namespace

FieldLayout make_field_layout(const GaussianProblem& problem) { return Builder(problem).run(); }

}  // namespace credo::variational
