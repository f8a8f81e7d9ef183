#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/control/environments.hpp>
#include <credo/models/control/grid_map.hpp>
#include <credo/models/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

// Towers et al. 2024, "Gymnasium", toy_text: the facts of the tables (sizes,
// numbering, rewards) are reproduced, the tables are computed here. They are those of
// FrozenLake-v1, CliffWalking-v1 and Taxi-v3 with their default arguments, is_slippery excepted.

namespace credo::control {
namespace {

constexpr std::string_view kLake4x4 = "SFFF\nFHFH\nFFFH\nHFFG";
constexpr std::string_view kLake8x8 =
    "SFFFFFFF\nFFFFFFFF\nFFFHFFFF\nFFFFFHFF\nFFFHFFFF\nFHHFFFHF\nFHFFHFHF\nFFFHFFFG";
constexpr std::string_view kCliff = "............\n............\n............\nSCCCCCCCCCCG";
constexpr std::string_view kDefaultGrid = "S...\n.#.H\n....\n.H.G";

using FourMoves = std::array<GridMove, 4>;
constexpr FourMoves kLeftDownRightUp = {{{0, -1}, {1, 0}, {0, 1}, {-1, 0}}};
constexpr FourMoves kUpRightDownLeft = {{{-1, 0}, {0, 1}, {1, 0}, {0, -1}}};

void refuse(bool given, std::string_view environment, std::string_view option) {
  if (given) {
    throw OptionError(fmt::format("{} takes no option {}: leave it out", environment, option));
  }
}

/// Probability of the intended direction and of each beside it.
struct Slip {
  double straight = 1.0;
  double aside = 0.0;
};

Slip slip_of(const EnvironmentOptions& options, bool slippery_by_default) {
  if (!options.slippery.value_or(slippery_by_default)) return {};
  const double rate = options.success_rate.value_or(1.0 / 3.0);
  if (!(rate > 0.0 && rate <= 1.0)) {
    throw OptionError(fmt::format("success_rate {}, expected a number in (0, 1]", rate));
  }
  return {rate, (1.0 - rate) / 2.0};
}

/// What entering a cell does: the state one ends in and the reward.
struct Arrival {
  std::size_t state;
  double reward;
};

/// Adds the transitions of every cell that is a state and every action: the intended move and,
/// when slippery, the moves of the neighbouring actions (which lie beside it).
template <typename Enter>
void add_moves(MdpDescription& d, const Slip& slip, const Enter& enter) {
  const GridLayout& layout = *d.layout;
  for (std::size_t cell = 0; cell < layout.cells.size(); ++cell) {
    const std::size_t state = layout.state_of_cell[cell];
    if (state == kNoState) continue;
    for (std::size_t action = 0; action < d.actions; ++action) {
      for (const std::size_t turn : {d.actions - 1, std::size_t{0}, std::size_t{1}}) {
        const double p = turn == 0 ? slip.straight : slip.aside;
        if (p == 0.0) continue;
        const GridMove move = layout.moves[(action + turn) % d.actions];
        const Arrival arrival = enter(neighbour(layout, cell, move));
        d.transitions.push_back({state, action, arrival.state, p, arrival.reward});
      }
    }
  }
}

MdpDescription grid_description(std::string name, std::string_view map, std::string map_source,
                                std::string_view cells, const FourMoves& moves,
                                std::vector<std::string> action_names, std::string_view terminal) {
  MdpDescription d;
  d.name = std::move(name);
  if (map_source.empty()) map_source = d.name + " map";
  d.layout = parse_grid_map(map, map_source, cells);
  d.layout->moves.assign(moves.begin(), moves.end());
  d.actions = moves.size();
  d.action_names = std::move(action_names);
  d.states = grid_state_count(*d.layout);
  d.initial = grid_initial(*d.layout, map_source);
  for (std::size_t cell = 0; cell < d.layout->cells.size(); ++cell) {
    if (terminal.find(d.layout->cells[cell]) != std::string_view::npos) {
      d.terminal.push_back(d.layout->state_of_cell[cell]);
    }
  }
  return d;
}

}  // namespace

Mdp frozen_lake(const EnvironmentOptions& options) {
  const std::string given = options.map.value_or("4x4");
  const std::string_view map = given == "4x4" ? kLake4x4 : given == "8x8" ? kLake8x8 : given;
  MdpDescription d = grid_description("frozen_lake", map, options.map_source, "SFHG.",
                                      kLeftDownRightUp, {"left", "down", "right", "up"}, "HG");
  const GridLayout layout = *d.layout;
  add_moves(d, slip_of(options, true), [&layout](std::size_t cell) {
    return Arrival{layout.state_of_cell[cell], layout.cells[cell] == 'G' ? 1.0 : 0.0};
  });
  return Mdp(std::move(d));
}

Mdp cliff_walking(const EnvironmentOptions& options) {
  refuse(options.map.has_value(), "cliff_walking", "map");
  refuse(options.success_rate.has_value(), "cliff_walking", "success_rate");
  MdpDescription d = grid_description("cliff_walking", kCliff, "", kGridCells, kUpRightDownLeft,
                                      {"up", "right", "down", "left"}, "G");
  const GridLayout layout = *d.layout;
  const std::size_t start = layout.state_of_cell[layout.cells.find('S')];
  add_moves(d, slip_of(options, false), [&layout, start](std::size_t cell) {
    return layout.cells[cell] == 'C' ? Arrival{start, -100.0}
                                     : Arrival{layout.state_of_cell[cell], -1.0};
  });
  return Mdp(std::move(d));
}

Mdp grid(const EnvironmentOptions& options) {
  const std::string map = options.map.value_or(std::string(kDefaultGrid));
  MdpDescription d = grid_description("grid", map, options.map_source, "SGH#.F ", kLeftDownRightUp,
                                      {"left", "down", "right", "up"}, "HG");
  const GridLayout layout = *d.layout;
  add_moves(d, slip_of(options, false), [&layout](std::size_t cell) {
    const char c = layout.cells[cell];
    return Arrival{layout.state_of_cell[cell], c == 'G' ? 0.0 : c == 'H' ? -100.0 : -1.0};
  });
  return Mdp(std::move(d));
}

Mdp random_mdp(const RandomMdpOptions& o) {
  constexpr double kMostOutcomes = 0x1p40;  // what a process can address
  const double outcomes = static_cast<double>(o.states) * static_cast<double>(o.actions) *
                          static_cast<double>(std::max<std::size_t>(1, o.successors));
  if (outcomes > kMostOutcomes || o.terminal_states > o.states) {
    throw OptionError(fmt::format(
        "random_mdp: {} states ({} terminal) x {} actions x {} successors, expected at most 2^40 "
        "outcomes and no more terminal states than states",
        o.states, o.terminal_states, o.actions, o.successors));
  }
  Random random(o.seed);
  MdpDescription d;
  d.name = fmt::format("random_{}", o.seed);
  d.states = o.states;
  d.actions = o.actions;
  d.discount = o.discount;
  double sum = 0.0;
  for (std::size_t s = 0; s < o.states; ++s)
    sum += d.initial.emplace_back(random.uniform(0.1, 1.1));
  for (double& p : d.initial) p /= sum;
  for (std::size_t s = o.states - o.terminal_states; s < o.states; ++s) d.terminal.push_back(s);
  for (std::size_t s = 0; s < o.states - o.terminal_states; ++s) {
    for (std::size_t a = 0; a < o.actions; ++a) {
      if (a != s % o.actions && random.uniform() < o.unavailable) continue;
      std::vector<double> weight(o.successors);
      double total = 0.0;
      for (double& w : weight) total += w = random.uniform(0.05, 1.05);
      double reward = random.uniform(-1.0, 0.0);
      for (const double w : weight) {
        if (o.reward_on_outcome) reward = random.uniform(-1.0, 0.0);
        d.transitions.push_back({s, a, random.below(o.states), w / total, reward});
      }
    }
  }
  return Mdp(std::move(d));
}

std::span<const Environment> environments() noexcept {
  static constexpr std::array<Environment, 4> kTable = {{
      {"cliff_walking", "walk along a cliff; options slippery", &cliff_walking},
      {"frozen_lake", "cross a frozen lake; options map (4x4, 8x8, text), slippery, success_rate",
       &frozen_lake},
      {"grid", "a text map; options map (text), slippery, success_rate", &grid},
      {"taxi", "fetch a passenger and deliver them", &taxi},
  }};
  return kTable;
}

double environment_bytes(const EnvironmentOptions& options) noexcept {
  const double outcomes = options.slippery.value_or(false) ? 3.0 : 1.0;
  const auto cells = static_cast<double>(options.map.value_or("").size());
  return cells * static_cast<double>(kLeftDownRightUp.size()) * outcomes *
         static_cast<double>(sizeof(Transition) + sizeof(Outcome));
}

const Environment& require_environment(std::string_view name) {
  std::vector<std::string> names;
  for (const Environment& e : environments()) {
    if (e.name == name) return e;
    names.emplace_back(e.name);
  }
  throw OptionError(fmt::format("unknown environment '{}'{}; there are {}", name,
                                did_you_mean(name, names), fmt::join(names, ", ")));
}

}  // namespace credo::control
