#pragma once
// Reading models from JSON, strictly: unknown keys, keys given twice and values of another type are
// errors that name source, line, column, key and index.

#include <nlohmann/json.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::json_input {

using nlohmann::json;

/// The text that messages point into; borrows both.
struct Source {
  const std::string& name;
  std::string_view text;
};

/// Where a message points: the path of a value, as in transitions[3][4]; "" is the whole file.
struct Place {
  const Source& source;
  std::string what;

  /// Throws ModelError: "source:line:column: what: expected ..., got ...".
  [[noreturn]] void fail(std::string_view expected, const json& got) const;
  /// Throws ModelError: "source:line:column: message".
  [[noreturn]] void refuse(std::string_view message) const;
  /// "source:line:column" of the value, or of what encloses it as far as the text has it. Cost: the
  /// text before it.
  [[nodiscard]] std::string position() const;
  [[nodiscard]] Place at(std::size_t i) const;
  /// The key of an object that is itself at this place.
  [[nodiscard]] Place at(std::string_view key) const;
};

/// \name Values
/// Each throws through Place::fail when the value is of another type.
///@{
[[nodiscard]] double number(const json& value, const Place& place);
/// A non-negative integer.
[[nodiscard]] std::size_t count(const json& value, const Place& place);
/// Between -1000 and 1000.
[[nodiscard]] int integer(const json& value, const Place& place);
[[nodiscard]] std::string text(const json& value, const Place& place);

template <typename Read>
auto list(const json& value, const Place& place, const Read& read) {
  if (!value.is_array()) place.fail("an array", value);
  std::vector<decltype(read(value, place))> result;
  result.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) result.push_back(read(value[i], place.at(i)));
  return result;
}
///@}

/// p(s): one number per state, or the one state that is certain.
[[nodiscard]] std::vector<double> distribution_or_state(const json& value, const Place& place,
                                                        std::size_t states);

/// An object with keys among the known ones, the first `required` of which are there.
void check_keys(const json& object, const Place& place, std::span<const std::string_view> known,
                std::size_t required);

/// Throws ParseError (source:line:column) on text that is not JSON, ModelError on keys given twice.
[[nodiscard]] json parse_strict(const Source& source);

/// The bytes of a file. Throws FileError when it cannot be read.
[[nodiscard]] std::string read_text(const std::string& path);

}  // namespace credo::json_input
