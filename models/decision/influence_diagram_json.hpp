#pragma once
// Influence diagrams as JSON.

#include <credo/models/decision/influence_diagram.hpp>

#include <string>
#include <string_view>

namespace credo::decision {

/// Reads one JSON object:
///
///   {"name": "...", "perfect_recall": false,
///    "nodes": [
///      {"chance": "oil", "states": ["dry", "wet"], "parents": [], "rows": [[0.6, 0.4]]},
///      {"decision": "drill", "states": ["yes", "no"], "sees": []},
///      {"utility": "profit", "parents": ["oil", "drill"], "values": [-70, 0, 120, 0]}]}
///
/// Nodes come in any order; parents and sees default to none; a row per joint state of the parents,
/// the last parent varies fastest, and values likewise; "-inf" among values forbids. With
/// perfect_recall every decision also sees earlier decisions and what they saw. Throws ParseError
/// on text that is not JSON, ModelError naming node, key and index otherwise, with
/// source:line:column.
[[nodiscard]] InfluenceDiagram parse_influence_diagram_json(std::string_view text,
                                                            const std::string& source);

/// The same from a file. Throws FileError when it cannot be read.
[[nodiscard]] InfluenceDiagram read_influence_diagram_json(const std::string& path);

/// What the reader reads, one node per line; doubles as short as they can be read back.
[[nodiscard]] std::string influence_diagram_json(const InfluenceDiagram& diagram);

}  // namespace credo::decision
