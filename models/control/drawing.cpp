#include <credo/models/control/drawing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace credo::control {
namespace {

/// Actions whose probabilities differ by less are drawn as equal.
constexpr double kTie = 1e-9;

std::string_view arrow(GridMove move) {
  constexpr std::array<std::array<std::string_view, 3>, 3> kArrows = {
      {{"↖", "↑", "↗"}, {"←", "•", "→"}, {"↙", "↓", "↘"}}};
  const auto third = [](int x) { return static_cast<std::size_t>(std::clamp(x, -1, 1) + 1); };
  return kArrows[third(move.rows)][third(move.columns)];
}

std::span<const double> row_of(const Mdp& mdp, std::span<const double> policy, std::size_t state) {
  return policy.subspan(state * mdp.action_count(), mdp.action_count());
}

std::size_t best_action(const Mdp& mdp, std::span<const double> policy, std::size_t state) {
  const auto p = row_of(mdp, policy, state);
  return static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
}

/// Whether all available actions are equally likely.
bool is_indifferent(const Mdp& mdp, std::span<const double> policy, std::size_t state) {
  double low = std::numeric_limits<double>::infinity();
  double high = 0.0;
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    if (!mdp.is_available(state, a)) continue;
    low = std::min(low, row_of(mdp, policy, state)[a]);
    high = std::max(high, row_of(mdp, policy, state)[a]);
  }
  return high - low < kTie;
}

/// One text per cell, rows ended by newlines.
template <typename Cell>
std::string grid_text(const GridLayout& layout, const Cell& cell) {
  std::string text;
  for (std::size_t i = 0; i < layout.cells.size(); ++i) {
    text += layout.state_of_cell[i] == kNoState ? "##" : cell(layout.state_of_cell[i], i);
    if ((i + 1) % layout.columns == 0) text += "\n";
  }
  return text;
}

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

/// Smallest and largest finite value of the states that are not terminal.
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
    if (!std::isfinite(value[s]) || (mdp.is_terminal(s) && value[s] == 0.0)) continue;
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

constexpr double kCell = 56.0;
constexpr double kMargin = 16.0;
constexpr double kTitle = 34.0;

std::string svg_document(double width, double height, const std::string& title,
                         const std::string& body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"{2:.0f}\" y=\"23\" font-size=\"14\" fill=\"#222222\">{3}</text>\n{4}</svg>\n",
      width, height, kMargin, title, body);
}

/// Arrows from the centre (x, y), as long as the actions are likely.
std::string svg_arrows(const Mdp& mdp, std::span<const double> policy, std::size_t state, double x,
                       double y, std::string_view ink) {
  constexpr double kLongest = 19.0;
  constexpr double kShown = 0.02;
  std::string body;
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    const double p = row_of(mdp, policy, state)[a];
    const GridMove move = mdp.layout()->moves[a];
    const double norm = std::hypot(move.rows, move.columns);
    if (!(p >= kShown)) continue;
    if (norm == 0.0) {
      body += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
                          1.0 + 4.0 * p, ink);
      continue;
    }
    const double dx = move.columns / norm;
    const double dy = move.rows / norm;
    const double length = 3.0 + (kLongest - 3.0) * p;
    const double head = 2.0 + 3.0 * p;
    const double bx = x + dx * (length - head);
    const double by = y + dy * (length - head);
    body += fmt::format(
        "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" stroke-width=\"{:.1f}\"/>"
        "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\" fill=\"{}\"/>\n",
        x, y, bx, by, ink, 0.8 + 1.6 * p, x + dx * length, y + dy * length, bx - dy * head,
        by + dx * head, bx + dy * head, by - dx * head, ink);
  }
  return body;
}

std::string svg_cell(const Mdp& mdp, std::span<const double> value, std::span<const double> policy,
                     const Range& range, std::size_t cell) {
  const GridLayout& layout = *mdp.layout();
  const std::size_t row = cell / layout.columns;
  const std::size_t column = cell % layout.columns;
  const double x = kMargin + kCell * static_cast<double>(column);
  const double y = kTitle + kCell * static_cast<double>(row);
  const std::size_t state = layout.state_of_cell[cell];
  const bool ends = state != kNoState && (mdp.is_terminal(state) || layout.cells[cell] == 'C');
  const std::string fill = state == kNoState                   ? "#555555"
                           : ends && layout.cells[cell] == 'G' ? "#bfe3b4"
                           : ends                              ? "#d9d9d9"
                                                               : colour(range.place(value[state]));
  std::string body = fmt::format(
      "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" fill=\"{}\" "
      "stroke=\"#ffffff\"/>\n",
      x, y, kCell, kCell, fill);
  if (state == kNoState) return body;
  const std::string_view ink = ends || range.place(value[state]) > 0.55 ? "#222222" : "#ffffff";
  if (ends) {
    body += fmt::format(
        "<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"18\" text-anchor=\"middle\" "
        "fill=\"#222222\">{}</text>\n",
        x + kCell / 2, y + kCell / 2 + 6, layout.cells[cell] == ' ' ? '.' : layout.cells[cell]);
    return body;
  }
  body += svg_arrows(mdp, policy, state, x + kCell / 2, y + kCell / 2 - 5, ink);
  body += fmt::format(
      "<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"9\" text-anchor=\"middle\" "
      "fill=\"{}\">{:.3g}</text>\n",
      x + kCell / 2, y + kCell - 4, ink, value[state]);
  return body;
}

std::string svg_bar(const Mdp& mdp, std::span<const double> value, std::span<const double> policy,
                    const Range& range, std::size_t state, double y) {
  constexpr double kLabel = 150.0;
  constexpr double kLength = 300.0;
  const double place = range.place(value[state]);
  const std::size_t best = best_action(mdp, policy, state);
  const std::string action =
      mdp.is_terminal(state)
          ? "ends"
          : fmt::format("{} {:.3g}", mdp.action_name(best), row_of(mdp, policy, state)[best]);
  return fmt::format(
      "<text x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"11\" text-anchor=\"end\" "
      "fill=\"#222222\">{}</text><rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"12\" "
      "fill=\"{}\"/><text x=\"{:.1f}\" y=\"{:.0f}\" font-size=\"11\" fill=\"#222222\">{:.4g}  "
      "{}</text>\n",
      kLabel - 6, y + 10, escaped(mdp.state_name(state)), kLabel, y, 2.0 + kLength * place,
      colour(place), kLabel + 8 + kLength * place, y + 10, value[state], escaped(action));
}

}  // namespace

std::string policy_text(const Mdp& mdp, std::span<const double> policy) {
  assert(policy.size() == mdp.state_count() * mdp.action_count());
  if (mdp.layout()) {
    const GridLayout& layout = *mdp.layout();
    return grid_text(layout, [&](std::size_t state, std::size_t cell) -> std::string {
      if (mdp.is_terminal(state) || layout.cells[cell] == 'C') {
        return fmt::format("{} ", layout.cells[cell]);
      }
      if (is_indifferent(mdp, policy, state)) return "+ ";
      return fmt::format("{} ", arrow(layout.moves[best_action(mdp, policy, state)]));
    });
  }
  std::size_t width = 0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    width = std::max(width, mdp.state_name(s).size());
  }
  std::string text;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    const std::size_t best = best_action(mdp, policy, s);
    text += mdp.is_terminal(s) ? fmt::format("{:<{}}  ends\n", mdp.state_name(s), width)
                               : fmt::format("{:<{}}  {} ({:.4f})\n", mdp.state_name(s), width,
                                             mdp.action_name(best), row_of(mdp, policy, s)[best]);
  }
  return text;
}

std::string heat_text(const Mdp& mdp, std::span<const double> weight) {
  assert(weight.size() >= mdp.state_count());
  const auto states = weight.first(mdp.state_count());
  const double top = *std::max_element(states.begin(), states.end());
  const auto shade = [top](double w) -> std::string_view {
    const double x = w / top;
    if (!(x >= 0.001)) return "  ";
    return x < 0.01 ? "··" : x < 0.25 ? "░░" : x < 0.5 ? "▒▒" : x < 0.75 ? "▓▓" : "██";
  };
  if (mdp.layout()) {
    return grid_text(*mdp.layout(), [&](std::size_t state, std::size_t) -> std::string {
      return std::string(shade(states[state]));
    });
  }
  std::string text;
  for (std::size_t s = 0; s < states.size(); ++s) {
    text += fmt::format("{}  {} {:.4g}\n", mdp.state_name(s), shade(states[s]), states[s]);
  }
  return text;
}

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
    return svg_document(
        std::max(kNarrowest, 2 * kMargin + kCell * static_cast<double>(layout.columns)),
        kTitle + kMargin + kCell * static_cast<double>(layout.rows), title, body);
  }
  constexpr double kBar = 16.0;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    body += svg_bar(mdp, value, policy, range, s, kTitle + kBar * static_cast<double>(s));
  }
  return svg_document(640.0, kTitle + kMargin + kBar * static_cast<double>(mdp.state_count()),
                      title, body);
}

}  // namespace credo::control
