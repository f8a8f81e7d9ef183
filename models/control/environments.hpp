#pragma once
// Built-in environments: the tables of Gymnasium's toy_text, and text-map gridworlds.

#include <credo/models/control/mdp.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace credo::control {

/// What the environments can be made with; each uses what it understands and refuses the rest.
struct EnvironmentOptions {
  /// frozen_lake: "4x4" (default), "8x8", or a map text of S F H G; grid: a map text (default: a
  /// small one). Rows are separated by newlines.
  std::optional<std::string> map = std::nullopt;
  /// Moves go astray: the intended direction and the two beside it, each with probability 1/3.
  /// Defaults: frozen_lake true, cliff_walking and grid false.
  std::optional<bool> slippery = std::nullopt;
  /// Probability of the intended direction when slippery, in (0, 1]; the two beside it share the
  /// rest. Default 1/3. frozen_lake, grid.
  std::optional<double> success_rate = std::nullopt;
  /// Where the map comes from, for messages about it. Empty: the environment's name.
  std::string map_source = {};
};

/// FrozenLake-v1: actions left, down, right, up; reward 1 on entering a goal; holes and goals end.
[[nodiscard]] Mdp frozen_lake(const EnvironmentOptions& options = {});

/// CliffWalking-v1: 4 x 12, actions up, right, down, left; -1 per step, -100 and back to the start
/// from the cliff; the goal ends. Cliff cells have rows, though nothing leads there.
[[nodiscard]] Mdp cliff_walking(const EnvironmentOptions& options = {});

/// Taxi-v3: state ((row 5 + column) 5 + passenger) 4 + destination, actions south, north, east,
/// west, pickup, dropoff; -1 per step, -10 for a wrong pickup or dropoff, +20 for delivery. The
/// four states in which a passenger has just been delivered end.
[[nodiscard]] Mdp taxi(const EnvironmentOptions& options = {});

/// A text map: S start (several: uniformly one of them), G goal (ends, reward 0), H hole (ends,
/// reward -100), # wall (not a state), . or F or space free. Actions left, down, right, up; -1 for
/// every other step; moving into a wall or off the map stays. States are numbered row by row
/// without walls.
[[nodiscard]] Mdp grid(const EnvironmentOptions& options = {});

/// A random process for tests: every (s, a) has up to `successors` outcomes with uniform weights
/// and rewards uniform in [-1, 0) on outcomes (or on (s, a)); actions are unavailable with
/// probability `unavailable`, one per state always being kept. Same seed, same process.
struct RandomMdpOptions {
  std::size_t states = 4;
  std::size_t actions = 3;
  std::size_t successors = 3;
  std::size_t terminal_states = 0;
  double unavailable = 0.0;
  bool reward_on_outcome = true;
  double discount = 1.0;
  std::uint64_t seed = 1;
};
[[nodiscard]] Mdp random_mdp(const RandomMdpOptions& options);

/// The environments by name.
struct Environment {
  std::string_view name;
  std::string_view summary;
  Mdp (*make)(const EnvironmentOptions&);
};
[[nodiscard]] std::span<const Environment> environments() noexcept;
/// At least what making an environment with these options takes, bytes: the lists of transitions
/// and of outcomes of its map.
[[nodiscard]] double environment_bytes(const EnvironmentOptions& options) noexcept;
/// Throws OptionError with the nearest names.
[[nodiscard]] const Environment& require_environment(std::string_view name);

}  // namespace credo::control
