#include <credo/core/error.hpp>
#include <credo/models/control/grid_map.hpp>
#include <credo/models/control/mdp_json.hpp>
#include <credo/models/json_input.hpp>

#include <fmt/format.h>

#include <array>
#include <set>

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

GridLayout grid_layout(const json& value, const std::string& source) {
  if (!value.is_object() || value.size() != 2 || !value.contains("map") ||
      !value.contains("moves")) {
    Place{source, "grid"}.fail("an object with the keys map and moves", value);
  }
  std::string map;
  for (const std::string& row : list(value["map"], Place{source, "grid.map"}, text)) {
    map += row + "\n";
  }
  GridLayout layout = parse_grid_map(map, source + ": grid.map");
  layout.moves = list(value["moves"], Place{source, "grid.moves"}, grid_move);
  return layout;
}

/// The smallest state that no transition leaves and that is not terminal.
std::size_t first_missing_state(const MdpDescription& d) {
  std::set<std::size_t> known(d.terminal.begin(), d.terminal.end());
  for (const Transition& line : d.transitions) known.insert(line.state);
  std::size_t missing = 0;
  while (known.contains(missing)) ++missing;
  return missing;
}

MdpDescription describe(const json& object, const std::string& source) {
  const auto place = [&source](std::string_view key) { return Place{source, std::string(key)}; };
  const auto optional = [&](std::string_view key, const auto& read) {
    if (object.contains(key)) read(object[std::string(key)], place(key));
  };
  MdpDescription d;
  d.states = count(object["states"], place("states"));
  d.actions = count(object["actions"], place("actions"));
  d.transitions = list(object["transitions"], place("transitions"), transition);
  optional("terminal", [&](const json& v, const Place& p) { d.terminal = list(v, p, count); });
  // Before the initial distribution is made as long as the file says.
  if (d.states == 0 || d.states > d.transitions.size() + d.terminal.size()) {
    place("states").fail(
        d.states == 0 ? "at least 1"
                      : fmt::format("a transition from every state or its mention in terminal; "
                                    "state {} has neither",
                                    first_missing_state(d)),
        object["states"]);
  }
  d.initial = distribution_or_state(object["initial"], place("initial"), d.states);
  optional("discount", [&](const json& v, const Place& p) { d.discount = number(v, p); });
  optional("final_reward",
           [&](const json& v, const Place& p) { d.final_reward = list(v, p, number); });
  optional("name", [&](const json& v, const Place& p) { d.name = text(v, p); });
  optional("state_names", [&](const json& v, const Place& p) { d.state_names = list(v, p, text); });
  optional("action_names",
           [&](const json& v, const Place& p) { d.action_names = list(v, p, text); });
  optional("grid", [&](const json& v, const Place&) { d.layout = grid_layout(v, source); });
  return d;
}

}  // namespace

Mdp parse_mdp_json(std::string_view text_of_file, const std::string& source) {
  const json object = parse_strict(text_of_file, source);
  check_keys(object, {source, ""}, kKeys, kRequired);
  MdpDescription description = describe(object, source);
  try {
    return Mdp(std::move(description));
  } catch (const ModelError& e) {
    throw ModelError(source + ": " + e.what());
  }
}

Mdp read_mdp_json(const std::string& path) { return parse_mdp_json(read_text(path), path); }

}  // namespace credo::control
