#pragma once
// Aligned columns for people.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace credo::cli {

/// Columns aligned left, two spaces between them.
class TextTable {
 public:
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Columns that UTF-8 text takes on a terminal, taking every code point for one.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// "1 state", "3 states".
[[nodiscard]] std::string counted(std::size_t count, std::string_view what);

/// Four digits after the point, more where that would show a zero: 0.2500, 3.1e-07, 0, 1.
[[nodiscard]] std::string describe_probability(double p);

}  // namespace credo::cli
