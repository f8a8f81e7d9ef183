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

bool is_utf8(std::string_view text) {
  std::size_t tail = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (tail > 0) {
      if ((byte & 0xc0) != 0x80) return false;
      --tail;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      tail = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    }
  }
  return tail == 0;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string_view part = text.substr(0, kMost);
  if (is_utf8(text)) {
    while (!is_utf8(part)) part.remove_suffix(1);  // not through the middle of a character
  }
  const bool bytes = !is_utf8(part);
  std::string out = "\"";
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (bytes && byte >= 0x80)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
  return out + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace credo
