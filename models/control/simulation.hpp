#pragma once
// Episodes of a policy in the true world, drawn with a seed: what it earns, how long it takes, what
// happens on the way.

#include <credo/inference/infer.hpp>
#include <credo/models/control/mdp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace credo::control {

struct SimulationOptions {
  /// At least 1.
  std::size_t episodes = 1000;
  /// T decisions; nothing: until a terminal state, or (with a discount) until what is to come
  /// weighs less than 1e-15 of a reward today.
  std::optional<std::size_t> horizon = std::nullopt;
  /// gamma in (0, 1], the weight of the next step's reward; nothing: the process' own.
  std::optional<double> discount = std::nullopt;
  /// Episodes that are still going after as many decisions are cut off, and counted. At least 1.
  std::size_t maximum_steps = 100'000;
  std::uint64_t seed = 1;
  /// Measured from the call. Past it, and when the observer (phase "simulate") says no, the
  /// episodes drawn so far are the answer.
  double time_limit_seconds = kInfinity;
  Observer observer = {};
  /// What to count, called for every step (probability is that of the outcome): say, falls.
  std::function<bool(const Transition&)> event = {};

  /// Throws OptionError naming option, value and bound.
  void validate() const;
};

/// A mean over independent episodes.
struct Estimate {
  double mean = kNaN;
  /// Of the mean: the sample's standard deviation / sqrt(episodes). NaN for a single episode.
  double standard_error = kNaN;
};

/// Poisoned until computed.
struct Simulation {
  /// ok when all episodes, or when stopped some, were drawn: message says how many. deadline and
  /// cancelled: not even one was.
  Status status = Status::not_run;
  std::string message = "not run yet";
  /// That were drawn to their end: all that were asked for unless it was stopped. The one that a
  /// stop came into is left out.
  std::size_t episodes = 0;
  /// sum_t gamma^t r_t, and gamma^T times the final reward when there is a horizon.
  Estimate episode_return;
  /// Decisions before the end.
  Estimate steps;
  /// Steps for which options.event held; NaN without one.
  Estimate events;
  /// Per state: how often an episode is there on average, its start and its end included.
  std::vector<double> visits;
  /// Episodes that were cut off: their returns leave out what would have come later.
  std::size_t cut_off = 0;

  [[nodiscard]] bool ok() const noexcept { return status == Status::ok; }
};

/// Draws s_1 from the initial distribution, a_t from the policy (states x actions) and the outcome
/// from the true dynamics. Throws ModelError naming state and action when a row of the policy has
/// negative or NaN entries, gives probability to an unavailable action or does not sum to 1 (or,
/// for states without any way to act, 0; an episode that gets there is an error, too) within 1e-6.
/// Same seed, same bits, everywhere. Cost: steps x (actions + successors).
[[nodiscard]] Simulation simulate(const Mdp& mdp, std::span<const double> policy,
                                  const SimulationOptions& options = {});

/// The same with a policy of its own for every step. The horizon is their number; options.horizon
/// must be empty or equal (OptionError).
[[nodiscard]] Simulation simulate(const Mdp& mdp, std::span<const std::vector<double>> policies,
                                  SimulationOptions options = {});

}  // namespace credo::control
