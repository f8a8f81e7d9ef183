#include <credo/core/escaping.hpp>
#include <credo/core/formats/characters.hpp>

#include <fmt/format.h>

#include <cstdint>

namespace credo {

namespace {

/// Calls `plain` with the bytes of every character that any text may show, `hidden` with the code
/// of every other one, `damaged` with every byte that is no UTF-8.
template <typename Plain, typename Hidden, typename Damaged>
void for_each_character(std::string_view text, Plain plain, Hidden hidden, Damaged damaged) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.bytes == 0) {
      damaged(static_cast<unsigned>(static_cast<unsigned char>(text.front())));
      text.remove_prefix(1);
      continue;
    }
    if (is_shown(character.code)) {
      plain(text.substr(0, character.bytes));
    } else {
      hidden(character.code);
    }
    text.remove_prefix(character.bytes);
  }
}

}  // namespace

std::string visible(std::string_view text) {
  std::string out;
  for_each_character(
      text, [&](std::string_view bytes) { out += bytes; },
      [&](std::uint32_t code) { out += fmt::format("\\u{:04x}", code); },
      [&](unsigned byte) { out += fmt::format("\\x{:02x}", byte); });
  return out;
}

std::string csv_field(std::string_view text) {
  const std::string plain = visible(text);
  if (plain.find_first_of(",\"") == std::string::npos) return plain;
  std::string quoted = "\"";
  for (const char c : plain) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string dot_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : visible(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
    // Graphviz decodes entities.
    if (c == '&') out += "amp;";
  }
  return out + '"';
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for_each_character(
      text,
      [&](std::string_view bytes) {
        if (bytes == "\"" || bytes == "\\") out += '\\';
        out += bytes;
      },
      [&](std::uint32_t code) {
        if (code < 0x10000) {
          out += fmt::format("\\u{:04x}", code);
        } else {
          const std::uint32_t rest = code - 0x10000;
          out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
        }
      },
      [&](unsigned) { out += "\\ufffd"; });
  return out + '"';
}

}  // namespace credo
