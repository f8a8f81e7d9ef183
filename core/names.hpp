#pragma once
// Suggestions for mistyped names, and names as a terminal may show them.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// Up to `most` candidates nearest to `name` by edit distance (case ignored), nearest first; only
/// those within half of the name's length. Cost: candidates x length^2.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view name,
                                                     std::span<const std::string> candidates,
                                                     std::size_t most = 3);

/// "; did you mean a, b or c?" or "" when nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       std::span<const std::string> candidates);

/// With question marks for what visible() (escaping.hpp) escapes: a terminal obeys some of it.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace credo
