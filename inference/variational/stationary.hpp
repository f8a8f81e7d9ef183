#pragma once
// The fixed point of a slice that repeats itself for ever, to a certified error.

#include <credo/inference/infer.hpp>
#include <credo/inference/variational/slice.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace credo {

enum class StationaryMethod : std::uint8_t {
  automatic,  ///< some sweeps, then whichever is predicted to need fewer operations
  sweeps,     ///< V <- B(V) with bounds
  newton,     ///< linear solves with the derivative of B at V, sweeps in between
};
/// "automatic", "sweeps", "newton".
[[nodiscard]] std::string_view stationary_method_name(StationaryMethod method) noexcept;

struct StationaryOptions {
  StationaryMethod method = StationaryMethod::automatic;
  /// Largest |value - V*| wanted, in nats; where rounding does not allow it the result is as good
  /// as rounding allows, and error_bound says how good.
  double tolerance = 1e-10;
  std::size_t maximum_sweeps = 1'000'000;
  std::size_t maximum_newton_steps = 200;
  double time_limit_seconds = kInfinity;
  /// Of the slice's own arrays' extras: messages and linear systems.
  double memory_limit_bytes = 8.0 * 1024 * 1024 * 1024;
  Observer observer;
  /// A first V, or empty: 0. It changes how long the work takes, not what is certified.
  std::vector<double> start;
  /// Also the conditional q(d | x).
  bool conditional = true;

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// Poisoned until computed. Vectors have one entry per context.
struct StationaryResult {
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// exact: |value - V*| <= error_bound is certified. unconverged: value is the last sweep's.
  Guarantee guarantee = Guarantee::none;
  /// "sweeps", "newton" or "paths".
  std::string method_used;
  /// "bounds of MacQueen", "super- and subharmonic by expected steps" or "best paths that settle";
  /// empty without.
  std::string certificate;

  /// V*: -infinity in contexts where every choice is impossible.
  std::vector<double> value;
  std::vector<double> lower;
  std::vector<double> upper;
  /// sup |value - V*|, with an allowance for rounding: the rounding of one sweep times the largest
  /// expected number of steps.
  double error_bound = kNaN;
  /// q(d | x), contexts x choices; optimal at value, and such that the chain ends.
  std::vector<double> conditional;
  /// Contexts with value -infinity.
  std::size_t impossible_contexts = 0;
  std::size_t sweeps = 0;
  std::size_t newton_steps = 0;
  /// max |B(V) - V| of the last sweep.
  double residual = kNaN;
  Timings timings;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// V* = B(V*), B = Slice::apply, V = 0 at the ends. Throws OptionError on wrong options.
///
/// Which V*: with free or clamped choices and an expectation or power mean over x' the finite
/// fixed point is unique as soon as an end can be reached from every context, for then every
/// derivative of B is a matrix P with P^n -> 0. With arg-max V* is the optimum over choices under
/// which the chain ends with probability one. Arg-max over best-case or viterbi successors is a
/// problem of longest paths, which every method solves as such, in rounds from the ends backwards.
///
/// When Newton's method fails it starts again from a chain that ends; automatic then sweeps for as
/// long as that helps.
///
/// Certificates. Rows of mass at most c < 1: the bounds of MacQueen 1966 and Porteus 1971,
/// V* - B(V) within [c'/(1 - c') min(B(V) - V), c''/(1 - c'') max(B(V) - V)], c' and c'' the
/// smallest or largest mass according to sign. Otherwise: h = 1 + P h, the expected steps to the
/// end under the derivative P of B at V, and one sweep each to see that V + e h falls and V - e h
/// rises, so that V* lies between (Haddad and Monmege 2018 for the interval; Puterman 1994,
/// section 7.2). Refused, with the reason, when there is none: an end cannot be reached from some
/// context (named), the values grow without bound, or no e is found.
[[nodiscard]] StationaryResult solve_stationary(const Slice& slice,
                                                const StationaryOptions& options = {});

}  // namespace credo
