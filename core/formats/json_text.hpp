#pragma once
// Appending credo's own JSON to a text.

#include <credo/core/error.hpp>
#include <credo/core/escaping.hpp>
#include <credo/core/formats/json_words.hpp>
#include <credo/core/formats/text.hpp>
#include <credo/core/numerics.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace credo::json {

/// A string in JSON's quotes. Throws ModelError when it is not UTF-8.
inline std::string in_quotes(std::string_view text) {
  if (!is_utf8(text)) {
    throw ModelError(
        fmt::format("json: cannot spell the name {}: it is not valid UTF-8", shown(text)));
  }
  return json_string(text);
}

/// A number, or the word for the logarithm of zero.
inline void append_value(std::string& text, double value) {
  if (value == -kInfinity) {
    text += fmt::format("\"{}\"", kMinusInfinity);
  } else {
    append_number(text, value);
  }
}

/// "[a, b, c]" with each element appended by `append`.
template <typename Range, typename Append>
void append_array(std::string& text, const Range& range, Append append) {
  text.push_back('[');
  bool first = true;
  for (const auto& element : range) {
    if (!first) text += ", ";
    first = false;
    append(element);
  }
  text.push_back(']');
}

/// One element per line, so that differences of files can be read.
template <typename Range, typename Append>
void append_lines(std::string& text, std::string_view key, const Range& range, Append append) {
  text += fmt::format(",\n  \"{}\": [", key);
  bool first = true;
  for (const auto& element : range) {
    text += first ? "\n    " : ",\n    ";
    first = false;
    append(element);
  }
  text += first ? "]" : "\n  ]";
}

/// The tables that several factors share, numbered in order of first use.
template <typename SomeTable>
struct SharedTables {
  template <typename Factors>
  explicit SharedTables(const Factors& factors) {
    std::unordered_map<const void*, std::size_t> uses;
    for (const auto& f : factors) ++uses[f.table.identity()];
    for (const auto& f : factors) {
      if (uses[f.table.identity()] < 2) continue;
      if (number_of.emplace(f.table.identity(), tables.size()).second) tables.push_back(&f.table);
    }
  }

  /// The table's number when it is shared, else the table itself.
  template <typename Append>
  void append(std::string& text, const SomeTable& table, Append append_own) const {
    const auto at = number_of.find(table.identity());
    if (at == number_of.end()) {
      append_own(text, table);
    } else {
      append_number(text, std::uint64_t{at->second});
    }
  }

  std::vector<const SomeTable*> tables;
  std::unordered_map<const void*, std::size_t> number_of;
};

}  // namespace credo::json
