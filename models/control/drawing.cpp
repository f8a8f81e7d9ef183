#include <credo/core/names.hpp>
#include <credo/models/control/drawing.hpp>
#include <credo/models/control/drawing_parts.hpp>
#include <credo/models/require_length.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace credo::control {
namespace {

/// Weights below this share of the largest are left blank.
constexpr double kBlank = 0.001;

std::string_view arrow(GridMove move) {
  constexpr std::array<std::array<std::string_view, 3>, 3> kArrows = {
      {{"↖", "↑", "↗"}, {"←", "•", "→"}, {"↙", "↓", "↘"}}};
  const auto third = [](int x) { return static_cast<std::size_t>(std::clamp(x, -1, 1) + 1); };
  return kArrows[third(move.rows)][third(move.columns)];
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

}  // namespace

std::string policy_text(const Mdp& mdp, std::span<const double> policy) {
  require_length("policy_text", "the policy", policy.size(),
                 mdp.state_count() * mdp.action_count());
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
    width = std::max(width, printable(mdp.state_name(s)).size());
  }
  std::string text;
  for (std::size_t s = 0; s < mdp.state_count(); ++s) {
    const std::size_t best = best_action(mdp, policy, s);
    const std::string name = printable(mdp.state_name(s));
    text += mdp.is_terminal(s)
                ? fmt::format("{:<{}}  ends\n", name, width)
                : fmt::format("{:<{}}  {} ({:.4f})\n", name, width,
                              printable(mdp.action_name(best)), row_of(mdp, policy, s)[best]);
  }
  return text;
}

std::string heat_text(const Mdp& mdp, std::span<const double> weight) {
  require_length("heat_text", "the weight", weight.size(), mdp.state_count());
  const auto states = weight.first(mdp.state_count());
  const double top = *std::max_element(states.begin(), states.end());
  const auto shade = [top](double w) -> std::string_view {
    const double x = w / top;
    if (!(x >= kBlank)) return "  ";
    return x < 0.01 ? "··" : x < 0.25 ? "░░" : x < 0.5 ? "▒▒" : x < 0.75 ? "▓▓" : "██";
  };
  if (mdp.layout()) {
    return grid_text(*mdp.layout(), [&](std::size_t state, std::size_t cell) -> std::string {
      const char kind = mdp.layout()->cells[cell];
      const bool blank = !(states[state] >= kBlank * top);
      const bool landmark = kind != '.' && kind != 'F' && kind != ' ';
      return blank && landmark ? fmt::format("{} ", kind) : std::string(shade(states[state]));
    });
  }
  std::string text;
  for (std::size_t s = 0; s < states.size(); ++s) {
    text +=
        fmt::format("{}  {} {:.4g}\n", printable(mdp.state_name(s)), shade(states[s]), states[s]);
  }
  return text;
}

}  // namespace credo::control
