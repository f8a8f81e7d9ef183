#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

// Values as colours, actions as arrows. Hand-made SVG: rectangles, paths and texts only.

namespace credo::control {
namespace {

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

/// Smallest and largest finite value of the states where something is to be decided.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  /// Position of x in the range, 0 to 1.
  [[nodiscard]] double place(double x) const {
    if (!(high > low)) return 1.0;
    return std::clamp((x - low) / (high - low), 0.0, 1.0);
  }
};

Range range_of(const Mdp& mdp, std::span<const double> value) {
  Range range;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (!std::isfinite(value[s]) || mdp.is_terminal(s)) continue;
    range.low = std::min(range.low, value[s]);
    range.high = std::max(range.high, value[s]);
  }
  return range;
}

/// From dark blue (low) over teal to pale yellow (high): readable in grey, too.
std::string colour(double place) {
  constexpr std::array<std::array<double, 3>, 3> kStops = {
      {{38, 52, 110}, {60, 150, 150}, {250, 240, 170}}};
  const double x = std::clamp(place, 0.0, 1.0) * 2.0;
  const std::size_t i = x < 1.0 ? 0 : 1;
  std::array<int, 3> rgb{};
  for (std::size_t k = 0; k < 3; ++k) {
    const double mixed =
        kStops[i][k] + (x - static_cast<double>(i)) * (kStops[i + 1][k] - kStops[i][k]);
    rgb[k] = static_cast<int>(std::lround(mixed));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

constexpr double kMargin = 16.0;
constexpr double kTitle = 34.0;

/// How grids are drawn: wide ones with smaller cells and less in them.
struct GridStyle {
  explicit GridStyle(const GridLayout& layout)
      : cell(std::clamp(kWidest / static_cast<double>(layout.columns), kSmallest, kLargest)),
        detailed(cell >= kDetailed) {}

  double cell;    ///< side, pixels
  bool detailed;  ///< values, and arrows of all actions

 private:
  static constexpr double kWidest = 1200.0;
  static constexpr double kSmallest = 10.0;
  static constexpr double kLargest = 56.0;
  static constexpr double kDetailed = 40.0;
};

std::string svg_document(double width, double height, const std::string& title,
                         const std::string& body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"{2:.0f}\" y=\"23\" font-size=\"14\" fill=\"#222222\">{3}</text>\n{4}</svg>\n",
      width, height, kMargin, title, body);
}

/// An arrow from (x, y), or a disc for an action that does not move.
std::string svg_arrow(GridMove move, double x, double y, double length, double head, double opacity,
                      std::string_view ink) {
  const double norm = std::hypot(move.rows, move.columns);
  if (norm == 0.0) {
    return fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\" opacity=\"{:.2f}\"/>\n", x, y,
        0.25 * length, ink, opacity);
  }
  const double dx = move.columns / norm;
  const double dy = move.rows / norm;
  const double bx = x + dx * (length - head);
  const double by = y + dy * (length - head);
  return fmt::format(
      "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\" "
      "stroke=\"{}\" fill=\"{}\" opacity=\"{:.2f}\"/>\n",
      x, y, bx, by, x + dx * length, y + dy * length, bx - dy * head * 0.7, by + dx * head * 0.7,
      bx + dy * head * 0.7, by - dx * head * 0.7, ink, ink, opacity);
}

/// Arrows from the centre (x, y), as long as the actions are likely beside the most likely one;
/// the others paler. Small cells: the most likely action only, none when all are equally likely.
std::string svg_arrows(const Mdp& mdp, std::span<const double> policy, std::size_t state, double x,
                       double y, const GridStyle& style, std::string_view ink) {
  constexpr double kShown = 0.02;
  const std::vector<GridMove>& moves = mdp.layout()->moves;
  const auto p = row_of(mdp, policy, state);
  const std::size_t best = best_action(mdp, policy, state);
  if (!style.detailed) {
    if (is_indifferent(mdp, policy, state)) return {};
    const double half = 0.36 * style.cell;
    return svg_arrow(moves[best], x - half * moves[best].columns, y - half * moves[best].rows,
                     2.0 * half, half, 1.0, ink);
  }
  std::string body;
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    if (!(p[a] >= kShown)) continue;
    const double share = p[a] / p[best];
    const double length = style.cell * (0.07 + 0.24 * share);
    body += svg_arrow(moves[a], x, y, length, 3.0 + 2.0 * share, p[best] - p[a] < kTie ? 1.0 : 0.45,
                      ink);
  }
  return body;
}

std::string svg_letter(double x, double y, const GridStyle& style, char letter) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.0f}\" text-anchor=\"middle\" "
      "fill=\"#222222\">{}</text>\n",
      x, y + 0.12 * style.cell, 0.33 * style.cell + 1.0, letter == ' ' ? '.' : letter);
}

std::string svg_cell(const Mdp& mdp, std::span<const double> value, std::span<const double> policy,
                     const Range& range, std::size_t cell) {
  const GridLayout& layout = *mdp.layout();
  const GridStyle style(layout);
  const std::size_t row = cell / layout.columns;
  const std::size_t column = cell % layout.columns;
  const double x = kMargin + style.cell * static_cast<double>(column);
  const double y = kTitle + style.cell * static_cast<double>(row);
  const std::size_t state = layout.state_of_cell[cell];
  const bool ends = state != kNoState && (mdp.is_terminal(state) || layout.cells[cell] == 'C');
  const std::string fill = state == kNoState                   ? "#555555"
                           : ends && layout.cells[cell] == 'G' ? "#bfe3b4"
                           : ends                              ? "#d9d9d9"
                                                               : colour(range.place(value[state]));
  std::string body = fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"{}/>\n", x, y,
      style.cell, style.cell, fill, style.detailed ? " stroke=\"#ffffff\"" : "");
  if (state == kNoState) return body;
  const double middle = x + style.cell / 2;
  if (ends) return body + svg_letter(middle, y + style.cell / 2, style, layout.cells[cell]);
  const std::string_view ink = range.place(value[state]) > 0.55 ? "#222222" : "#ffffff";
  body += svg_arrows(mdp, policy, state, middle, y + style.cell * (style.detailed ? 0.37 : 0.5),
                     style, ink);
  if (style.detailed) {
    body += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"10\" text-anchor=\"middle\" "
        "fill=\"{}\">{:.3g}</text>\n",
        middle, y + style.cell - 4, ink, value[state]);
  }
  return body;
}

std::string svg_bar(const Mdp& mdp, std::span<const double> value, std::span<const double> policy,
                    const Range& range, std::size_t state, double y) {
  constexpr double kLabel = 150.0;
  constexpr double kLength = 300.0;
  const double label = kLabel - 6;
  if (mdp.is_terminal(state)) {
    return fmt::format(
        "<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"11\" text-anchor=\"end\" "
        "fill=\"#222222\">{}</text><text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"11\" "
        "fill=\"#888888\">ends</text>\n",
        label, y + 10, escaped(mdp.state_name(state)), kLabel, y + 10);
  }
  const double place = range.place(value[state]);
  const std::size_t best = best_action(mdp, policy, state);
  return fmt::format(
      "<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"11\" text-anchor=\"end\" "
      "fill=\"#222222\">{}</text><rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"12\" "
      "fill=\"{}\"/><text x=\"{:.1f}\" y=\"{:.0f}\" font-size=\"11\" fill=\"#222222\">{:.4g}, {} "
      "{:.3g}</text>\n",
      label, y + 10, escaped(mdp.state_name(state)), kLabel, y, 2.0 + kLength * place,
      colour(place), kLabel + 8 + kLength * place, y + 10, value[state],
      escaped(mdp.action_name(best)), row_of(mdp, policy, state)[best]);
}

}  // namespace

std::string value_svg(const Mdp& mdp, std::span<const double> value,
                      std::span<const double> policy) {
  assert(value.size() >= mdp.state_count());
  const Range range = range_of(mdp, value);
  const std::string title = range.high < range.low
                                ? escaped(mdp.name())
                                : fmt::format("{}: values {:.4g} (dark) to {:.4g} (light)",
                                              escaped(mdp.name()), range.low, range.high);
  std::string body;
  if (mdp.layout()) {
    const GridLayout& layout = *mdp.layout();
    for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
      body += svg_cell(mdp, value, policy, range, cell);
    }
    constexpr double kNarrowest = 420.0;
    const double cell = GridStyle(layout).cell;
    return svg_document(
        std::max(kNarrowest, 2 * kMargin + cell * static_cast<double>(layout.columns)),
        kTitle + kMargin + cell * static_cast<double>(layout.rows), title, body);
  }
  constexpr double kBar = 16.0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    body += svg_bar(mdp, value, policy, range, s, kTitle + kBar * static_cast<double>(s));
  }
  return svg_document(640.0, kTitle + kMargin + kBar * static_cast<double>(mdp.state_count()),
                      title, body);
}

}  // namespace credo::control
