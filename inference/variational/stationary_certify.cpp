#include <credo/inference/variational/stationary_solver.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

// When a fixed point is known, and what is said when it is not.

namespace credo::stationary {

namespace {

/// More sweeps are not worth it when all but this share of a bound is rounding.
constexpr double kNoise = 0.1;

}  // namespace

bool Solver::known() {
  if (at_.residual() != at_.residual()) return false;
  return at_.contracts() ? known_by_contraction() : known_by_harmonic();
}

bool Solver::known_by_contraction() {
  Bracket bracket = at_.contraction_bounds(at_.rounding());
  widths_.push_back(bracket.half_width);
  const bool floor = known_cheaply();
  if (!(bracket.half_width <= options_.tolerance || floor)) {
    last_ = std::move(bracket);
    return false;
  }
  const double unrounded = at_.contraction_bounds(0.0).half_width;
  if (unrounded > certify_at_ && !floor) return false;
  certify_at_ = unrounded / 2.0;
  bracket = at_.contraction_bounds(slice_.rounding(at_.message()));
  if (bracket.half_width > options_.tolerance) {
    const std::vector<double> each = slice_.roundings(at_.message());
    const double largest = *std::max_element(each.begin(), each.end());
    if (Bracket closer = at_.contraction_bounds(largest); closer.half_width < bracket.half_width)
      bracket = std::move(closer);
  }
  const bool noise = floor || unrounded <= kNoise * bracket.half_width;
  if (bracket.half_width > options_.tolerance && !noise) {
    last_ = std::move(bracket);
    return false;
  }
  accept(std::move(bracket), "bounds of MacQueen");
  return true;
}

bool Solver::known_by_harmonic() {
  const bool floor = known_cheaply();
  if (at_.residual() > certify_at_ && !floor) return false;
  std::optional<Bracket> bracket = at_.harmonic_bounds(options_.tolerance, floor);
  certify_at_ = at_.residual() / 16.0;
  if (!bracket) {
    floors_ += floor ? 1 : 0;
    return floors_ > 2 && !in_newton_ && !give_up_certificate();
  }
  if (bracket->half_width > options_.tolerance && !floor) {
    const std::vector<double> each = slice_.roundings(at_.message());
    const double noise = *std::max_element(each.begin(), each.end());
    certify_at_ = std::max(certify_at_, std::min(at_.residual() / 2.0, noise));
    if (at_.residual() > 2.0 * noise) return false;
  }
  accept(std::move(*bracket), "super- and subharmonic by expected steps");
  return true;
}

bool Solver::give_up_certificate() {
  take_value(at_.swept());
  return end(Status::refused,
             "the values stand still, but no certificate was found: choices tie on loops that "
             "never end, or the values are not unique");
}

void Solver::accept(Bracket bracket, std::string_view certificate) {
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
          result_.newton_steps > 0 ? fmt::format(" and {} Newton steps", result_.newton_steps) : "",
          floor ? fmt::format("; rounding does not allow {:.3g}", options_.tolerance) : ""));
}

void Solver::take_value(const std::vector<double>& value) {
  result_.value = value;
  result_.residual = at_.residual();
  result_.guarantee = Guarantee::unconverged;
  if (last_.lower.empty()) return;
  result_.lower = last_.lower;
  result_.upper = last_.upper;
  result_.error_bound = last_.half_width;
}

void Solver::give_up(const std::string& after) {
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

bool Solver::go_on(std::string_view phase) {
  const double elapsed = seconds();
  if (elapsed > options_.time_limit_seconds) {
    take_value(at_.swept());
    return end(Status::deadline, fmt::format("the time limit came after {} sweeps", at_.sweeps()));
  }
  if (!options_.observer) return true;
  const double done =
      static_cast<double>(at_.sweeps()) / static_cast<double>(options_.maximum_sweeps);
  if (options_.observer({phase, std::min(1.0, done), elapsed})) return true;
  take_value(at_.swept());
  return end(Status::cancelled, fmt::format("cancelled after {} sweeps", at_.sweeps()));
}

bool Solver::end(Status status, std::string message) {
  result_.status = status;
  result_.message = std::move(message);
  return false;
}

}  // namespace credo::stationary
