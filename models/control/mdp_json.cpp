#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/control/grid_map.hpp>
#include <credo/models/control/mdp_json.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <fstream>
#include <set>
#include <sstream>

// Strict: unknown keys, keys given twice and values of another type are errors.

namespace credo::control {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 10> kKeys = {
    "states",   "actions",      "initial", "transitions", "terminal",
    "discount", "final_reward", "name",    "state_names", "action_names",
};
constexpr std::string_view kGridKey = "grid";

/// Where a message points: source and key.
struct Place {
  const std::string& source;
  std::string what;

  [[noreturn]] void fail(std::string_view expected, const json& got) const {
    std::string text = got.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    throw ModelError(fmt::format("{}: {}: expected {}, got {}", source, what, expected, text));
  }
  [[nodiscard]] Place at(std::size_t i) const { return {source, fmt::format("{}[{}]", what, i)}; }
};

double number(const json& value, const Place& place) {
  if (!value.is_number()) place.fail("a number", value);
  return value.get<double>();
}

std::size_t count(const json& value, const Place& place) {
  if (!value.is_number_unsigned()) place.fail("a non-negative integer", value);
  return value.get<std::size_t>();
}

int integer(const json& value, const Place& place) {
  if (!value.is_number_integer() || value < -1000 || value > 1000) {
    place.fail("an integer between -1000 and 1000", value);
  }
  return value.get<int>();
}

std::string text(const json& value, const Place& place) {
  if (!value.is_string()) place.fail("a string", value);
  return value.get<std::string>();
}

template <typename Read>
auto list(const json& value, const Place& place, const Read& read) {
  if (!value.is_array()) place.fail("an array", value);
  std::vector<decltype(read(value, place))> result;
  result.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) result.push_back(read(value[i], place.at(i)));
  return result;
}

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

std::vector<double> initial(const json& value, const Place& place, std::size_t states) {
  if (value.is_array()) return list(value, place, number);
  const std::size_t s = count(value, place);
  if (s >= states) place.fail(fmt::format("a state, 0 to {}", states - 1), value);
  std::vector<double> result(states, 0.0);
  result[s] = 1.0;
  return result;
}

void check_keys(const json& object, const std::string& source) {
  if (!object.is_object()) Place{source, "the file"}.fail("an object", object);
  std::vector<std::string> known(kKeys.begin(), kKeys.end());
  known.emplace_back(kGridKey);
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw ModelError(fmt::format("{}: unknown key '{}'{}; the keys are {}", source, key,
                                   did_you_mean(key, known), fmt::join(known, ", ")));
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (!object.contains(kKeys[i])) {
      throw ModelError(fmt::format("{}: key '{}' is missing", source, kKeys[i]));
    }
  }
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
    place("states").fail("at least 1, and no more than transitions and terminal states together",
                         object["states"]);
  }
  d.initial = initial(object["initial"], place("initial"), d.states);
  optional("discount", [&](const json& v, const Place& p) { d.discount = number(v, p); });
  optional("final_reward",
           [&](const json& v, const Place& p) { d.final_reward = list(v, p, number); });
  optional("name", [&](const json& v, const Place& p) { d.name = text(v, p); });
  optional("state_names", [&](const json& v, const Place& p) { d.state_names = list(v, p, text); });
  optional("action_names",
           [&](const json& v, const Place& p) { d.action_names = list(v, p, text); });
  optional(kGridKey, [&](const json& v, const Place&) { d.layout = grid_layout(v, source); });
  return d;
}

[[noreturn]] void fail_at(std::string_view input, std::size_t byte, const std::string& source,
                          std::string expected, std::string got) {
  const std::string_view before = input.substr(0, std::min(byte, input.size()));
  const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t line_start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  throw ParseError(source, lines + 1, std::max<std::size_t>(1, before.size() - line_start),
                   std::move(expected), std::move(got));
}

/// The byte before place `end` (1-based), as a message shows it.
std::string describe_byte(std::string_view input, std::size_t end) {
  if (end > input.size()) return "the end of the file";
  const auto byte = static_cast<unsigned char>(input[end == 0 ? 0 : end - 1]);
  const bool printable = byte > 0x20 && byte < 0x7f;
  return printable ? fmt::format("'{}'", static_cast<char>(byte))
                   : fmt::format("byte 0x{:02x}", byte);
}

json parse_strict(std::string_view input, const std::string& source) {
  std::vector<std::set<std::string>> seen;
  std::string repeated;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) seen.emplace_back();
    if (event == json::parse_event_t::object_end) seen.pop_back();
    if (event == json::parse_event_t::key && repeated.empty()) {
      const std::string key = value.get<std::string>();
      if (!seen.back().insert(key).second) repeated = key;
    }
    return true;
  };
  json object;
  try {
    object = json::parse(input.begin(), input.end(), watch);
  } catch (const json::parse_error& e) {
    fail_at(input, e.byte, source, "JSON", describe_byte(input, e.byte));
  } catch (const json::out_of_range& e) {
    // Only numbers beyond a double are out of range; the reader says which, between quotes.
    const std::string_view what = e.what();
    const std::size_t quote = what.find('\'');
    const std::string_view token =
        quote == std::string_view::npos ? what : what.substr(quote + 1, what.size() - quote - 2);
    const std::size_t at = input.find(token);
    fail_at(input, at == std::string_view::npos ? 0 : at + 1, source,
            "a number in the range of a double", std::string(token.substr(0, 30)));
  }
  if (!repeated.empty()) {
    throw ModelError(fmt::format("{}: key '{}' is given twice", source, repeated));
  }
  return object;
}

}  // namespace

Mdp parse_mdp_json(std::string_view text_of_file, const std::string& source) {
  const json object = parse_strict(text_of_file, source);
  check_keys(object, source);
  MdpDescription description = describe(object, source);
  try {
    return Mdp(std::move(description));
  } catch (const ModelError& e) {
    throw ModelError(source + ": " + e.what());
  }
}

Mdp read_mdp_json(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  if (!file || file.bad()) {
    throw FileError(fmt::format("{}: cannot be read, expected a JSON file", path));
  }
  return parse_mdp_json(content.view(), path);
}

}  // namespace credo::control
