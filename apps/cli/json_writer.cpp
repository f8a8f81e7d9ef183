#include "json_writer.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <utility>

namespace credo::cli {
namespace {

/// Length of the well-formed UTF-8 sequence that starts at text[i], or 0.
std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(i);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || i + length > text.size()) {
    return 0;
  }
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const bool overlong =
      (lead == 0xE0 && byte(i + 1) < 0xA0) || (lead == 0xF0 && byte(i + 1) < 0x90);
  const bool beyond =
      (lead == 0xED && byte(i + 1) >= 0xA0) || (lead == 0xF4 && byte(i + 1) >= 0x90);
  return overlong || beyond ? 0 : length;
}

}  // namespace

JsonWriter& JsonWriter::begin_object(bool compact) { return open('{', '}', compact); }
JsonWriter& JsonWriter::end_object() { return close_level(); }
JsonWriter& JsonWriter::begin_array(bool compact) { return open('[', ']', compact); }
JsonWriter& JsonWriter::end_array() { return close_level(); }

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  out_ += ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  return raw(std::isfinite(number) ? fmt::format("{}", number) : "null");
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) { return raw(flag ? "true" : "false"); }
JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::value(std::span<const double> numbers) {
  begin_array(true);
  for (const double number : numbers) {
    value(number);
  }
  return end_array();
}

std::string JsonWriter::take() {
  assert(levels_.empty());
  out_ += '\n';
  return std::exchange(out_, {});
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  out_ += text;
  return *this;
}

JsonWriter& JsonWriter::open(char bracket, char close, bool compact) {
  separate();
  out_ += bracket;
  levels_.push_back({close, compact || (!levels_.empty() && levels_.back().compact)});
  return *this;
}

JsonWriter& JsonWriter::close_level() {
  assert(!levels_.empty());
  const Level level = levels_.back();
  levels_.pop_back();
  if (!level.compact && !level.empty) {
    new_line();
  }
  out_ += level.close;
  return *this;
}

void JsonWriter::separate() {
  if (std::exchange(after_key_, false) || levels_.empty()) {
    return;
  }
  Level& level = levels_.back();
  if (!level.empty) {
    out_ += level.compact ? ", " : ",";
  }
  level.empty = false;
  if (!level.compact) {
    new_line();
  }
}

void JsonWriter::new_line() {
  out_ += '\n';
  out_.append(2 * levels_.size(), ' ');
}

void JsonWriter::quote(std::string_view text) {
  out_ += '"';
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const char c = text[i];
    if (length == 0) {
      out_ +=
          "\\ufffd";  // JSON text is UTF-8; a byte that is not becomes the replacement character
    } else if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out_ += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  out_ += '"';
}

}  // namespace credo::cli
