#include <credo/inference/variational/stationary_state.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>

// Sweeps, Newton steps and the two certificates.
//
// Rows of mass at most c: with W = B(V), d = W - V and C(t) = c_max t for t >= 0, c_min t for t <
// 0, B(V + t) <= B(V) + C(t), so W + s with s = C(max d + s) falls under B and W + s >= V*: s =
// c/(1-c) max d, c = c_max or c_min by sign (MacQueen 1966; Porteus 1971). The lower bound mirrors
// it.
//
// Otherwise: with h = e + P h, B(V + h) is about B(V) + h - e, which is below V + h as soon as e >
// B(V) - V; one sweep decides, by more than its rounding. B is monotone, so its iterates from there
// only fall, and from V - h only rise.

namespace credo::stationary {

namespace {

constexpr double kUnit = 0x1p-53;
/// Row masses above this need a certificate of the other kind.
constexpr double kLargestContraction = 1.0 - 1e-9;
constexpr int kAttempts = 24;
/// Of what a certificate moves by, over what it needs: curvature, and systems not solved exactly.
constexpr double kMargin = 1.25;

bool finite(double x) { return x > -kInfinity && x < kInfinity; }

}  // namespace

Iterate::Iterate(const Slice& slice, const StationaryOptions& options)
    : slice_(slice),
      contracts_(slice.next_kind() == NextKind::clamped &&
                 slice.largest_mass() <= kLargestContraction),
      v_(options.start.empty() ? std::vector<double>(slice.contexts(), 0.0) : options.start),
      w_(slice.contexts(), 0.0) {
  if (!contracts_ || slice.smallest_mass() > 0.0) return;
  settled_.assign(slice.contexts(), 1);
  Slice::Row row;
  for (std::size_t r = 0; r < slice.rows(); ++r) {
    slice.read_row(r, row);
    if (row.row_score > -kInfinity && !row.next.empty()) settled_[r / slice.choices()] = 0;
  }
}

const Structure& Iterate::structure() {
  if (!structure_) structure_ = analyse(slice_);
  for (std::size_t x = 0; x < v_.size(); ++x) {
    if (structure_->alive[x] == 0) {
      v_[x] = -kInfinity;
    } else if (!finite(v_[x])) {
      v_[x] = 0.0;
    }
  }
  merge_loops(v_);
  return *structure_;
}

void Iterate::merge_loops(std::vector<double>& v) const {
  if (!structure_ || structure_->loops == 0) return;
  std::vector<double> best(structure_->loops, -kInfinity);
  for (std::size_t x = 0; x < v.size(); ++x) {
    const std::uint32_t loop = structure_->loop_of[x];
    if (loop != kFar) best[loop] = std::max(best[loop], v[x]);
  }
  for (std::size_t x = 0; x < v.size(); ++x) {
    const std::uint32_t loop = structure_->loop_of[x];
    if (loop != kFar) v[x] = best[loop];
  }
}

void Iterate::apply(const std::vector<double>& from, std::vector<double>& to) {
  ++sweeps_;
  if (!structure_ || structure_->loops == 0) {
    slice_.apply(from, to);
    return;
  }
  const std::vector<double> scores = slice_.score(from);
  for (std::size_t x = 0; x < to.size(); ++x) {
    to[x] = -kInfinity;
    for (std::size_t r = x * slice_.choices(); r < (x + 1) * slice_.choices(); ++r) {
      if (structure_->inner_row[r] == 0) to[x] = std::max(to[x], scores[r]);
    }
  }
  merge_loops(to);
}

bool Iterate::start_from_way_out() {
  const Derivative p = way_out(slice_, structure());
  const std::optional<std::vector<double>> value = LinearSystem(p).solve(p.score);
  if (!value) return false;
  for (std::size_t x = 0; x < v_.size(); ++x) {
    if (structure_->alive[x] != 0) v_[x] = (*value)[x];
  }
  choice_ = structure_->way_out;
  merge_loops(v_);
  return true;
}

void Iterate::restart(bool from_zero) {
  v_.assign(v_.size(), 0.0);
  choice_.clear();
  structure();
  if (!from_zero) start_from_way_out();
}

void Iterate::sweep() {
  apply(v_, w_);
  smallest_ = kInfinity;
  largest_ = -kInfinity;
  double scale = 0.0;
  bool lost = false;
  for (std::size_t x = 0; x < v_.size(); ++x) {
    const double change = w_[x] - v_[x];
    if (!finite(change)) {
      lost = lost || v_[x] > -kInfinity;
      continue;
    }
    scale = std::max(scale, std::fabs(w_[x]));
    smallest_ = std::min(smallest_, change);
    if (change > largest_) {
      largest_ = change;
      fastest_ = x;
    }
  }
  const double per_row = static_cast<double>(slice_.entries()) / static_cast<double>(slice_.rows());
  // Power means and soft choices add logarithms times rho and w, whatever they cancel to.
  const double charge = slice_.next_kind() == NextKind::charged ? std::fabs(slice_.rho()) : 0.0;
  const double weight = slice_.choice_kind() == ChoiceKind::free ? slice_.weight() : 0.0;
  rounding_ = (4.0 + per_row) * kUnit * scale + 4.0 * kUnit * (charge + weight);
  if (largest_ == -kInfinity) smallest_ = largest_ = 0.0;
  if (lost && !structure_) {
    structure();
    sweep();
  }
}

double Iterate::residual() const noexcept {
  return std::max(std::fabs(smallest_), std::fabs(largest_));
}

bool Iterate::newton_step() {
  const Structure& s = structure();
  const std::vector<double> scores = slice_.score(v_);
  derivative_ = derivative(slice_, s, v_, scores, 8.0 * rounding_, choice_);
  system_.emplace(*derivative_);
  std::vector<double> change(v_.size(), 0.0);
  for (std::size_t x = 0; x < v_.size(); ++x) {
    if (s.alive[x] != 0 && derivative_->follows[x] == 0) change[x] = w_[x] - v_[x];
  }
  const std::optional<std::vector<double>> step = system_->solve(change);
  if (!step) return false;
  for (std::size_t x = 0; x < v_.size(); ++x) {
    if (s.alive[x] != 0) v_[x] += (*step)[x];
  }
  merge_loops(v_);
  return true;
}

Bracket Iterate::contraction_bounds(double rounding) const {
  assert(contracts_);
  const double largest = slice_.largest_mass() * (1.0 + 4.0 * kUnit);
  const double most = largest / (1.0 - largest);
  const double least = slice_.smallest_mass() / (1.0 - slice_.smallest_mass());
  const double allowance = rounding / (1.0 - largest);
  const double up = (largest_ >= 0.0 ? most : least) * largest_ + allowance;
  const double down = (smallest_ >= 0.0 ? least : most) * smallest_ - allowance;
  Bracket result;
  result.half_width = 0.5 * (up - down);
  result.lower = result.upper = w_;
  for (std::size_t x = 0; x < w_.size(); ++x) {
    const bool settled = !settled_.empty() && settled_[x] != 0;
    result.lower[x] += settled ? -rounding : down;
    result.upper[x] += settled ? rounding : up;
  }
  return result;
}

std::vector<double> Iterate::expected_sum(const Derivative& p, const std::vector<double>& need) {
  std::vector<double> step(v_.size(), 0.0);
  for (std::size_t x = 0; x < step.size(); ++x) {
    if (structure_->alive[x] != 0 && p.follows[x] == 0) step[x] = need[x];
  }
  const std::optional<std::vector<double>> h = system_->solve(step);
  if (!h) return {};
  const bool sane = std::all_of(h->begin(), h->end(), [](double t) { return t >= 0.0; });
  return sane ? *h : std::vector<double>{};
}

std::vector<double> Iterate::shifted(const std::vector<double>& h, double sign) const {
  std::vector<double> result = v_;
  for (std::size_t x = 0; x < result.size(); ++x) result[x] += sign * h[x];
  return result;
}

std::vector<double> Iterate::roundings(const std::vector<double>& v, Slack slack) const {
  if (slack != Slack::by_context) return std::vector<double>(v.size(), slice_.rounding(v));
  std::vector<double> result = slice_.roundings(v);
  merge_loops(result);
  return result;
}

bool Iterate::moves(const std::vector<double>& v, double direction, Slack slack) {
  const std::vector<double> least =
      slack == Slack::none ? std::vector<double>(v.size(), 0.0) : roundings(v, slack);
  std::vector<double> after(v.size());
  apply(v, after);
  for (std::size_t x = 0; x < v.size(); ++x) {
    if (v[x] == -kInfinity && after[x] == v[x]) continue;
    if (!(direction * (after[x] - v[x]) >= least[x])) return false;
  }
  return true;
}

std::optional<Bracket> Iterate::harmonic_bounds(double tolerance, bool standing) {
  structure();
  std::optional<Bracket> bracket = harmonic_bounds_with(Slack::common);
  if (bracket && bracket->half_width <= tolerance) return bracket;
  std::optional<Bracket> closer = harmonic_bounds_with(Slack::by_context);
  if (closer && !(bracket && bracket->half_width <= closer->half_width)) return closer;
  if (bracket || !standing) return bracket;
  return harmonic_bounds_with(Slack::none);
}

std::optional<Bracket> Iterate::harmonic_bounds_with(Slack slack) {
  const Structure& s = *structure_;
  std::vector<double> at = v_;
  std::vector<double> need = roundings(v_, slack);
  for (double& t : need) {
    t = kMargin * (residual() + t);
    // A power of 2 is added to scores without rounding, which would break ties.
    if (slack == Slack::none) t = std::exp2(std::ceil(std::log2(t)));
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::vector<std::uint32_t> choice = attempt == 0 ? choice_ : std::vector<std::uint32_t>{};
    derivative_ =
        derivative(slice_, s, at, slice_.score(at), attempt == 0 ? 8.0 * rounding_ : 0.0, choice);
    system_.emplace(*derivative_);
    const std::vector<double> h = expected_sum(*derivative_, need);
    if (h.empty()) return std::nullopt;
    Bracket result;
    result.upper = shifted(h, 1.0);
    result.lower = shifted(h, -1.0);
    result.half_width = *std::max_element(h.begin(), h.end());
    const bool above = moves(result.upper, -1.0, slack);
    if (above && moves(result.lower, 1.0, slack)) return result;
    // Another choice ties, or curvature matters: the derivative where it failed, and a wider step.
    at = above ? result.lower : result.upper;
    if (attempt % 3 != 2) continue;
    for (double& t : need) t *= 2.0;
  }
  return std::nullopt;
}

std::vector<double> Iterate::conditional() {
  std::vector<double> q = slice_.conditional(v_);
  if (contracts_ || slice_.choice_kind() != ChoiceKind::arg_max) return q;
  const Structure& s = structure();
  std::vector<std::uint32_t> choice = choice_;
  const Derivative p = derivative(slice_, s, v_, slice_.score(v_), 8.0 * rounding_, choice);
  std::fill(q.begin(), q.end(), 0.0);
  for (std::size_t x = 0; x < v_.size(); ++x) {
    if (s.alive[x] != 0 && p.follows[x] == 0) q[x * slice_.choices() + choice[x]] = 1.0;
  }
  lead_to_leavers(slice_, s, p, q);
  return q;
}

}  // namespace credo::stationary
