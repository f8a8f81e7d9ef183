#pragma once
// Partially observed Markov decision processes as JSON.

#include <credo/models/control/pomdp.hpp>

#include <string>
#include <string_view>

namespace credo::control {

/// Reads one JSON object:
///
///   {"states": S, "actions": A, "observations": O, "initial": [p...] or s,
///    "transitions": [[s, a, s2, p, r], ...], "sensor": [[a, s2, o, p], ...],
///    "first_sensor": [[s, o, p], ...], "discount": g, "final_reward": [r...], "name": "...",
///    "state_names": [...], "action_names": [...], "observation_names": [...]}
///
/// The first six are required; r(s, a, s2) is earned on the way, and each (s, a, s2), (a, s2, o)
/// and (s, o) comes at most once; what is not listed has probability 0. sensor is p(o | a, s2), on
/// arriving in s2; first_sensor is p(o_1 | s_1), and without it nothing is seen before the first
/// action. Throws ParseError on text that is not JSON, ModelError naming key, index and row
/// otherwise, both with source:line:column.
[[nodiscard]] Pomdp parse_pomdp_json(std::string_view text, const std::string& source);

/// The same from a file. Throws FileError when it cannot be read.
[[nodiscard]] Pomdp read_pomdp_json(const std::string& path);

}  // namespace credo::control
