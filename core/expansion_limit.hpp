#pragma once
// How large a table may become that is written down as a rule: a noisy-or of 40 parents is a page,
// its table has 2^41 entries. Everything that spells out a rule asks here first.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace credo {

/// Entries that a rule may be expanded into unless the caller allows more: 2^26, half a gibibyte of
/// doubles.
inline constexpr std::uint64_t kExpansionLimit = std::uint64_t{1} << 26;

/// The product of the extents; above 2^53 rounded, never wrapped.
[[nodiscard]] double entries_of(std::span<const std::size_t> extents) noexcept;

/// Throws ModelError, before anything is allocated, when entries exceed the limit: "<who>: expected
/// at most <limit> entries, got <entries>, which take <bytes>; <what_to_do>".
void require_expandable(std::string_view who, double entries, std::uint64_t limit,
                        std::string_view what_to_do, double bytes_per_entry = sizeof(double));

}  // namespace credo
