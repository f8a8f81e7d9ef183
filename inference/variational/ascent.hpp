#pragma once
// Coordinate ascent over the conditionals of a family.

#include <credo/inference/contraction/monitor.hpp>
#include <credo/inference/variational/block.hpp>
#include <credo/inference/variational/variational.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace credo::variational {

class Uniform {
 public:
  explicit Uniform(std::uint64_t seed) : generator_(seed) {}
  /// In (0, 1).
  double operator()() { return (static_cast<double>(generator_() >> 11) + 0.5) * 0x1p-53; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(generator_() % n); }

 private:
  std::mt19937_64 generator_;
};

/// Rows drawn evenly over the simplex, times the base.
[[nodiscard]] std::vector<Rows> random_start(const Problem& problem, Uniform& uniform);

/// Kernels and base measures, or the given tables (VariationalOptions::initial) if there are any;
/// by node.
[[nodiscard]] std::vector<Rows> initial_rows(const Problem& problem, const Evidence& evidence,
                                             const Family& family, std::span<const Table> initial);

/// What is known of the end of an ascent, for people.
[[nodiscard]] std::string_view describe_ascent(bool converged, bool monotone);

/// The best of the starts.
struct AscentAnswer {
  std::vector<Rows> rows;  ///< by node
  double value = -kInfinity;
  double violations = kInfinity;  ///< expected number of scores of -infinity; 0: feasible
  std::vector<double> trace;      ///< L after every block update of the last stage
  std::size_t start = 0;
  std::size_t sweeps = 0;  ///< of all stages of the best start
  double residual = kNaN;
  bool converged = false;
  bool monotone = true;
  /// Why it ended before all starts: deadline or cancelled; ok when it did not.
  Status stopped = Status::ok;
  std::size_t starts = 0;  ///< that were finished
};

/// climb(start) for every start, until it says that it was stopped; of the answers the one with the
/// fewest violations, then with the largest value, the first of equals. Monotone only if all of
/// them are.
template <class Answer, class Climb>
[[nodiscard]] Answer best_of_starts(std::size_t starts, Climb&& climb) {
  Answer best;
  for (std::size_t start = 0; start < starts; ++start) {
    Answer answer = climb(start);
    answer.start = start;
    Status stopped = Status::ok;
    if constexpr (requires { answer.stopped; }) stopped = answer.stopped;
    const bool better = answer.violations < best.violations ||
                        (answer.violations == best.violations && answer.value > best.value);
    const bool monotone = best.monotone && answer.monotone;
    if (better || start == 0) best = std::move(answer);
    best.monotone = monotone;
    if constexpr (requires { best.stopped; }) {
      best.starts = start + (stopped == Status::ok ? 1 : 0);
      best.stopped = stopped;
      if (stopped != Status::ok) break;
    }
  }
  return best;
}

/// Everything but value and q.
template <class Answer>
void report_ascent(Answer& answer, VariationalResult& result) {
  result.algorithm_used = "ascent";
  result.trace = std::move(answer.trace);
  result.best_start = answer.start;
  result.sweeps = answer.sweeps;
  result.residual = answer.residual;
  const bool certified = answer.converged && answer.monotone;
  result.guarantee = certified ? Guarantee::fixed_point : Guarantee::unconverged;
  result.message = describe_ascent(answer.converged, answer.monotone);
}

/// initial: rows of the first start by node. solver: of everything in the problem. Throws
/// contraction::Stopped, with options.keep_best only while nothing is feasible.
[[nodiscard]] AscentAnswer run_ascent(const Problem& problem, BlockSolver& solver,
                                      const std::vector<Rows>& initial,
                                      const VariationalOptions& options,
                                      contraction::Monitor& monitor);

}  // namespace credo::variational
