#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_messages.hpp>
#include <credo/models/control/policy_evaluation.hpp>
#include <credo/models/control/svg_parts.hpp>
#include <credo/models/require_length.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <string_view>

// Where an optimal trajectory is: it must be able to come here (forward message) and to do well
// from here (backward message). The product is thick in the middle and thin at start and goal.

namespace credo::control {
namespace {

/// Weights below this share of the largest are left blank.
constexpr double kBlank = 0.001;
constexpr std::size_t kMostBars = 40;

struct Panel {
  std::string_view heading;
  std::vector<double> weight;  ///< linear, or logarithms
  bool logarithmic = false;
};

std::vector<double> process_states(const Mdp& mdp, const std::vector<double>& weight) {
  assert(weight.size() >= mdp.state_count());
  return {weight.begin(), weight.begin() + static_cast<std::ptrdiff_t>(mdp.state_count())};
}

std::vector<Panel> panels_of(const Mdp& mdp, const TubeFrame& frame) {
  std::vector<Panel> panels;
  panels.push_back({"forward: can be here", process_states(mdp, frame.forward), false});
  panels.push_back({"backward: can do well", process_states(mdp, frame.log_backward), true});
  panels.push_back({"product: is here", tube_product(mdp, frame), false});
  if (!frame.occupancy.empty()) {
    panels.push_back({"the policy, in truth", process_states(mdp, frame.occupancy), false});
  }
  return panels;
}

Range range_of(const Panel& panel) {
  Range range;
  if (!panel.logarithmic) range.include(0.0);
  for (const double w : panel.weight) range.include(w);
  return range;
}

/// The colour of one state, and the label under the panel.
std::string colour_of(const Panel& panel, const Range& range, std::size_t state) {
  const double w = panel.weight[state];
  if (panel.logarithmic) return std::isfinite(w) ? value_colour(range.place(w)) : "#ffffff";
  return weight_colour(w >= kBlank * range.high && w > 0.0 ? 0.06 + 0.94 * range.place(w) : 0.0);
}

std::string label_of(const Panel& panel, const Range& range) {
  if (range.empty()) return "none";
  return panel.logarithmic
             ? fmt::format("log: {} to {}", short_number(range.low), short_number(range.high))
             : fmt::format("largest: {}", short_number(range.high));
}

/// Cells of one colour beside each other are one rectangle; white ones are the paper.
void draw_cells(Svg& svg, const Panel& panel, const Range& range, const GridPanel& place) {
  const GridLayout& layout = place.layout;
  std::vector<std::string> fill;
  for (const std::size_t state : layout.state_of_cell) {
    fill.push_back(state == kNoState ? "#555555" : colour_of(panel, range, state));
  }
  for (std::size_t cell = 0, run = 1; cell < fill.size(); cell += run) {
    const std::size_t left = layout.columns - cell % layout.columns;
    for (run = 1; run < left && fill[cell + run] == fill[cell];) ++run;
    if (fill[cell] == "#ffffff") continue;
    svg.rectangle(place.corner_of(cell), place.side * static_cast<double>(run), place.side,
                  fill[cell]);
  }
}

void draw_panel(Svg& svg, const Panel& panel, const GridPanel& place) {
  constexpr double kLetters = 9.0;
  const GridLayout& layout = place.layout;
  const Range range = range_of(panel);
  draw_cells(svg, panel, range, place);
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    const char kind = layout.cells[cell];
    if (place.side < kLetters || std::string_view("SGHC").find(kind) == std::string_view::npos) {
      continue;
    }
    const bool blank = colour_of(panel, range, layout.state_of_cell[cell]) == "#ffffff";
    const Point centre = place.centre_of(cell);
    svg.text({centre.x, centre.y + 0.2 * place.side}, 0.55 * place.side, std::string(1, kind),
             Anchor::middle, blank ? kPaleInk : "#e08030");
  }
  svg.rectangle(place.corner, place.width(), place.height(), "none", "#999999");
  svg.text({place.corner.x, place.corner.y + place.height() + 13.0}, 10.0, label_of(panel, range),
           Anchor::start, kPaleInk);
}

/// As many bars as states, from left to right one panel after the other.
void draw_bars(Svg& svg, const Panel& panel, std::span<const std::size_t> states, Point corner,
               double width) {
  constexpr double kBar = 12.0;
  const Range range = range_of(panel);
  for (std::size_t i = 0; i < states.size(); ++i) {
    const double w = panel.weight[states[i]];
    const double length = std::isfinite(w) ? range.place(w) * width : 0.0;
    svg.rectangle({corner.x, corner.y + kBar * static_cast<double>(i) + 1.0}, std::max(length, 0.5),
                  kBar - 2.0, colour_of(panel, range, states[i]), "#aaaaaa");
  }
  svg.text({corner.x, corner.y + kBar * static_cast<double>(states.size()) + 11.0}, 10.0,
           label_of(panel, range), Anchor::start, kPaleInk);
}

/// The states with the largest products over all frames.
std::vector<std::size_t> shown_states(const Mdp& mdp, std::span<const TubeFrame> frames) {
  std::vector<double> weight(mdp.state_count(), 0.0);
  for (const TubeFrame& frame : frames) {
    const std::vector<double> product = tube_product(mdp, frame);
    for (std::size_t s = 0; s < weight.size(); ++s) weight[s] += product[s];
  }
  return heaviest_states(weight, kMostBars);
}

/// Sizes of a picture: panels side by side, frames below each other.
struct Sheet {
  static constexpr double kGap = 18.0;
  static constexpr double kBelow = 30.0;
  std::size_t panels = 3;
  double caption = 74.0;
  double width = 0.0;   ///< of a panel
  double height = 0.0;  ///< of a panel

  [[nodiscard]] Point corner(std::size_t frame, std::size_t panel) const {
    return {kMargin + caption + (width + kGap) * static_cast<double>(panel),
            kHeader + (height + kBelow) * static_cast<double>(frame)};
  }
  [[nodiscard]] double total_width() const { return corner(0, panels).x - kGap + kMargin; }
  [[nodiscard]] double total_height(std::size_t frames) const { return corner(frames, 0).y + 4.0; }
};

Sheet sheet_for(const Mdp& mdp, std::span<const TubeFrame> frames, std::size_t bars, double& side) {
  constexpr double kWidest = 1200.0;
  constexpr double kNarrowPanel = 140.0;
  Sheet sheet;
  for (const TubeFrame& frame : frames) {
    if (!frame.occupancy.empty()) sheet.panels = 4;
  }
  if (!mdp.layout()) {
    sheet.caption = 160.0;  // and the names of the states
    sheet.width = 150.0;
    sheet.height = 12.0 * static_cast<double>(bars);
    return sheet;
  }
  const GridLayout& layout = *mdp.layout();
  side = std::clamp(kWidest / static_cast<double>(sheet.panels * layout.columns), 4.0, 35.0);
  sheet.width = std::max(kNarrowPanel, side * static_cast<double>(layout.columns));
  sheet.height = side * static_cast<double>(layout.rows);
  return sheet;
}

/// Rows of text beside each other.
std::string beside(std::span<const std::string> blocks) {
  std::vector<std::size_t> at(blocks.size(), 0);
  std::string text;
  while (at[0] < blocks[0].size()) {
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const std::size_t end = blocks[b].find('\n', at[b]);
      text += (b == 0 ? "" : "   ") + blocks[b].substr(at[b], end - at[b]);
      at[b] = end + 1;
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::vector<double> tube_product(const Mdp& mdp, const TubeFrame& frame) {
  std::vector<double> product(mdp.state_count());
  require_length("tube_product", "the forward message", frame.forward.size(), product.size());
  require_length("tube_product", "the backward message", frame.log_backward.size(), product.size());
  for (std::size_t s = 0; s < product.size(); ++s) {
    product[s] =
        frame.forward[s] > 0.0 ? std::log(frame.forward[s]) + frame.log_backward[s] : -kInfinity;
  }
  return softmax(product);
}

std::vector<std::size_t> telling_steps(const Mdp& mdp, const Posterior& posterior,
                                       std::size_t most) {
  constexpr double kEnded = 0.99;
  if (posterior.state_marginals.size() < posterior.steps()) {
    throw QueryError("telling_steps: expected a posterior with marginals, of a finite horizon");
  }
  const auto ended = [&](std::size_t t) {
    double probability = 0.0;
    for (const std::size_t s : mdp.terminal()) probability += posterior.state_marginals[t][s];
    return probability;
  };
  std::size_t last = 0;
  while (last + 1 < posterior.steps() && ended(last) < kEnded) ++last;
  const std::size_t count = std::min(last + 1, most);
  std::vector<std::size_t> steps(count, 0);
  for (std::size_t i = 1; i < count; ++i) steps[i] = (i * last + (count - 1) / 2) / (count - 1);
  return steps;
}

std::vector<TubeFrame> tube_frames(const Mdp& mdp, const Posterior& posterior,
                                   std::span<const std::size_t> steps,
                                   std::span<const std::vector<double>> policies) {
  if (posterior.infinite)
    throw QueryError("the tube of an infinite horizon: expected a finite one");
  const std::size_t last = steps.empty() ? 0 : *std::max_element(steps.begin(), steps.end());
  if (last >= posterior.steps() || (!policies.empty() && last > policies.size())) {
    throw QueryError(
        fmt::format("the tube of step {}, expected one below {}", last, posterior.steps()));
  }
  std::vector<TubeFrame> frames;
  for (const std::size_t t : steps) {
    frames.push_back(
        {fmt::format("step {}", t), posterior.forward[t], posterior.log_beta_state[t], {}});
  }
  std::vector<double> occupancy(mdp.initial().begin(), mdp.initial().end());
  for (std::size_t t = 0; t <= last && !policies.empty(); ++t) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i] == t) frames[i].occupancy = occupancy;
    }
    if (t < last) occupancy = occupancy_step(mdp, policies[t], occupancy);
  }
  return frames;
}

std::string tube_svg(const Mdp& mdp, std::span<const TubeFrame> frames) {
  constexpr double kSize = 11.0;
  const std::vector<std::size_t> states =
      mdp.layout() ? std::vector<std::size_t>{} : shown_states(mdp, frames);
  double side = 0.0;
  const Sheet sheet = sheet_for(mdp, frames, states.size(), side);
  Svg svg;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const std::vector<Panel> panels = panels_of(mdp, frames[f]);
    svg.text({kMargin, sheet.corner(f, 0).y + 12.0}, kSize + 1.0, frames[f].caption);
    for (std::size_t p = 0; p < panels.size(); ++p) {
      const Point corner = sheet.corner(f, p);
      if (f == 0) svg.text({corner.x, kHeader - 8.0}, kSize, panels[p].heading);
      if (mdp.layout()) {
        draw_panel(svg, panels[p], {*mdp.layout(), corner, side});
      } else {
        draw_bars(svg, panels[p], states, corner, sheet.width);
      }
    }
    for (std::size_t i = 0; i < states.size(); ++i) {
      svg.text(
          {sheet.corner(f, 0).x - 4.0, sheet.corner(f, 0).y + 12.0 * static_cast<double>(i) + 9.5},
          8.5, mdp.state_name(states[i]), Anchor::end, kPaleInk);
    }
  }
  return svg.document(
      std::max(kNarrowest, sheet.total_width()), sheet.total_height(frames.size()),
      title_of(mdp, "where an optimal trajectory is") +
          (mdp.layout() ? "" : shown_part(states.size(), mdp.state_count(), "the most visited")));
}

std::string tube_text(const Mdp& mdp, std::span<const TubeFrame> frames) {
  std::string text;
  for (const TubeFrame& frame : frames) {
    const std::vector<Panel> panels = panels_of(mdp, frame);
    text += frame.caption + ": ";
    if (!mdp.layout()) {
      text += "product\n" + heat_text(mdp, panels[2].weight);
      continue;
    }
    std::vector<std::string> blocks;
    text += fmt::format("forward, backward, product{}\n", panels.size() > 3 ? ", in truth" : "");
    for (const Panel& panel : panels) {
      std::vector<double> shade = panel.weight;
      const Range range = range_of(panel);
      for (double& w : shade) w = std::isfinite(w) ? range.place(w) : 0.0;
      blocks.push_back(heat_text(mdp, shade));
    }
    text += beside(blocks);
  }
  return text;
}

}  // namespace credo::control
