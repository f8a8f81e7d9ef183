#pragma once
// Compression of a whole text; for reading see byte_source.hpp.

#include <string>
#include <string_view>

namespace credo {

/// One gzip member. Throws std::bad_alloc when there is no memory for it.
[[nodiscard]] std::string gzip(std::string_view text);

}  // namespace credo
