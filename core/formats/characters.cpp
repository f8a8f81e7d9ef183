#include <credo/core/error.hpp>
#include <credo/core/formats/characters.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace credo {

Position position_after(Position from, std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines == 0) return {from.line, from.column + text.size()};
  return {from.line + lines, text.size() - text.rfind('\n')};
}

namespace {

template <typename Number>
void append_chars(std::string& text, Number value) {
  std::array<char, 32> digits;
  const auto [stop, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  static_cast<void>(error);
  text.append(digits.data(), stop);
}

}  // namespace

void append_number(std::string& text, double value) { append_chars(text, value); }
void append_number(std::string& text, std::uint64_t value) { append_chars(text, value); }

std::string utf8(std::uint32_t code) {
  const auto byte = [](std::uint32_t b) {
    return static_cast<char>(static_cast<unsigned char>(b));
  };
  const auto tail = [&](int shift) { return byte(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | (code >> 6)), tail(0)};
  if (code < 0x10000) return {byte(0xe0 | (code >> 12)), tail(6), tail(0)};
  return {byte(0xf0 | (code >> 18)), tail(12), tail(6), tail(0)};
}

Character first_character(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  std::uint32_t code = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (too_long || surrogate || code > 0x10ffff) return {};
  return {code, size};
}

bool is_shown(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  if (code == 0x61c || (code >= 0x200e && code <= 0x200f)) return false;
  if (code >= 0x2028 && code <= 0x202e) return false;
  if (code >= 0x2066 && code <= 0x206f) return false;
  if (code >= 0xfff9 && code <= 0xfffb) return false;
  if (code >= 0xe0000 && code <= 0xe007f) return false;
  const bool none = (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
  return !none && code != 0xfeff;
}

std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes =
        static_cast<unsigned char>(text[at]) < 0x80 ? 1 : first_character(text.substr(at)).bytes;
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

void require_plain_name(std::string_view format, std::string_view name) {
  const bool controls = std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
  if (is_utf8(name) && !controls) return;
  throw ModelError(fmt::format(
      "{}: cannot spell the name {}: it {}", format, shown(name),
      controls ? "holds control characters; write it as json" : "is not valid UTF-8; rename it"));
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string_view part = text.substr(0, kMost);
  if (is_utf8(text)) {
    while (!is_utf8(part)) part.remove_suffix(1);  // not through the middle of a character
  }
  std::string out = "\"";
  while (!part.empty()) {
    const Character first = first_character(part);
    const auto byte = static_cast<unsigned char>(part.front());
    if (first.bytes == 0 || byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (is_shown(first.code)) {
      out += part.substr(0, first.bytes);
    } else {
      out += fmt::format("\\u{:04x}", first.code);
    }
    part.remove_prefix(std::max<std::size_t>(first.bytes, 1));
  }
  return out + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace credo
