#pragma once
// The iterate of a fixed-point computation: V, B(V), their difference, and what it proves.

#include <credo/inference/variational/stationary.hpp>
#include <credo/inference/variational/stationary_linear.hpp>
#include <credo/inference/variational/stationary_structure.hpp>

#include <optional>
#include <vector>

namespace credo::stationary {

/// lower <= V* <= upper.
struct Bracket {
  std::vector<double> lower;
  std::vector<double> upper;
  double half_width = kNaN;  ///< sup (upper - lower) / 2
};

class Iterate {
 public:
  Iterate(const Slice& slice, const StationaryOptions& options);

  /// Every row has mass at most c < 1 under an expectation: B contracts by c.
  [[nodiscard]] bool contracts() const noexcept { return contracts_; }
  /// Analyses the support (once) and sets V = -infinity where it must be.
  const Structure& structure();
  [[nodiscard]] bool has_structure() const noexcept { return structure_.has_value(); }

  /// V <- the value of following the way out, a lower bound when the kernel is clamped or rho > 0.
  bool start_from_way_out();
  /// Forgets V and what was chosen: V = 0, or the value of the way out.
  void restart(bool from_zero);
  void set(std::vector<double> v) { v_ = std::move(v); }
  /// V <- B(V).
  void advance() { v_ = w_; }
  /// B(V) from V, and the differences.
  void sweep();
  /// V <- V + (I - P)^-1 (B(V) - V). False when the system could not be solved.
  bool newton_step();

  /// The bounds of MacQueen when a sweep is right to `rounding`; needs contracts().
  [[nodiscard]] Bracket contraction_bounds(double rounding) const;
  /// V -+ h, checked by a sweep each; needs a V that hardly moves. Nothing when no h is found.
  /// Rounding is bounded over all contexts first, for each of them when that is not below
  /// `tolerance`. Loops that gain as much as they lose allow no certain move: with `standing`, a
  /// sweep that moves the wrong way nowhere is enough.
  std::optional<Bracket> harmonic_bounds(double tolerance, bool standing);

  /// q(d | x) at V, such that the chain ends.
  [[nodiscard]] std::vector<double> conditional();
  [[nodiscard]] const std::vector<double>& message() const noexcept { return v_; }
  [[nodiscard]] const std::vector<double>& swept() const noexcept { return w_; }
  [[nodiscard]] double residual() const noexcept;
  [[nodiscard]] double smallest_change() const noexcept { return smallest_; }
  [[nodiscard]] double largest_change() const noexcept { return largest_; }
  /// Where the largest change is.
  [[nodiscard]] std::size_t fastest() const noexcept { return fastest_; }
  /// Of one sweep, about: (4 + entries per row) 2^-53 max |V|. What is certified rests on
  /// Slice::rounding() and roundings().
  [[nodiscard]] double rounding() const noexcept { return rounding_; }
  [[nodiscard]] std::size_t sweeps() const noexcept { return sweeps_; }
  [[nodiscard]] std::size_t impossible() const noexcept {
    return structure_ ? structure_->impossible : 0;
  }

 private:
  void apply(const std::vector<double>& from, std::vector<double>& to);
  void merge_loops(std::vector<double>& v) const;
  /// (I - P)^-1 need: what is needed per step, added up until the end.
  [[nodiscard]] std::vector<double> expected_sum(const Derivative& p,
                                                 const std::vector<double>& need);
  [[nodiscard]] std::vector<double> shifted(const std::vector<double>& h, double sign) const;
  enum class Slack : std::uint8_t { common, by_context, none };
  [[nodiscard]] std::vector<double> roundings(const std::vector<double>& v, Slack slack) const;
  /// Whether a sweep moves v up (direction 1) or down (-1) everywhere, by its rounding at least.
  [[nodiscard]] bool moves(const std::vector<double>& v, double direction, Slack slack);
  std::optional<Bracket> harmonic_bounds_with(Slack slack);

  const Slice& slice_;
  bool contracts_ = false;
  std::optional<Structure> structure_;
  std::vector<double> v_;
  std::vector<double> w_;
  std::vector<char> settled_;  ///< contexts that lead nowhere: V is B(V) exactly
  double smallest_ = kNaN;
  double largest_ = kNaN;
  std::size_t fastest_ = 0;
  double rounding_ = 0.0;
  std::size_t sweeps_ = 0;
  std::vector<std::uint32_t> choice_;  ///< arg-max: what newton_step() chose last
  std::optional<Derivative> derivative_;
  std::optional<LinearSystem> system_;
};

}  // namespace credo::stationary
