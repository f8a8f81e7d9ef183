#include <credo/core/error.hpp>
#include <credo/core/numerics.hpp>
#include <credo/models/control/pomdp_json.hpp>
#include <credo/models/control/process_json.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <span>
#include <utility>

namespace credo::control {

namespace {

using namespace json_input;

constexpr std::array<std::string_view, 13> kKeys = {
    "states",      "actions",      "observations",      "initial",      "transitions",
    "sensor",      "first_sensor", "discount",          "final_reward", "name",
    "state_names", "action_names", "observation_names",
};
/// The first of them are required.
constexpr std::size_t kRequired = 6;
/// Arrays are dense: more entries than this are a mistake, or another tool's business.
constexpr std::uint64_t kMostEntries = 20'000'000;

/// Lines [indices..., numbers...] into dense arrays over `shape`, one per number; NaN where there
/// is no line.
std::vector<std::vector<double>> dense_arrays(const json& lines, const Place& place,
                                              std::span<const std::size_t> shape,
                                              std::size_t numbers, std::string_view form) {
  const std::uint64_t size = saturating_product(shape);
  if (size > kMostEntries) {
    place.fail(fmt::format("at most {} entries over {}", kMostEntries, fmt::join(shape, " x ")),
               size);
  }
  std::vector<std::vector<double>> arrays(numbers, std::vector<double>(size, kNaN));
  if (!lines.is_array()) place.fail("an array", lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const json& line = lines[i];
    const Place here = place.at(i);
    if (!line.is_array() || line.size() != shape.size() + numbers) here.fail(form, line);
    std::size_t index = 0;
    for (std::size_t k = 0; k < shape.size(); ++k) {
      const std::size_t state = count(line[k], here.at(k));
      if (state >= shape[k]) here.at(k).fail(fmt::format("0 to {}", shape[k] - 1), line[k]);
      index = index * shape[k] + state;
    }
    if (!std::isnan(arrays[0][index])) here.fail("each of its kind once", line);
    for (std::size_t k = 0; k < numbers; ++k) {
      arrays[k][index] = number(line[shape.size() + k], here.at(shape.size() + k));
    }
  }
  for (std::vector<double>& array : arrays) {
    for (double& x : array) x = std::isnan(x) ? 0.0 : x;
  }
  return arrays;
}

PomdpDescription describe(const json& object, const Source& source) {
  const Place file{source, ""};
  const auto optional = [&](const char* key, auto& target, const auto& read) {
    if (object.contains(key)) target = read(object[key], file.at(std::string_view(key)));
  };
  const auto at_least_one = [&](const char* key) {
    const Place place = file.at(std::string_view(key));
    const std::size_t n = count(object[key], place);
    if (n == 0 || n > kMostEntries) place.fail(fmt::format("1 to {}", kMostEntries), object[key]);
    return n;
  };
  const auto names = [](const json& v, const Place& p) { return list(v, p, text); };
  const auto numbers = [](const json& v, const Place& p) { return list(v, p, number); };
  PomdpDescription d;
  d.states = at_least_one("states");
  d.actions = at_least_one("actions");
  d.observations = at_least_one("observations");
  const std::array<std::size_t, 3> moves = {d.states, d.actions, d.states};
  const std::array<std::size_t, 3> seen = {d.actions, d.states, d.observations};
  const std::array<std::size_t, 2> first = {d.states, d.observations};
  auto transitions = dense_arrays(object["transitions"], {source, "transitions"}, moves, 2,
                                  "[state, action, next state, probability, reward]");
  d.transition = std::move(transitions[0]);
  d.reward = std::move(transitions[1]);
  d.observation = dense_arrays(object["sensor"], {source, "sensor"}, seen, 1,
                               "[action, next state, observation, probability]")[0];
  if (object.contains("first_sensor")) {
    d.first_observation = dense_arrays(object["first_sensor"], {source, "first_sensor"}, first, 1,
                                       "[state, observation, probability]")[0];
  }
  d.initial = distribution_or_state(object["initial"], {source, "initial"}, d.states);
  optional("discount", d.discount, number);
  optional("final_reward", d.final_reward, numbers);
  optional("name", d.name, text);
  optional("state_names", d.state_names, names);
  optional("action_names", d.action_names, names);
  optional("observation_names", d.observation_names, names);
  return d;
}

/// The path of the first line of a row, whose number is that of its first `indices` indices; of the
/// list when there is no such line.
std::string line_of_row(const json& object, const char* key, std::size_t row,
                        std::span<const std::size_t> indices) {
  const json& lines = object[key];
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::size_t number = 0;
    for (std::size_t k = 0; k < indices.size(); ++k) {
      number = number * indices[k] + lines[i][k].get<std::size_t>();
    }
    if (number == row) return fmt::format("{}[{}]", key, i);
  }
  return key;
}

std::string path_of(const DescriptionError& error, const json& object) {
  const auto size = [&object](const char* key) { return object[key].get<std::size_t>(); };
  const std::size_t row = error.element().value_or(0);
  const std::array<std::size_t, 2> pair = {size("states"), size("actions")};
  const std::array<std::size_t, 2> arrival = {size("actions"), size("states")};
  if (error.member() == "transition") return line_of_row(object, "transitions", row, pair);
  if (error.member() == "observation") return line_of_row(object, "sensor", row, arrival);
  if (error.member() == "first_observation") {
    return line_of_row(object, "first_sensor", row, std::span(pair).first(1));
  }
  return member_path(error);
}

}  // namespace

Pomdp parse_pomdp_json(std::string_view text_of_file, const std::string& source) {
  return parse_process<Pomdp>(text_of_file, source, kKeys, kRequired, describe, path_of);
}

Pomdp read_pomdp_json(const std::string& path) { return parse_pomdp_json(read_text(path), path); }

}  // namespace credo::control
