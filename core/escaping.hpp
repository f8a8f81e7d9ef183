#pragma once
// Names come from files, and terminals, spreadsheets, Graphviz and browsers obey some characters:
// one function for each language that a name is written in.

#include <string>
#include <string_view>

namespace credo {

/// With "\u001b" for characters that a reader does not see or that turn the text around him
/// (control characters of both blocks, directional marks, line separators) and "\xff" for bytes
/// that are no UTF-8.
[[nodiscard]] std::string visible(std::string_view text);

/// A field of comma-separated values: visible, in quotes where it holds a comma or a quote.
[[nodiscard]] std::string csv_field(std::string_view text);

/// A string of Graphviz's language, in quotes: visible, and shown by Graphviz as it stands.
[[nodiscard]] std::string dot_string(std::string_view text);

/// A string of JSON, in quotes, which reads back as the same text; bytes that are no UTF-8 become
/// the replacement character.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace credo
