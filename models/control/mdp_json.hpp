#pragma once
// Markov decision processes as JSON.

#include <credo/models/control/mdp.hpp>

#include <string>
#include <string_view>

namespace credo::control {

/// Reads one JSON object:
///
///   {"states": S, "actions": A, "initial": [p...] or s,
///    "transitions": [[s, a, s2, p, r], ...], "terminal": [s...], "discount": g,
///    "final_reward": [r...], "name": "...", "state_names": [...], "action_names": [...],
///    "grid": {"map": ["S.#", "..G"], "moves": [[rows, columns], ...]}}
///
/// The first four are required; the others default to none, and the discount to 1. The states of a
/// grid are its cells that are not walls, row by row. Throws ParseError on text that is not
/// JSON, ModelError naming key and index otherwise, both with source:line:column.
[[nodiscard]] Mdp parse_mdp_json(std::string_view text, const std::string& source);

/// At least what parse_mdp_json takes beside the text, bytes. Cost: one pass over the text.
[[nodiscard]] double mdp_json_bytes(std::string_view text);

/// The same from a file. Throws FileError when it cannot be read.
[[nodiscard]] Mdp read_mdp_json(const std::string& path);

}  // namespace credo::control
