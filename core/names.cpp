#include <credo/core/formats/characters.hpp>
#include <credo/core/names.hpp>

#include <algorithm>
#include <cctype>
#include <compare>
#include <numeric>

namespace credo {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Levenshtein distance, case ignored.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view name,
                                       std::span<const std::string> candidates, std::size_t most) {
  struct Near {
    std::size_t distance;
    std::size_t index;
    auto operator<=>(const Near&) const = default;
  };
  std::vector<Near> near;
  const std::size_t limit = std::max<std::size_t>(1, name.size() / 2);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t longer = std::max(candidates[i].size(), name.size());
    const std::size_t shorter = std::min(candidates[i].size(), name.size());
    if (longer - shorter > limit) continue;
    const std::size_t distance = edit_distance(name, candidates[i]);
    if (distance <= limit) near.push_back({distance, i});
  }
  std::ranges::sort(near);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(most, near.size()); ++i) {
    names.push_back(candidates[near[i].index]);
  }
  return names;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  const std::vector<std::string> near = nearest_names(name, candidates);
  if (near.empty()) return "";
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i > 0) text += i + 1 == near.size() ? " or " : ", ";
    text += near[i];
  }
  return text + "?";
}

std::string printable(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const Character first = first_character(text);
    if (first.bytes > 0 && is_shown(first.code)) {
      safe += text.substr(0, first.bytes);
    } else {
      safe += '?';
    }
    text.remove_prefix(std::max<std::size_t>(first.bytes, 1));
  }
  return safe;
}

}  // namespace credo
