#pragma once
// The infinite horizon of any method: the fixed point of its step's slice. Internal.

#include <credo/inference/variational/stationary.hpp>
#include <credo/models/control/trajectory.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace credo::control {

/// Wall-clock seconds since it was made.
class Watch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// How exactly, and with which means.
struct StationaryQuestion {
  double temperature = 1.0;
  /// In units of reward. Nothing: 1e-12, or what rounding allows when that is more.
  std::optional<double> tolerance;
  std::size_t maximum_steps = 1'000'000;
};

/// Why there is no fixed point, as far as it can be seen before solving: a final reward, or a state
/// from which nothing ends. "" when there may be one. Cost: outcomes.
[[nodiscard]] std::string why_improper(const Mdp& mdp, const Trajectory& trajectory,
                                       const std::vector<char>& ended);

/// "slice, newton"; "slice" when it did not come to a choice.
[[nodiscard]] std::string engine_name(const StationaryResult& result);

/// Whether a solver that the limits stopped has swept at least once: its last values are the best
/// so far.
[[nodiscard]] bool stopped_with_values(const StationaryResult& result) noexcept;

/// The engine's message with the names of states in place of its contexts.
[[nodiscard]] std::string in_words_of(const Mdp& mdp, std::string message);

/// The engine's answer in nats. Refused, too, when the certified error is above the tolerance.
[[nodiscard]] StationaryResult stationary_message(const Slice& slice,
                                                  const StationaryQuestion& question,
                                                  const InferOptions& infer, const Watch& watch);

}  // namespace credo::control
