#include <credo/models/control/drawing_messages.hpp>
#include <credo/models/control/drawing_parts.hpp>
#include <credo/models/control/svg_parts.hpp>
#include <credo/models/require_length.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

// p(s' | s, a) beside p(s' | s, a, o). Conditioned on success the ice steers; in the world it does
// not.

namespace credo::control {
namespace {

constexpr std::string_view kTruth = "#777777";
constexpr std::string_view kLuck = "#c8102e";
constexpr std::string_view kTitle = "luck in the dynamics of the most likely action";
/// Less likely successors are not drawn.
constexpr double kShown = 0.01;

/// From white over pale to deep orange.
std::string luck_colour(double place) {
  const auto channel = [place](double top, double bottom) {
    return static_cast<int>(std::lround(top + (bottom - top) * std::clamp(place, 0.0, 1.0)));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", channel(255, 255), channel(253, 190),
                     channel(245, 110));
}

/// The cell of every state.
std::vector<std::size_t> cells_of_states(const Mdp& mdp) {
  std::vector<std::size_t> cells(mdp.state_count(), 0);
  const GridLayout& layout = *mdp.layout();
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    if (layout.state_of_cell[cell] != kNoState) cells[layout.state_of_cell[cell]] = cell;
  }
  return cells;
}

/// From the centre of one cell towards another, `aside` pixels beside the middle line.
void draw_one(Svg& svg, const GridPanel& panel, std::size_t from, std::size_t to,
              double probability, double aside, std::string_view ink) {
  if (!(probability >= kShown)) return;
  const Point centre = panel.centre_of(from);
  const auto columns = static_cast<double>(panel.layout.columns);
  const double rows_apart = std::floor(static_cast<double>(to) / columns) -
                            std::floor(static_cast<double>(from) / columns);
  const double columns_apart =
      std::fmod(static_cast<double>(to), columns) - std::fmod(static_cast<double>(from), columns);
  if (from == to) {
    const double radius = 0.15 * panel.side * std::sqrt(probability);
    if (ink == kTruth) {
      svg.circle(centre, radius, ink, 0.6);
    } else {
      svg.ring(centre, radius, ink, panel.side / 28.0);
    }
    return;
  }
  const double norm = std::hypot(rows_apart, columns_apart);
  const Point direction{columns_apart / norm, rows_apart / norm};
  const double start = 0.12 * panel.side;
  const double length = std::max(0.36 * panel.side * probability, 2.0);
  svg.arrow({.from = {centre.x + direction.x * start - direction.y * aside,
                      centre.y + direction.y * start + direction.x * aside},
             .rows = rows_apart,
             .columns = columns_apart,
             .length = length,
             .head = std::min(0.09 * panel.side, 0.6 * length),
             .width = panel.side / 28.0,
             .opacity = 0.9,
             .ink = ink,
             .dashed = norm > 1.5});
}

/// The action itself, small, in the upper left corner of its cell.
void draw_action(Svg& svg, const GridPanel& panel, std::size_t cell, GridMove move) {
  const Point corner = panel.corner_of(cell);
  const double length = 0.2 * panel.side;
  const Point middle{corner.x + 0.16 * panel.side, corner.y + 0.16 * panel.side};
  svg.arrow({.from = {middle.x - 0.5 * length * move.columns, middle.y - 0.5 * length * move.rows},
             .rows = static_cast<double>(move.rows),
             .columns = static_cast<double>(move.columns),
             .length = length,
             .head = 0.55 * length,
             .width = panel.side / 40.0});
}

double legend(Svg& svg, const Range& nats, std::string_view believed) {
  constexpr double kSize = 11.0;
  double x =
      colour_bar(svg, {kMargin, 44.0}, "luck 0", short_number(nats.high) + " nats", luck_colour) +
      18.0;
  for (const auto& [ink, label] :
       {std::pair<std::string_view, std::string_view>{kTruth, "truth"}, {kLuck, believed}}) {
    svg.arrow(
        {.from = {x, 40.0}, .columns = 1.0, .length = 20.0, .head = 6.0, .width = 2.0, .ink = ink});
    svg.text({x + 25.0, 44.0}, kSize, label);
    x += 35.0 + 6.2 * static_cast<double>(label.size());
  }
  return x;
}

std::string luck_grid(const Mdp& mdp, std::span<const LuckArrow> arrows,
                      const std::vector<double>& nats, const Range& range,
                      std::string_view believed) {
  constexpr double kDetailed = 24.0;
  const GridLayout& layout = *mdp.layout();
  const double side = std::clamp(1200.0 / static_cast<double>(layout.columns), 10.0, 96.0);
  const GridPanel panel{layout, {kMargin, kHeader}, side};
  Svg svg;
  double end = legend(svg, range, believed);
  if (side >= kDetailed) {
    constexpr std::string_view kKey = "corner: the action";
    svg.text({end, 44.0}, 11.0, kKey, Anchor::start, kPaleInk);
    end += 6.0 * static_cast<double>(kKey.size());
  }
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    const std::size_t state = layout.state_of_cell[cell];
    const double place = state == kNoState || range.high == 0.0 ? 0.0 : nats[state] / range.high;
    draw_cell(svg, mdp, panel, cell, luck_colour(place));
  }
  if (side >= kDetailed) {
    const std::vector<std::size_t> cells = cells_of_states(mdp);
    const double aside = 0.035 * side;
    for (const LuckArrow& a : arrows) {
      if (is_end_cell(mdp, cells[a.state])) continue;
      draw_one(svg, panel, cells[a.state], cells[a.next], a.true_probability, -aside, kTruth);
      draw_one(svg, panel, cells[a.state], cells[a.next], a.lucky_probability, aside, kLuck);
      draw_action(svg, panel, cells[a.state], layout.moves[a.action]);
    }
  }
  return svg.document(std::max({kNarrowest, 2 * kMargin + panel.width(), end + kMargin}),
                      kHeader + kMargin + panel.height(), title_of(mdp, kTitle));
}

std::string luck_bars(const Mdp& mdp, std::span<const LuckArrow> arrows,
                      const std::vector<double>& nats, const Range& range,
                      std::string_view believed) {
  constexpr std::size_t kMost = 40;
  constexpr double kLabel = 250.0;
  constexpr double kLength = 240.0;
  constexpr double kRow = 18.0;
  const std::vector<std::size_t> shown = heaviest_states(nats, kMost);
  Svg svg;
  legend(svg, range, believed);
  double y = kHeader;
  for (const LuckArrow& a : arrows) {
    if (!std::binary_search(shown.begin(), shown.end(), a.state)) continue;
    svg.text({kMargin + kLabel - 6.0, y + 11.0}, 11.0,
             fmt::format("{}, {} → {}", mdp.state_name(a.state), mdp.action_name(a.action),
                         mdp.state_name(a.next)),
             Anchor::end);
    svg.rectangle({kMargin + kLabel, y}, 1.0 + kLength * a.true_probability, 6.0, kTruth);
    svg.rectangle({kMargin + kLabel, y + 7.0}, 1.0 + kLength * a.lucky_probability, 6.0, kLuck);
    svg.text(
        {kMargin + kLabel + kLength + 10.0, y + 11.0}, 11.0,
        fmt::format("{} → {}", short_number(a.true_probability), short_number(a.lucky_probability)),
        Anchor::start, kPaleInk);
    y += kRow;
  }
  return svg.document(
      2 * kMargin + kLabel + kLength + 120.0, y + kMargin,
      title_of(mdp, kTitle) + shown_part(shown.size(), mdp.state_count(), "the luckiest"));
}

}  // namespace

std::vector<LuckArrow> luck_arrows(const Mdp& mdp, std::span<const double> policy,
                                   std::span<const DynamicsEntry> dynamics,
                                   std::span<const std::size_t> action) {
  require_length("luck_arrows", "the policy", policy.size(),
                 mdp.state_count() * mdp.action_count());
  if (!action.empty()) {
    require_length("luck_arrows", "the list of actions", action.size(), mdp.state_count());
  }
  std::map<std::pair<std::size_t, std::size_t>, LuckArrow> found;
  const auto chosen = [&](std::size_t s) {
    return action.empty() ? best_action(mdp, policy, s) : action[s];
  };
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    if (mdp.is_terminal(s)) continue;
    for (const Outcome& o : mdp.outcomes(s, chosen(s))) {
      LuckArrow& arrow = found[{s, o.next}];
      arrow = {s, chosen(s), o.next, arrow.true_probability + o.probability, 0.0};
    }
  }
  for (const DynamicsEntry& e : dynamics) {
    const auto place = found.find({e.state, e.next});
    if (place != found.end() && place->second.action == e.action) {
      place->second.lucky_probability += e.probability;
    }
  }
  std::vector<LuckArrow> arrows;
  for (const auto& [pair, arrow] : found) arrows.push_back(arrow);
  return arrows;
}

std::vector<double> luck_nats(const Mdp& mdp, std::span<const LuckArrow> arrows) {
  std::vector<double> nats(mdp.state_count(), 0.0);
  for (const LuckArrow& a : arrows) {
    require_index("luck_nats", "state", a.state, nats.size());
    if (a.lucky_probability > 0.0) {
      nats[a.state] += a.lucky_probability * std::log(a.lucky_probability / a.true_probability);
    }
  }
  for (double& n : nats) n = std::max(n, 0.0);
  return nats;
}

std::string luck_svg(const Mdp& mdp, std::span<const LuckArrow> arrows, std::string_view believed) {
  const std::vector<double> nats = luck_nats(mdp, arrows);
  Range range{0.0, 0.0};
  for (const double n : nats) range.include(n);
  return mdp.layout() ? luck_grid(mdp, arrows, nats, range, believed)
                      : luck_bars(mdp, arrows, nats, range, believed);
}

}  // namespace credo::control
