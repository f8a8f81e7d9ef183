#include <credo/core/error.hpp>
#include <credo/inference/variational/stationary.hpp>
#include <credo/inference/variational/stationary_state.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

// V* = B(V*). Sweeps converge by the largest mass of a row, or by the spread of the changes if that
// shrinks faster; Newton's method (with a conditional held: one linear solve; then freed again)
// needs a handful of steps however close to 1 the mass is. Newton on a convex monotone B rises from
// the second step on (Puterman and Brumelle 1979). Cost per sweep: entries; per Newton step: the
// assembly of P and its factorisation. Whatever was done, the answer is certified by sweeps.

namespace credo {

namespace {

using Clock = std::chrono::steady_clock;
using stationary::Bracket;
using stationary::Iterate;

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

class Solver {
 public:
  Solver(const Slice& slice, const StationaryOptions& options)
      : slice_(slice), options_(options), start_(Clock::now()), at_(slice, options) {}

  StationaryResult run() {
    if (prepare()) choose_and_run();
    if (!result_.conditional.empty() || result_.value.empty() || !options_.conditional)
      return finish();
    result_.conditional = at_.conditional();
    return finish();
  }

 private:
  StationaryResult finish() {
    result_.sweeps = at_.sweeps();
    result_.impossible_contexts = at_.impossible();
    result_.timings.infer_seconds = seconds();
    return std::move(result_);
  }

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  bool end(Status status, std::string message) {
    result_.status = status;
    result_.message = std::move(message);
    return false;
  }

  /// Analyses what must be and chooses a start. False when the answer is known already.
  bool prepare() {
    const double extra = 8.0 * static_cast<double>(slice_.contexts()) * 6.0;
    if (extra > options_.memory_limit_bytes) {
      return end(Status::refused,
                 fmt::format("the messages alone need {}; the limit is {}", describe_bytes(extra),
                             describe_bytes(options_.memory_limit_bytes)));
    }
    if (at_.contracts()) return true;
    const stationary::Structure& s = at_.structure();
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

  void choose_and_run() {
    const bool newton_allowed = linear_system_bytes() <= options_.memory_limit_bytes;
    if (options_.method == StationaryMethod::newton && !newton_allowed) {
      end(Status::refused,
          fmt::format("a linear system needs about {}; the limit is {}: use sweeps",
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

  /// P with its incomplete factors.
  [[nodiscard]] double linear_system_bytes() const {
    return 12.0 * 8.0 *
           static_cast<double>(std::min<std::uint64_t>(slice_.entries(), 16 * slice_.contexts()));
  }

  // ---- sweeps

  /// True while nothing is decided and more than `limit` sweeps would be needed.
  bool sweep_until_known(std::size_t limit) {
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

  /// Sweeps until the bounds meet, from how fast they did so far.
  [[nodiscard]] double sweeps_still_needed() const {
    const std::size_t n = widths_.size();
    const double rate =
        std::pow(widths_[n - 1] / widths_[n / 2], 1.0 / static_cast<double>(n - 1 - n / 2));
    if (!(rate > 0.0 && rate < 1.0)) return kInfinity;
    return std::log(options_.tolerance / widths_[n - 1]) / std::log(rate);
  }

  /// False when the answer is decided; true when Newton's method is predicted to be cheaper. The
  /// prediction is made again when it did not come true.
  bool sweep_while_cheaper(bool newton_allowed) {
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

  /// rho < 0: B is neither convex nor concave, and Newton's method may leave for good. It starts
  /// from 0, and a step that makes things worse is taken back and replaced by sweeps.
  [[nodiscard]] bool worst_case() const {
    return slice_.next_kind() == NextKind::charged && slice_.rho() < 0.0;
  }

  void newton() {
    result_.method_used = "newton";
    double best = kInfinity;
    int stalled = 0;
    at_.sweep();
    while (go_on("newton")) {
      if (known()) return;
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

  void take_back(std::vector<double> kept) {
    at_.set(std::move(kept));
    at_.sweep();
    for (int n = 0; n < burst_ && at_.sweeps() < options_.maximum_sweeps && !known_cheaply(); ++n) {
      if (seconds() > options_.time_limit_seconds) return;
      at_.advance();
      at_.sweep();
    }
    burst_ = std::min(2 * burst_, kLongestBurst);
  }

  /// Sweeps that damp what the linear solver left.
  void settle() {
    const bool maximum = slice_.choice_kind() == ChoiceKind::arg_max;
    for (int n = maximum ? kSweepsBetweenMaxima : kSweepsBetween; n > 0 && !known_cheaply(); --n) {
      at_.advance();
      at_.sweep();
    }
  }

  void after_failures(const std::string& after) {
    if (at_.contracts() && std::isfinite(at_.residual())) {
      sweep_until_known(options_.maximum_sweeps);
    } else {
      give_up(after);
    }
  }

  // ---- knowing

  [[nodiscard]] bool known_cheaply() const { return at_.residual() <= 2.0 * at_.rounding(); }

  /// Takes the answer when it is certified.
  bool known() {
    if (at_.residual() != at_.residual()) return false;
    return at_.contracts() ? known_by_contraction() : known_by_harmonic();
  }

  bool known_by_contraction() {
    Bracket bracket = at_.contraction_bounds();
    widths_.push_back(bracket.half_width);
    const bool floor = known_cheaply();
    if (!(bracket.half_width <= options_.tolerance || floor)) {
      last_ = std::move(bracket);
      return false;
    }
    accept(std::move(bracket), "bounds of MacQueen");
    return true;
  }

  bool known_by_harmonic() {
    const bool floor = known_cheaply();
    if (at_.residual() > certify_at_ && !floor) return false;
    std::optional<Bracket> bracket = at_.harmonic_bounds();
    certify_at_ = at_.residual() / 16.0;
    if (!bracket) {
      floors_ += floor ? 1 : 0;
      return floors_ > 2 && !give_up_certificate();
    }
    if (bracket->half_width > options_.tolerance && !floor) return false;
    accept(std::move(*bracket), "super- and subharmonic by expected steps");
    return true;
  }

  bool give_up_certificate() {
    take_value(at_.swept());
    return end(Status::refused,
               "the values stand still, but no certificate was found: choices tie on loops that "
               "never end, or the values are not unique");
  }

  void accept(Bracket bracket, std::string_view certificate) {
    result_.value.resize(bracket.lower.size());
    for (std::size_t x = 0; x < bracket.lower.size(); ++x) {
      const double low = bracket.lower[x];
      result_.value[x] = low > -kInfinity ? low + 0.5 * (bracket.upper[x] - low) : low;
    }
    result_.lower = std::move(bracket.lower);
    result_.upper = std::move(bracket.upper);
    result_.error_bound = bracket.half_width;
    result_.residual = at_.residual();
    result_.certificate = certificate;
    result_.guarantee = Guarantee::exact;
    at_.set(result_.value);
    const bool floor = result_.error_bound > options_.tolerance;
    end(Status::ok,
        fmt::format(
            "certified to {:.3g} by {} after {} sweeps{}{}", result_.error_bound, certificate,
            at_.sweeps(),
            result_.newton_steps > 0 ? fmt::format(" and {} Newton steps", result_.newton_steps)
                                     : "",
            floor ? fmt::format("; rounding does not allow {:.3g}", options_.tolerance) : ""));
  }

  void take_value(const std::vector<double>& value) {
    result_.value = value;
    result_.residual = at_.residual();
    result_.guarantee = Guarantee::unconverged;
    if (last_.lower.empty()) return;
    result_.lower = last_.lower;
    result_.upper = last_.upper;
    result_.error_bound = last_.half_width;
  }

  void give_up(const std::string& after) {
    take_value(at_.swept());
    const std::string where =
        at_.largest_change() > 0.0 && at_.largest_change() >= at_.residual()
            ? fmt::format("a sweep still raises the value of context {} by {:.3g}", at_.fastest(),
                          at_.largest_change())
            : fmt::format("a sweep still lowers some value by {:.3g}", at_.residual());
    end(Status::refused,
        at_.contracts() ? fmt::format("after {} the values are certified to {:.3g} only; raise the "
                                      "limit or the tolerance",
                                      after, last_.half_width)
                        : fmt::format("no certificate after {}: {}; either the values grow without "
                                      "bound (loops gain more than "
                                      "the chance of ending there costs) or the limit is too low",
                                      after, where));
  }

  bool go_on(std::string_view phase) {
    const double elapsed = seconds();
    if (elapsed > options_.time_limit_seconds) {
      take_value(at_.swept());
      return end(Status::deadline,
                 fmt::format("the time limit came after {} sweeps", at_.sweeps()));
    }
    if (!options_.observer) return true;
    const double done =
        static_cast<double>(at_.sweeps()) / static_cast<double>(options_.maximum_sweeps);
    if (options_.observer({phase, std::min(1.0, done), elapsed})) return true;
    take_value(at_.swept());
    return end(Status::cancelled, fmt::format("cancelled after {} sweeps", at_.sweeps()));
  }

  const Slice& slice_;
  const StationaryOptions& options_;
  Clock::time_point start_;
  Iterate at_;
  StationaryResult result_;
  Bracket last_;
  std::vector<double> widths_;
  double certify_at_ = options_.tolerance;
  int failures_ = 0;
  int burst_ = 50;
  int floors_ = 0;
};

}  // namespace

StationaryResult solve_stationary(const Slice& slice, const StationaryOptions& options) {
  options.validate();
  if (!options.start.empty() && options.start.size() != slice.contexts()) {
    throw OptionError(
        fmt::format("stationary option start has {} entries: expected one per context, {}",
                    options.start.size(), slice.contexts()));
  }
  return Solver(slice, options).run();
}

}  // namespace credo
