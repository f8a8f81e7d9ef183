#include <credo/models/control/drawing_messages.hpp>
#include <credo/models/control/svg_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

// From the bound to log Z in three steps: KL(q, p(. | o)) is the sum of what q gives away at the
// start, in its actions and in its dynamics.

namespace credo::control {
namespace {

constexpr double kLeft = 150.0;
constexpr double kWidth = 620.0;
constexpr double kRow = 52.0;
constexpr std::array<std::string_view, 3> kColours = {"#3b7dd8", "#56a36c", "#c8102e"};
constexpr std::array<std::string_view, 3> kNames = {"initial", "policy", "dynamics"};

void draw_bar(Svg& svg, const GapBar& bar, const Range& range, double y) {
  const auto x_of = [&](double nats) { return kLeft + kWidth * range.place(nats); };
  svg.text({kLeft - 14.0, y + 14.0}, 12.0, bar.name, Anchor::end);
  double from = bar.bound;
  const bool finite = std::isfinite(from);
  const std::array<double, 3> parts = {bar.gap.initial, bar.gap.policy, bar.gap.dynamics};
  if (!finite) {
    svg.arrow({.from = {x_of(bar.log_z), y + 10.0},
               .columns = -1.0,
               .length = x_of(bar.log_z) - kLeft,
               .head = 10.0,
               .width = 4.0,
               .ink = kColours[2],
               .dashed = true});
  }
  for (std::size_t k = 0; finite && k < parts.size(); ++k) {
    if (!(parts[k] > 0.0)) continue;
    const double width = x_of(from + parts[k]) - x_of(from);
    svg.rectangle({x_of(from), y}, width, 20.0, kColours[k]);
    if (width >= 40.0) {
      svg.text({x_of(from) + width / 2, y + 14.0}, 10.0, short_number(parts[k]), Anchor::middle,
               "#ffffff");
    }
    from += parts[k];
  }
  const Point low{finite ? x_of(bar.bound) : kLeft, y - 4.0};
  const Point high{x_of(bar.log_z), y - 4.0};
  svg.line(low, {low.x, y + 24.0}, kInk, 1.5);
  svg.line(high, {high.x, y + 24.0}, kInk, 1.5);
  svg.text({low.x - 4.0, y + 36.0}, 10.0, "L " + short_number(bar.bound),
           low.x > kLeft + 60.0 ? Anchor::end : Anchor::start);
  svg.text({high.x + 4.0, y + 14.0}, 10.0, "log Z " + short_number(bar.log_z));
}

}  // namespace

std::string gap_svg(const std::string& title, std::span<const GapBar> bars) {
  Svg svg;
  Range range;
  for (const GapBar& bar : bars) {
    range.include(bar.log_z);
    range.include(bar.bound);
  }
  if (!(range.high > range.low)) range.low = range.high - 1.0;
  double x = kMargin;
  for (std::size_t k = 0; k < kNames.size(); ++k) {
    svg.rectangle({x, 35.0}, 11.0, 11.0, kColours[k]);
    svg.text({x + 16.0, 44.0}, 11.0, kNames[k]);
    x += 34.0 + 6.4 * static_cast<double>(kNames[k].size());
  }
  svg.text({x, 44.0}, 11.0, "what the family gives away, in nats", Anchor::start, kPaleInk);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    draw_bar(svg, bars[i], range, kHeader + 10.0 + kRow * static_cast<double>(i));
  }
  return svg.document(kLeft + kWidth + 110.0,
                      kHeader + kMargin + kRow * static_cast<double>(bars.size()), title);
}

}  // namespace credo::control
