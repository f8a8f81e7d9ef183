// log Z = log p~(m) + (N log 2 pi - log det J) / 2 with m the mean: one Newton step from any point
// reaches it, because log p~ is quadratic. p~ is evaluated from residuals, not from the information
// form, so that log Z keeps its digits far from the origin; where the step gained so much that
// digits were lost, a second step mends them (iterative refinement).
// Invariants: after factorise(), gain and core of every front are those of x given its separator.
// Cost: O(sum of front orders cubed) to factorise and to spread, squared to solve.
// Source: Koller and Friedman, Probabilistic Graphical Models, 2009, chapter 14 (canonical forms);
// Rue and Held, Gaussian Markov Random Fields, 2005, section 2.4.

#include <credo/inference/gaussian/engine.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo::gaussian {

namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);
/// A second step when the first gained this many times more than log Z.
constexpr double kRefine = 1e3;
constexpr std::size_t kFrontsPerQuestion = 1024;

}  // namespace

Engine::Engine(Structure structure) : structure_(std::move(structure)) {
  point_.assign(structure_.scalar_count, 0.0);
  gradient_.assign(structure_.scalar_count, 0.0);
  step_.assign(structure_.scalar_count, 0.0);
  is_free_.assign(structure_.scalar_count, 0);
  square_.assign(structure_.square_size, 0.0);
  gain_.assign(structure_.gain_size, 0.0);
  core_.assign(structure_.core_size, 0.0);
  std::uint32_t largest = 0;
  for (const Front& front : structure_.fronts) {
    kernels_.push_back(&front_kernel(front.size, front.separator));
    for (std::uint32_t i = 0; i < front.size; ++i) {
      is_free_[structure_.scalars[front.scalars + i]] = 1;
    }
    free_scalars_ += front.size;
  }
  for (const BoundFactor& factor : structure_.factors) {
    largest = std::max(largest, factor.dimension);
  }
  local_values_.resize(largest);
  local_gradient_.resize(largest);
}

void Engine::load(const FactorGraph& graph, std::span<const std::size_t> states) {
  forms_.clear();
  graph_ = &graph;
  choose(states);
}

void Engine::choose(std::span<const std::size_t> states) {
  const FactorGraph& graph = *graph_;
  bound_.clear();
  careful_ = false;
  factors_ = Factors::none;
  const LocalForm* last = nullptr;
  const void* last_table = nullptr;
  for (const BoundFactor& bound : structure_.factors) {
    const GaussianFactor& factor = graph.gaussian_factor(bound.factor);
    std::uint64_t entry = 0;
    for (const VariableId v : factor.scope) entry = entry * graph.cardinality(v) + states[v];
    if (!factor.scope.empty() || factor.table.identity() != last_table) {
      last = &forms_.of(factor.table, entry);
      last_table = factor.scope.empty() ? factor.table.identity() : nullptr;
    }
    bound_.push_back(last);
    careful_ = careful_ || last->is_singular();
  }
}

FrontView Engine::view(const Front& front) {
  const Front& parent = structure_.fronts[front.parent];
  return {front.size,
          front.separator,
          &square_[front.square],
          gain_.data() + front.gain,
          &core_[front.core],
          &square_[parent.square],
          parent.order(),
          structure_.positions.data() + front.positions};
}

void Engine::assemble(const Front& front) {
  double* square = &square_[front.square];
  const std::uint32_t order = front.order();
  for (std::uint32_t f = front.factors_begin; f < front.factors_end; ++f) {
    const BoundFactor& bound = structure_.factors[f];
    const std::uint32_t* at = &structure_.positions[bound.positions];
    const double* row = bound_[f]->precision.data();
    for (std::uint32_t i = 0; i < bound.dimension; ++i, row += bound.dimension) {
      if (at[i] == kObserved) continue;
      for (std::uint32_t j = 0; j <= i; ++j) {
        if (at[j] == kObserved) continue;
        square[std::max(at[i], at[j]) * std::uint64_t{order} + std::min(at[i], at[j])] += row[j];
      }
    }
  }
}

/// False when stopped, or when plain elimination is not good enough.
bool Engine::factorise(const std::function<bool()>& keep_going) {
  std::ranges::fill(square_, 0.0);
  pivots_ = {};
  for (std::size_t f = 0; f < structure_.fronts.size(); ++f) {
    if (keep_going && (f % kFrontsPerQuestion == 0 || structure_.fronts[f].order() > 64) &&
        !keep_going()) {
      stopped_ = true;
      return false;
    }
    assemble(structure_.fronts[f]);
    kernels_[f]->factorise(view(structure_.fronts[f]), pivots_);
    if (!pivots_.trustworthy) return false;
  }
  factors_ = Factors::plain;
  return true;
}

double Engine::add_kernel(const BoundFactor& bound, const LocalForm& local) {
  const std::uint32_t* scalars = &structure_.scalars[bound.scalars];
  const std::size_t child = local.child;
  const std::size_t parents = local.dimension - child;
  const double* gain = local.kernel->gain.data();
  double* residual = local_values_.data();
  double* weighted = local_gradient_.data();
  for (std::size_t i = 0; i < child; ++i, gain += parents) {
    double sum = point_[scalars[parents + i]] - local.kernel->offset[i];
    for (std::size_t j = 0; j < parents; ++j) sum -= gain[j] * point_[scalars[j]];
    residual[i] = sum;
  }
  double squared = 0.0;
  gain = local.kernel->gain.data();
  const double* inverse = local.child_precision.data();
  for (std::size_t i = 0; i < child; ++i, inverse += child) {
    double sum = 0.0;
    for (std::size_t j = 0; j < child; ++j) sum += inverse[j] * residual[j];
    weighted[i] = sum;
    squared += sum * residual[i];
    gradient_[scalars[parents + i]] -= sum;
  }
  for (std::size_t i = 0; i < child; ++i, gain += parents) {
    for (std::size_t j = 0; j < parents; ++j) gradient_[scalars[j]] += gain[j] * weighted[i];
  }
  return local.log_constant - squared / 2.0;
}

double Engine::add_quadratic(const BoundFactor& bound, const LocalForm& local) {
  const std::uint32_t* scalars = &structure_.scalars[bound.scalars];
  const double* row = local.precision.data();
  double value = local.log_constant;
  for (std::size_t i = 0; i < local.dimension; ++i, row += local.dimension) {
    double pull = 0.0;
    for (std::size_t j = 0; j < local.dimension; ++j) pull += row[j] * point_[scalars[j]];
    value += (local.form->linear[i] - pull / 2.0) * point_[scalars[i]];
    gradient_[scalars[i]] += local.form->linear[i] - pull;
  }
  return value;
}

double Engine::evaluate() {
  std::ranges::fill(gradient_, 0.0);
  return log_at_point();
}

double Engine::take_step() {
  CompensatedSum gained;
  for (std::size_t f = 0; f < structure_.fronts.size(); ++f) {
    const Front& front = structure_.fronts[f];
    gained.add(
        kernels_[f]->ascend(view(front), &structure_.scalars[front.scalars], gradient_.data()));
  }
  for (std::size_t f = structure_.fronts.size(); f-- > 0;) {
    const Front& front = structure_.fronts[f];
    const std::uint32_t* scalars = &structure_.scalars[front.scalars];
    kernels_[f]->descend(view(front), scalars, gradient_.data(), step_.data());
    for (std::uint32_t i = 0; i < front.size; ++i) point_[scalars[i]] += step_[scalars[i]];
  }
  return gained.value() / 2.0;
}

Solution Engine::solve_plainly() {
  Solution solution;
  for (std::size_t i = 0; i < point_.size(); ++i) {
    if (is_free_[i]) point_[i] = 0.0;
  }
  const double normaliser = (static_cast<double>(free_scalars_) * kLogTwoPi - pivots_.log()) / 2.0;
  for (int step = 0; step < 3; ++step) {
    const double value = evaluate();
    if (value == -kInfinity) {
      solution.status = Status::impossible_evidence;
      solution.log_z = -kInfinity;
      return solution;
    }
    const double gained = take_step();
    solution.log_z = value + gained + normaliser;
    if (std::fabs(value) + gained <= kRefine * std::max(1.0, std::fabs(solution.log_z))) break;
  }
  solution.status = Status::ok;
  return solution;
}

Solution Engine::solve(const std::function<bool()>& keep_going) {
  stopped_ = false;
  for (std::size_t f = 0; f < bound_.size(); ++f) {
    if (bound_[f]->log_constant == -kInfinity) {
      return {Status::impossible_evidence, "", -kInfinity, 0};
    }
  }
  if (!careful_ && factors_ != Factors::plain && !factorise(keep_going)) careful_ = !stopped_;
  if (stopped_) return {Status::deadline, "", kNaN, 0};
  Solution solution = careful_ ? solve_carefully(keep_going) : solve_plainly();
  if (solution.status == Status::ok && !std::isfinite(solution.log_z)) {
    solution.status = Status::refused;
    solution.message = "the numbers leave the range of doubles";
  }
  return solution;
}

double Engine::log_at_point() {
  CompensatedSum sum;
  for (std::size_t f = 0; f < structure_.factors.size(); ++f) {
    const BoundFactor& bound = structure_.factors[f];
    const LocalForm& local = *bound_[f];
    sum.add(local.is_kernel() ? add_kernel(bound, local) : add_quadratic(bound, local));
  }
  return sum.value();
}

void Engine::spread() {
  for (std::size_t f = structure_.fronts.size(); f-- > 0;) {
    kernels_[f]->spread(view(structure_.fronts[f]));
  }
}

std::span<const double> Engine::gain(std::uint32_t front) const {
  const Front& f = structure_.fronts[front];
  return std::span(gain_).subspan(f.gain, std::size_t{f.size} * f.separator);
}

std::span<const double> Engine::core(std::uint32_t front) const {
  const Front& f = structure_.fronts[front];
  return std::span(core_).subspan(f.core, std::size_t{f.size} * f.size);
}

}  // namespace credo::gaussian
