// log Z = log p~(m) + (N log 2 pi - log det J) / 2 with m the mean: one Newton step from any point
// reaches it, because log p~ is quadratic. p~ is evaluated from residuals, not from the information
// form, so that log Z keeps its digits far from the origin; where the step gained so much that
// digits were lost, a second step mends them (iterative refinement).
// Invariants: after factorise(), gain and core of every front are those of x given its separator.
// Cost: O(sum of front orders cubed) to factorise and to spread, squared to solve.
// Source: Koller and Friedman, Probabilistic Graphical Models, 2009, chapter 14 (canonical forms);
// Rue and Held, Gaussian Markov Random Fields, 2005, section 2.4.

#include <credo/inference/gaussian/divergence.hpp>
#include <credo/inference/gaussian/engine.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo::gaussian {

namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);
/// A second step when the first gained this many times more than log Z.
constexpr double kRefine = 1e3;
/// How much is done between two questions whether to go on.
constexpr std::uint32_t kFrontsPerQuestion = 1024;
constexpr std::uint32_t kLargeFront = 64;

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
  for (std::uint32_t f = 0; f < structure_.fronts.size(); ++f) {
    const Front& front = structure_.fronts[f];
    const FrontKernel* kernel = &front_kernel(front.size, front.separator);
    if (stretches_.empty() || stretches_.back().kernel != kernel || front.order() > kLargeFront ||
        f - stretches_.back().range.begin == kFrontsPerQuestion) {
      stretches_.push_back({kernel, {f, f}});
    }
    stretches_.back().range.end = f + 1;
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
  scratch_.resize(std::size_t{2} * largest);
}

void Engine::load(const FactorGraph& graph, std::span<const std::size_t> states) {
  graph_ = &graph;
  choose(states);
  forms_.forget_unused();
}

void Engine::load(std::span<const GaussianTable> tables) {
  begin_binding();
  for (std::size_t f = 0; f < bound_.size(); ++f) {
    bind(f, forms_.of(tables[structure_.factors[f].factor], 0));
  }
  forms_.forget_unused();
}

void Engine::choose(std::span<const std::size_t> states) {
  begin_binding();
  const std::span<const GaussianFactor> factors = graph_->gaussian_factors();
  for (std::size_t f = 0; f < bound_.size(); ++f) {
    const GaussianFactor& factor = factors[structure_.factors[f].factor];
    std::uint64_t entry = 0;
    for (const VariableId v : factor.scope) entry = entry * graph_->cardinality(v) + states[v];
    bind(f, forms_.of(factor.table, entry));
  }
}

void Engine::begin_binding() {
  bound_.resize(structure_.factors.size());
  careful_ = false;
  factors_ = Factors::none;
}

void Engine::bind(std::size_t f, const LocalForm& form) {
  bound_[f] = &form;
  careful_ = careful_ || form.is_singular();
}

FrontArrays Engine::arrays() noexcept {
  return {structure_.fronts.data(),
          structure_.scalars.data(),
          structure_.positions.data(),
          square_.data(),
          gain_.data(),
          core_.data()};
}

/// The precisions of all fronts, before any elimination. In long chains most fronts are like one of
/// the last few: theirs is copied.
void Engine::assemble() {
  const std::vector<Front>& fronts = structure_.fronts;
  std::array<std::uint32_t, 4> recent{};
  std::size_t next_recent = 0;
  for (std::uint32_t f = 0; f < fronts.size(); ++f) {
    double* square = &square_[fronts[f].square];
    const std::size_t size = std::size_t{fronts[f].order()} * fronts[f].order();
    const auto like = std::ranges::find_if(
        recent, [&](std::uint32_t other) { return other < f && assembled_alike(f, other); });
    if (like != recent.end()) {
      std::copy_n(&square_[fronts[*like].square], size, square);
      continue;
    }
    std::fill_n(square, size, 0.0);
    assemble(fronts[f], square);
    recent[next_recent++ % recent.size()] = f;
  }
}

bool Engine::assembled_alike(std::uint32_t f, std::uint32_t other) const {
  const Front& a = structure_.fronts[f];
  const Front& b = structure_.fronts[other];
  const std::uint32_t count = a.factors_end - a.factors_begin;
  if (a.order() != b.order() || count != b.factors_end - b.factors_begin) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (bound_[a.factors_begin + i] != bound_[b.factors_begin + i] ||
        structure_.factors[a.factors_begin + i].entries_begin !=
            structure_.factors[b.factors_begin + i].entries_begin) {
      return false;
    }
  }
  return true;
}

void Engine::assemble(const Front& front, double* square) const {
  const AssemblyEntry* entries = structure_.entries.data();
  for (std::uint32_t f = front.factors_begin; f < front.factors_end; ++f) {
    const BoundFactor& bound = structure_.factors[f];
    const double* precision = bound_[f]->precision.data();
    for (std::uint32_t e = bound.entries_begin; e < bound.entries_end; ++e) {
      square[entries[e].to] += precision[entries[e].from];
    }
  }
}

/// False when stopped, or when plain elimination is not good enough.
bool Engine::factorise(const std::function<bool()>& keep_going) {
  assemble();
  pivots_ = {};
  for (const auto& [kernel, range] : stretches_) {
    if (keep_going && !keep_going()) {
      stopped_ = true;
      return false;
    }
    kernel->factorise(arrays(), range, pivots_);
    if (!pivots_.trustworthy) return false;
  }
  factors_ = Factors::plain;
  return true;
}

double Engine::add_terms(const BoundFactor& bound, const LocalForm& local) {
  return local.add_terms(local, &structure_.scalars[bound.scalars], point_.data(), gradient_.data(),
                         scratch_.data());
}

double Engine::evaluate() {
  std::ranges::fill(gradient_, 0.0);
  return log_at_point();
}

double Engine::take_step() {
  CompensatedSum gained;
  for (const auto& [kernel, range] : stretches_) {
    kernel->ascend(arrays(), range, gradient_.data(), gained);
  }
  for (std::size_t i = stretches_.size(); i-- > 0;) {
    stretches_[i].kernel->descend(arrays(), stretches_[i].range, gradient_.data(), step_.data(),
                                  point_.data());
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
    // Minus infinity here is a number too large: no kernel is certain, and no factor zero.
    const double value = evaluate();
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
  if (solution.status == Status::impossible_evidence) refuse_rounding(solution);
  if (solution.status == Status::ok && !std::isfinite(solution.log_z)) {
    solution.status = Status::refused;
    solution.message = "the numbers leave the range of doubles";
  }
  return solution;
}

/// A contradiction proves nothing where rounding made a kernel certain.
void Engine::refuse_rounding(Solution& solution) const {
  for (std::size_t f = 0; f < bound_.size(); ++f) {
    const double variance = bound_[f]->noise.rounded_variance;
    if (!(variance > 0.0)) continue;
    const std::uint32_t factor = structure_.factors[f].factor;
    const std::string name = graph_ != nullptr ? graph_->describe_gaussian(factor)
                                               : fmt::format("Gaussian factor {}", factor);
    solution.status = Status::refused;
    solution.message = explain_rounded_certainty(name, variance) + kRoundingProvesNothing;
    solution.log_z = kNaN;
    return;
  }
}

double Engine::log_at_point() {
  CompensatedSum sum;
  for (std::size_t f = 0; f < structure_.factors.size(); ++f) {
    sum.add(add_terms(structure_.factors[f], *bound_[f]));
  }
  return sum.value();
}

void Engine::spread() {
  if (factors_ == Factors::careful) {
    spread_carefully();
    return;
  }
  for (std::size_t i = stretches_.size(); i-- > 0;) {
    stretches_[i].kernel->spread(arrays(), stretches_[i].range);
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
