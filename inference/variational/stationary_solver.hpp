#pragma once
// How a fixed point is searched for and when it is known. Internal.

#include <credo/inference/variational/stationary.hpp>
#include <credo/inference/variational/stationary_state.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace credo::stationary {

class Solver {
 public:
  Solver(const Slice& slice, const StationaryOptions& options)
      : slice_(slice),
        options_(options),
        start_(Clock::now()),
        at_(slice, options),
        certify_at_(at_.contracts() ? kInfinity : options.tolerance) {}

  StationaryResult run();

 private:
  using Clock = std::chrono::steady_clock;

  StationaryResult finish();
  /// Analyses what must be and chooses a start. False when the answer is known already.
  bool prepare();
  void choose_and_run();
  /// P with its incomplete factors.
  [[nodiscard]] double linear_system_bytes() const;
  /// Arg-max over best-case or viterbi successors: longest paths, without sweeps.
  void follow_paths();

  /// True while nothing is decided and more than `limit` sweeps would be needed.
  bool sweep_until_known(std::size_t limit);
  /// Sweeps until the bounds meet, from how fast they did so far.
  [[nodiscard]] double sweeps_still_needed() const;
  /// False when the answer is decided; true when Newton's method is predicted to be cheaper. The
  /// prediction is made again when it did not come true.
  bool sweep_while_cheaper(bool newton_allowed);
  /// After Newton's method failed: sweeps for as long as the changes become smaller.
  void sweep_while_it_helps(const std::string& after);

  /// rho < 0: B is neither convex nor concave, and Newton's method may leave for good. It starts
  /// from 0, and a step that makes things worse is taken back and replaced by sweeps.
  [[nodiscard]] bool worst_case() const;
  void newton();
  void take_back(std::vector<double> kept);
  /// Sweeps that damp what the linear solver left.
  void settle();
  /// Starts again from where it is safe, then (unless Newton's method was asked for) sweeps.
  void after_failures(const std::string& after);
  void restart();

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }
  bool go_on(std::string_view phase);
  [[nodiscard]] bool known_cheaply() const { return at_.residual() <= 2.0 * at_.rounding(); }
  /// Takes the answer when it is certified.
  bool known();
  bool known_by_contraction();
  bool known_by_harmonic();
  bool give_up_certificate();
  void accept(Bracket bracket, std::string_view certificate);
  void take_value(const std::vector<double>& value);
  void give_up(const std::string& after);
  bool end(Status status, std::string message);

  const Slice& slice_;
  const StationaryOptions& options_;
  Clock::time_point start_;
  Iterate at_;
  StationaryResult result_;
  Bracket last_;
  std::vector<double> widths_;
  double certify_at_;  ///< the next attempt, when changes are below
  bool restarted_ = false;
  bool in_newton_ = false;
  std::size_t rounds_ = 0;  ///< along paths
  int failures_ = 0;
  int burst_ = 50;
  int floors_ = 0;
};

}  // namespace credo::stationary
