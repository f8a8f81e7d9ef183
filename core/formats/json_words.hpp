#pragma once
// Words that the reader and the writer of credo's own JSON share.

#include <cstdint>
#include <string_view>

namespace credo::json {

inline constexpr std::string_view kMark = "credo factor graph";
inline constexpr std::uint64_t kVersion = 1;
/// The logarithm of zero: JSON has no number for it.
inline constexpr std::string_view kMinusInfinity = "-inf";

}  // namespace credo::json
