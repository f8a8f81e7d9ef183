#pragma once
// What public functions say about a table that is too short.

#include <cstddef>
#include <string_view>

namespace credo {

/// Throws OptionError "<who>: <what> has <given> entries, expected <least>" unless given >= least.
void require_length(std::string_view who, std::string_view what, std::size_t given,
                    std::size_t least);

}  // namespace credo
