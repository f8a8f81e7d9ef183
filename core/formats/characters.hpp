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

/// Whether the bytes are UTF-8 (lead and continuation bytes match).
[[nodiscard]] bool is_utf8(std::string_view text);

/// The start of a text as messages show it: quoted, cut, unprintable bytes escaped.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace credo
