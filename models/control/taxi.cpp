#include <credo/core/error.hpp>
#include <credo/models/control/environments.hpp>

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

// Dietterich 2000, "Hierarchical reinforcement learning with the MAXQ value
// function decomposition", the taxi domain, with Gymnasium's numbering.

namespace credo::control {
namespace {

constexpr std::size_t kSide = 5;
constexpr std::size_t kPlaces = 4;
constexpr std::size_t kInTaxi = kPlaces;
/// Landmarks R, G, Y, B as row x 5 + column.
constexpr std::array<std::size_t, kPlaces> kLandmark = {0, 4, 20, 23};
constexpr std::array<std::string_view, kPlaces> kPlaceName = {"R", "G", "Y", "B"};
/// Per row, what lies between columns c and c + 1.
constexpr std::array<std::string_view, kSide> kBetween = {":|::", ":|::", "::::", "|:|:", "|:|:"};

enum Action : std::size_t { kSouth, kNorth, kEast, kWest, kPickup, kDropoff, kActions };

struct TaxiState {
  std::size_t cell;
  std::size_t passenger;
  std::size_t destination;
};

std::size_t number(const TaxiState& s) {
  return (s.cell * (kPlaces + 1) + s.passenger) * kPlaces + s.destination;
}

std::size_t moved(std::size_t cell, std::size_t action) {
  const std::size_t row = cell / kSide;
  const std::size_t column = cell % kSide;
  switch (action) {
    case kSouth:
      return row + 1 < kSide ? cell + kSide : cell;
    case kNorth:
      return row > 0 ? cell - kSide : cell;
    case kEast:
      return column + 1 < kSide && kBetween[row][column] == ':' ? cell + 1 : cell;
    default:
      return column > 0 && kBetween[row][column - 1] == ':' ? cell - 1 : cell;
  }
}

std::pair<TaxiState, double> pick_up(TaxiState s) {
  if (s.passenger != kInTaxi && s.cell == kLandmark[s.passenger]) {
    s.passenger = kInTaxi;
    return {s, -1.0};
  }
  return {s, -10.0};
}

std::pair<TaxiState, double> drop_off(TaxiState s) {
  if (s.passenger != kInTaxi) return {s, -10.0};
  for (std::size_t place = 0; place < kPlaces; ++place) {
    if (s.cell != kLandmark[place]) continue;
    s.passenger = place;
    return {s, place == s.destination ? 20.0 : -1.0};
  }
  return {s, -10.0};
}

std::pair<TaxiState, double> act(TaxiState s, std::size_t action) {
  if (action == kPickup) return pick_up(s);
  if (action == kDropoff) return drop_off(s);
  s.cell = moved(s.cell, action);
  return {s, -1.0};
}

bool delivered(const TaxiState& s) {
  return s.passenger == s.destination && s.cell == kLandmark[s.destination];
}

std::string state_name(const TaxiState& s) {
  const std::string_view passenger = s.passenger == kInTaxi ? "taxi" : kPlaceName[s.passenger];
  return fmt::format("({},{}) {}>{}", s.cell / kSide, s.cell % kSide, passenger,
                     kPlaceName[s.destination]);
}

}  // namespace

Mdp taxi(const EnvironmentOptions& options) {
  if (options.map || options.slippery || options.success_rate) {
    throw OptionError("taxi takes no options map, slippery or success_rate: leave them out");
  }
  MdpDescription d;
  d.name = "taxi";
  d.states = kSide * kSide * (kPlaces + 1) * kPlaces;
  d.actions = kActions;
  d.action_names = {"south", "north", "east", "west", "pickup", "dropoff"};
  for (std::size_t i = 0; i < d.states; ++i) {
    const TaxiState s{i / ((kPlaces + 1) * kPlaces), i / kPlaces % (kPlaces + 1), i % kPlaces};
    const bool starts_here = s.passenger != kInTaxi && s.passenger != s.destination;
    d.initial.push_back(starts_here ? 1.0 / 300.0 : 0.0);
    d.state_names.push_back(state_name(s));
    if (delivered(s)) {
      d.terminal.push_back(i);
      continue;
    }
    for (std::size_t action = 0; action < kActions; ++action) {
      const auto [next, reward] = act(s, action);
      d.transitions.push_back({i, action, number(next), 1.0, reward});
    }
  }
  return Mdp(std::move(d));
}

}  // namespace credo::control
