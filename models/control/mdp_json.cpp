#include <credo/core/error.hpp>
#include <credo/models/control/grid_map.hpp>
#include <credo/models/control/mdp_json.hpp>
#include <credo/models/control/process_json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace credo::control {
namespace {

using namespace json_input;

constexpr std::array<std::string_view, 11> kKeys = {
    "states",       "actions", "initial",     "transitions",  "terminal", "discount",
    "final_reward", "name",    "state_names", "action_names", "grid",
};
/// The first of them are required.
constexpr std::size_t kRequired = 4;

Transition transition(const json& value, const Place& place) {
  if (!value.is_array() || value.size() != 5) {
    place.fail("[state, action, next state, probability, reward]", value);
  }
  return {count(value[0], place.at(0)), count(value[1], place.at(1)), count(value[2], place.at(2)),
          number(value[3], place.at(3)), number(value[4], place.at(4))};
}

GridMove grid_move(const json& value, const Place& place) {
  if (!value.is_array() || value.size() != 2) place.fail("[rows, columns]", value);
  return {integer(value[0], place.at(0)), integer(value[1], place.at(1))};
}

GridLayout grid_layout(const json& value, const Place& place) {
  if (!value.is_object() || value.size() != 2 || !value.contains("map") ||
      !value.contains("moves")) {
    place.fail("an object with the keys map and moves", value);
  }
  const Place at_map = place.at("map");
  std::string map;
  for (const std::string& row : list(value["map"], at_map, text)) map += row + "\n";
  try {
    GridLayout layout = parse_grid_map(map, "");
    layout.moves = list(value["moves"], place.at("moves"), grid_move);
    return layout;
  } catch (const ParseError& e) {
    at_map.at(e.line() - 1)
        .refuse(fmt::format("column {}: expected {}, got {}", e.column(), e.expected(), e.got()));
  }
}

MdpDescription describe(const json& object, const Source& source) {
  const auto place = [&source](std::string_view key) { return Place{source, std::string(key)}; };
  const auto optional = [&](std::string_view key, const auto& read) {
    if (object.contains(key)) read(object[std::string(key)], place(key));
  };
  MdpDescription d;
  d.states = count(object["states"], place("states"));
  d.actions = count(object["actions"], place("actions"));
  d.transitions = list(object["transitions"], place("transitions"), transition);
  optional("terminal", [&](const json& v, const Place& p) { d.terminal = list(v, p, count); });
  // A single state is made into a distribution as long as the file says, once that is known to be
  // justified.
  if (d.states == 0 || d.states > d.transitions.size() + d.terminal.size()) return d;
  d.initial = distribution_or_state(object["initial"], place("initial"), d.states);
  optional("discount", [&](const json& v, const Place& p) { d.discount = number(v, p); });
  optional("final_reward",
           [&](const json& v, const Place& p) { d.final_reward = list(v, p, number); });
  optional("name", [&](const json& v, const Place& p) { d.name = text(v, p); });
  optional("state_names", [&](const json& v, const Place& p) { d.state_names = list(v, p, text); });
  optional("action_names",
           [&](const json& v, const Place& p) { d.action_names = list(v, p, text); });
  optional("grid", [&](const json& v, const Place& p) { d.layout = grid_layout(v, p); });
  return d;
}

}  // namespace

Mdp parse_mdp_json(std::string_view text_of_file, const std::string& source) {
  return parse_process<Mdp>(text_of_file, source, kKeys, kRequired, describe,
                            [](const DescriptionError& e, const json&) { return member_path(e); });
}

double mdp_json_bytes(std::string_view text_of_file) {
  constexpr double kPerList = 64.0;
  const auto count = [&](char c) {
    return static_cast<double>(std::count(text_of_file.begin(), text_of_file.end(), c));
  };
  // Every value of the tree, and every number of a transition once more.
  return count(',') * static_cast<double>(sizeof(json) + sizeof(double)) + count('[') * kPerList;
}

Mdp read_mdp_json(const std::string& path) { return parse_mdp_json(read_text(path), path); }

}  // namespace credo::control
