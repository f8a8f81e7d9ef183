#pragma once
// What public accessors say about an index that is out of range.

#include <cstddef>
#include <string_view>

namespace credo {

/// Throws OptionError "<who>: <what> <given> is out of range, expected 0 to <count - 1>".
[[noreturn]] void refuse_index(std::string_view who, std::string_view what, std::size_t given,
                               std::size_t count);

/// The same, unless given < count. Inline, because accessors stand in inner loops.
inline void require_index(std::string_view who, std::string_view what, std::size_t given,
                          std::size_t count) {
  if (given >= count) refuse_index(who, what, given, count);
}

}  // namespace credo
