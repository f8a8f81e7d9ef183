#include "json_writer.hpp"

#include <credo/core/escaping.hpp>

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <utility>

namespace credo::cli {
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

void JsonWriter::quote(std::string_view text) { out_ += json_string(text); }

}  // namespace credo::cli
