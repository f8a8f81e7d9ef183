#include <credo/core/error.hpp>
#include <credo/models/control/grid_map.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace credo::control {
namespace {

/// "S start, G goal, ...", for messages.
std::string describe(std::string_view cells) {
  constexpr std::array<std::string_view, kGridCells.size()> kMeaning = {
      "S start", "G goal", "H hole", "C cliff", "# wall", ". free", "F free", "space free"};
  std::string text;
  for (const char c : cells) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", kMeaning[kGridCells.find(c)]);
  }
  return text;
}

void add_row(GridLayout& layout, std::string_view row, const std::string& source,
             std::string_view cells) {
  if (layout.rows == 0) layout.columns = row.size();
  if (row.size() != layout.columns || row.empty()) {
    throw ParseError(source, layout.rows + 1, std::min(row.size(), layout.columns) + 1,
                     fmt::format("a row of {} cells", std::max<std::size_t>(1, layout.columns)),
                     fmt::format("{}", row.size()));
  }
  for (std::size_t c = 0; c < row.size(); ++c) {
    if (cells.find(row[c]) == std::string_view::npos) {
      const auto byte = static_cast<unsigned char>(row[c]);
      const bool printable = byte > 0x20 && byte < 0x7f;
      throw ParseError(source, layout.rows + 1, c + 1, "one of the cells " + describe(cells),
                       printable ? fmt::format("'{}'", row[c]) : fmt::format("byte {}", byte));
    }
  }
  layout.cells += row;
  ++layout.rows;
}

}  // namespace

GridLayout parse_grid_map(std::string_view map, const std::string& source, std::string_view cells) {
  while (!map.empty() && (map.back() == '\n' || map.back() == '\r')) map.remove_suffix(1);
  GridLayout layout;
  while (true) {
    const std::size_t end = std::min(map.find('\n'), map.size());
    std::string_view row = map.substr(0, end);
    if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
    add_row(layout, row, source, cells);
    if (end == map.size()) break;
    map.remove_prefix(end + 1);
  }
  std::size_t state = 0;
  for (const char c : layout.cells) {
    layout.state_of_cell.push_back(c == '#' ? kNoState : state++);
  }
  return layout;
}

std::size_t grid_state_count(const GridLayout& layout) {
  return layout.cells.size() -
         static_cast<std::size_t>(std::count(layout.cells.begin(), layout.cells.end(), '#'));
}

std::vector<double> grid_initial(const GridLayout& layout, const std::string& source) {
  const auto starts = std::count(layout.cells.begin(), layout.cells.end(), 'S');
  if (starts == 0) {
    throw ParseError(source, 1, 1, "at least one start, a cell S", "none");
  }
  std::vector<double> initial(grid_state_count(layout), 0.0);
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    if (layout.cells[cell] == 'S') {
      initial[layout.state_of_cell[cell]] = 1.0 / static_cast<double>(starts);
    }
  }
  return initial;
}

std::size_t neighbour(const GridLayout& layout, std::size_t cell, GridMove move) {
  const auto step = [](std::size_t at, int by, std::size_t count) {
    if (by < 0) return at < static_cast<std::size_t>(-by) ? at : at - static_cast<std::size_t>(-by);
    return at + static_cast<std::size_t>(by) < count ? at + static_cast<std::size_t>(by) : at;
  };
  const std::size_t row = step(cell / layout.columns, move.rows, layout.rows);
  const std::size_t column = step(cell % layout.columns, move.columns, layout.columns);
  const std::size_t to = row * layout.columns + column;
  return layout.state_of_cell[to] == kNoState ? cell : to;
}

}  // namespace credo::control
