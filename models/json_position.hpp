#pragma once
// Where in a JSON text a value stands: found again by walking the text when a message needs it, so
// that reading keeps nothing. Internal. All texts are well-formed JSON.

#include <credo/core/formats/characters.hpp>
#include <credo/models/json_input.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace credo::json_input {

/// The byte where the value at a path (as Place has it) begins; that of the innermost value that
/// encloses it when the text has none there.
[[nodiscard]] std::size_t find_value(const Source& source, std::string_view path);
/// The byte where a key of the object at a path begins.
[[nodiscard]] std::size_t find_key(const Source& source, std::string_view path,
                                   std::string_view key);

struct RepeatedKey {
  std::size_t byte = 0;
  std::string key;
};
/// The first key that an object has for the second time.
[[nodiscard]] std::optional<RepeatedKey> find_repeated_key(std::string_view text);

/// Line and column, from 1, of a byte.
[[nodiscard]] Position position_of(std::string_view text, std::size_t byte);
/// "source:line:column".
[[nodiscard]] std::string describe_position(const Source& source, std::size_t byte);

}  // namespace credo::json_input
