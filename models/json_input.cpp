#include <credo/core/error.hpp>
#include <credo/core/names.hpp>
#include <credo/models/json_input.hpp>
#include <credo/models/json_position.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace credo::json_input {

void Place::fail(std::string_view expected, const json& got) const {
  std::string given = got.dump(-1, ' ', true, json::error_handler_t::replace);
  if (given.size() > 60) given = given.substr(0, 57) + "...";
  refuse(fmt::format("{}: expected {}, got {}", what.empty() ? "the file" : what, expected, given));
}

void Place::refuse(std::string_view message) const {
  throw ModelError(fmt::format("{}: {}", position(), message));
}

std::string Place::position() const { return describe_position(source, find_value(source, what)); }

Place Place::at(std::size_t i) const { return {source, fmt::format("{}[{}]", what, i)}; }

Place Place::at(std::string_view key) const {
  return {source, what.empty() ? std::string(key) : fmt::format("{}.{}", what, key)};
}

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

std::vector<double> distribution_or_state(const json& value, const Place& place,
                                          std::size_t states) {
  if (value.is_array()) return list(value, place, number);
  const std::size_t s = count(value, place);
  if (s >= states) place.fail(fmt::format("a state, 0 to {}", states - 1), value);
  std::vector<double> result(states, 0.0);
  result[s] = 1.0;
  return result;
}

void check_keys(const json& object, const Place& place, std::span<const std::string_view> known,
                std::size_t required) {
  if (!object.is_object()) place.fail("an object", object);
  const std::string who = place.what.empty() ? "" : place.what + ": ";
  const std::vector<std::string> names(known.begin(), known.end());
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(names, key) != names.end()) continue;
    throw ModelError(
        fmt::format("{}: {}unknown key '{}'{}; the keys are {}",
                    describe_position(place.source, find_key(place.source, place.what, key)), who,
                    key, did_you_mean(key, names), fmt::join(names, ", ")));
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!object.contains(names[i])) {
      place.refuse(fmt::format("{}key '{}' is missing", who, names[i]));
    }
  }
}

namespace {

[[noreturn]] void fail_at(const Source& source, std::size_t byte, std::string expected,
                          std::string got) {
  const Position at = position_of(source.text, byte);
  throw ParseError(source.name, at.line, at.column, std::move(expected), std::move(got));
}

/// The byte before place `end` (1-based), as a message shows it.
std::string describe_byte(std::string_view input, std::size_t end) {
  if (end > input.size()) return "the end of the file";
  const auto byte = static_cast<unsigned char>(input[end == 0 ? 0 : end - 1]);
  const bool printable = byte > 0x20 && byte < 0x7f;
  return printable ? fmt::format("'{}'", static_cast<char>(byte))
                   : fmt::format("byte 0x{:02x}", byte);
}

}  // namespace

json parse_strict(const Source& source) {
  const std::string_view input = source.text;
  json object;
  try {
    object = json::parse(input.begin(), input.end());
  } catch (const json::parse_error& e) {
    fail_at(source, std::max<std::size_t>(e.byte, 1) - 1, "JSON", describe_byte(input, e.byte));
  } catch (const json::out_of_range& e) {
    // Only numbers beyond a double are out of range; the reader says which, between quotes.
    const std::string_view what = e.what();
    const std::size_t quote = what.find('\'');
    const std::string_view token =
        quote == std::string_view::npos ? what : what.substr(quote + 1, what.size() - quote - 2);
    const std::size_t at = input.find(token);
    fail_at(source, at == std::string_view::npos ? 0 : at, "a number in the range of a double",
            std::string(token.substr(0, 30)));
  }
  if (const auto repeated = find_repeated_key(input)) {
    throw ModelError(fmt::format("{}: key '{}' is given twice",
                                 describe_position(source, repeated->byte), repeated->key));
  }
  return object;
}

std::string read_text(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    throw FileError(fmt::format("{}: is a directory, expected a JSON file", path));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  if (!file || file.bad()) {
    throw FileError(fmt::format("{}: cannot be read, expected a JSON file", path));
  }
  return std::move(content).str();
}

}  // namespace credo::json_input
