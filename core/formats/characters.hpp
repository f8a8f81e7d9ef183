#pragma once
// Characters of texts: places in them, spelling numbers and code points, showing
// them in messages.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace credo {

/// A place in a text, both 1-based; columns count bytes.
struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};

/// The place just after `text` when it begins at `from`.
[[nodiscard]] Position position_after(Position from, std::string_view text);

/// The shortest decimal that reads back as the same double; "-inf" for -infinity.
void append_number(std::string& text, double value);
void append_number(std::string& text, std::uint64_t value);

/// The UTF-8 bytes of a code point below 0x110000.
[[nodiscard]] std::string utf8(std::uint32_t code);

struct Character {
  std::uint32_t code = 0;
  /// 0 where the bytes are no UTF-8.
  std::size_t bytes = 0;
};

/// What a text that is not empty begins with. Surrogates and longer spellings than needed are no
/// UTF-8.
[[nodiscard]] Character first_character(std::string_view text);

/// False for characters that a terminal obeys or a reader does not see: control characters of both
/// blocks, marks of direction, line and paragraph separators, tags, and codes that are none.
[[nodiscard]] bool is_shown(std::uint32_t code);

/// The number of bytes before the first one that is no UTF-8.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text);

/// Whether the bytes are UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Throws ModelError when no other program would read the name in a file of that format: bytes that
/// are no UTF-8, control characters other than tabs and ends of lines.
void require_plain_name(std::string_view format, std::string_view name);

/// The start of a text as messages show it: quoted, cut, unprintable bytes escaped.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace credo
