// Expectations of quadratic scores, component by component.
//
// With the states of a score given, its continuous variables y outside a component C are
// independent of those inside, x, and of one another between components, so that
//   E[h'z - z'P z / 2 | x] = h_x'x - x'P_xx x / 2 - x'P_xy m + h_y'm - m'P_yy m / 2 - tr P_yy S / 2
// with m = E[y] and S block diagonal; states outside C are averaged with their probabilities. Cost:
// joint states x dimension^2 per score and component.

#include <credo/core/joint_states.hpp>
#include <credo/core/numerics.hpp>
#include <credo/inference/variational/gaussian_shares.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace credo::variational {

namespace {

using Eigen::Index;
using Cell = Frontier::Cell;
using Part = SharedScore::Part;

double trace_of_product(const Eigen::MatrixXd& precision, const Part& part, const Cell& cell) {
  double sum = 0.0;
  for (std::size_t a = 0; a < part.coordinates.size(); ++a) {
    for (std::size_t b = 0; b < part.coordinates.size(); ++b) {
      sum += precision(part.coordinates[a], part.coordinates[b]) *
             cell.covariance(static_cast<Index>(a), static_cast<Index>(b));
    }
  }
  return sum;
}

/// Adds share times the form, averaged over every part but `own`, to `sum`.
void add_average(const SharedScore& score, std::size_t own, std::span<const std::size_t> states,
                 const Form& form, double share, Form& sum) {
  const Index n = form.dimension();
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(n);
  double trace = 0.0;
  for (std::size_t i = 0; i < score.parts.size(); ++i) {
    const Part& part = score.parts[i];
    if (i == own || part.coordinates.empty()) continue;
    const Cell& cell = part.cells[part.index(states)];
    for (std::size_t a = 0; a < part.coordinates.size(); ++a) {
      mean[part.coordinates[a]] = cell.mean[static_cast<Index>(a)];
    }
    trace += trace_of_product(form.precision, part, cell);
  }
  Eigen::VectorXd slope = form.linear;
  if (n > 0) slope.noalias() -= form.precision * mean;
  const std::vector<Index>& kept = score.parts[own].coordinates;
  for (std::size_t a = 0; a < kept.size(); ++a) {
    const auto row = static_cast<Index>(a);
    sum.linear[row] += share * slope[kept[a]];
    for (std::size_t b = 0; b < kept.size(); ++b) {
      sum.precision(row, static_cast<Index>(b)) += share * form.precision(kept[a], kept[b]);
    }
  }
  sum.constant += share * (form.constant + (mean.dot(form.linear) + mean.dot(slope) - trace) / 2.0);
}

}  // namespace

SharedScore make_shared_score(const FactorGraph& graph, SplitScope scope, std::vector<Form> forms,
                              const std::vector<std::size_t>& component_of) {
  SharedScore score;
  score.extents = graph.shape_of(scope.discrete);
  score.forms = std::move(forms);
  std::vector<std::size_t> touched;
  for (const Scope* half : {&scope.discrete, &scope.continuous}) {
    for (const VariableId v : *half) {
      if (std::ranges::find(touched, component_of[v]) == touched.end()) {
        touched.push_back(component_of[v]);
      }
    }
  }
  for (const std::size_t component : touched) {
    SplitScope own;
    const auto inside = [&](VariableId v) { return component_of[v] == component; };
    std::ranges::copy_if(scope.discrete, std::back_inserter(own.discrete), inside);
    std::ranges::copy_if(scope.continuous, std::back_inserter(own.continuous), inside);
    Part part{component, own, StateIndex(graph, own.discrete, scope.discrete),
              coordinates_of(graph, own.continuous, scope.continuous)};
    const std::size_t cells = saturating_product(graph.shape_of(own.discrete));
    part.averaged.assign(cells, Form::zero(static_cast<Index>(part.coordinates.size())));
    part.violations.assign(cells, 0.0);
    score.parts.push_back(std::move(part));
  }
  score.scope = std::move(scope);
  return score;
}

void average(SharedScore& score, std::size_t own) {
  Part& part = score.parts[own];
  for (Form& form : part.averaged) {
    form.precision.setZero();
    form.linear.setZero();
    form.constant = 0.0;
  }
  std::ranges::fill(part.violations, 0.0);
  std::size_t at = 0;
  for_each_joint_state(score.extents, [&](std::span<const std::size_t> states) {
    const Form& form = score.forms[at++];
    double share = 1.0;
    for (std::size_t i = 0; i < score.parts.size(); ++i) {
      if (i != own) share *= score.parts[i].cells[score.parts[i].index(states)].weight;
    }
    if (!(share > 0.0)) return;
    const std::size_t row = part.index(states);
    if (form.feasible()) {
      add_average(score, own, states, form, share, part.averaged[row]);
    } else {
      part.violations[row] += share;
    }
  });
}

void settle(SharedScore& score, std::size_t own) {
  const Part& part = score.parts[own];
  score.mean = score.violations = score.magnitude = 0.0;
  for (std::size_t i = 0; i < part.cells.size(); ++i) {
    const Cell& cell = part.cells[i];
    if (!(cell.weight > 0.0)) continue;
    const Form& form = part.averaged[i];
    const double linear = form.linear.dot(cell.mean);
    double square = form.precision.cwiseProduct(cell.covariance).sum();
    if (cell.mean.size() > 0) square += cell.mean.dot(form.precision * cell.mean);
    score.mean += cell.weight * (form.constant + linear - square / 2.0);
    score.violations += cell.weight * part.violations[i];
    score.magnitude +=
        cell.weight * (std::fabs(form.constant) + std::fabs(linear) + std::fabs(square));
  }
}

std::vector<Cell> cells_over(const FactorGraph& graph, const Frontier& frontier,
                             const SplitScope& wanted) {
  Scope dropped;
  for (const Scope* half : {&frontier.scope.discrete, &frontier.scope.continuous}) {
    const Scope& kept = half == &frontier.scope.discrete ? wanted.discrete : wanted.continuous;
    for (const VariableId v : *half) {
      if (std::ranges::find(kept, v) == kept.end()) dropped.push_back(v);
    }
  }
  const Frontier alone = without(graph, frontier, dropped);
  std::vector<Cell> cells(alone.cells.size());
  const StateIndex index(graph, wanted.discrete, alone.scope.discrete);
  const std::vector<Index> places =
      coordinates_of(graph, wanted.continuous, alone.scope.continuous);
  std::size_t at = 0;
  for_each_joint_state(graph.shape_of(alone.scope.discrete),
                       [&](std::span<const std::size_t> states) {
                         cells[index(states)] = picked(alone.cells[at++], places);
                       });
  return cells;
}

}  // namespace credo::variational
