#include <credo/core/formats/characters.hpp>
#include <credo/models/control/svg_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>

// Hand-made SVG: no scripts, no styles, nothing that a viewer could leave out.

namespace credo::control {
namespace {

using Rgb = std::array<double, 3>;

/// As XML: control characters as their pictures, what is no character as the sign for that.
std::string escaped(std::string_view text) {
  constexpr std::uint32_t kPictures = 0x2400;
  constexpr std::uint32_t kReplacement = 0xfffd;
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const Character first = first_character(text.substr(at));
    const std::size_t bytes = is_shown(first.code) ? first.bytes : 0;
    const auto code = static_cast<unsigned char>(c);
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (bytes == 0) {
      result += utf8(code < 0x20U ? kPictures + code : kReplacement);
    } else {
      result += text.substr(at, bytes);
    }
    at += std::max<std::size_t>(first.bytes, 1);
  }
  return result;
}

/// Straight lines between the stops, x in [0, 1].
std::string mixed(const std::array<Rgb, 3>& stops, double place) {
  const double x = std::clamp(place, 0.0, 1.0) * 2.0;
  const std::size_t i = x < 1.0 ? 0 : 1;
  std::array<int, 3> rgb{};
  for (std::size_t k = 0; k < 3; ++k) {
    rgb[k] = static_cast<int>(
        std::lround(stops[i][k] + (x - static_cast<double>(i)) * (stops[i + 1][k] - stops[i][k])));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

}  // namespace

void Svg::rectangle(Point corner, double width, double height, std::string_view fill,
                    std::string_view stroke) {
  const std::string edge = stroke == "none" ? "" : fmt::format(" stroke=\"{}\"", stroke);
  body_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"{}/>\n",
      corner.x, corner.y, width, height, fill, edge);
}

void Svg::circle(Point centre, double radius, std::string_view fill, double opacity) {
  body_ += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\" opacity=\"{:.2f}\"/>\n",
      centre.x, centre.y, radius, fill, opacity);
}

void Svg::ring(Point centre, double radius, std::string_view ink, double width) {
  body_ += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"none\" stroke=\"{}\" "
      "stroke-width=\"{:.1f}\"/>\n",
      centre.x, centre.y, radius, ink, width);
}

void Svg::line(Point from, Point to, std::string_view ink, double width) {
  body_ +=
      fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" stroke-width=\"{}\"/>\n",
                  from.x, from.y, to.x, to.y, ink, width);
}

void Svg::text(Point at, double size, std::string_view text, Anchor anchor, std::string_view ink) {
  constexpr std::array<std::string_view, 3> kAnchors = {"start", "middle", "end"};
  body_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}"
      "</text>\n",
      at.x, at.y, size, kAnchors[static_cast<std::size_t>(anchor)], ink, escaped(text));
}

void Svg::arrow(const Arrow& a) {
  const double norm = std::hypot(a.rows, a.columns);
  if (norm == 0.0) {
    circle(a.from, 0.25 * a.length, a.ink, a.opacity);
    return;
  }
  const double dx = a.columns / norm;
  const double dy = a.rows / norm;
  const Point tip{a.from.x + dx * a.length, a.from.y + dy * a.length};
  const Point base{tip.x - dx * a.head, tip.y - dy * a.head};
  const double half = 0.7 * a.head;
  body_ += fmt::format(
      "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\" stroke=\"{}\" stroke-width=\"{:.1f}\" "
      "opacity=\"{:.2f}\"{}/><path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\" "
      "fill=\"{}\" opacity=\"{:.2f}\"/>\n",
      a.from.x, a.from.y, base.x, base.y, a.ink, a.width, a.opacity,
      a.dashed ? " stroke-dasharray=\"2 2\"" : "", tip.x, tip.y, base.x - dy * half,
      base.y + dx * half, base.x + dy * half, base.y - dx * half, a.ink, a.opacity);
}

std::string Svg::document(double width, double height, std::string_view title) const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"{2:.0f}\" y=\"23\" font-size=\"15\" fill=\"{3}\">{4}</text>\n{5}</svg>\n",
      width, height, kMargin, kInk, escaped(title), body_);
}

std::string title_of(const Mdp& mdp, std::string_view what) {
  return mdp.name().empty() ? std::string(what) : fmt::format("{}: {}", mdp.name(), what);
}

std::string shown_part(std::size_t shown, std::size_t all, std::string_view which) {
  return shown < all ? fmt::format(" ({} {} of {} states)", which, shown, all) : "";
}

void Range::include(double x) {
  if (!std::isfinite(x)) return;
  low = std::min(low, x);
  high = std::max(high, x);
}

double Range::place(double x) const {
  if (!(high > low)) return 1.0;
  return x > low ? std::min((x - low) / (high - low), 1.0) : 0.0;
}

std::string value_colour(double place) {
  return mixed({{{38, 52, 110}, {60, 150, 150}, {250, 240, 170}}}, place);
}

std::string weight_colour(double place) {
  return mixed({{{255, 255, 255}, {150, 120, 200}, {60, 10, 90}}}, place);
}

std::string_view ink_on_value(double place) { return place > 0.55 ? kInk : "#ffffff"; }

double colour_bar(Svg& svg, Point at, std::string_view low, std::string_view high,
                  std::string (*colour)(double)) {
  constexpr double kSize = 11.0;
  constexpr double kLetter = 7.0;
  constexpr double kStep = 5.0;
  constexpr int kSteps = 16;
  svg.text(at, kSize, low);
  double x = at.x + kLetter * static_cast<double>(low.size()) + 4.0;
  svg.rectangle({x - 0.5, at.y - 9.5}, kStep * kSteps + 1.0, 11.0, "none", "#bbbbbb");
  for (int i = 0; i < kSteps; ++i, x += kStep) {
    svg.rectangle({x, at.y - 9.0}, kStep + 0.3, 10.0, colour((i + 0.5) / kSteps));
  }
  svg.text({x + 6.0, at.y}, kSize, high);
  return x + 6.0 + kLetter * static_cast<double>(high.size());
}

std::string short_number(double x) {
  if (std::isinf(x)) return x < 0 ? "−∞" : "∞";
  const double size = std::fabs(x);
  if (size < 5e-13) return "0";
  if (size >= 99.95 && size < 99'999.5) return fmt::format("{:.0f}", x);
  return fmt::format("{:.3g}", x);
}

bool is_end_cell(const Mdp& mdp, std::size_t cell) {
  const GridLayout& layout = *mdp.layout();
  const std::size_t state = layout.state_of_cell[cell];
  return state != kNoState && (mdp.is_terminal(state) || layout.cells[cell] == 'C');
}

void draw_cell(Svg& svg, const Mdp& mdp, const GridPanel& panel, std::size_t cell,
               std::string_view colour) {
  constexpr double kBordered = 20.0;
  const char kind = panel.layout.cells[cell];
  const bool ends = is_end_cell(mdp, cell);
  const std::string_view fill = panel.layout.state_of_cell[cell] == kNoState ? "#555555"
                                : ends && kind == 'G'                        ? "#bfe3b4"
                                : ends                                       ? "#d9d9d9"
                                                                             : colour;
  svg.rectangle(panel.corner_of(cell), panel.side, panel.side, fill,
                panel.side >= kBordered ? "#ffffff" : "none");
  if (!ends) return;
  const Point centre = panel.centre_of(cell);
  const std::string letter(1, kind == ' ' ? '.' : kind);
  svg.text({centre.x, centre.y + 0.13 * panel.side}, 0.36 * panel.side + 1.0, letter,
           Anchor::middle);
}

std::vector<std::size_t> heaviest_states(std::span<const double> weight, std::size_t most) {
  std::vector<std::size_t> states(weight.size());
  std::iota(states.begin(), states.end(), std::size_t{0});
  std::sort(states.begin(), states.end(), [weight](std::size_t a, std::size_t b) {
    return weight[a] != weight[b] ? weight[a] > weight[b] : a < b;
  });
  states.resize(std::min(most, states.size()));
  std::sort(states.begin(), states.end());
  return states;
}

}  // namespace credo::control
