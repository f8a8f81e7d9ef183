#include <credo/core/error.hpp>
#include <credo/inference/variational/stationary.hpp>
#include <credo/inference/variational/stationary_paths.hpp>
#include <credo/inference/variational/stationary_solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

// V* = B(V*). Sweeps converge by the largest mass of a row, or by the spread of the changes if that
// shrinks faster; Newton's method (with a conditional held: one linear solve; then freed again)
// needs a handful of steps however close to 1 the mass is. Newton on a convex monotone B rises from
// the second step on (Puterman and Brumelle 1979). Cost per sweep: entries; per Newton step: the
// assembly of P and its factorisation. Whatever was done, the answer is certified by sweeps.

namespace credo::stationary {

namespace {

constexpr std::size_t kTrialSweeps = 24;
/// A Newton step costs about as much as so many sweeps (measured: docs/stationary.md).
constexpr double kSweepsPerNewtonStep = 50.0;
constexpr double kNewtonSteps = 4.0;
/// Between Newton steps. A maximum changes its mind one neighbour at a time: sweeps tell further.
constexpr int kSweepsBetween = 1;
constexpr int kSweepsBetweenMaxima = 20;
constexpr int kPatience = 30;
constexpr int kPatienceWorstCase = 8;
constexpr int kLongestBurst = 2000;
constexpr double kHuge = 1e15;
/// After failures: changes that do not become smaller in so many sweeps never will.
constexpr std::size_t kHelpfulSweeps = 1000;
constexpr double kHelpful = 0.999;

}  // namespace

StationaryResult Solver::run() {
  if (prepare()) choose_and_run();
  if (!result_.conditional.empty() || result_.value.empty() || !options_.conditional)
    return finish();
  result_.conditional = at_.conditional();
  return finish();
}

StationaryResult Solver::finish() {
  result_.sweeps = rounds_ > 0 ? rounds_ : at_.sweeps();
  result_.impossible_contexts = at_.impossible();
  result_.timings.infer_seconds = seconds();
  return std::move(result_);
}

bool Solver::prepare() {
  const double extra = 8.0 * static_cast<double>(slice_.contexts()) * 6.0;
  if (extra > options_.memory_limit_bytes) {
    return end(Status::refused,
               fmt::format("the messages alone need {}; the limit is {}", describe_bytes(extra),
                           describe_bytes(options_.memory_limit_bytes)));
  }
  if (at_.contracts()) return true;
  const Structure& s = at_.structure();
  if (s.first_stuck() < slice_.contexts()) {
    return end(
        Status::refused,
        fmt::format(
            "no fixed point to certify: from context {} no end can be reached, so that nothing "
            "says what its value is; let its rows lose mass to an end",
            s.first_stuck()));
  }
  if (options_.start.empty() && !worst_case()) at_.start_from_way_out();
  return true;
}

void Solver::choose_and_run() {
  const bool maximum =
      slice_.next_kind() == NextKind::best_case || slice_.next_kind() == NextKind::viterbi;
  if (maximum && slice_.choice_kind() == ChoiceKind::arg_max) return follow_paths();
  const bool newton_allowed = linear_system_bytes() <= options_.memory_limit_bytes;
  if (options_.method == StationaryMethod::newton && !newton_allowed) {
    end(Status::refused, fmt::format("a linear system needs about {}; the limit is {}: use sweeps",
                                     describe_bytes(linear_system_bytes()),
                                     describe_bytes(options_.memory_limit_bytes)));
    return;
  }
  if (options_.method == StationaryMethod::automatic && at_.contracts()) {
    if (!sweep_while_cheaper(newton_allowed)) return;
  } else if (options_.method == StationaryMethod::sweeps || !newton_allowed) {
    sweep_until_known(options_.maximum_sweeps);
    return;
  }
  newton();
}

double Solver::linear_system_bytes() const {
  return 12.0 * 8.0 *
         static_cast<double>(std::min<std::uint64_t>(slice_.entries(), 16 * slice_.contexts()));
}

// ---- sweeps

bool Solver::sweep_until_known(std::size_t limit) {
  result_.method_used = "sweeps";
  while (at_.sweeps() < limit) {
    if (!go_on("sweep")) return false;
    at_.sweep();
    if (known()) return false;
    at_.advance();
  }
  if (limit < options_.maximum_sweeps) return true;
  give_up(fmt::format("{} sweeps", at_.sweeps()));
  return false;
}

double Solver::sweeps_still_needed() const {
  const std::size_t n = widths_.size();
  const double rate =
      std::pow(widths_[n - 1] / widths_[n / 2], 1.0 / static_cast<double>(n - 1 - n / 2));
  if (!(rate > 0.0 && rate < 1.0)) return kInfinity;
  return std::max(0.0, std::log(options_.tolerance / widths_[n - 1]) / std::log(rate));
}

bool Solver::sweep_while_cheaper(bool newton_allowed) {
  if (!sweep_until_known(std::min(kTrialSweeps, options_.maximum_sweeps))) return false;
  while (true) {
    const double needed = sweeps_still_needed();
    if (newton_allowed && needed > kNewtonSteps * kSweepsPerNewtonStep) return true;
    const double limit = static_cast<double>(at_.sweeps()) + 1.25 * needed + 8.0;
    const auto most = static_cast<double>(options_.maximum_sweeps);
    if (!sweep_until_known(static_cast<std::size_t>(std::min(limit, most)))) return false;
  }
}

// ---- Newton

bool Solver::worst_case() const {
  return slice_.next_kind() == NextKind::charged && slice_.rho() < 0.0;
}

void Solver::newton() {
  result_.method_used = "newton";
  in_newton_ = true;
  double best = kInfinity;
  int stalled = 0;
  at_.sweep();
  while (go_on("newton")) {
    if (known()) return;
    if (floors_ > 2) return after_failures("values that stand still without a certificate");
    stalled = at_.residual() < 0.5 * best ? 0 : stalled + 1;
    best = std::min(best, at_.residual());
    const int patience = worst_case() ? kPatienceWorstCase : kPatience;
    if (stalled > patience || result_.newton_steps >= options_.maximum_newton_steps ||
        at_.sweeps() >= options_.maximum_sweeps || !(at_.residual() < kHuge)) {
      return after_failures(fmt::format("{} Newton steps", result_.newton_steps));
    }
    const double before = at_.residual();
    std::vector<double> kept = worst_case() ? at_.swept() : std::vector<double>{};
    const bool solved = at_.newton_step();
    ++result_.newton_steps;
    if (!solved && !worst_case()) {
      if (++failures_ > 2) {
        return after_failures(
            "a linear system without solution (the chain under the best choices does not end)");
      }
      at_.advance();
    }
    at_.sweep();
    if (worst_case() && !(solved && at_.residual() < 2.0 * before)) take_back(std::move(kept));
    settle();
  }
}

void Solver::take_back(std::vector<double> kept) {
  at_.set(std::move(kept));
  at_.sweep();
  for (int n = 0; n < burst_ && at_.sweeps() < options_.maximum_sweeps && !known_cheaply(); ++n) {
    if (seconds() > options_.time_limit_seconds) return;
    at_.advance();
    at_.sweep();
  }
  burst_ = std::min(2 * burst_, kLongestBurst);
}

void Solver::settle() {
  const bool maximum = slice_.choice_kind() == ChoiceKind::arg_max;
  for (int n = maximum ? kSweepsBetweenMaxima : kSweepsBetween; n > 0 && !known_cheaply(); --n) {
    at_.advance();
    at_.sweep();
  }
}

void Solver::after_failures(const std::string& after) {
  in_newton_ = false;
  const bool stands_still = floors_ > 2;
  if (at_.contracts() && std::isfinite(at_.residual())) {
    sweep_until_known(options_.maximum_sweeps);
  } else if (!restarted_ && !options_.start.empty()) {
    restarted_ = true;
    restart();
    newton();
  } else if (options_.method == StationaryMethod::automatic) {
    restart();
    sweep_while_it_helps(after);
  } else if (stands_still) {
    give_up_certificate();
  } else {
    give_up(after);
  }
}

void Solver::restart() {
  at_.restart(worst_case());
  failures_ = 0;
  floors_ = 0;
  certify_at_ = at_.contracts() ? kInfinity : options_.tolerance;
}

void Solver::sweep_while_it_helps(const std::string& after) {
  const std::size_t before = at_.sweeps();
  std::size_t limit = before + std::max(kHelpfulSweeps, 2 * slice_.contexts());
  double last = kInfinity;
  do {
    if (!sweep_until_known(std::min(limit, options_.maximum_sweeps - 1))) return;
    if (!(at_.residual() < kHelpful * last) || !(at_.residual() < kHuge)) break;
    last = at_.residual();
    limit = before + 2 * (limit - before);
  } while (at_.sweeps() + 1 < options_.maximum_sweeps);
  give_up(fmt::format("{} and {} sweeps", after, at_.sweeps() - before));
}

void Solver::follow_paths() {
  result_.method_used = "paths";
  const BestPaths paths = best_paths(slice_, at_.structure(), options_.maximum_sweeps,
                                     [this] { return go_on("paths"); });
  rounds_ = paths.rounds;
  if (result_.status != Status::not_run) return;
  at_.set(paths.value);
  at_.sweep();
  if (paths.gaining < slice_.contexts()) {
    take_value(paths.value);
    end(Status::refused,
        fmt::format("no value after {} rounds along paths: the value of context {} still rises; "
                    "either a loop gains or the limit is too low",
                    paths.rounds, paths.gaining));
    return;
  }
  Bracket bracket{paths.value, paths.value, paths.error_bound};
  for (std::size_t x = 0; x < paths.value.size(); ++x) {
    bracket.lower[x] -= paths.error_bound;
    bracket.upper[x] += paths.error_bound;
  }
  accept(std::move(bracket), "best paths that settle");
  if (!options_.conditional) return;
  result_.conditional.assign(slice_.rows(), 0.0);
  for (std::size_t x = 0; x < paths.choice.size(); ++x) {
    if (paths.choice[x] != kFar) result_.conditional[x * slice_.choices() + paths.choice[x]] = 1.0;
  }
}

}  // namespace credo::stationary

namespace credo {

StationaryResult solve_stationary(const Slice& slice, const StationaryOptions& options) {
  options.validate();
  if (!options.start.empty() && options.start.size() != slice.contexts()) {
    throw OptionError(
        fmt::format("stationary option start has {} entries: expected one per context, {}",
                    options.start.size(), slice.contexts()));
  }
  return stationary::Solver(slice, options).run();
}

}  // namespace credo
