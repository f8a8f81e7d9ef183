#pragma once
// Text maps of grids, shared by the environments and the JSON reader.

#include <credo/models/control/mdp.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace credo::control {

/// S start, G goal, H hole, C cliff, # wall, and . F or space free.
inline constexpr std::string_view kGridCells = "SGHC#.F ";

/// Rows separated by newlines, all of one width (trailing newline and carriage returns are
/// ignored). Cells: those of kGridCells that are in `cells`. States are numbered row by row, walls
/// excluded. moves stays empty. Throws ParseError (source:row:column).
[[nodiscard]] GridLayout parse_grid_map(std::string_view map, const std::string& source,
                                        std::string_view cells = kGridCells);

/// Cells that are states.
[[nodiscard]] std::size_t grid_state_count(const GridLayout& layout);

/// Uniform over the S cells. Throws ParseError when there is none.
[[nodiscard]] std::vector<double> grid_initial(const GridLayout& layout, const std::string& source);

/// The cell a move leads to; the same cell when a wall or the edge is in the way.
[[nodiscard]] std::size_t neighbour(const GridLayout& layout, std::size_t cell, GridMove move);

}  // namespace credo::control
