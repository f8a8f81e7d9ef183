// Moments of q, forward.
//
// The frontier is the set of variables that are still needed: for every joint state of its discrete
// ones their probability, and mean and covariance of its continuous ones given them. A
// linear-Gaussian kernel extends mean and covariance; summing a discrete variable out matches
// moments, which is exact for means and covariances, because every later kernel is linear and does
// not see what was summed. Invariant: cells are row-major over scope.discrete. Cost: nodes x cells
// x dimension^2.

#include <credo/core/joint_states.hpp>
#include <credo/inference/variational/gaussian_moments.hpp>
#include <credo/inference/variational/relevance.hpp>

#include <algorithm>
#include <utility>

namespace credo::variational {

namespace {

using Cell = Frontier::Cell;
using Eigen::Index;

/// The mixture's weight, mean and covariance.
Cell mixture(std::span<const Cell* const> cells) {
  Cell sum{0.0, Eigen::VectorXd::Zero(cells.front()->mean.size()), {}};
  for (const Cell* cell : cells) {
    sum.weight += cell->weight;
    sum.mean += cell->weight * cell->mean;
  }
  if (sum.weight > 0.0) sum.mean /= sum.weight;
  sum.covariance = Eigen::MatrixXd::Zero(sum.mean.size(), sum.mean.size());
  if (!(sum.weight > 0.0)) return sum;
  for (const Cell* cell : cells) {
    const Eigen::VectorXd away = cell->mean - sum.mean;
    sum.covariance += cell->weight / sum.weight * (cell->covariance + away * away.transpose());
  }
  return sum;
}

Frontier with_continuous(const FactorGraph& graph, const Frontier& frontier, VariableId v,
                         const SplitScope& parents, const std::vector<Kernel>& kernels) {
  Frontier result;
  result.scope = frontier.scope;
  result.scope.continuous.push_back(v);
  result.cells.clear();
  const StateIndex kernel_index(graph, parents.discrete, frontier.scope.discrete);
  const std::vector<Index> places =
      coordinates_of(graph, parents.continuous, frontier.scope.continuous);
  std::size_t at = 0;
  for_each_joint_state(
      graph.shape_of(frontier.scope.discrete), [&](std::span<const std::size_t> states) {
        const Cell& cell = frontier.cells[at++];
        const Kernel& kernel = kernels[kernel_index(states)];
        const Index n = cell.mean.size();
        const Index m = kernel.offset.size();
        const Index parent_count = kernel.gain.cols();
        Eigen::VectorXd parent_mean(parent_count);
        Eigen::MatrixXd parent_rows(parent_count, n);  // covariances of parents with everything
        for (Index i = 0; i < parent_count; ++i) {
          parent_mean[i] = cell.mean[places[static_cast<std::size_t>(i)]];
          parent_rows.row(i) = cell.covariance.row(places[static_cast<std::size_t>(i)]);
        }
        const Eigen::MatrixXd cross = kernel.gain * parent_rows;
        Eigen::MatrixXd cross_parents(m, parent_count);
        for (Index i = 0; i < parent_count; ++i) {
          cross_parents.col(i) = cross.col(places[static_cast<std::size_t>(i)]);
        }
        Cell grown{cell.weight, Eigen::VectorXd(n + m), Eigen::MatrixXd(n + m, n + m)};
        grown.mean << cell.mean, kernel.gain * parent_mean + kernel.offset;
        grown.covariance << cell.covariance, cross.transpose(), cross,
            cross_parents * kernel.gain.transpose() + kernel.root * kernel.root.transpose();
        result.cells.push_back(std::move(grown));
      });
  return result;
}

Frontier with_discrete(const FactorGraph& graph, const Frontier& frontier, VariableId v,
                       const Scope& table_scope, const Table& table) {
  Frontier result;
  result.scope = frontier.scope;
  result.scope.discrete.push_back(v);
  result.cells.clear();
  const StateIndex entry(graph, table_scope, result.scope.discrete);
  const std::size_t width = graph.cardinality(v);
  std::size_t at = 0;
  for_each_joint_state(graph.shape_of(result.scope.discrete),
                       [&](std::span<const std::size_t> states) {
                         Cell cell = frontier.cells[at++ / width];
                         cell.weight *= table.at(entry(states));
                         result.cells.push_back(std::move(cell));
                       });
  return result;
}

}  // namespace

Frontier::Cell Frontier::merged() const {
  std::vector<const Cell*> all;
  for (const Cell& cell : cells) all.push_back(&cell);
  return mixture(all);
}

Frontier::Cell picked(const Frontier::Cell& cell, const std::vector<Index>& kept) {
  const auto n = static_cast<Index>(kept.size());
  Cell result{cell.weight, Eigen::VectorXd(n), Eigen::MatrixXd(n, n)};
  for (Index i = 0; i < n; ++i) {
    const Index from = kept[static_cast<std::size_t>(i)];
    result.mean[i] = cell.mean[from];
    for (Index k = 0; k < n; ++k) {
      result.covariance(i, k) = cell.covariance(from, kept[static_cast<std::size_t>(k)]);
    }
  }
  return result;
}

Frontier without(const FactorGraph& graph, const Frontier& frontier, const Scope& dropped) {
  const auto stays = [&](VariableId v) { return std::ranges::find(dropped, v) == dropped.end(); };
  Frontier result;
  std::ranges::copy_if(frontier.scope.discrete, std::back_inserter(result.scope.discrete), stays);
  std::ranges::copy_if(frontier.scope.continuous, std::back_inserter(result.scope.continuous),
                       stays);
  const std::vector<Index> kept =
      coordinates_of(graph, result.scope.continuous, frontier.scope.continuous);
  std::size_t count = 1;
  for (const VariableId v : result.scope.discrete) count *= graph.cardinality(v);
  std::vector<std::vector<const Cell*>> groups(count);
  const StateIndex target(graph, result.scope.discrete, frontier.scope.discrete);
  std::size_t at = 0;
  for_each_joint_state(graph.shape_of(frontier.scope.discrete),
                       [&](std::span<const std::size_t> states) {
                         groups[target(states)].push_back(&frontier.cells[at++]);
                       });
  result.cells.clear();
  for (const std::vector<const Cell*>& group : groups) {
    result.cells.push_back(picked(group.size() == 1 ? *group.front() : mixture(group), kept));
  }
  return result;
}

MomentPlan plan_moments(const GaussianProblem& problem, std::span<const Scope> needs,
                        std::vector<std::size_t> order) {
  MomentPlan plan;
  plan.order = order.empty() ? parents_first(problem.plain) : std::move(order);
  std::vector<std::size_t> last(problem.graph().variable_count(), 0);
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    const std::size_t n = plan.order[i];
    last[problem.plain.nodes[n].variable] = i;
    for (const VariableId u : problem.plain.nodes[n].parents) last[u] = i;
    if (!needs.empty()) {
      for (const VariableId u : needs[n]) last[u] = std::max(last[u], i);
    }
  }
  plan.dropped.resize(plan.order.size());
  for (const Node& node : problem.plain.nodes) {
    plan.dropped[last[node.variable]].push_back(node.variable);
  }
  double states = 1.0;
  double dimension = 0.0;
  const auto size_of = [&](VariableId v) -> const Variable& { return problem.graph().variable(v); };
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    const Variable& added = size_of(problem.plain.nodes[plan.order[i]].variable);
    dimension += static_cast<double>(added.dimension);
    if (!added.is_continuous()) states *= static_cast<double>(added.cardinality);
    plan.peak_bytes = std::max(
        plan.peak_bytes, 2.0 * sizeof(double) * states * (dimension + 1.0) * (dimension + 16.0));
    for (const VariableId v : plan.dropped[i]) {
      dimension -= static_cast<double>(size_of(v).dimension);
      if (!size_of(v).is_continuous()) states /= static_cast<double>(size_of(v).cardinality);
    }
  }
  return plan;
}

void run_moments(const GaussianProblem& problem, const GaussianFamily& q, const MomentPlan& plan,
                 const MomentVisitor& visit, contraction::Monitor& monitor) {
  const FactorGraph& graph = problem.graph();
  Frontier frontier;
  for (std::size_t i = 0; i < plan.order.size(); ++i) {
    monitor.check("forward", static_cast<double>(i) / static_cast<double>(plan.order.size()));
    const std::size_t n = plan.order[i];
    const Node& node = problem.plain.nodes[n];
    frontier = problem.nodes[n].continuous ? with_continuous(graph, frontier, node.variable,
                                                             problem.nodes[n].parents, q.kernels[n])
                                           : with_discrete(graph, frontier, node.variable,
                                                           Problem::scope_of(node), q.tables[n]);
    visit(n, frontier);
    if (!plan.dropped[i].empty()) frontier = without(graph, frontier, plan.dropped[i]);
  }
}

}  // namespace credo::variational
