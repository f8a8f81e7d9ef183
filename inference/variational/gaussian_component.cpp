// Components of q, and the update of one of them.
//
// q = prod_C q_C. With all but q_C fixed, L = E_{q_C}[ sum of averaged scores ] + H(q_C) + const,
// whose scores are quadratic again: of a component that is one Gaussian N(m_C, S_C) the update in
// information form is S_C^-1 = J_CC, m_C = S_C (h_C - J_C,rest m_rest), with J and h the averages
// of the scores' precisions and potentials over the discrete states outside (Ghahramani and Jordan
// 1997; Bishop 2006, section 10.1); of a discrete variable it is the softmax of expected
// logarithms. Scores of -infinity are counted, not added, as in block.cpp; a component that is
// solved by the sweep takes those of positive probability as they are. Invariant: cells of every
// part are moments under q_. Cost of an update: the component's scores, and its own sweep.

#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_component.hpp>
#include <credo/inference/variational/gaussian_ordered.hpp>
#include <credo/inference/variational/relevance.hpp>
#include <credo/inference/variational/row_rule.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;
using Cell = Frontier::Cell;

/// How far the mean went, in standard deviations; where there are none, relative to its size.
double distance(const Cell& from, const Cell& to) {
  double largest = 0.0;
  for (Index i = 0; i < to.mean.size(); ++i) {
    const double step = std::fabs(to.mean[i] - from.mean[i]);
    const double variance = to.covariance(i, i);
    const double unit = variance > 0.0 ? std::sqrt(variance) : std::fabs(to.mean[i]);
    if (step > 0.0) largest = std::max(largest, std::sqrt(to.weight) * step / unit);
  }
  return largest;
}

}  // namespace

FieldSolver::FieldSolver(const GaussianProblem& problem)
    : problem_(problem), layout_(make_field_layout(problem)) {
  for (const Node& node : problem_.plain.nodes) weights_.push_back(node.weight);
}

void FieldSolver::start(std::span<const Rows> rows) {
  q_ = stand_in(problem_);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (rows[n].empty()) continue;
    const Scope scope = Problem::scope_of(problem_.plain.nodes[n]);
    q_.tables[n] = Table::dense(graph().shape_of(scope), rows[n]);
  }
}

void FieldSolver::prepare(double multiplier, contraction::Monitor& monitor) {
  for (std::size_t n = 0; n < weights_.size(); ++n) {
    problem_.plain.nodes[n].weight = multiplier * weights_[n];
  }
  for (std::size_t c = 0; c < layout_.components.size(); ++c) {
    if (layout_.components[c].local) {
      for (Node& node : layout_.components[c].local->problem.plain.nodes) {
        node.weight = problem_.plain.nodes[problem_.plain.node_of[node.variable]].weight;
      }
    }
    tell(c, monitor);
  }
  for (std::size_t c = 0; c < layout_.components.size(); ++c) {
    if (layout_.components[c].continuous) update(c, monitor);
  }
  for (std::size_t c = 0; c < layout_.components.size(); ++c) {
    if (layout_.components[c].local && !layout_.components[c].continuous) update(c, monitor);
  }
  for (SharedScore& score : layout_.scores) {
    average(score, 0);
    settle(score, 0);
  }
}

void FieldSolver::update(std::size_t c, contraction::Monitor& monitor) {
  FieldComponent& component = layout_.components[c];
  for (const FieldPlace place : component.places) average(layout_.scores[place.score], place.part);
  bool solved = true;
  if (component.local) {
    solved = sweep(component, monitor);
  } else if (component.optimised) {
    component.continuous ? solve_continuous(component) : solve_discrete(component);
  }
  if (solved) tell(c, monitor);
  for (const FieldPlace place : component.places) {
    settle(layout_.scores[place.score], place.part);
    if (component.local) component.cost -= layout_.scores[place.score].mean;
  }
}

void FieldSolver::solve_discrete(FieldComponent& component) {
  const std::size_t n = component.nodes.front();
  const Node& node = problem_.plain.nodes[n];
  const std::size_t width = graph().cardinality(node.variable);
  std::vector<double> j(width, 0.0);
  std::vector<double> violations(width, 0.0);
  std::vector<double> log_base;
  for (std::size_t k = 0; k < width; ++k) {
    for (const FieldPlace place : component.places) {
      j[k] += part_at(place).averaged[k].constant;
      violations[k] += part_at(place).violations[k];
    }
    if (node.table) log_base.push_back(node.table->log_at(k));
  }
  keep_to_feasible(node.kind, node.weight, violations, log_base, j);
  std::vector<double> row(width);
  solve_row(node.kind, node.weight, log_base, j, row);
  if (std::ranges::all_of(row, [](double p) { return p == 0.0; })) return;
  q_.tables[n] = Table::dense({width}, std::move(row));
}

void FieldSolver::solve_continuous(FieldComponent& component) {
  const std::size_t n = component.nodes.front();
  const VariableId v = problem_.plain.nodes[n].variable;
  Form j = Form::zero(problem_.dimension_of({v}));
  std::vector<Index> identity(static_cast<std::size_t>(j.dimension()));
  std::iota(identity.begin(), identity.end(), Index{0});
  for (const FieldPlace place : component.places) j.add(part_at(place).averaged.front(), identity);
  const std::vector<Kernel>& own = problem_.nodes[n].kernels;
  q_.kernels[n] = {
      std::move(ConditionalRule(problem_, n)(j, own.empty() ? nullptr : &own.front()).q)};
}

/// Whether the best q of the component is feasible; where not q stays.
bool FieldSolver::sweep(FieldComponent& component, contraction::Monitor& monitor) {
  LocalFamily& local = *component.local;
  for (std::size_t k = 0; k < component.places.size(); ++k) {
    const SharedScore::Part& part = part_at(component.places[k]);
    std::vector<Form>& forms = local.problem.scores[local.own_scores + k].forms;
    forms = part.averaged;
    for (std::size_t i = 0; i < forms.size(); ++i) {
      if (part.violations[i] > 0.0) forms[i].constant = -kInfinity;
    }
  }
  GaussianSweepAnswer answer =
      local.plan ? run_gaussian_sweep(local.problem, *local.plan, false, monitor)
                 : run_gaussian_ordered(local.problem, local.order, false, monitor);
  component.cost = answer.value;
  if (answer.value == -kInfinity) return false;
  for (std::size_t i = 0; i < component.nodes.size(); ++i) {
    q_.tables[component.nodes[i]] = std::move(answer.q.tables[i]);
    q_.kernels[component.nodes[i]] = std::move(answer.q.kernels[i]);
  }
  return true;
}

void FieldSolver::tell(std::size_t c, contraction::Monitor& monitor) {
  FieldComponent& component = layout_.components[c];
  if (!component.local) return tell_one(component);
  const LocalFamily& local = *component.local;
  GaussianFamily inner;
  for (const std::size_t n : component.nodes) {
    inner.tables.push_back(q_.tables[n]);
    inner.kernels.push_back(q_.kernels[n]);
  }
  const auto read = [&](std::size_t n, const Frontier& frontier) {
    for (const std::size_t k : local.read[n]) {
      SharedScore::Part& part = part_at(component.places[k]);
      take_cells(part, cells_over(graph(), frontier, part.scope));
    }
  };
  run_moments(local.problem, inner, local.moments, read, monitor);
}

void FieldSolver::tell_one(const FieldComponent& component) {
  const std::size_t n = component.nodes.front();
  const Node& node = problem_.plain.nodes[n];
  std::vector<Cell> cells;
  double cost = 0.0;
  if (component.continuous) {
    const Kernel& q = q_.kernels[n].front();
    cells.push_back({1.0, q.offset, q.root * q.root.transpose()});
    cost = own_cost(problem_, n, 0, q).constant;
  } else {
    const Table& q = q_.tables[n];
    for (std::size_t k = 0; k < q.size(); ++k) {
      cells.push_back({q.at(k), Eigen::VectorXd(0), Eigen::MatrixXd(0, 0)});
      cost += q.at(k) * own_cost(node, q, k);
    }
  }
  layout_.components[layout_.component_of[n]].cost = cost;
  for (const FieldPlace place : component.places) take_cells(part_at(place), cells);
}

void FieldSolver::take_cells(SharedScore::Part& part, std::vector<Cell> cells) {
  for (std::size_t i = 0; i < part.cells.size(); ++i) {
    moved_ = std::max(moved_, distance(part.cells[i], cells[i]));
  }
  part.cells = std::move(cells);
}

void FieldTotal::add(const SharedScore& score) {
  mean += score.mean;
  violations += score.violations;
  magnitude += score.magnitude;
}

void FieldTotal::add_cost(double cost) {
  if (cost == -kInfinity) {
    violations += 1.0;
    return;
  }
  mean += cost;
  magnitude += std::fabs(cost);
}

FieldTotal FieldSolver::share(std::size_t c) const {
  const FieldComponent& component = layout_.components[c];
  FieldTotal total;
  total.add_cost(component.cost);
  for (const FieldPlace place : component.places) total.add(layout_.scores[place.score]);
  return total;
}

FieldTotal FieldSolver::total() const {
  FieldTotal total{0.0, layout_.constant_violations, std::fabs(layout_.constant)};
  for (const FieldComponent& component : layout_.components) total.add_cost(component.cost);
  for (const SharedScore& score : layout_.scores) total.add(score);
  CompensatedSum mean;
  mean.add(layout_.constant);
  for (const FieldComponent& component : layout_.components) {
    if (component.cost != -kInfinity) mean.add(component.cost);
  }
  for (const SharedScore& score : layout_.scores) mean.add(score.mean);
  total.mean = mean.value();
  return total;
}

GaussianMoments FieldSolver::moments(std::size_t node) const {
  const LinearGaussian q = linear_gaussian_of(q_.kernels[node].front());
  return {q.offset, q.covariance};
}

double FieldSolver::moved() { return std::exchange(moved_, 0.0); }

}  // namespace credo::variational
