#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_parts.hpp>
#include <credo/models/control/svg_parts.hpp>
#include <credo/models/require_length.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

// Values as colours, actions as arrows; bars for processes that lie on no grid.

namespace credo::control {
namespace {

/// How grids are drawn: wide ones with smaller cells and less in them.
double cell_side(const GridLayout& layout) {
  constexpr double kWidest = 1200.0;
  constexpr double kSmallest = 10.0;
  constexpr double kLargest = 72.0;
  return std::clamp(kWidest / static_cast<double>(layout.columns), kSmallest, kLargest);
}
/// Arrows of all actions.
bool is_detailed(double side) { return side >= 40.0; }
/// Values below them: in smaller cells the arrows would cross them.
bool has_numbers(double side) { return side >= 52.0; }

/// Of the states where something is to be decided.
Range range_of(const Mdp& mdp, std::span<const double> value) {
  Range range;
  if (!mdp.layout()) {
    for (std::size_t s = 0; s < mdp.state_count(); ++s) {
      if (!mdp.is_terminal(s)) range.include(value[s]);
    }
    return range;
  }
  const GridLayout& layout = *mdp.layout();
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    const std::size_t state = layout.state_of_cell[cell];
    if (state != kNoState && !is_end_cell(mdp, cell)) range.include(value[state]);
  }
  return range;
}

/// Arrows from the centre, as long as the actions are likely beside the most likely one; the others
/// paler. Small cells: the most likely action only, none when all are equally likely.
void draw_policy(Svg& svg, const Mdp& mdp, std::span<const double> policy, std::size_t state,
                 Point centre, double side, std::string_view ink) {
  constexpr double kShown = 0.02;
  const std::vector<GridMove>& moves = mdp.layout()->moves;
  const auto p = row_of(mdp, policy, state);
  const std::size_t best = best_action(mdp, policy, state);
  if (!(p[best] > 0.0)) return;
  Svg::Arrow arrow{.from = centre, .ink = ink};
  if (!is_detailed(side)) {
    if (is_indifferent(mdp, policy, state)) return;
    const double half = 0.36 * side;
    arrow.from = {centre.x - half * moves[best].columns, centre.y - half * moves[best].rows};
    arrow.rows = moves[best].rows;
    arrow.columns = moves[best].columns;
    arrow.length = 2.0 * half;
    arrow.head = half;
    svg.arrow(arrow);
    return;
  }
  for (std::size_t a = 0; a < mdp.action_count(); ++a) {
    if (!(p[a] >= kShown)) continue;
    const double share = p[a] / p[best];
    arrow.rows = moves[a].rows;
    arrow.columns = moves[a].columns;
    arrow.length = side * (0.05 + 0.27 * share);
    arrow.head = std::min(side * (0.05 + 0.05 * share), arrow.length);
    arrow.width = side / 40.0;
    arrow.opacity = p[best] - p[a] < kTie ? 1.0 : 0.5;
    svg.arrow(arrow);
  }
}

void draw_grid(Svg& svg, const Mdp& mdp, std::span<const double> value,
               std::span<const double> policy, const Range& range) {
  const GridLayout& layout = *mdp.layout();
  const GridPanel panel{layout, {kMargin, kHeader}, cell_side(layout)};
  const bool numbers = has_numbers(panel.side);
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    const std::size_t state = layout.state_of_cell[cell];
    const double place = state == kNoState ? 0.0 : range.place(value[state]);
    draw_cell(svg, mdp, panel, cell, value_colour(place));
    if (state == kNoState || is_end_cell(mdp, cell)) continue;
    const Point centre = panel.centre_of(cell);
    const std::string_view ink = ink_on_value(place);
    draw_policy(svg, mdp, policy, state, {centre.x, centre.y - (numbers ? 0.1 * panel.side : 0.0)},
                panel.side, ink);
    if (numbers) {
      svg.text({centre.x, centre.y + 0.43 * panel.side}, 8.0 + panel.side / 24.0,
               short_number(value[state]), Anchor::middle, ink);
    }
  }
}

void draw_bar(Svg& svg, const Mdp& mdp, std::span<const double> value,
              std::span<const double> policy, const Range& range, std::size_t state, Point at) {
  constexpr double kLabel = 130.0;
  constexpr double kLength = 240.0;
  constexpr double kSize = 11.0;
  svg.text({at.x + kLabel - 6, at.y + 10}, kSize, mdp.state_name(state), Anchor::end);
  if (mdp.is_terminal(state)) {
    svg.text({at.x + kLabel, at.y + 10}, kSize, "ends", Anchor::start, kPaleInk);
    return;
  }
  const double place = range.place(value[state]);
  const std::size_t best = best_action(mdp, policy, state);
  svg.rectangle({at.x + kLabel, at.y}, 2.0 + kLength * place, 12.0, value_colour(place));
  svg.text({at.x + kLabel + 8 + kLength * place, at.y + 10}, kSize,
           fmt::format("{}, {} ({:.3g})", short_number(value[state]), mdp.action_name(best),
                       row_of(mdp, policy, state)[best]));
}

/// Columns of bars.
std::string bars(const Mdp& mdp, std::span<const double> value, std::span<const double> policy,
                 const Range& range, Svg& svg, const std::string& title) {
  constexpr std::size_t kMost = 360;
  constexpr std::size_t kRows = 60;
  constexpr double kBar = 16.0;
  constexpr double kColumn = 540.0;
  const std::size_t count = std::min(mdp.state_count(), kMost);
  for (std::size_t s = 0; s < count; ++s) {
    const std::size_t column = s / kRows;
    draw_bar(svg, mdp, value, policy, range, s,
             {kMargin + kColumn * static_cast<double>(column),
              kHeader + kBar * static_cast<double>(s % kRows)});
  }
  const std::size_t columns = (count + kRows - 1) / kRows;
  const std::size_t rows = std::min(count, kRows);
  const std::string shown = shown_part(count, mdp.state_count(), "the first");
  return svg.document(2 * kMargin + kColumn * static_cast<double>(columns),
                      kHeader + kMargin + kBar * static_cast<double>(rows), title + shown);
}

}  // namespace

std::string value_svg(const Mdp& mdp, std::span<const double> value,
                      std::span<const double> policy) {
  require_length("value_svg", "the value", value.size(), mdp.state_count());
  require_length("value_svg", "the policy", policy.size(), mdp.state_count() * mdp.action_count());
  const Range range = range_of(mdp, value);
  Svg svg;
  double end = kMargin;
  if (!range.empty()) {
    end = colour_bar(svg, {kMargin, 44.0}, short_number(range.low), short_number(range.high),
                     value_colour);
  }
  const std::string title = title_of(mdp, "values and policy");
  if (!mdp.layout()) return bars(mdp, value, policy, range, svg, title);
  const GridPanel panel{*mdp.layout(), {kMargin, kHeader}, cell_side(*mdp.layout())};
  svg.text({end + 14.0, 44.0}, 11.0,
           is_detailed(panel.side) ? "arrows: as long as the action is likely"
                                   : "arrows: the most likely action",
           Anchor::start, kPaleInk);
  draw_grid(svg, mdp, value, policy, range);
  return svg.document(std::max(kNarrowest, 2 * kMargin + panel.width()),
                      kHeader + kMargin + panel.height(), title);
}

}  // namespace credo::control
