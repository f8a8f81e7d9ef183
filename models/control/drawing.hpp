#pragma once
// Pictures of policies, values and beliefs, as text and as SVG.

#include <credo/models/control/mdp.hpp>

#include <span>
#include <string>

namespace credo::control {

/// The most likely action of every state: arrows on the grid when the process has a layout (walls
/// #, goals G, holes H, cliff C), else one line per state. policy is states x actions. Lines end in
/// newlines; UTF-8.
[[nodiscard]] std::string policy_text(const Mdp& mdp, std::span<const double> policy);

/// Shades of weight per state (at least one entry per state, >= 0, scaled to the largest, below a
/// thousandth of it blank or the letter of a start, goal, hole or cliff), on the grid; one line per
/// state without a layout.
[[nodiscard]] std::string heat_text(const Mdp& mdp, std::span<const double> weight);

/// A value heat map with one arrow per action, as long as it is likely beside the most likely one.
/// Grids of more than 23 columns: smaller cells and no numbers; of more than 30: the most likely
/// action only.
/// Without a layout: bars, one per state (the first 360). A complete SVG document.
[[nodiscard]] std::string value_svg(const Mdp& mdp, std::span<const double> value,
                                    std::span<const double> policy);

}  // namespace credo::control
